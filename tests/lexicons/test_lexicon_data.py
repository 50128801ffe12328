"""The shipped term files: checksums, tidiness, and terms that mean what they should."""

import re
from pathlib import Path

import polars as pl
import pytest

import lexicons.load as load
from lexicons import LexiconScorer, file_sha256, list_lexicons, load_lexicon
from lexicons.match import Matcher

NAMES = ["affectcast-en", "affectcast-es", "affectcast-zh"]
DIMENSIONS = (
    "anxiety", "depression", "stress", "loneliness", "joy", "affection",
    "sadness", "fear", "anger", "positive", "negative",
)  # fmt: skip
SMALLEST = {"affectcast-en": 60, "affectcast-es": 60, "affectcast-zh": 40}
NARROW_NEGATIVE = ("anxiety", "depression", "stress", "loneliness", "sadness", "fear", "anger")

# Everyday words that mark nothing; many begin like a word that does.
COMMON = {
    "affectcast-en": """
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
    "affectcast-es": """
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
    "affectcast-zh": """
        我们 你们 他们 今天 明天 昨天 现在 时候 什么 怎么 因为 所以 但是 可以 没有 知道 觉得 一个 这个 那个
        学校 公司 老师 学生 中国 北京 上海 手机 电脑 电影 音乐 新闻 政府 问题 工作 生活 时间 地方 东西 事情
        天气 下雨 吃饭 睡觉 上班 下班 回家 朋友圈 父母 孩子 医院 病毒 疫苗 口罩 武汉 火葬场 爱尔兰 抗议 运输了
    """,
}  # fmt: skip


def matched_terms(name: str, texts: list[str]) -> list[list[str]]:
    """Terms found in each text."""
    matcher = Matcher(load_lexicon(name))
    found: list[list[str]] = [[] for _ in texts]
    matches = matcher.match(pl.Series(texts, dtype=pl.String), collect=True)
    for row, term in zip(matches.rows, matches.terms, strict=True):
        found[row].append(matcher.terms[term])
    return found


def test_the_catalogue_lists_the_three_languages():
    assert list_lexicons() == NAMES
    assert [load_lexicon(name).language for name in NAMES] == ["en", "es", "zh"]


@pytest.mark.parametrize("name", NAMES)
def test_the_file_has_the_checksum_in_the_catalogue(name):
    entry = load.read_catalogue()[name]
    assert file_sha256(entry["path"]) == entry["sha256"]
    assert load_lexicon(name).version == entry["sha256"][:12]


@pytest.mark.parametrize("name", NAMES)
def test_the_catalogue_entry_is_complete(name):
    entry = load.read_catalogue()[name]
    assert entry["licence"] == "Apache-2.0"
    assert entry["citation"]
    assert entry["scale"] == "presence"
    assert load_lexicon(name).terms["weight"].unique().to_list() == [1.0]


@pytest.mark.parametrize("name", NAMES)
def test_every_dimension_has_enough_terms(name):
    lexicon = load_lexicon(name)
    sizes = dict(lexicon.terms.group_by("dimension").len().iter_rows())
    assert lexicon.dimensions == DIMENSIONS
    assert {d: n for d, n in sizes.items() if n < SMALLEST[name]} == {}


@pytest.mark.parametrize("name", NAMES)
def test_terms_are_spelled_as_a_reader_of_the_file_expects(name):
    terms = load_lexicon(name).terms["term"].to_list()
    untidy = [t for t in terms if t != " ".join(t.split()) or t != t.lower() or "’" in t]
    elongated = [t for t in terms if re.search(r"([^\W\d])\1\1", t)]
    assert (untidy, elongated) == ([], [])


@pytest.mark.parametrize("name", NAMES)
def test_every_term_finds_itself(name):
    terms = load_lexicon(name).terms["term"].unique(maintain_order=True).to_list()
    found = matched_terms(name, [t.removesuffix("*") for t in terms])
    assert [(t, f) for t, f in zip(terms, found, strict=True) if f != [t]] == []


def test_chinese_terms_have_no_stems_or_spaces():
    terms = load_lexicon("affectcast-zh").terms["term"]
    assert terms.filter(terms.str.contains(r"[* ]")).to_list() == []


@pytest.mark.parametrize("name", NAMES)
def test_valence_follows_from_the_narrow_dimensions(name):
    terms = load_lexicon(name).terms
    of = {d: set(terms.filter(dimension=d)["term"]) for d in DIMENSIONS}
    assert of["joy"] | of["affection"] <= of["positive"]
    assert set().union(*(of[d] for d in NARROW_NEGATIVE)) <= of["negative"]


@pytest.mark.parametrize("name", NAMES)
def test_no_term_is_both_positive_and_negative(name):
    terms = load_lexicon(name).terms
    both = set(terms.filter(dimension="positive")["term"]) & set(terms.filter(dimension="negative")["term"])
    assert both == set()


@pytest.mark.parametrize("name", NAMES)
def test_common_words_mark_nothing(name):
    words = COMMON[name].split()
    hits = {w: f for w, f in zip(words, matched_terms(name, words), strict=True) if f}
    assert hits == {}


SENSES = [
    ("en", "I feel so lonely, no one to talk to", {"loneliness"}),
    ("en", "leave me alone!!", {"anger"}),
    ("en", "terrific news", {"positive"}),
    ("en", "im terrified and shaking with fear", {"fear"}),
    ("en", "deadlines piling up, total burnout", {"stress"}),
    ("en", "I love you so much mom", {"affection"}),
    ("es", "estoy re sola", {"loneliness"}),
    ("es", "qué bronca, me tienen harta", {"anger"}),
    ("es", "no doy abasto con el laburo", {"stress"}),
    ("es", "me muero de risa jajajajaja", {"joy"}),
    ("es", "tengo un nudo en la garganta, q angustia", {"anxiety"}),
    ("es", "te quiero mucho amiga, un apapacho", {"affection"}),
    ("es", "mañana vamos a Buenos Aires", set()),
    ("zh", "今天好开心哈哈哈哈", {"joy"}),
    ("zh", "失眠了，一直很焦虑", {"anxiety"}),
    ("zh", "没人陪我，好孤独", {"loneliness"}),
    ("zh", "气死我了", {"anger"}),
    ("zh", "我不想活了", {"depression"}),
]


@pytest.mark.parametrize(("lang", "text", "expected"), SENSES)
def test_typical_sentences_are_marked_as_expected(lang, text, expected):
    scores = LexiconScorer().score(pl.DataFrame({"text": [text], "lang": [lang]}))
    marked = {d for d in DIMENSIONS if scores[d][0] == 1.0}
    assert expected <= marked
    assert expected or not marked


@pytest.fixture
def labelled() -> Path:
    folder = Path(__file__).parents[2].parent / "shared" / "data" / "labelled"
    if not folder.is_dir():
        pytest.skip("the shared data folder is not beside the checkout")
    return folder


@pytest.mark.real_data
def test_emotions_are_found_far_better_than_by_chance_in_labelled_posts(labelled):
    posts = pl.read_parquet(labelled / "tweeteval_emotion_en_val.parquet")
    scores = LexiconScorer().score(posts.select("text", lang=pl.lit("en")))
    labels = posts["labels"].cast(pl.List(pl.String)) if posts["labels"].dtype == pl.List else posts["labels"]
    for emotion in ("anger", "joy", "sadness"):
        has = labels.list.contains(emotion) if labels.dtype == pl.List else labels == emotion
        lift = scores[emotion].filter(has).mean() / scores[emotion].filter(~has).mean()
        assert lift > 1.5, emotion
