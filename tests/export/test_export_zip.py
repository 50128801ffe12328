"""The zip of an export: same bytes for the same export, put beside its publication, read within limits only."""

from __future__ import annotations

import shutil
import stat
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import publication as made_up
import pytest
from export_worlds import small_tables
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import flows.export.archive as archiving
from flows.export import archive_publication, check_export, export_publication
from warehouse import export_zip
from warehouse.errors import ContractError, InputError
from warehouse.publish import current


@pytest.fixture(scope="module")
def archived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small publication with its zip beside it; read only."""
    published = made_up.write(tmp_path_factory.mktemp("archived"), tables=small_tables())
    archive_publication(current(published))
    return published


def zip_of(published: Path) -> Path:
    return export_zip.beside(current(published).folder)


def _copied(archived: Path, to: Path) -> Path:
    shutil.copytree(archived, to)
    return to


def test_the_zip_holds_the_checked_export_and_nothing_else(archived: Path, tmp_path: Path) -> None:
    export_publication(archived, issue=None, to=tmp_path / "by_hand")
    with zipfile.ZipFile(zip_of(archived)) as packed:
        packed.extractall(tmp_path / "unpacked")
    assert check_export(tmp_path / "unpacked") == []
    assert _contents(tmp_path / "unpacked") == _contents(tmp_path / "by_hand")


def _contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_the_zip_says_nothing_of_when_where_or_by_whom_it_was_made(archived: Path, tmp_path: Path) -> None:
    other = _copied(archived, tmp_path / "other")
    zip_of(other).unlink()
    archive_publication(current(other))
    assert zip_of(other).read_bytes() == zip_of(archived).read_bytes()
    with zipfile.ZipFile(zip_of(other)) as packed:
        entries = packed.infolist()
    assert [entry.filename for entry in entries] == sorted(entry.filename for entry in entries)
    assert {(entry.date_time, entry.external_attr >> 16, entry.create_system) for entry in entries} == {
        ((1980, 1, 1, 0, 0, 0), stat.S_IFREG | 0o644, 3)
    }


def test_the_same_content_is_left_alone_and_other_content_is_replaced(archived: Path, tmp_path: Path) -> None:
    published = _copied(archived, tmp_path / "published")
    path, wanted = zip_of(published), zip_of(archived).read_bytes()
    before = path.stat()
    archive_publication(current(published))
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    path.write_bytes(b"cut off")
    archive_publication(current(published))
    assert path.read_bytes() == wanted
    assert sorted(p.name for p in published.iterdir()) == ["current.json", f"issue={made_up.ISSUE}"]


def test_an_export_by_hand_leaves_the_zip_alone(archived: Path, tmp_path: Path) -> None:
    published = _copied(archived, tmp_path / "published")
    before = zip_of(published).stat()
    export_publication(published, issue=None, to=tmp_path / "elsewhere")
    assert zip_of(published).stat() == before


def test_what_breaks_the_check_is_not_put_there(
    archived: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = _copied(archived, tmp_path / "published")
    before = zip_of(published).read_bytes()
    monkeypatch.setattr("flows.export.write.check_export", lambda _folder: ["alerts.csv: line 2: is wrong."])
    with pytest.raises(ContractError, match="line 2"):
        archive_publication(current(published))
    assert zip_of(published).read_bytes() == before


def test_a_crash_leaves_the_old_zip_and_nothing_half_written(
    archived: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = _copied(archived, tmp_path / "published")
    zip_of(published).write_bytes(b"old")

    def killed(*_: object, to: Path, **__: object) -> None:
        to.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(archiving, "write_zip", killed)
    with pytest.raises(KeyboardInterrupt):
        archive_publication(current(published))
    assert zip_of(published).read_bytes() == b"old"


# ------------------------------------------------------------------------------------------ attacks


def _packed(path: Path, *files: tuple[str | zipfile.ZipInfo, bytes]) -> Path:
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        warnings.simplefilter("ignore")
        for name, content in files:
            packed.writestr(name, content)
    return path


def _link(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    return entry


@pytest.mark.parametrize(
    "name",
    [
        "../outside.csv", "/etc/passwd", "a/../../b.csv", "C:\\x.csv", "a\\b.csv", "..", ".hidden", "a/.hidden",
        "folder/", "a//b", "ä.csv", "a b.csv", "a\nb.csv",
    ],
)  # fmt: skip
def test_a_name_that_no_export_has_closes_the_whole_zip(name: str, tmp_path: Path) -> None:
    path = _packed(tmp_path / "x.zip", ("export.json", b"{}"), (name, b"secret"))
    with pytest.raises(InputError, match=r"damaged|no export has"):
        export_zip.sizes(path)
    with pytest.raises(InputError):
        export_zip.read(path, name="export.json", most=100)


def test_a_name_with_a_hidden_ending_closes_the_whole_zip(tmp_path: Path) -> None:
    path = _packed(tmp_path / "x.zip", ("observed.csv!.html", b"x"))
    path.write_bytes(path.read_bytes().replace(b"csv!", b"csv\x00"))
    with pytest.raises(InputError, match="no export has"):
        export_zip.sizes(path)


def test_links_and_repeated_names_close_the_whole_zip(tmp_path: Path) -> None:
    for number, entries in enumerate(
        [
            (("export.json", b"{}"), (_link("observed.csv"), b"/etc/passwd")),
            (("export.json", b"{}"), ("export.json", b"[]")),
        ]
    ):
        with pytest.raises(InputError, match="no export has"):
            export_zip.sizes(_packed(tmp_path / f"{number}.zip", *entries))


def test_a_link_to_a_zip_elsewhere_is_not_followed(archived: Path, tmp_path: Path) -> None:
    link = tmp_path / "export-1.zip"
    link.symlink_to(zip_of(archived))
    with pytest.raises(InputError, match="file of its own"):
        export_zip.sizes(link)


def test_a_bomb_is_told_by_what_it_says_it_unpacks_to(tmp_path: Path) -> None:
    path = _packed(tmp_path / "x.zip", ("observed.csv", bytes(5_000_000)))
    assert path.stat().st_size < 10_000
    with pytest.raises(InputError, match="times its size"):
        export_zip.sizes(path)


def test_a_bomb_that_lies_about_its_size_unpacks_to_no_more_than_it_said(tmp_path: Path) -> None:
    path = _packed(tmp_path / "x.zip", ("observed.csv", bytes(5_000_000)))
    raw = path.read_bytes()
    path.write_bytes(raw.replace((5_000_000).to_bytes(4, "little"), (100).to_bytes(4, "little")))
    assert export_zip.sizes(path) == {"observed.csv": 100}
    with pytest.raises(InputError, match="damaged"):
        export_zip.read(path, name="observed.csv", most=1000)
    with pytest.raises(InputError, match="damaged"):
        list(export_zip.lines(path, name="observed.csv"))


def test_limits_on_size_number_and_length_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _packed(tmp_path / "x.zip", ("a.csv", b"x" * 300_000), ("b.csv", b"y\n"))
    with pytest.raises(InputError, match="at most 1,000"):
        export_zip.read(path, name="a.csv", most=1000)
    with pytest.raises(InputError, match="a line of a\\.csv"):
        list(export_zip.lines(path, name="a.csv"))
    for limit, says in (("MOST_FILES", "more than 1 files"), ("MOST_INDEX", "more than"), ("MOST_PACKED", "at most"),
                        ("MOST_UNPACKED", "unpacks to more")):  # fmt: skip
        with monkeypatch.context() as patched:
            patched.setattr(export_zip, limit, 1)
            with pytest.raises(InputError, match=says):
                export_zip.sizes(path)


def test_a_file_that_is_not_there_is_an_input_error(archived: Path) -> None:
    with pytest.raises(InputError, match="does not hold"):
        export_zip.read(zip_of(archived), name="../current.json", most=100)


def _read_all(path: Path) -> None:
    for name, size in export_zip.sizes(path).items():
        export_zip.read(path, name=name, most=size)
        list(export_zip.lines(path, name=name))


BREAKS: dict[str, Callable[[bytes, int], bytes]] = {
    "cut": lambda raw, at: raw[: at % len(raw)],
    "flipped": lambda raw, at: (
        raw[: at % len(raw)] + bytes([raw[at % len(raw)] ^ 0xFF]) + raw[at % len(raw) + 1 :]
    ),
    "longer": lambda raw, at: raw + b"x" * (1 + at % 50),
    "doubled": lambda raw, at: raw[: at % len(raw)] + raw,
}


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(kind=st.sampled_from(sorted(BREAKS)), at=st.integers(0, 10**6))
def test_a_damaged_zip_gives_the_same_files_or_an_input_error(kind: str, at: int, tmp_path: Path) -> None:
    sound = _packed(tmp_path / "sound.zip", ("a.csv", b"h\n1\n" * 40), ("briefs/all.html", b"<p>x</p>\n"))
    wanted = export_zip.sizes(sound)
    broken = tmp_path / "broken.zip"
    broken.write_bytes(BREAKS[kind](sound.read_bytes(), at))
    try:
        _read_all(broken)
    except InputError:
        return
    assert set(export_zip.sizes(broken)) <= set(wanted) or kind == "flipped"
