"""The Export page: what it says of a zip beside the publication, and what it does with one that nobody should trust."""

from __future__ import annotations

import json
import os
import shutil
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import publication as made_up
import pytest
from streamlit.testing.v1 import AppTest

from dashboard import access, data, exported, shell
from flows.export.columns import PURPOSES
from warehouse import export_zip
from warehouse.errors import InputError

VIEW = Path(shell.__file__).parent / "views" / "export.py"
TIMEOUT = 60
SUMMARY = (
    "location_name,location,signal,value\n"
    'California,us-ca,emotion_fear_share,0.1\n"Texas, all",us-tx,emotion_fear_share,0.2\n'
    "Texas,us-tx,lexicon_joy_share,0.3\n"
)
SHORT = "2024-06-02-affectcast-main"
HUB = f"model-output/affectcast-main/{SHORT}"
FORECASTS = (
    "target,location,value\ndaily emotion_fear_share,us-tx,0.5\nweekly lexicon_joy_share lang=es,us-tx,0.6\n"
)
BRIEF = (
    "<!DOCTYPE html>\n<html><head><title>hidden</title><style>p {hidden}</style></head><body>"
    "<h1>Mood of Texas</h1><p>Fear &amp; joy <b>moved</b> &lt;b&gt;[x](http://evil.example)</p><script>hidden</script>"
    "<svg><text>hidden</text></svg><h2>Later</h2><p>More</p></body>\n</html>\n"
)
RECEIPT = {
    "issue": str(made_up.ISSUE),
    "version": made_up.VERSION,
    "model": "main",
    "language": "en",
    "rows": {"policy_summary.csv": 3, f"{HUB}.csv": 2, f"{HUB}.parquet": 2},
    "briefs": ["briefs/us-tx.html"],
    "notes": [f"A note {made_up.NASTY}"],
}
DICTIONARY = (
    'file,column,meaning\npolicy_summary.csv,,"one row, per place"\npolicy_summary.csv,location,place code\n'
    "model-output,,forecasts of all\nmodel-output,target,what is forecast\nbriefs,,pages to print\n"
)
FILES = {
    "policy_summary.csv": SUMMARY,
    f"{HUB}.csv": FORECASTS,
    f"{HUB}.parquet": "PAR1",
    "briefs/us-tx.html": BRIEF,
    "data_dictionary.csv": DICTIONARY,
    "export.json": json.dumps(RECEIPT),
}


@pytest.fixture
def folder(published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A publication without an export, for the page to open."""
    shutil.copytree(published, tmp_path / "published")
    monkeypatch.setattr(sys, "argv", ["app.py", "--published", str(tmp_path / "published")])
    return data.current(tmp_path / "published").folder


def _put(folder: Path, **changed: str | None) -> Path:
    """A zip beside the publication; a file changed to None is left out. `/` is written as `__`, `.` as `_dot_`."""
    files = FILES | {name.replace("__", "/").replace("_dot_", "."): text for name, text in changed.items()}
    path = export_zip.beside(folder)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, text in files.items():
            if text is not None:
                packed.writestr(name, text.encode(errors="surrogatepass"))
    return path


def _run(**parameters: str) -> AppTest:
    app = AppTest.from_file(str(VIEW), default_timeout=TIMEOUT)
    for name, value in parameters.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception
    return app


def _said(app: AppTest) -> str:
    parts = [app.header, app.subheader, app.markdown, app.caption, app.info, app.warning, app.error]
    return "\n".join(str(element.value) for part in parts for element in part)


def test_the_page_says_what_the_export_holds_and_previews_its_summary(folder: Path) -> None:
    _put(folder)
    app = _run()
    listed = app.table[0].value
    assert [name.replace("\\", "") for name in listed["File"]] == [
        "data_dictionary.csv", "export.json", f"{SHORT}.csv", f"{SHORT}.parquet", "policy_summary.csv", "briefs",
    ]  # fmt: skip
    row = listed[listed["File"] == "policy\\_summary\\.csv"].iloc[0]
    assert (row["What it is for"], row["Rows"], row["Size"]) == ("One row, per place", "3", "1 kB")
    assert listed["Rows"].iloc[-1] == "1 page"
    shown = app.dataframe[0].value
    assert shown.to_numpy().tolist()[1] == ["Texas, all", "us-tx", "emotion_fear_share", "0.2"]
    assert {type(cell) for cell in shown.to_numpy().ravel()} == {str}
    assert "place code" in str(app.table[1].value)
    assert len(app.get("download_button")) == 3


def test_every_download_is_refused_once_its_reader_may_no_longer_read(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _put(folder)
    handed: list[Callable[[], bytes]] = []
    may_read = [True]
    monkeypatch.setattr("streamlit.download_button", lambda _label, data, **_: handed.append(data))
    # As `judge` says of a sign-in that is too old.
    monkeypatch.setattr(access, "_judged", lambda *_, **__: _found(may_read[0]))
    _run()
    assert [len(make()) > 0 for make in handed] == [True] * 3
    may_read[0] = False
    for make in handed:
        with pytest.raises(PermissionError, match="too long ago"):
            make()


def _found(may_read: bool) -> access.Person | access.Refusal:
    return access.Person(role="viewer") if may_read else access.Refusal(why=access.TOO_LONG_AGO)


def test_links_choose_the_file_the_place_the_mood_and_the_brief(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _put(folder)
    app = _run(location="us-tx", about="emotion_fear_share")
    assert app.dataframe[0].value["location_name"].tolist() == ["Texas, all"]
    app = _run(file=f"{HUB}.csv", location="us-tx", about="lexicon_joy_share", brief="us-tx")
    assert app.dataframe[0].value["value"].tolist() == ["0.6"]
    assert "No row of this file fits" in _said(_run(location="us-wy"))
    monkeypatch.setattr(exported, "MOST_LINES", 9)
    _put(folder, policy_summary_dot_csv=SUMMARY + "Ohio,us-oh,lexicon_joy_share,0.4\n" * 9)
    assert "What fits among the first 9 lines" in _said(_run(location="us-ca"))
    said = _said(_run(location="us-wy"))
    assert "No row fits among the first 9 lines" in said
    assert "No row of this file fits" not in said
    assert "The CSV file of the same name" in _said(_run(file=f"{HUB}.parquet"))


def test_a_brief_is_shown_as_words_and_never_as_a_page(folder: Path) -> None:
    _put(folder)
    app = _run()
    said = _said(app)
    assert "**Mood of Texas**" in said
    assert "Fear \\& joy moved \\<b\\>\\[x\\]" in said
    assert "hidden" not in said
    assert "](http" not in said
    assert not [element for element in app.markdown if getattr(element.proto, "allow_html", False)]


def test_what_foreign_text_the_export_holds_is_shown_as_typed(folder: Path) -> None:
    _put(folder)
    said = _said(_run())
    assert "A note \\<b\\>Bold" in said
    assert ":red[" not in said


@pytest.mark.parametrize(
    "asked",
    [
        "../current.json",
        "/etc/passwd",
        "current.json",
        "briefs/../../current.json",
        "..%2fcurrent.json",
        "\x00",
    ],
)
def test_a_parameter_reaches_nothing_but_what_the_export_lists(asked: str, folder: Path) -> None:
    _put(folder)
    app = _run(file=asked, brief=asked, location=asked, about=asked)
    assert app.selectbox(key="choice_file").value == "policy_summary.csv"
    assert app.selectbox(key="choice_brief").value == "us-tx"
    assert "is not available here" in _said(app)
    opened = exported.open_export(folder, version=made_up.VERSION)
    assert opened is not None
    with pytest.raises(InputError):
        export_zip.read(opened.path, name=asked, most=1000)


def test_without_an_export_the_page_says_what_to_run(folder: Path) -> None:
    said = _said(_run())
    assert "has no export beside it" in said
    assert "`affectcast publish`" in said


def _look(folder: Path) -> exported.Rows:
    opened = exported.open_export(folder, version=made_up.VERSION)
    assert opened is not None
    return exported.first_rows(opened, name="policy_summary.csv", location="", signal="", most=10)


@pytest.mark.parametrize(
    "changed",
    [
        {"export_dot_json": None},
        {"export_dot_json": "[]"},
        {"export_dot_json": "{" * 100_000},
        {"export_dot_json": json.dumps(RECEIPT | {"version": "another"})},
        {"export_dot_json": json.dumps(RECEIPT | {"rows": {"a": "many"}})},
        {"export_dot_json": json.dumps(RECEIPT | {"briefs": 5})},
        {"data_dictionary_dot_csv": None},
        {"data_dictionary_dot_csv": "file,column\n1,2,3\n"},
        {"data_dictionary_dot_csv": 'file,column\n"a,b\n'},
        {"policy_summary_dot_csv": SUMMARY + '"unclosed\n'},
        {"policy_summary_dot_csv": SUMMARY + "a,b\n"},
        {"policy_summary_dot_csv": "x" * 200_000},
        {"policy_summary_dot_csv": "a," * 300 + "\n"},
        {"policy_summary_dot_csv": "a,b,a\n1,2,3\n"},
        {"policy_summary_dot_csv": "0" * 5_000_000},
        {".._dot_csv": "outside"},
    ],
)
def test_a_damaged_or_hostile_export_is_an_error_in_words(
    changed: dict[str, str | None], tmp_path: Path
) -> None:
    _put(tmp_path / "version=1", **changed)
    with pytest.raises(InputError):
        _look(tmp_path / "version=1")


@pytest.mark.parametrize(
    "changed",
    [
        {"export_dot_json": "[]"},
        {"policy_summary_dot_csv": SUMMARY + "a,b\n"},
        {"briefs__us-tx_dot_html": "\ud800"},
    ],
)
def test_the_page_of_a_damaged_export_says_so_and_stands(changed: dict[str, str], folder: Path) -> None:
    _put(folder, **changed)
    said = _said(_run())
    assert "cannot be read" in said
    assert "988" in said


def test_a_link_instead_of_a_zip_is_not_followed(folder: Path, tmp_path: Path) -> None:
    export_zip.beside(folder).symlink_to(tmp_path / "published" / "current.json")
    assert "cannot be read" in _said(_run())


def test_a_table_is_searched_once_and_again_when_the_zip_is_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _put(tmp_path / "version=1")
    first = _look(tmp_path / "version=1")
    with monkeypatch.context() as patch:
        patch.setattr(exported, "_cells", None)
        assert _look_again(path) == first
    _put(tmp_path / "version=1", policy_summary_dot_csv=SUMMARY + "Ohio,us-oh,x,0.4\n")
    os.utime(path, ns=(1, 1))
    assert len(_look(tmp_path / "version=1").cells) == len(first.cells) + 1


def _look_again(path: Path) -> exported.Rows:
    return exported._searched(
        str(path), changed=path.stat().st_mtime_ns, name="policy_summary.csv", location="", signal="", most=10
    )


def test_downloads_are_the_exact_bytes(tmp_path: Path) -> None:
    path = _put(tmp_path / "version=1")
    opened = exported.open_export(tmp_path / "version=1", version=made_up.VERSION)
    assert opened is not None
    assert exported.whole(opened) == path.read_bytes()
    for name, text in FILES.items():
        assert exported.content(opened, name=name) == text.encode()


def test_a_purpose_is_what_the_export_itself_says(tmp_path: Path) -> None:
    told = "".join(f'{name},,"{text}"\n' for name, text in PURPOSES.items())
    _put(tmp_path / "version=1", data_dictionary_dot_csv="file,column,meaning\n" + told)
    opened = exported.open_export(tmp_path / "version=1", version=made_up.VERSION)
    assert opened is not None
    assert opened.purpose(f"{HUB}.parquet") == PURPOSES["model-output"]
    assert all(opened.purpose(name) for name in opened.files)
    assert set(exported.PURPOSES) == set(PURPOSES.values())
