"""Adding a user's lexicon: what becomes of the file, what is refused, and what a kill in the middle leaves."""

from __future__ import annotations

import re
import tempfile
import unicodedata
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from lexicon_worlds import posts

from lexicons.add import AddSpec, add_lexicon
from lexicons.catalogue import file_sha256, read_catalogue
from lexicons.folding import CharClass, classify
from lexicons.formats import LexiconFile, read_lexicon_file
from lexicons.index import parse_term
from lexicons.load import load_lexicon, load_scorer
from lexicons.score import LexiconScorer
from warehouse.errors import AffectcastError, InputError, MissingModelError, UsageError

SCHEMA = {"term": pl.String, "dimension": pl.String, "weight": pl.Float32}
FIRST = [("blorp", "glad", 1.0), ("zindel*", "glad", 1.0), ("quib quab", "grim", 1.0)]
OTHER = [("plim", "glad", 1.0), ("dro\u00f1o", "grim", 1.0)]


def file_of(*rows: tuple[str, str, float], scale: str = "presence") -> LexiconFile:
    terms = pl.DataFrame(list(rows), schema=SCHEMA, orient="row")
    return LexiconFile(terms, tuple(terms["dimension"].unique(maintain_order=True)), "tsv", scale, ())


def spec(name: str = "mine", language: str = "en", **values: object) -> AddSpec:
    return AddSpec(name=name, language=language, **values)


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())} if folder.is_dir() else {}


# ------------------------------------------------------------------------------------ what is written


def test_an_added_lexicon_is_a_scorer_beside_the_shipped_ones(tmp_path):
    made = add_lexicon(
        file_of(*FIRST), spec=spec(licence="research only", citation='A "B" \\ C'), folder=tmp_path
    )
    assert made.path.parent == tmp_path
    assert (made.scorer.scale, made.scorer.dimensions, made.notes) == ("presence", ("glad", "grim"), ())
    catalogue = read_catalogue(tmp_path)
    entry, (lexicon,) = load_scorer("mine", catalogue=catalogue)
    assert entry == made.scorer
    assert lexicon.terms.rows() == FIRST
    written = catalogue.lexicon("mine-en")
    assert (written.licence, written.citation) == ("research only", 'A "B" \\ C')
    assert written.sha256 == file_sha256(made.path)
    scorer = LexiconScorer("mine", folder=tmp_path)
    scores = scorer.score(posts(("so blorp and zindeling", "en"), ("not blorp", "en"), ("blorp", "es")))
    assert scores["glad"].to_list() == [1.0, 0.0, None]


def test_the_same_file_read_from_disk_and_added_twice_changes_nothing(tmp_path):
    source = tmp_path / "list.tsv"
    source.write_text("term\tdimension\nblorp\tglad\nblarp\tglad\n", encoding="utf-8")
    add_lexicon(read_lexicon_file(source), spec=spec(), folder=tmp_path / "kept")
    before = files(tmp_path / "kept")
    version = LexiconScorer("mine", folder=tmp_path / "kept").version
    add_lexicon(read_lexicon_file(source), spec=spec(), folder=tmp_path / "kept")
    assert files(tmp_path / "kept") == before
    assert LexiconScorer("mine", folder=tmp_path / "kept").version == version


def test_a_changed_file_is_a_new_version_and_replaces_the_old(tmp_path):
    add_lexicon(file_of(*FIRST), spec=spec(), folder=tmp_path)
    old = LexiconScorer("mine", folder=tmp_path).version
    made = add_lexicon(file_of(("plim", "calm", 1.0)), spec=spec(), folder=tmp_path)
    scorer = LexiconScorer("mine", folder=tmp_path)
    assert scorer.version != old
    assert scorer.measures == ("calm",)
    assert set(files(tmp_path)) == {"catalogue.toml", made.path.name}


def test_other_lexicons_stay_as_they_are(tmp_path):
    add_lexicon(file_of(*FIRST), spec=spec("one", accents=True), folder=tmp_path)
    one = LexiconScorer("one", folder=tmp_path).version
    before = read_catalogue(tmp_path)
    add_lexicon(file_of(*OTHER), spec=spec("two", negation=False), folder=tmp_path)
    after = read_catalogue(tmp_path)
    assert after.scorers["one"] == before.scorers["one"]
    assert after.lexicons["one-en"] == before.lexicons["one-en"]
    assert LexiconScorer("one", folder=tmp_path).version == one
    assert not after.scorers["two"].negation


def test_a_second_language_joins_the_same_scorer(tmp_path):
    add_lexicon(file_of(*FIRST), spec=spec(), folder=tmp_path)
    add_lexicon(file_of(*OTHER), spec=spec(language="es"), folder=tmp_path)
    scorer = LexiconScorer("mine", folder=tmp_path)
    assert scorer.languages == ("en", "es")
    scores = scorer.score(posts(("blorp", "en"), ("blorp", "es"), ("DROÑO", "es"), ("drono", "es")))
    assert scores["glad"].to_list() == [1.0, 0.0, 0.0, 0.0]
    assert scores["grim"].to_list() == [0.0, 0.0, 1.0, 0.0]


@pytest.mark.parametrize("dry_run", [True, False])
@pytest.mark.parametrize(
    ("rows", "values"),
    [
        ([("plim", "calm", 1.0)], {}), ([("plim", "glad", 1.0)], {}), (OTHER, {"scale": "rate"}),
        (OTHER, {"negation": False}),
    ],
    ids=["others", "fewer", "scale", "negation"],
)  # fmt: skip
def test_a_second_language_with_other_dimensions_scale_or_negation_is_refused(
    tmp_path, rows, values, dry_run
):
    add_lexicon(file_of(*FIRST), spec=spec(), folder=tmp_path)
    before = files(tmp_path)
    with pytest.raises(
        InputError, match=r"mine has the dimensions glad, grim.*in mine-en.*Choose another --name"
    ):
        add_lexicon(file_of(*rows), spec=spec(language="es", **values), folder=tmp_path, dry_run=dry_run)
    assert files(tmp_path) == before


def test_the_order_of_dimensions_is_that_of_the_language_added_first(tmp_path):
    add_lexicon(file_of(*FIRST), spec=spec(), folder=tmp_path)
    made = add_lexicon(file_of(*OTHER[::-1]), spec=spec(language="es"), folder=tmp_path)
    assert made.scorer.dimensions == ("glad", "grim")
    assert LexiconScorer("mine", folder=tmp_path).score(posts(("plim", "es")))["glad"].to_list() == [1.0]


def test_a_dry_run_says_the_same_and_writes_nothing(tmp_path):
    would = add_lexicon(file_of(*FIRST), spec=spec(), folder=tmp_path / "new", dry_run=True)
    assert not (tmp_path / "new").exists()
    assert would == add_lexicon(file_of(*FIRST), spec=spec(), folder=tmp_path / "new")
    before = files(tmp_path / "new")
    add_lexicon(file_of(*OTHER), spec=spec(), folder=tmp_path / "new", dry_run=True)
    assert files(tmp_path / "new") == before


# -------------------------------------------------------------------------------------------- names


@pytest.mark.parametrize(
    ("name", "language", "said"),
    [
        ("emotion", "en", "--name: 'emotion' cannot be used"),
        ("Mine", "en", "--name: 'Mine' cannot be used"),
        ("1st", "en", "a letter first"),
        ("my-own", "en", "small letters, digits and underscores"),
        ("", "en", "cannot be used"),
        ("a" * 41, "en", "at most 40"),
        ("../up", "en", "cannot be used"),
        ("lexicon", "en", "comes with the package. Choose another name"),
        ("vad", "pt", "comes with the package. Choose another name"),
        ("affect", "en", "comes with the package. Choose another name"),
        ("mine", "eng", "--language: expected an ISO 639-1 code such as en; got 'eng'"),
        ("mine", "EN", "--language: expected"),
        ("mine", "auto", "--language: expected"),
    ],
)
def test_names_and_languages_that_cannot_be_used_are_refused(tmp_path, name, language, said):
    with pytest.raises(UsageError) as caught:
        add_lexicon(file_of(*FIRST), spec=spec(name, language), folder=tmp_path)
    assert said in caught.value.message
    assert files(tmp_path) == {}


def test_dimensions_become_names_of_columns(tmp_path):
    odd = [
        "Positive Emotion",
        "31 anger",
        "missing",
        "n_tokens",
        "Glad!",
        "x" * 60,
        "9" * 60,
        "\u6012",
        "\u559c",
    ]
    rows = [(f"blorp{i}", name, 1.0) for i, name in enumerate(odd)]
    made = add_lexicon(file_of(*rows), spec=spec(), folder=tmp_path)
    assert made.scorer.dimensions == (
        "positive_emotion", "d_31_anger", "d_missing", "d_n_tokens", "glad", "x" * 40, "d_" + "9" * 38, "d_8", "d_9",
    )  # fmt: skip
    scorer = LexiconScorer("mine", folder=tmp_path)
    scores = scorer.score(posts(("blorp2 blorp6", "en")))
    assert scores.select(scorer.measures).row(0) == (0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0)


def test_dimensions_that_become_the_same_name_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"Glad!, glad become glad, glad.*Rename some"):
        add_lexicon(file_of(("a", "Glad!", 1.0), ("b", "glad", 1.0)), spec=spec(), folder=tmp_path)


def test_a_licence_is_one_line(tmp_path):
    with pytest.raises(UsageError, match="--licence"):
        add_lexicon(file_of(*FIRST), spec=spec(licence="free\nof charge"), folder=tmp_path)


# --------------------------------------------------------------------------------- weights and terms


@pytest.mark.parametrize(
    ("scale", "weights"),
    [
        ("mean", (-1.5, 1.0)),
        ("mean", (0.5, 2.0)),
        ("rate", (0.5, 1.5)),
    ],
)
def test_weights_that_do_not_fit_the_scale_are_refused_and_counted(tmp_path, scale, weights):
    rows = [(f"blorp{i}", "glad", weight) for i, weight in enumerate(weights)]
    with pytest.raises(InputError, match=r"1 of 2 weights are outside \[-?\d, 1\].*--scale mean"):
        add_lexicon(file_of(*rows), spec=spec(scale=scale), folder=tmp_path)
    assert files(tmp_path) == {}


def test_on_the_scale_presence_weights_say_who_is_a_member_and_nothing_more(tmp_path):
    rows = [("blorp", "glad", 0.25), ("quib", "glad", 0.0), ("plim", "glad", 1.0)]
    made = add_lexicon(file_of(*rows, scale="mean"), spec=spec(scale="presence"), folder=tmp_path)
    assert [note.split(" ")[0] for note in made.notes] == ["1", "1"]
    assert load_lexicon("mine-en", catalogue=read_catalogue(tmp_path)).terms.rows() == [
        ("blorp", "glad", 1.0), ("plim", "glad", 1.0),
    ]  # fmt: skip
    with pytest.raises(InputError, match=r"Every weight is 0.*Check the file"):
        add_lexicon(file_of(rows[1]), spec=spec("other", scale="presence"), folder=tmp_path)


def test_a_mean_needs_every_word_in_every_dimension(tmp_path):
    rows = [("blorp", "glad", 0.5), ("blorp", "calm", 0.5), ("quib", "calm", -0.5)]
    with pytest.raises(InputError, match=r"1 of 2 terms lack a weight in some dimension.*--scale rate"):
        add_lexicon(file_of(*rows, scale="mean"), spec=spec(), folder=tmp_path)


def test_sets_cannot_be_added(tmp_path):
    with pytest.raises(UsageError, match=r"--scale: sets.*presence, rate or mean"):
        add_lexicon(file_of(*FIRST), spec=spec(scale="sets"), folder=tmp_path)


def test_the_scale_is_the_files_unless_another_is_asked_for(tmp_path):
    graded = file_of(("blorp", "glad", 0.5), scale="mean")
    assert add_lexicon(graded, spec=spec(), folder=tmp_path).scorer.scale == "mean"
    assert add_lexicon(graded, spec=spec(scale="rate"), folder=tmp_path).scorer.scale == "rate"
    assert LexiconScorer("mine", folder=tmp_path).score(posts(("blorp x", "en")))["glad"].to_list() == [0.25]


def test_spellings_that_the_matcher_cannot_tell_apart_are_merged_and_counted(tmp_path):
    rows = [("caf\u00e9", "glad", 1.0), ("cafe", "glad", 0.5), ("cafe", "grim", 0.25), ("cafe*", "glad", 1.0)]
    made = add_lexicon(file_of(*rows), spec=spec(scale="rate"), folder=tmp_path)
    assert made.notes[0].startswith("1 spellings")
    assert load_lexicon("mine-en", catalogue=read_catalogue(tmp_path)).terms.rows() == [
        ("cafe*", "glad", 1.0), ("caf\u00e9", "glad", 0.75), ("caf\u00e9", "grim", 0.25),
    ]  # fmt: skip
    apart = add_lexicon(file_of(*rows), spec=spec(scale="rate", accents=True), folder=tmp_path)
    assert apart.notes == ()
    assert LexiconScorer("mine", folder=tmp_path).score(posts(("cafe", "en")))["glad"].to_list() == [0.5]


def test_without_negation_every_hit_counts(tmp_path):
    add_lexicon(file_of(*FIRST), spec=spec(negation=False), folder=tmp_path)
    scores = LexiconScorer("mine", folder=tmp_path).score(posts(("not blorp", "en")))
    assert scores["glad"].to_list() == [1.0]


# ------------------------------------------------------------------------------------------- a kill


class Killed(BaseException):
    """What a signal does to a process."""


@pytest.fixture
def add_and_be_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Add a lexicon and stop after its terms are in place and before the catalogue is."""
    replace = Path.replace

    def stop(path: Path, target: Path) -> Path:
        if Path(target).name == "catalogue.toml":
            raise Killed
        return replace(path, target)

    def add(name: str) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(Path, "replace", stop)
            with pytest.raises(Killed):
                add_lexicon(file_of(*OTHER), spec=spec(name), folder=tmp_path)

    return add


def test_a_kill_while_a_new_lexicon_is_added_leaves_the_old_ones_usable(tmp_path, add_and_be_killed):
    add_lexicon(file_of(*FIRST), spec=spec("one"), folder=tmp_path)
    add_and_be_killed("two")
    assert "two" not in read_catalogue(tmp_path).scorers
    assert LexiconScorer("one", folder=tmp_path).score(posts(("blorp", "en")))["glad"].to_list() == [1.0]


def test_a_kill_while_a_lexicon_is_changed_leaves_the_old_version_usable_until_it_is_added_again(
    tmp_path, add_and_be_killed
):
    for name in ("one", "two"):
        add_lexicon(file_of(*FIRST), spec=spec(name), folder=tmp_path)
    old = LexiconScorer("two", folder=tmp_path).version
    add_and_be_killed("two")
    scorer = LexiconScorer("two", folder=tmp_path)
    assert scorer.version == old
    assert scorer.score(posts(("blorp", "en"), ("plim", "en")))["glad"].to_list() == [1.0, 0.0]
    made = add_lexicon(file_of(*OTHER), spec=spec("two"), folder=tmp_path)
    assert LexiconScorer("two", folder=tmp_path).score(posts(("plim", "en")))["glad"].to_list() == [1.0]
    assert {name for name in files(tmp_path) if name.startswith("two")} == {made.path.name}
    made.path.write_text("term\tdimension\tweight\nblorp\tglad\t1\n", encoding="utf-8")
    with pytest.raises(MissingModelError, match=r"two_en.*has sha256.*add it again"):
        LexiconScorer("two", folder=tmp_path)


# -------------------------------------------------------------------------------- whatever is added

LETTERS = "abn\u00f1\u00e91'-_# \U0001f600\u2764\u5f00\u5fc3"
TERMS = st.builds(
    lambda term, is_stem: " ".join(term.split()) + "*" * is_stem,
    st.text(LETTERS, min_size=1, max_size=6),
    st.booleans(),
)
ENTRIES = st.lists(
    st.tuples(TERMS, st.sampled_from(["glad", "Grim", "31"]), st.sampled_from([0.0, 0.25, 0.5, 1.0])),
    min_size=1, max_size=8, unique_by=lambda entry: entry[:2],
)  # fmt: skip


def usable(term: str, *, language: str, accents: bool) -> bool:
    """Whether a text can hold a term and means it.

    Nothing stands between Chinese characters, and none begins a longer word. A word with a letter three times in a
    row is also read with one, and an exact term found that way goes before a stem.
    """
    try:
        words = parse_term(term, accents=accents).words
    except AffectcastError:
        return False
    if term.endswith("*"):
        plain = "".join(c for c in unicodedata.normalize("NFD", term) if not unicodedata.combining(c))
        return classify(chr(words[0][0])) == CharClass.WORD and not re.search(r"([^\W\d_])\1\1", plain)
    return language != "zh" or len(words) == 1 or not set(term) & set("-_# '")


@settings(max_examples=200, derandomize=True, deadline=None, database=None)
@given(rows=ENTRIES, language=st.sampled_from(["en", "es", "zh", "pt"]), accents=st.booleans())
@example(rows=[("# a", "glad", 1.0), ("b", "glad", 1.0)], language="en", accents=False)
@example(rows=[("1", "glad", 1.0), ("01", "Grim", 1.0)], language="en", accents=False)
@example(rows=[("a\u00f1\u00e9*", "31", 0.25), ("ane", "31", 1.0)], language="es", accents=True)
@example(rows=[("a", "glad", 0.0), ("aaa*", "glad", 0.0)], language="en", accents=False)
def test_every_term_of_any_lexicon_that_is_added_finds_itself(rows, language, accents):
    rows = [row for row in rows if usable(row[0], language=language, accents=accents)]
    if not rows:
        return
    with tempfile.TemporaryDirectory() as name:
        add_lexicon(
            file_of(*rows), spec=spec(scale="rate", language=language, accents=accents), folder=Path(name)
        )
        scorer = LexiconScorer("mine", folder=Path(name))
    texts = [term.removesuffix("*") for term, _, _ in rows]
    frame = posts(*[(text, language) for text in texts]).with_row_index("row")
    assert scorer.score(frame)["n_matched"].to_list() == [1] * len(rows)
    hits = scorer.term_hits(frame, keys=["row"])
    found = {row: (part["term"][0], set(part["dimension"])) for (row,), part in hits.group_by("row")}
    names = {"glad": "glad", "Grim": "grim", "31": "d_31"}
    key = {term: parse_term(term, accents=accents) for term, _, _ in rows}
    for row, (term, _, _) in enumerate(rows):
        same = {names[d] for t, d, _ in rows if key[t] == key[term]}
        if not term.endswith("*"):
            assert found[row][1] == same
        assert parse_term(found[row][0], accents=accents).words == key[term].words
