"""Export: what policy teams receive of this issue, to look at and to take away.

Not for making it: the night puts it beside the publication, and this page reads it there.
"""

from __future__ import annotations

from functools import partial
from urllib.parse import unquote

import polars as pl
import streamlit as st

from dashboard import access, controls, data, exported, shell, words
from warehouse.errors import InputError
from warehouse.translation import mark, t, tn

SHOWN_ROWS = 100
ANY = "any"
HEIGHT = 420


def body(publication: data.Publication) -> None:
    """The whole export first, then one table, then the brief of one place."""
    pointer = publication.pointer
    try:
        export = exported.open_export(pointer.folder, version=pointer.version)
        if export is None:
            st.info(
                t(
                    "This issue has no export beside it: the night is still writing it, or an earlier version of "
                    "Affectcast published it. `affectcast publish` makes it; `affectcast export` writes a folder."
                ),
                icon=":material/inbox:",
            )
            return
        _whole(publication, export=export)
        _table(publication, export=export)
        _brief(publication, export=export)
    except InputError as error:
        st.error(
            t("The export of this issue cannot be read, so no more of it is shown."), icon=":material/error:"
        )
        st.caption(words.plain(error.message))


def _whole(publication: data.Publication, *, export: exported.Export) -> None:
    st.markdown(
        t(
            "This is what policy teams receive with this issue: forecasts, published values, alerts and a page per "
            "place, with a dictionary of every column. It was checked before it was put here."
        )
    )
    # The name under which each series has the model that was chosen for it.
    chosen = (
        t("of each series by the model chosen for it")
        if export.model == "main"
        else words.model(export.model)
    )
    facts = t(
        "Version {version}. Forecasts: {model}. Pages per place in: {language}.",
        version=export.version,
        model=chosen,
        language=words.language(export.language),
    )
    st.caption(words.plain(facts))
    for note in export.notes:
        st.info(words.plain(note), icon=":material/info:")
    size = export.path.stat().st_size
    st.download_button(
        t("Download everything (zip, {size})", size=_size(size)),
        access.guarded(partial(exported.whole, export), config=shell.settings().config),
        file_name=f"affectcast-export-{publication.issue}.zip",
        mime="application/zip",
        icon=":material/download:",
        type="primary",
        on_click="ignore",
        key="whole",
    )
    shell.rows(_contents(export), alt=t("Files of the export"))


def _contents(export: exported.Export) -> list[dict[str, str]]:
    rows = [
        _content_row(export, name=name, n_rows=export.rows.get(name), size=export.sizes[name])
        for name in export.files
    ]
    if export.briefs:
        size = sum(export.sizes[name] for name in export.briefs)
        pages = tn("{n} page", "{n} pages", n=len(export.briefs))
        rows.append(_content_row(export, name=exported.BRIEFS, n_rows=None, size=size) | {t("Rows"): pages})
    return rows


def _content_row(export: exported.Export, *, name: str, n_rows: int | None, size: int) -> dict[str, str]:
    purpose = t(export.purpose(name))
    return {
        t("File"): _short(name),
        t("What it is for"): purpose[:1].upper() + purpose[1:],
        t("Rows"): words.count(n_rows),
        t("Size"): _size(size),
    }


def _short(name: str) -> str:
    """The name without its folder: that of a forecast file says again which model it is of."""
    return name.rpartition("/")[2]


def _size(size: int) -> str:
    if size < 1_000_000:
        return t("{n} kB", n=max(round(size / 1000), 1))
    return t("{n} MB", n=round(size / 1_000_000))


# ------------------------------------------------------------------------------------------- one table


def _table(publication: data.Publication, *, export: exported.Export) -> None:
    st.header(t("Look at a table"))
    first = "policy_summary.csv"
    name = controls.choice(
        t("File"), name="file", options={file: _short(file) for file in export.files}, default=first
    )
    purpose = t(export.purpose(name))
    st.markdown(words.plain(purpose[:1].upper() + purpose[1:]))
    if name.endswith(".csv"):
        _preview(publication, export=export, name=name)
    elif name.endswith(".parquet"):
        st.caption(t("The CSV file of the same name says the same and can be looked at here."))
    else:
        st.caption(t("What it says stands at the top of this page."))
    _download(export, name=name, key="file")
    _dictionary(export, name=name)


def _preview(publication: data.Publication, *, export: exported.Export, name: str) -> None:
    columns = exported.heading(export, name=name)
    left, right = st.columns(2)
    location = signal = ANY
    if "location" in columns:
        with left:
            location = controls.choice(t("Place"), name="location", options=_places(publication))
    if {"signal", "target"} & set(columns):
        with right:
            signal = controls.choice(t("Mood"), name="about", options=_signals(publication))
    rows = exported.first_rows(
        export,
        name=name,
        location="" if location == ANY else location,
        signal="" if signal == ANY else signal,
        most=SHOWN_ROWS,
    )
    if not rows.cells:
        nothing = t("No row of this file fits.")
        if rows.cut:
            most = exported.MOST_LINES
            nothing = t("No row fits among the first {n} lines; the file has more, unsearched.", n=most)
        st.info(nothing, icon=":material/filter_alt:")
        return
    frame = pl.DataFrame(rows.cells, schema=dict.fromkeys(rows.columns, pl.String), orient="row")
    st.dataframe(frame, hide_index=True, height=HEIGHT if len(rows.cells) > 10 else "auto", key="rows")
    if rows.more:
        st.caption(t("The first {n} rows that fit; the file has more.", n=len(rows.cells)))
    elif rows.cut:
        most = exported.MOST_LINES
        st.caption(t("What fits among the first {n} lines; the file has more, unsearched.", n=most))
    else:
        st.caption(tn("{n} row that fits.", "{n} rows that fit.", n=len(rows.cells)))


def _places(publication: data.Publication) -> dict[str, str]:
    known = publication.tables["places"].select("geo_type", "geo_value")
    named = data.places_of(known, publication=publication)
    return {ANY: t("Any")} | {place.partition(":")[2]: label for place, label in named.items()}


def _signals(publication: data.Publication) -> dict[str, str]:
    names = publication.tables["signal_catalogue"].get_column("signal").to_list()
    return {ANY: t("Any")} | data.signals_of(names, publication=publication)


def _download(export: exported.Export, *, name: str, key: str) -> None:
    st.download_button(
        t("Download {name} ({size})", name=_short(name), size=_size(export.sizes[name])),
        access.guarded(partial(exported.content, export, name=name), config=shell.settings().config),
        file_name=_short(name),
        # Nothing that comes from here is ever opened as a page of the dashboard's own address.
        mime="application/octet-stream",
        icon=":material/download:",
        on_click="ignore",
        key=f"download_{key}",
    )


def _dictionary(export: exported.Export, *, name: str) -> None:
    meanings = {column: text for column, text in export.columns(name).items() if column}
    if not meanings:
        return
    with st.expander(t("What its columns mean")):
        shell.rows(
            [{t("Column"): column, t("Meaning"): text} for column, text in meanings.items()],
            alt=t("Data dictionary"),
        )


# ------------------------------------------------------------------------------------------- one brief


def _brief(publication: data.Publication, *, export: exported.Export) -> None:
    st.header(t("The page of a place"))
    if not export.briefs:
        st.info(t("This export holds no page of a place."), icon=":material/inbox:")
        return
    named = _places(publication)
    codes = {unquote(_short(name).removesuffix(".html")): name for name in export.briefs}
    ordered = [code for code in named if code in codes] + sorted(set(codes) - set(named))
    place = controls.choice(
        t("Place of the page"), name="brief", options={code: named.get(code, code) for code in ordered}
    )
    name = codes[place]
    st.caption(
        t("One page to read and to print. Its words are below; the file also has its table and its chart.")
    )
    _download(export, name=name, key="brief")
    parts = exported.brief_text(export, name=name)
    first = next((n for n, (kind, _) in enumerate(parts) if kind == "h2"), len(parts))
    with st.container(border=True):
        for kind, text in parts[:first]:
            _said(kind, text)
        if parts[first:]:
            with st.expander(t("The rest of its words")):
                for kind, text in parts[first:]:
                    _said(kind, text)


def _said(kind: str, text: str) -> None:
    """A part of a brief as plain text: headings stay headings, nothing else of its layout is kept."""
    safe = words.plain(text)
    if kind in ("h1", "h2"):
        st.markdown(f"**{safe}**")
    else:
        st.markdown(f"- {safe}" if kind == "li" else safe)


if __name__ == "__main__":
    shell.page(mark("Export"), body=body)
