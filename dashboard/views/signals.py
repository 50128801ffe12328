"""Signals: the page of each signal, to be read before it is used. Not for its numbers: Timelines has them."""

from __future__ import annotations

import polars as pl
import streamlit as st

from dashboard import controls, data, shell
from warehouse import translation
from warehouse.translation import t


def body(publication: data.Publication) -> None:
    """One signal's page, and how often its numbers were revised."""
    pages = publication.tables["signal_pages"].filter(language=translation.current())
    if pages.is_empty():
        shell.empty(publication, table="signal_pages", what=t("No signal has a page yet."))
        return
    named = {name: publication.label(name) for name in pages.get_column("signal")}
    options = dict(sorted(named.items(), key=lambda item: (item[1], item[0])))
    signal = controls.choice(t("Signal"), name="signal", options=options)
    page = pages.filter(pl.col("signal") == signal)["page"][0]
    st.markdown(page)
    st.download_button(t("This page as a file"), page, file_name=f"{signal}.md", mime="text/markdown")


if __name__ == "__main__":
    shell.page("Signals", body=body)
