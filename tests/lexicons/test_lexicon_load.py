"""Loading: what is refused, and what the message tells the user."""

import shutil
from pathlib import Path

import pytest

from lexicons.load import CATALOGUE, file_sha256, load_lexicon, read_catalogue, read_terms
from warehouse.errors import InputError, MissingModelError


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A catalogue of our own to spoil."""
    shutil.copytree(CATALOGUE.parent / "data", tmp_path / "data")
    return Path(shutil.copy(CATALOGUE, tmp_path / "catalogue.toml"))


def write_lexicon(folder: Path, content: str) -> Path:
    (folder / "one.tsv").write_text(content, encoding="utf-8")
    catalogue = folder / "catalogue.toml"
    digest = file_sha256(folder / "one.tsv")
    catalogue.write_text(
        f'[one]\nlanguage = "en"\nfile = "one.tsv"\ndimensions = ["joy"]\nsha256 = "{digest}"\n',
        encoding="utf-8",
    )
    return catalogue


def test_a_copy_loads_like_the_original(copy):
    ours, theirs = load_lexicon("affectcast-en", catalogue=copy), load_lexicon("affectcast-en")
    assert ours.version == theirs.version
    assert ours.terms.equals(theirs.terms)


def test_an_altered_file_is_refused_with_both_checksums(copy):
    path = copy.parent / "data" / "en.tsv"
    expected = file_sha256(path)
    path.write_bytes(path.read_bytes() + b"x\tjoy\t1\n")
    with pytest.raises(MissingModelError) as caught:
        load_lexicon("affectcast-en", catalogue=copy)
    for part in (str(path), expected, file_sha256(path), "Restore"):
        assert part in caught.value.message
    assert caught.value.exit_code == 13


def test_a_missing_file_is_named(copy):
    (copy.parent / "data" / "es.tsv").unlink()
    with pytest.raises(MissingModelError, match=r"is missing: .*es\.tsv"):
        load_lexicon("affectcast-es", catalogue=copy)


def test_a_missing_catalogue_is_named(tmp_path):
    with pytest.raises(MissingModelError, match="catalogue"):
        read_catalogue(tmp_path / "catalogue.toml")


def test_an_unknown_name_gets_the_nearest_one():
    with pytest.raises(MissingModelError, match="The nearest is affectcast-en"):
        load_lexicon("afectcast-en")


def test_comment_lines_are_left_out(tmp_path):
    catalogue = write_lexicon(tmp_path, "term\tdimension\tweight\n# why\nglad\tjoy\t0.5\n")
    assert load_lexicon("one", catalogue=catalogue).terms.rows() == [("glad", "joy", 0.5)]


@pytest.mark.parametrize(
    "content",
    [
        "term\tdimension\tweight\nglad\tjoy\t1\nglad\tjoy\t1\n",
        "term\tdimension\tweight\nglad\tanger\t1\n",
        "term\tdimension\tweight\nglad\t\t1\n",
        "term\tdimension\tweight\nglad\tjoy\tmuch\n",
        "word\tdimension\tweight\nglad\tjoy\t1\n",
        "",
    ],
    ids=["repeated", "unknown dimension", "incomplete", "weight", "columns", "empty"],
)
def test_a_malformed_file_is_refused(tmp_path, content):
    catalogue = write_lexicon(tmp_path, content)
    with pytest.raises(InputError, match=r"one\.tsv"):
        load_lexicon("one", catalogue=catalogue)


def test_quotes_in_a_term_are_ordinary_characters(tmp_path):
    (tmp_path / "t.tsv").write_text('term\tdimension\tweight\n"glad\tjoy\t1\n', encoding="utf-8")
    assert read_terms(tmp_path / "t.tsv")["term"].to_list() == ['"glad']
