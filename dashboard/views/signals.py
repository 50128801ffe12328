"""Signals: the page of each signal, to be read before it is used. Not for its numbers: Timelines has them."""

from __future__ import annotations

import polars as pl
import streamlit as st

from dashboard import controls, data, shell


def body(publication: data.Publication) -> None:
    """One signal's page, and how often its numbers were revised."""
    pages = publication.tables["signal_pages"]
    if pages.is_empty():
        shell.empty(publication, table="signal_pages", what="No signal has a page yet.")
        return
    labels = publication.tables["signal_catalogue"].select("signal", "label_en")
    named = pages.join(labels, on="signal", how="left").sort("label_en", "signal")
    shown = named.select("signal", "label_en").iter_rows()
    options = {name: label or name for name, label in shown}
    signal = controls.choice("Signal", name="signal", options=options)
    page = named.filter(pl.col("signal") == signal)["page"][0]
    st.markdown(page)
    st.download_button("This page as a file", page, file_name=f"{signal}.md", mime="text/markdown")


if __name__ == "__main__":
    shell.page("Signals", body=body)
