"""The shipped term and cue files: checksums, tidiness, sizes, and terms that are found and found only where meant."""

from __future__ import annotations

import re
import unicodedata

import polars as pl
import pytest

from lexicons.catalogue import SHIPPED, file_sha256, read_catalogue
from lexicons.index import parse_term
from lexicons.load import CUE_ROLES, load_cues, load_lexicon, load_scorer
from lexicons.match import Matcher

CATALOGUE = read_catalogue()
NAMES = list(CATALOGUE.lexicons)
LANGUAGES = ("en", "es", "zh")
FAMILIES = ("affect", "symptoms", "loneliness", "wellness", "crisis", "support", "style", "vad")
# What the card of the affect lexicon says of its two wide dimensions.
POSITIVE = ("joy", "affection", "trust", "hope", "gratitude", "calm")
NEGATIVE = (
    "anxiety", "depression", "stress", "loneliness", "sadness", "fear", "anger", "disgust", "shame",
    "disappointment", "suffering",
)  # fmt: skip
MAIN = ("anxiety", "depression", "stress", "loneliness", "joy", "sadness", "fear", "anger")
FEWEST = {
    "affect": 100, "symptoms": 100, "loneliness": 90, "wellness": 120, "crisis": 110, "support": 90, "style": 20,
    "vad": 800,
}  # fmt: skip

# Everyday words that mark nothing; many begin like a word that does.
COMMON = {
    "en": """
        the and you that was for are with his they this have from one had word but not what all were
        when your can said there use each which she how their will other about out many then them these
        some her would make like him into time has look two more write see number way could people than
        first water been call who oil its now find long down day did get come made may part over new
        sound take only little work know place year live back give most very after thing our just name
        sentence man think say where help through much before line right too mean old any
        same tell boy follow came want show also around form three small set put end does another well
        large must big even such because turn here why ask went men read need land different home us
        move try kind hand picture again change off play spell air away animal house point page letter
        mother answer found study still learn should world high every near add food between own below
        country plant last school father keep tree never start city earth eye light thought head under
        story saw left few while along might close something seem next hard open example begin life
        always those both paper together got group often run important until children side feet car
        mile night walk white sea began grow took river four carry state once book hear stop without
        second later idea enough eat face watch far really almost let above girl sometimes mountain cut
        young talk soon list song being leave family it's fine miss alone ragtime radio hat hatch
        scarf scarce tearoom therapist mandate madrid dreamy angel angle angles despite spitfire terrain
        lovelock joystick sadie glade gladiator funnel funds cryptic crypto admiral
    """,
    "es": """
        de la que el en y a los se del las un por con no una su para es al lo como más o pero sus le ha
        me si sin sobre este ya entre cuando todo esta ser son dos también fue había era muy años hasta
        desde está mi porque qué sólo solo han yo hay vez puede todos así nos ni parte tiene él uno donde
        luego ahora vida día hoy ayer noche casa gobierno país mundo gente hombre mujer niño año agua
        tierra ciudad calle escuela libro trabajo tiempo momento persona grupo empresa animal animales
        presidente irá aires madre padre hermano hijo semana mes lunes martes enero mayo
        cosa caso hecho manera lugar forma punto mano cabeza ojos cuerpo puerta mesa camino historia
        palabra número nombre agua luz rato medio nuevo nueva grande pequeño pequeña largo corto alto
        bajo primero segundo último otra otro cada mismo misma nada algo alguien nunca siempre casi
        entonces después antes mientras aunque según contra durante hacia traumatólogo harto hartos
        ocupado ocupar anillo gozne enchiladas divertículo soltero paseo serie tensiómetro precios progresista serenata
    """,
    "zh": """
        我们 你们 他们 今天 明天 昨天 现在 时候 什么 怎么 因为 所以 但是 可以 没有 知道 觉得 一个 这个 那个
        学校 公司 老师 学生 中国 北京 上海 手机 电脑 电影 音乐 新闻 政府 问题 工作 生活 时间 地方 东西 事情
        天气 下雨 吃饭 睡觉 上班 下班 回家 朋友圈 父母 孩子 医院 病毒 疫苗 口罩 武汉 火葬场 爱尔兰 抗议 运输了
    """,
}  # fmt: skip

# Families whose topics are everyday words themselves are not judged by them.
JUDGED = [name for name in NAMES if name.partition("-")[0] not in ("wellness", "style", "vad")]
# Words above that are terms all the same: what is ill or vaccinated is meant.
MEANT = {"affect-zh": {"医院", "病毒"}, "crisis-zh": {"疫苗", "口罩"}}


def family(name: str) -> str:
    return name.partition("-")[0]


def matched_terms(name: str, texts: list[str]) -> list[list[str]]:
    """Terms found in each text."""
    matcher = Matcher(load_lexicon(name, catalogue=CATALOGUE))
    found: list[list[str]] = [[] for _ in texts]
    matches = matcher.match(pl.Series(texts, dtype=pl.String), collect=True)
    for row, term in zip(matches.rows, matches.terms, strict=True):
        found[row].append(matcher.terms[term])
    return found


def distinct_terms(name: str) -> list[str]:
    return load_lexicon(name, catalogue=CATALOGUE).terms["term"].unique(maintain_order=True).to_list()


def test_every_family_is_there_in_every_language_and_every_file_is_listed():
    assert sorted(NAMES) == sorted(f"{name}-{language}" for name in FAMILIES for language in LANGUAGES)
    listed = {entry.file.name for entry in (*CATALOGUE.lexicons.values(), *CATALOGUE.cues.values())}
    assert {path.name for path in (SHIPPED.parent / "data").glob("*.tsv")} == listed
    assert all((SHIPPED.parent / "data" / f"{name}.md").is_file() for name in FAMILIES)


@pytest.mark.parametrize("name", [*NAMES, *(f"cues-{language}" for language in LANGUAGES)])
def test_the_file_has_the_checksum_in_the_catalogue(name):
    language = name.rpartition("-")[2]
    entry = CATALOGUE.cues[language] if name.startswith("cues") else CATALOGUE.lexicon(name)
    assert file_sha256(entry.file) == entry.sha256, "run `make checksums`"


@pytest.mark.parametrize("name", NAMES)
def test_every_dimension_has_enough_terms(name):
    terms = load_lexicon(name, catalogue=CATALOGUE).terms
    sizes = dict(terms.group_by("dimension").len().iter_rows())
    least = {dimension: FEWEST[family(name)] for dimension in sizes}
    if family(name) == "affect":
        least |= dict.fromkeys(MAIN, 200) | {"gratitude": 50}
    assert {d: n for d, n in sizes.items() if n < least[d]} == {}


@pytest.mark.parametrize("family", FAMILIES)
def test_the_languages_of_a_family_have_the_same_dimensions_in_the_same_order(family):
    dimensions = {load_lexicon(f"{family}-{x}", catalogue=CATALOGUE).dimensions for x in LANGUAGES}
    assert len(dimensions) == 1


def test_every_scorer_finds_its_dimensions_in_every_language():
    for name in CATALOGUE.scorers:
        entry, loaded = load_scorer(name, catalogue=CATALOGUE)
        assert [lexicon.language for lexicon in loaded] == list(LANGUAGES)
        assert set(entry.dimensions) >= {d for members in entry.sets.values() for d in members}


@pytest.mark.parametrize("name", NAMES)
def test_terms_are_spelled_as_a_reader_of_the_file_expects(name):
    terms = distinct_terms(name)
    untidy = [
        t for t in terms if t != " ".join(t.split()) or t != t.lower() or t != unicodedata.normalize("NFC", t)
    ]
    curly = [
        t
        for t in terms
        if re.search(r"[\u2018\u2019\u201c\u201d\ufe0f\u200b-\u200f\U0001f3fb-\U0001f3ff]", t)
    ]
    elongated = [t for t in terms if re.search(r"([^\W\d_])\1\1", t) and not re.search(r"[\u3400-\u9fff]", t)]
    stems = [t for t in terms if "*" in t.removesuffix("*") or (t.endswith("*") and " " in t)]
    assert (untidy, curly, elongated, stems) == ([], [], [], [])


@pytest.mark.parametrize("name", NAMES)
def test_rows_are_grouped_by_dimension(name):
    terms = load_lexicon(name, catalogue=CATALOGUE).terms
    assert terms["dimension"].rle().struct.field("value").is_unique().all()


@pytest.mark.parametrize("name", NAMES)
def test_no_two_terms_fold_to_the_same(name):
    terms = distinct_terms(name)
    folded = {(parsed.words, parsed.is_stem) for parsed in map(parse_term, terms)}
    assert len(folded) == len(terms)


@pytest.mark.parametrize("name", NAMES)
def test_every_term_finds_itself(name):
    terms = distinct_terms(name)
    exact = {parse_term(t).words for t in terms if not t.endswith("*")}
    # A stem beside the word it begins with is found in longer words only.
    texts = [t.removesuffix("*") + "q" * (t.endswith("*") and parse_term(t).words in exact) for t in terms]
    found = matched_terms(name, texts)
    assert [(t, f) for t, f in zip(terms, found, strict=True) if f != [t]] == []


@pytest.mark.parametrize("name", [name for name in NAMES if name.endswith("-zh")])
def test_chinese_terms_have_no_stems_or_spaces(name):
    assert [term for term in distinct_terms(name) if re.search(r"[*\s]", term)] == []


@pytest.mark.parametrize("name", [name for name in NAMES if family(name) != "vad"])
def test_membership_has_the_weight_one(name):
    assert load_lexicon(name, catalogue=CATALOGUE).terms["weight"].unique().to_list() == [1.0]


@pytest.mark.parametrize("language", LANGUAGES)
def test_positive_and_negative_hold_what_the_card_says_and_share_no_term(language):
    terms = load_lexicon(f"affect-{language}", catalogue=CATALOGUE).terms
    of = {d: set(terms.filter(dimension=d)["term"]) for d in terms["dimension"].unique()}
    assert {d: of[d] - of["positive"] for d in POSITIVE if of[d] - of["positive"]} == {}
    assert {d: of[d] - of["negative"] for d in NEGATIVE if of[d] - of["negative"]} == {}
    assert of["positive"] & of["negative"] == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_graded_word_has_three_grades_within_bounds(language):
    terms = load_lexicon(f"vad-{language}", catalogue=CATALOGUE).terms
    per_term = terms.group_by("term").agg(pl.col("dimension").sort())
    assert per_term["dimension"].list.join(" ").unique().to_list() == ["arousal dominance valence"]
    assert terms["weight"].is_between(-1.0, 1.0).all()
    by_dimension = terms.group_by("dimension").agg(
        low=pl.col("weight").min(), high=pl.col("weight").max(), kinds=pl.col("weight").n_unique()
    )
    assert by_dimension.filter(
        (pl.col("low") > -0.5) | (pl.col("high") < 0.5) | (pl.col("kinds") < 20)
    ).is_empty()


@pytest.mark.parametrize("name", JUDGED)
def test_common_words_mark_nothing(name):
    words = COMMON[name.rpartition("-")[2]].split()
    marked = {word for word, found in zip(words, matched_terms(name, words), strict=True) if found}
    assert marked == MEANT.get(name, set())


# ---------------------------------------------------------------------------------------------- cues


@pytest.mark.parametrize("language", LANGUAGES)
def test_cues_have_every_role_and_factors_that_fit_it(language):
    cues = load_cues(language, catalogue=CATALOGUE)
    assert set(cues.terms["role"]) == set(CUE_ROLES)
    assert cues.terms.filter(pl.col("role") != "degree")["factor"].unique().to_list() == [1.0]
    degree = cues.terms.filter(role="degree")["factor"]
    assert degree.is_between(0.2, 2.0).all()
    assert (degree < 1).any()
    assert (degree > 1).any()
    assert cues.reach == (4 if language == "zh" else 3)


@pytest.mark.parametrize("language", LANGUAGES)
def test_cues_are_spelled_as_a_reader_expects_and_no_two_fold_to_the_same(language):
    cues = load_cues(language, catalogue=CATALOGUE).terms["cue"].to_list()
    assert [c for c in cues if c != " ".join(c.lower().split()) or "*" in c or "\u2019" in c] == []
    assert len({parse_term(cue).words for cue in cues}) == len(cues)
    assert language != "zh" or not any(" " in cue for cue in cues)
