"""The catalogue and the files it names: what is read, what is refused, and what the message tells the user."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from lexicon_worlds import Written

from lexicons.catalogue import SHIPPED, file_sha256, read_catalogue
from lexicons.checksums import with_checksums
from lexicons.load import load_cues, load_lexicon, load_scorer, read_cues, read_terms
from warehouse.errors import InputError, MissingModelError

GLAD = [("glad", "joy", 1.0), ("grim", "gloom", 0.5)]
TERMS = "term\tdimension\tweight\n"
CUES = "cue\trole\tfactor\n"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the shipped catalogue and its files, to be spoiled."""
    shutil.copytree(SHIPPED.parent / "data", tmp_path / "data")
    return Path(shutil.copy(SHIPPED, tmp_path / "catalogue.toml"))


@pytest.fixture
def small(tmp_path: Path) -> Written:
    """One lexicon, one cue file and one scorer."""
    made = Written(tmp_path / "small").lexicon("mood-en", GLAD)
    made.cue_file("en", f"{CUES}not\tnegator\t1\n")
    return made.scorer("mood", ["mood-en"], ["gloom"])


# -------------------------------------------------------------------------------------- the catalogue


def test_every_shipped_scorer_has_its_files_in_three_languages_and_a_card():
    catalogue = read_catalogue()
    assert {"lexicon", "lexicon_rate", "plutchik", "argentina", "symptoms", "vad"} <= set(catalogue.scorers)
    for name, entry in catalogue.scorers.items():
        files = [catalogue.lexicon(lexicon) for lexicon in entry.lexicons]
        assert [file.language for file in files] == ["en", "es", "zh"], name
        assert (SHIPPED.parent / entry.card).is_file(), name
        assert all(file.licence == "Apache-2.0" and file.citation for file in files)
    assert set(catalogue.cues) == {"en", "es", "zh"}


@pytest.mark.parametrize(
    ("ask", "wrong", "said"),
    [
        ("lexicon", "afect-en", "There is no lexicon 'afect-en'. Expected one of affect-en"),
        ("lexicon", "afect-en", "The nearest is affect-en."),
        ("scorer", "plutchick", "There is no lexicon scorer 'plutchick'. Expected one of lexicon"),
        ("scorer", "plutchick", "The nearest is plutchik."),
    ],
)
def test_an_unknown_name_gets_the_nearest_one(ask, wrong, said):
    with pytest.raises(MissingModelError) as caught:
        getattr(read_catalogue(), ask)(wrong)
    assert said in caught.value.message
    assert caught.value.exit_code == 13


def test_an_unknown_lexicon_or_scorer_is_refused_on_loading():
    with pytest.raises(MissingModelError, match="The nearest is vad-es"):
        load_lexicon("vad-ess", catalogue=read_catalogue())
    with pytest.raises(MissingModelError, match="The nearest is crisis"):
        load_scorer("crises", catalogue=read_catalogue())


def test_a_missing_catalogue_is_named(tmp_path):
    with pytest.raises(MissingModelError, match=r"nowhere\.toml does not exist.*Reinstall"):
        read_catalogue(shipped=tmp_path / "nowhere.toml")


@pytest.mark.parametrize(
    "content",
    [
        "[lexicons.a\n",
        "[lexikons.a]\n",
        '[lexicons.a]\nlanguage = "en"\nfile = "a.tsv"\nsha256 = "00"\n',
        f'[lexicons.a]\nlanguage = "english"\nfile = "a.tsv"\nsha256 = "{"0" * 64}"\n',
        f'[cues.en]\nfile = "a.tsv"\nreach = 0\nsha256 = "{"0" * 64}"\n',
        '[scorers.a]\ntitle = "a"\nlexicons = []\nscale = "presence"\ndimensions = ["joy"]\n',
        '[scorers.a]\ntitle = "a"\nlexicons = ["b"]\nscale = "share"\ndimensions = ["joy"]\n',
        '[scorers.a]\ntitle = "a"\nlexicons = ["b"]\nscale = "rate"\ndimensions = ["Joy!"]\n',
    ],
    ids=["toml", "table", "checksum", "language", "reach", "no lexicon", "scale", "dimension"],
)
def test_a_malformed_catalogue_is_refused_with_what_to_do(tmp_path, content):
    (tmp_path / "catalogue.toml").write_text(content, encoding="utf-8")
    for reading in ({"shipped": tmp_path / "catalogue.toml"}, {"folder": tmp_path}):
        with pytest.raises(
            MissingModelError, match=r"(?s)catalogue\.toml cannot be read.*affectcast lexicons add"
        ):
            read_catalogue(**reading)


# ----------------------------------------------------------------------------------- a user's folder


def test_a_folder_without_a_catalogue_adds_nothing(tmp_path):
    assert read_catalogue(tmp_path) == read_catalogue() == read_catalogue(tmp_path / "nowhere")


def test_lexicons_of_a_users_folder_come_after_the_shipped_ones(small):
    small.cues.clear()
    catalogue = read_catalogue(small.save().parent)
    assert list(catalogue.scorers) == [*read_catalogue().scorers, "mood"]
    assert load_lexicon("mood-en", catalogue=catalogue).terms.rows() == GLAD
    assert load_lexicon("vad-es", catalogue=catalogue).dimensions == ("valence", "arousal", "dominance")


def test_a_users_lexicon_negates_with_the_shipped_cues(small):
    small.cues.clear()
    catalogue = read_catalogue(small.save().parent)
    assert load_cues("en", catalogue=catalogue).version == load_cues("en", catalogue=read_catalogue()).version


def test_cues_and_files_elsewhere_are_refused_in_a_users_folder(small, tmp_path):
    with pytest.raises(MissingModelError, match="cues cannot be there"):
        read_catalogue(small.save().parent)
    small.cues.clear()
    small.lexicons["mood-en"]["file"] = str(tmp_path / "small" / ".." / "mood-en.tsv")
    with pytest.raises(MissingModelError, match=r"mood-en cannot be there.*lie beside it"):
        read_catalogue(small.save().parent)


@pytest.mark.parametrize(
    ("lexicon", "scorer"), [("affect-en", "mine"), ("mine-en", "vad"), ("mine-en", "emotion")]
)
def test_a_users_name_that_is_a_shipped_one_is_refused(tmp_path, lexicon, scorer):
    Written(tmp_path).lexicon(lexicon, GLAD).scorer(scorer, [lexicon], ["joy"]).save()
    taken = lexicon if lexicon == "affect-en" else scorer
    with pytest.raises(MissingModelError, match=f"names {taken}, which the package ships itself.*Rename"):
        read_catalogue(tmp_path)


# ------------------------------------------------------------------------------------ files and versions


def test_a_copy_loads_like_the_original(copy):
    theirs, ours = read_catalogue(shipped=copy), read_catalogue()
    for name in ("affect-zh", "style-es"):
        a, b = load_lexicon(name, catalogue=theirs), load_lexicon(name, catalogue=ours)
        assert (a.version, a.dimensions, a.language) == (b.version, b.dimensions, b.language)
        assert a.terms.equals(b.terms)


@pytest.mark.parametrize(
    ("file", "load"),
    [
        ("loneliness_en.tsv", lambda catalogue: load_lexicon("loneliness-en", catalogue=catalogue)),
        ("cues_es.tsv", lambda catalogue: load_cues("es", catalogue=catalogue)),
        ("symptoms_zh.tsv", lambda catalogue: load_scorer("symptoms", catalogue=catalogue)),
        ("cues_zh.tsv", lambda catalogue: load_scorer("vad", catalogue=catalogue)),
    ],
)
def test_an_altered_file_is_refused_with_both_checksums_and_a_missing_one_is_named(copy, file, load):
    path = copy.parent / "data" / file
    load(read_catalogue(shipped=copy))
    expected = file_sha256(path)
    path.write_bytes(path.read_bytes() + b"x\tjoy\t1\n")
    with pytest.raises(MissingModelError) as caught:
        load(read_catalogue(shipped=copy))
    for part in (str(path), expected, file_sha256(path), "Restore"):
        assert part in caught.value.message
    assert caught.value.exit_code == 13
    path.unlink()
    with pytest.raises(MissingModelError, match=f"is missing: .*{file}.*Reinstall"):
        load(read_catalogue(shipped=copy))


def test_the_version_is_the_beginning_of_the_checksum(small):
    catalogue = read_catalogue(shipped=small.save())
    lexicon, cues = load_lexicon("mood-en", catalogue=catalogue), load_cues("en", catalogue=catalogue)
    assert lexicon.version == file_sha256(small.folder / "mood-en.tsv")[:12]
    assert cues.version == file_sha256(small.folder / "cues_en.tsv")[:12]


def test_checksums_are_brought_up_to_date_and_nothing_else_is_touched(copy):
    text = copy.read_text(encoding="utf-8")
    assert with_checksums(text, folder=copy.parent) == text
    for name in ("vad_en.tsv", "cues_zh.tsv"):
        path = copy.parent / "data" / name
        old = file_sha256(path)
        path.write_bytes(path.read_bytes() + b"# changed\n")
        text = text.replace(old, file_sha256(path))
    updated = with_checksums(copy.read_text(encoding="utf-8"), folder=copy.parent)
    assert updated == text
    copy.write_text(updated, encoding="utf-8")
    load_scorer("vad", catalogue=read_catalogue(shipped=copy))


# ------------------------------------------------------------------------------------------- scorers


def test_a_scorer_takes_its_dimensions_in_its_own_order(small):
    small.scorer("both", ["mood-en"], ["gloom", "joy"])
    catalogue = read_catalogue(shipped=small.save())
    assert load_lexicon("mood-en", catalogue=catalogue).dimensions == ("joy", "gloom")
    for name, expected in (("mood", ("gloom",)), ("both", ("gloom", "joy"))):
        _, (lexicon,) = load_scorer(name, catalogue=catalogue)
        assert lexicon.dimensions == expected
        assert lexicon.terms.height == 2, "terms of other dimensions still hide words"


def test_cues_come_with_negation_and_weights_change_on_the_scale_mean_only(small):
    small.scorer("plain", ["mood-en"], ["joy"], negation=False)
    small.scorer("graded", ["mood-en"], ["joy"], scale="mean")
    catalogue = read_catalogue(shipped=small.save())
    loaded = {name: load_scorer(name, catalogue=catalogue)[1][0] for name in ("mood", "plain", "graded")}
    assert {name: lexicon.cues is not None for name, lexicon in loaded.items()} == {
        "mood": True, "plain": False, "graded": True,
    }  # fmt: skip
    assert {name for name, lexicon in loaded.items() if lexicon.graded} == {"graded"}


def test_a_language_without_cues_has_none(small):
    small.lexicon("mood-pt", GLAD).scorer("fala", ["mood-pt"], ["joy"])
    catalogue = read_catalogue(shipped=small.save())
    assert load_cues("pt", catalogue=catalogue) is None
    assert load_scorer("fala", catalogue=catalogue)[1][0].cues is None


def test_a_dimension_that_the_file_lacks_is_refused(small):
    catalogue = read_catalogue(shipped=small.scorer("odd", ["mood-en"], ["joy", "awe"]).save())
    with pytest.raises(InputError, match=r"mood-en has no terms for awe.*scorer odd.*joy, gloom"):
        load_scorer("odd", catalogue=catalogue)


def test_accents_are_told_apart_where_the_entry_says_so(small):
    catalogue = read_catalogue(shipped=small.lexicon("papa-es", GLAD, accents=True).save())
    assert load_lexicon("papa-es", catalogue=catalogue).accents
    assert not load_lexicon("mood-en", catalogue=catalogue).accents


# ----------------------------------------------------------------------------------------- term files


def _terms(folder: Path, content: str | bytes) -> Path:
    path = folder / "one.tsv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_comment_lines_are_left_out(tmp_path):
    path = _terms(tmp_path, f"{TERMS}# why\n#glad\tjoy\t0.5\n")
    assert read_terms(path).rows() == [("#glad", "joy", 0.5)]


def test_quotes_in_a_term_are_ordinary_characters(tmp_path):
    assert read_terms(_terms(tmp_path, f'{TERMS}"glad\tjoy\t1\n'))["term"].to_list() == ['"glad']


@pytest.mark.parametrize("term", ["007", "1e5", "TRUE", "2024-01-01", "-0"])
def test_a_term_that_looks_like_a_number_stays_as_it_is_spelled(tmp_path, term):
    assert read_terms(_terms(tmp_path, f"{TERMS}{term}\tjoy\t1\n"))["term"].to_list() == [term]


def test_words_may_follow_any_number_of_numbers(tmp_path):
    rows = "".join(f"{n}\tjoy\t1\n" for n in range(300))
    assert read_terms(_terms(tmp_path, f"{TERMS}{rows}glad\tjoy\t1\n")).height == 301


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (f"{TERMS}glad\tjoy\t1\nglad\tjoy\t0.5\n", "2 rows, 0 of them incomplete, 1 repeated"),
        (f"{TERMS}glad\t\t1\n", "1 rows, 1 of them incomplete"),
        (f"{TERMS}\tjoy\t1\n", "1 rows, 1 of them incomplete"),
        (f"{TERMS}glad\tjoy\n", "1 rows, 1 of them incomplete"),
        (f"{TERMS}glad\tjoy\tinf\n", "1 rows, 1 of them incomplete"),
        (f"{TERMS}glad\tjoy\tnan\n", "1 rows, 1 of them incomplete"),
        (f"{TERMS}glad\tjoy\tmuch\n", "cannot be read"),
        (f"{TERMS}glad\tjoy\t1\t1\n", "cannot be read"),
        ("word\tdimension\tweight\nglad\tjoy\t1\n", "has the columns"),
        ("term,dimension,weight\nglad,joy,1\n", "has the columns"),
        (TERMS, "0 rows"),
        ("", "cannot be read"),
        (f"{TERMS}gl\u00e4d\tjoy\t1\n".encode("latin-1"), "cannot be read"),
    ],
    ids=["repeated", "no dimension", "no term", "no weight", "infinite", "not a number", "word for a weight",
         "too many cells", "other column", "commas", "no rows", "empty", "latin-1"],
)  # fmt: skip
def test_a_malformed_term_file_is_refused(tmp_path, content, said):
    with pytest.raises(InputError) as caught:
        read_terms(_terms(tmp_path, content))
    assert said in caught.value.message
    for part in ("one.tsv", "term", "Correct the file"):
        assert part in caught.value.message
    assert caught.value.exit_code == 11


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (f"{CUES}not\tinverter\t1\n", r"unknown roles \['inverter'\].*negator, degree, break, plain"),
        (f"{CUES}very\tdegree\t0\n", "factors that are not above 0"),
        (f"{CUES}very\tdegree\t-1.5\n", "factors that are not above 0"),
        (f"{CUES}not\tnegator\t1\nnot\tplain\t1\n", "1 repeated. Expected each cue once"),
        (f"{CUES}not\tnegator\t\n", "1 of them incomplete"),
        (f"{CUES}not\t\t1\n", "1 of them incomplete"),
        ("cue\trole\nnot\tnegator\n", "columns cue, role, factor"),
    ],
    ids=["role", "zero", "below zero", "repeated", "no factor", "no role", "column"],
)
def test_a_malformed_cue_file_is_refused(tmp_path, content, said):
    with pytest.raises(InputError, match=f"(?s)one.tsv.*{said}.*Correct the file"):
        read_cues(_terms(tmp_path, content))
