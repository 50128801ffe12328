"""Lexicon files that users bring: every format's shape with invented words, and every way to be refused."""

import json
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lexicons.formats import FORMATS, detect_format, read_lexicon_file
from lexicons.index import parse_term
from warehouse.errors import InputError

LIWC_2007 = """%
1\tglad
2\tgloomy
125\taffect
464\tfill
%
blorp\t1\t125
zind*\t2 125
kind\t<of>125/464\t<of>1/2
like\t(02 134)125/464\t(02 134)1\t2
f*oo\t2
Blorp\t1
"""
LIWC_2015 = """%
1\tglad (Glad Words)
\t2\tvery glad (More Glad)
30\tempty (Nothing)
%
quib a lot\t1\t2
(he) quib\t1
quib (of)\t1
:D\t2
mor\u2019n\t1
"""
LIWC_22 = "DicTerm,Glad,Gloomy\nblorp,X,\nzind*,,X\nquib quab,X,X\n"
LIWC_22_WEIGHTED = 'DicTerm,Glad,Gloomy\nblorp,0.5,\nzind*,,-1.25\n"quib, quab",1,\n'
EMOLEX_LONG = "blorp\tanger\t0\nblorp\tjoy\t1\nquib\tanger\t1\nquib\tjoy\t1\n"
INTENSITY = "English Word\tEmotion\tEmotion-Intensity-Score\nblorp\tanger\t0.25\nquib\tjoy\t0.875\n"
AFFECTS = "Positive\tNegative\tAnger\tAnticipation\tDisgust\tFear\tJoy\tSadness\tSurprise\tTrust"
EMOLEX_WIDE = f"Word\t{AFFECTS}\nblorp\t1\t0\t0\t0\t0\t0\t1\t0\t0\t0\n"
EMOLEX_MANY = (
    f"English (en)\tSpanish (es)\t{AFFECTS}\n"
    "blorp\tblorpa\t1\t0\t0\t0\t0\t0\t1\t0\t0\t0\n"
    "quib\tNO TRANSLATION\t0\t1\t0\t0\t0\t0\t0\t0\t0\t0\n"
)
VAD_1 = "blorp\t1.000\t0.250\t0.500\nquib\t0.000\t0.5\t0.75\n"
VAD_2 = "term\tvalence\tarousal\tdominance\nblorp\t-0.5\t0.25\t1.0\nquib quab\t0.5\t0\t-1\n"
EMPATH = "glad_things\tblorp\tquib_quab\nsour_things\tzind\tblorp\n"
SENTISENSE = """<?xml version="1.0" encoding="UTF-8"?>
<SentiSenseCorpus>
  <Concept synset="SID-00000001-N" pos="noun" gloss="g" emotion="joy" lemmas="blorp, quib_quab"/>
  <Concept synset="SID-00000002-N" pos="noun" gloss="g" emotion="sadness"><lemma>zind</lemma></Concept>
  <Concept synset="SID-00000003-N" pos="noun" gloss="g" emotion="fear"/>
</SentiSenseCorpus>
"""
SEL = (
    "Palabra\tNula[%]\tBaja[%]\tMedia[%]\tAlta[%]\tPFA\tCategor\u00eda\n"
    "blorpaci\u00f3n\t0\t0\t50\t50\t0,83\tAlegr\u00eda\n"
)
SEL_BARE = "blorpo;0,25;Miedo\nquiba;0.5;Enojo\n"
VADER = "blorp\t-3.0\t0.5\t[-3, -3, -3]\n:D\t2.0\t0.8\t[2, 2, 2]\n$:\t-1.5\t0.8\t[-1, -2]\n"
LABMT = (
    "A preamble of some sort\n\n"
    "word\thappiness_rank\thappiness_average\thappiness_standard_deviation\n"
    "blorp\t1\t9.0\t0.9\nquib\t2\t4.0\t1.0\n"
)
TSV = "term\tdimension\tweight\n# a comment\nblorp\tglad\t1\nquib quab\tgloomy\t1\n"
TSV_WIDE = "term\tglad\tgloomy\nblorp\t1\t0\nquib\t\t1\n"
CSV_WIDE = "word;glad;gloomy\nblorp;0,5;\nquib;;x\n"
CSV = 'term,dimension\n"blorp",glad\n"quib quab",glad\n'

SHAPES = {
    "liwc 2007": (LIWC_2007, "liwc-dic"),
    "liwc 2015": (LIWC_2015, "liwc-dic"),
    "liwc 22": (LIWC_22, "liwc-dic"),
    "liwc 22 weighted": (LIWC_22_WEIGHTED, "liwc-dic"),
    "emolex long": (EMOLEX_LONG, "nrc-emolex"),
    "intensity": (INTENSITY, "nrc-emolex"),
    "emolex wide": (EMOLEX_WIDE, "nrc-emolex"),
    "emolex in many languages": (EMOLEX_MANY, "nrc-emolex"),
    "vad 1": (VAD_1, "nrc-vad"),
    "vad 2": (VAD_2, "nrc-vad"),
    "empath": (EMPATH, "empath"),
    "sentisense": (SENTISENSE, "sentisense"),
    "sel": (SEL, "sel"),
    "sel bare": (SEL_BARE, "sel"),
    "vader": (VADER, "vader"),
    "labmt": (LABMT, "labmt"),
    "tsv": (TSV, "tsv"),
    "tsv wide": (TSV_WIDE, "tsv"),
    "csv": (CSV, "csv"),
    "csv wide": (CSV_WIDE, "csv"),
    "json": ('{"glad": ["blorp"]}', "json"),
}


@pytest.fixture
def write(tmp_path: Path):
    """Put a text or bytes into a file and return its path."""

    def to_file(content: str | bytes, encoding: str = "utf-8") -> Path:
        path = tmp_path / "lexicon.any"
        path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
        return path

    return to_file


def rows(found) -> set[tuple[str, str, float]]:
    return {(term, dimension, round(weight, 4)) for term, dimension, weight in found.terms.iter_rows()}


def refusal(path: Path, **options) -> str:
    with pytest.raises(InputError) as caught:
        read_lexicon_file(path, **options)
    assert str(path) in caught.value.message
    return caught.value.message


@pytest.mark.parametrize(("content", "name"), SHAPES.values(), ids=list(SHAPES))
def test_every_shape_is_recognised_by_its_content(write, content, name):
    assert detect_format(write(content)) == name


@pytest.mark.parametrize(("content", "name"), SHAPES.values(), ids=list(SHAPES))
@pytest.mark.parametrize("ending", ["\r\n", "\r"])
def test_line_endings_and_a_byte_order_mark_do_not_matter(write, content, name, ending):
    column = "English (en)" if content == EMOLEX_MANY else None
    plain = read_lexicon_file(write(content), column=column)
    marked = read_lexicon_file(write("\ufeff" + content.replace("\n", ending)), column=column)
    assert plain.format == name
    assert marked.terms.equals(plain.terms)
    assert (marked.dimensions, marked.scale, marked.notes) == (plain.dimensions, plain.scale, plain.notes)


@pytest.mark.parametrize(("content", "name"), SHAPES.values(), ids=list(SHAPES))
def test_terms_have_one_schema_and_no_row_twice(write, content, name):
    found = read_lexicon_file(write(content), column="English (en)" if content == EMOLEX_MANY else None)
    assert found.terms.schema == {"term": pl.String, "dimension": pl.String, "weight": pl.Float32}
    assert not found.terms.select("term", "dimension").is_duplicated().any()
    assert set(found.dimensions) == set(found.terms["dimension"])
    assert found.format == name
    assert name in FORMATS


def test_liwc_2007_keeps_plain_categories_and_counts_the_conditions(write):
    found = read_lexicon_file(write(LIWC_2007))
    assert rows(found) == {
        ("blorp", "glad", 1.0),
        ("blorp", "affect", 1.0),
        ("zind*", "gloomy", 1.0),
        ("zind*", "affect", 1.0),
        ("like", "gloomy", 1.0),
    }
    assert found.dimensions == ("glad", "gloomy", "affect")
    assert found.scale == "presence"
    assert [note.split(":")[0] for note in found.notes] == [
        "4 conditional categories were left out",
        "1 term was left out",
        "1 entry was left out",
        "1 dimension was left out",
    ]


def test_liwc_2015_reads_indented_categories_and_phrases_and_counts_conditional_entries(write):
    found = read_lexicon_file(write(LIWC_2015))
    assert {("quib a lot", "glad", 1.0), ("quib a lot", "very glad", 1.0), ("mor'n", "glad", 1.0)} <= rows(
        found
    )
    assert not any("(" in term for term in found.terms["term"])
    assert found.notes[0].startswith("2 conditional entries were left out")


def test_liwc_without_tabs_is_read_from_the_numbers_at_the_end(write):
    found = read_lexicon_file(write("%\n1 glad\n2 gloomy\n%\nquib quab 1 2\nzind* 2\n"))
    assert rows(found) == {("quib quab", "glad", 1.0), ("quib quab", "gloomy", 1.0), ("zind*", "gloomy", 1.0)}


def test_a_liwc_number_that_the_block_does_not_define_is_counted(write):
    found = read_lexicon_file(write("%\n1\tglad\n%\nblorp\t1\t7\n"))
    assert found.notes == ("1 category number was left out: the block at the top does not define them.",)


def test_liwc_22_marks_are_membership_and_numbers_are_weights(write):
    marked, weighted = read_lexicon_file(write(LIWC_22)), None
    assert rows(marked) == {
        ("blorp", "Glad", 1.0),
        ("zind*", "Gloomy", 1.0),
        ("quib quab", "Glad", 1.0),
        ("quib quab", "Gloomy", 1.0),
    }
    assert marked.scale == "presence"
    weighted = read_lexicon_file(write(LIWC_22_WEIGHTED))
    assert {("blorp", "Glad", 0.5), ("zind*", "Gloomy", -1.25)} <= rows(weighted)
    assert weighted.scale == "mean"


def test_emolex_rows_with_zero_are_no_members_and_are_counted(write):
    found = read_lexicon_file(write(EMOLEX_LONG))
    assert rows(found) == {("blorp", "joy", 1.0), ("quib", "anger", 1.0), ("quib", "joy", 1.0)}
    assert (found.scale, found.notes) == (
        "presence",
        ("1 entry was left out: 0 says that a term is not a member.",),
    )


def test_intensities_are_graded(write):
    found = read_lexicon_file(write(INTENSITY))
    assert rows(found) == {("blorp", "anger", 0.25), ("quib", "joy", 0.875)}
    assert found.scale == "mean"


def test_a_sheet_of_several_languages_needs_a_chosen_column(write):
    path = write(EMOLEX_MANY)
    assert "'English (en)', 'Spanish (es)'" in refusal(path)
    assert "no column 'Klingon'" in refusal(path, column="Klingon")
    found = read_lexicon_file(path, column="spanish (ES)")
    assert rows(found) == {("blorpa", "positive", 1.0), ("blorpa", "joy", 1.0)}
    assert found.notes[0] == "1 row was left out: no word in the column 'Spanish (es)'."


def test_vad_from_zero_to_one_is_moved_and_noted(write):
    found = read_lexicon_file(write(VAD_1))
    assert ("blorp", "valence", 1.0) in rows(found)
    assert ("blorp", "arousal", -0.5) in rows(found)
    assert ("quib", "valence", -1.0) in rows(found)
    assert found.notes == ("6 scores from 0 to 1 were rescaled to -1 to 1.",)


def test_vad_from_minus_one_is_kept_with_its_phrases(write):
    found = read_lexicon_file(write(VAD_2))
    assert {("blorp", "valence", -0.5), ("quib quab", "dominance", -1.0)} <= rows(found)
    assert (found.notes, found.dimensions) == ((), ("valence", "arousal", "dominance"))


def test_vad_on_another_scale_is_refused(write):
    assert "from 1 to 9" in refusal(write("blorp\t9\t1\t5\n"), format="nrc-vad")


def test_empath_underscores_are_spaces(write):
    found = read_lexicon_file(write(EMPATH))
    assert ("quib quab", "glad_things", 1.0) in rows(found)
    assert found.dimensions == ("glad_things", "sour_things")


def test_sentisense_takes_words_where_there_are_any_and_counts_the_rest(write):
    found = read_lexicon_file(write(SENTISENSE))
    assert rows(found) == {("blorp", "joy", 1.0), ("quib quab", "joy", 1.0), ("zind", "sadness", 1.0)}
    assert found.notes == ("1 concept was left out: no words in them, only a WordNet number.",)


def test_sentisense_as_published_has_no_words_and_says_what_to_add(write):
    bare = '<s><Concept synset="SID-00000001-N" pos="noun" gloss="words here" emotion="joy"/></s>'
    assert "Add them from the WordNet version" in refusal(write(bare))


def test_sel_weights_are_the_pfa_in_any_encoding_and_with_a_decimal_comma(write):
    for encoding in ("utf-8", "latin-1", "cp1252", "utf-16"):
        found = read_lexicon_file(write(SEL, encoding))
        assert rows(found) == {("blorpaci\u00f3n", "Alegr\u00eda", 0.83)}
        noted = any("was read as" in note for note in found.notes)
        assert noted == (encoding != "utf-8")
    assert rows(read_lexicon_file(write(SEL_BARE))) == {("blorpo", "Miedo", 0.25), ("quiba", "Enojo", 0.5)}


def test_vader_means_are_divided_by_four_and_emoticons_are_kept_or_counted(write):
    found = read_lexicon_file(write(VADER))
    assert ("blorp", "valence", -0.75) in rows(found)
    kept = {term for term in found.terms["term"] if term != "blorp"}
    assert kept <= {":D", "$:"}
    lost = 2 - len(kept)
    assert sum(f"{lost} term" in note for note in found.notes) == (lost > 0)


def test_an_emoticon_the_matcher_does_not_know_is_counted_and_never_becomes_a_letter(write):
    faces = [":3", "D:", "=p}", "8-D", "q_q", "<|:o"]
    content = "".join(f"{face}\t1.0\t0.5\t[1]\n" for face in (*faces, "u.s", "e-mail", "blorp"))
    found = read_lexicon_file(write(content), format="vader")
    kept = set(found.terms["term"])
    assert {"u.s", "e-mail", "blorp"} <= kept
    words = [parse_term(face).words[0] for face in kept - {"u.s", "e-mail", "blorp"}]
    assert not any(chr(word[0]).isalnum() for word in words)
    n = len(content.splitlines()) - len(kept)
    assert any(f"{n} terms were left out: no word and no known emoticon" in note for note in found.notes)


def test_labmt_is_centred_and_the_lines_above_its_header_are_counted(write):
    found = read_lexicon_file(write(LABMT))
    assert rows(found) == {("blorp", "happiness", 1.0), ("quib", "happiness", -0.25)}
    assert found.notes[0] == "1 line above the column names was skipped."


def test_a_plain_table_may_be_long_or_wide(write):
    long = read_lexicon_file(write(TSV))
    assert rows(long) == {("blorp", "glad", 1.0), ("quib quab", "gloomy", 1.0)}
    assert long.notes == ("1 comment line was skipped.",)
    assert rows(read_lexicon_file(write(TSV_WIDE))) == {("blorp", "glad", 1.0), ("quib", "gloomy", 1.0)}
    graded = read_lexicon_file(write(CSV_WIDE))
    assert rows(graded) == {("blorp", "glad", 0.5), ("quib", "gloomy", 1.0)}
    assert graded.scale == "mean"
    assert read_lexicon_file(write(CSV)).terms.height == 2


def test_columns_that_are_not_read_are_named(write):
    found = read_lexicon_file(write("term\tdimension\tauthor\nblorp\tglad\tme\n"))
    assert found.notes == ("1 column was not read: 'author'.",)


@pytest.mark.parametrize(
    "data",
    [
        {"glad": ["blorp", "quib quab"]},
        {"glad": {"blorp": 1, "quib quab": 1.0}},
        [{"term": "blorp", "dimension": "glad"}, {"term": "quib quab", "dimension": "glad", "weight": 1}],
    ],
)
def test_json_comes_in_three_shapes(write, data):
    found = read_lexicon_file(write(json.dumps(data)))
    assert rows(found) == {("blorp", "glad", 1.0), ("quib quab", "glad", 1.0)}
    assert found.scale == "presence"


def test_spelling_is_made_uniform_and_repeats_are_counted(write):
    found = read_lexicon_file(
        write("term\tdimension\nDon\u2019t\tglad\ndon't\tglad\n  cafe\u0301  noir\tglad\n")
    )
    assert found.terms["term"].to_list() == ["don't", "caf\u00e9 noir"]
    assert found.notes[0].startswith("1 entry was left out: repeats")


def test_two_weights_for_one_term_become_their_mean_and_a_note(write):
    found = read_lexicon_file(write("term\tdimension\tweight\nblorp\tglad\t0.5\nBlorp\tglad\t1\n"))
    assert rows(found) == {("blorp", "glad", 0.75)}
    assert "the mean was taken" in found.notes[0]


REFUSED = {
    "empty": (b"", "is empty"),
    "blank": (b" \n\n ", "is empty"),
    "workbook": (b"PK\x03\x04rest", "Excel"),
    "binary": (b"\x00\x01\x02\x03\x00\xff\x00\x01" * 30, "not text"),
    "control": (b"term\tdimension\nblo\x07rp\tglad\n", "line 2"),
    "late zero": (b"term\tdimension\n" + b"blorp\tglad\n" * 500 + b"\x00", "line 502"),
    "two encodings": ("term\tdimension\ncaf\u00e9\tglad\n".encode() + b"caf\xe9\tglad\n", "line 3"),
    "gbk": ("term\tdimension\n\u5f00\u5fc3\u5f97\u5f88\tglad\n".encode("gbk"), "line 2"),
    "truncated utf-16": ("term\tdimension\n".encode("utf-16")[:-1], "UTF-16"),
    "prose": (b"This is not a lexicon at all.\nIt is some text.\n", "none of the known"),
    "no number": (b"term\tdimension\tweight\nblorp\tglad\tmuch\n", "line 2: it has 'much' in column 3"),
    "infinite": (b"term\tdimension\tweight\nblorp\tglad\tinf\n", "line 2"),
    "no dimension": (b"term\tdimension\nblorp\t\n", "line 2"),
    "too many cells": (b"term\tdimension\nblorp\tglad\t1\n", "line 2: it has 3 cells"),
    "open quotation": (b'term,dimension\n"blorp,glad\n', "line 2"),
    "open block": (b"%\n1\tglad\nblorp\t1\n", "never closed"),
    "no category": (b"%\n1\tglad\n%\n\nblorp\n", "line 5"),
    "a word for a number": (b"%\n1\tglad\n%\nblorp\tglad\n", "line 4: it has 'glad'"),
    "unknown mark": (b"DicTerm,Glad\nblorp,yes\n", "line 2: it has 'yes' under 'Glad'"),
    "broken xml": (b"<a><Concept emotion='joy'></a>", "line 1"),
    "entities": (b"<!DOCTYPE a [<!ENTITY b 'c'>]><a/>", "line 1"),
    "xml of something else": (b"<a><b/></a>", "no element"),
    "broken json": (b'{"glad": ["blorp",\n}', "line 2"),
    "json twice": (b'{"glad": ["blorp"], "glad": ["quib"]}', "'glad' twice"),
    "json number": (b'{"glad": [1]}', r"glad[0] is int"),
    "json weight": (b'{"glad": {"blorp": NaN}}', "glad.blorp is float"),
    "json deep": (b"[" * 100_000, "json"),
    "json surrogate": (b'{"glad": ["\\ud800"]}', "not usable"),
    "only signs": (b"term\tdimension\n\xe2\x80\xa6\tglad\n", "no usable term"),
    "long line": (b"a" * 50_000_000, "line 1: it has 50000000 characters"),
}


@pytest.mark.parametrize(("content", "part"), REFUSED.values(), ids=list(REFUSED))
def test_what_cannot_be_read_is_refused_with_the_place(write, content, part):
    assert part.casefold() in refusal(write(content)).casefold()


def test_a_missing_file_and_an_unknown_format_are_named(tmp_path):
    assert "is not a file" in refusal(tmp_path / "absent.dic")
    with pytest.raises(InputError, match="The nearest is nrc-vad"):
        read_lexicon_file(tmp_path / "absent.dic", format="nrc-vda")


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("content", [content for content, _ in SHAPES.values()], ids=list(SHAPES))
def test_a_file_read_as_another_format_gives_terms_or_a_refusal(write, name, content):
    try:
        found = read_lexicon_file(write(content), format=name)
    except InputError:
        return
    assert found.terms.height > 0


PIECES = st.lists(
    st.sampled_from(
        [*"ab1,;\t\n\r%*'\"[]{}<>():.\u00e9\u2019\u4f60 ", "term", "dimension", "joy", "1", "0.5", "\n"]
    ),
    max_size=60,
).map("".join)


@settings(max_examples=300, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    content=st.one_of(PIECES.map(str.encode), st.binary(max_size=80)),
    name=st.sampled_from(("auto", *FORMATS)),
)
def test_any_bytes_give_a_lexicon_or_a_refusal(write, content, name):
    try:
        found = read_lexicon_file(write(content), format=name)
    except InputError:
        return
    assert found.terms.null_count().sum_horizontal().item() == 0
    assert found.terms.n_unique(["term", "dimension"]) == found.terms.height
    assert found.terms["weight"].is_finite().all()


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    listed=st.dictionaries(
        st.sampled_from(["glad", "gloomy", "sour"]),
        st.sets(st.text("abcdefg", min_size=1, max_size=6), min_size=1, max_size=8),
        min_size=1,
    )
)
def test_one_lexicon_says_the_same_in_every_plain_format(write, listed):
    pairs = [(term, name) for name, terms in listed.items() for term in sorted(terms)]
    expected = {(term, name, 1.0) for term, name in pairs}
    ids = {name: at for at, name in enumerate(listed, 1)}
    texts = {
        "tsv": "term\tdimension\n" + "".join(f"{term}\t{name}\n" for term, name in pairs),
        "csv": "term,dimension\n" + "".join(f'"{term}",{name}\n' for term, name in pairs),
        "json": json.dumps({name: sorted(terms) for name, terms in listed.items()}),
        "empath": "".join("\t".join([name, *sorted(terms)]) + "\n" for name, terms in listed.items()),
        "liwc-dic": "%\n"
        + "".join(f"{at}\t{name}\n" for name, at in ids.items())
        + "%\n"
        + "".join(f"{term}\t{ids[name]}\n" for term, name in pairs),
    }
    for name, text in texts.items():
        found = read_lexicon_file(write(text), format=name)
        assert rows(found) == expected
        assert found.dimensions == tuple(listed)
        assert found.notes == ()
