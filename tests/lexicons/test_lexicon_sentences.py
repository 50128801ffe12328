"""Invented sentences of everyday writing, and what the shipped scorers make of them. Not for rare words."""

from __future__ import annotations

import functools
import re

import pytest
from lexicon_worlds import posts

from lexicons.score import LexiconScorer

# `scorer.measure` is marked, `!scorer.measure` is not, `scorer.` marks nothing; vad is `<` or `>` neutral.
SENTENCES = [
    ("en", "I feel so lonely, no one to talk to", "lexicon.loneliness lexicon.negative loneliness.social"),
    ("en", "leave me alone!!", "lexicon.anger !lexicon.loneliness"),
    (
        "en",
        "What terrific news, I am so happy today",
        "lexicon.joy plutchik.joy vad.valence> !lexicon.negative",
    ),
    ("en", "not happy with the new bus line at all", "!lexicon.joy !plutchik.joy"),
    ("en", "im terrified and shaking with fear", "lexicon.fear plutchik.fear vad.valence< vad.dominance<"),
    ("en", "I am not afraid of the exam", "!lexicon.fear !plutchik.fear"),
    ("en", "deadlines piling up, total burnout", "lexicon.stress"),
    ("en", "I love you so much mom ❤️", "lexicon.affection lexicon.positive vad.valence>"),
    ("en", "waiting for results 😢", "lexicon.sadness plutchik.sadness vad.valence<"),
    ("en", "my train was late again >:(", "lexicon.anger"),
    ("en", "can't sleep, awake all night again", "symptoms.sleep_issues style.absolutist"),
    ("en", "i want to die and nobody would notice", "symptoms.suicidal_thoughts lexicon.depression"),
    ("en", "I am worthless, I hate myself", "symptoms.worthlessness style.first_person_singular"),
    ("en", "we lost our house but we will rebuild it", "crisis.recovery style.first_person_plural"),
    (
        "en",
        "The whole valley was told to evacuate, the shelters are full",
        "crisis.response !crisis.recovery",
    ),
    ("en", "wash your hands, wear a mask and get vaccinated", "crisis.mitigation"),
    ("en", "stock up on water before the storm", "crisis.preparedness"),
    ("en", "That smell is disgusting 🤢", "plutchik.disgust vad.valence<"),
    ("en", "the meeting is on Tuesday at ten", "lexicon. plutchik. symptoms. loneliness. crisis."),
    ("es", "estoy re sola, nadie me escribe", "lexicon.loneliness"),
    ("es", "no tengo amigos con quien hablar", "loneliness.social"),
    ("es", "qué bronca, me tienen harta", "lexicon.anger plutchik.anger"),
    ("es", "no doy abasto con el laburo", "lexicon.stress"),
    ("es", "me muero de risa jajajajaja", "lexicon.joy plutchik.joy"),
    ("es", "tengo un nudo en la garganta, q angustia", "lexicon.anxiety vad.valence<"),
    ("es", "te quiero mucho amiga, un apapacho", "lexicon.affection lexicon.positive"),
    ("es", "hoy no estoy feliz", "!lexicon.joy !plutchik.joy"),
    ("es", "no tengo miedo de nada", "!lexicon.fear !plutchik.fear"),
    ("es", "Qué día tan hermoso 😍", "lexicon.positive vad.valence>"),
    ("es", "se murió mi gato 😭", "lexicon.sadness plutchik.sadness"),
    ("es", "no puedo dormir y no tengo hambre", "symptoms.sleep_issues symptoms.appetite_change"),
    ("es", "ya no quiero vivir", "symptoms.suicidal_thoughts"),
    ("es", "evacuaron el pueblo y abrieron albergues", "crisis.response"),
    ("es", "ponte el cubrebocas y vacúnate", "crisis.mitigation"),
    ("es", "siempre lo mismo, yo nunca gano", "style.absolutist style.first_person_singular"),
    ("es", "qué asco, huele a podrido 🤮", "plutchik.disgust vad.valence<"),
    ("es", "mañana vamos a Buenos Aires", "lexicon. plutchik. symptoms. loneliness. crisis."),
    ("zh", "今天好开心哈哈哈哈", "lexicon.joy plutchik.joy vad.valence>"),
    ("zh", "失眠了，一直很焦虑", "lexicon.anxiety symptoms.sleep_issues vad.valence<"),
    ("zh", "没人陪我，好孤独", "lexicon.loneliness lexicon.negative"),
    ("zh", "没有朋友可以说话", "loneliness.social"),
    ("zh", "气死我了😡", "lexicon.anger plutchik.anger"),
    ("zh", "我不想活了", "lexicon.depression symptoms.suicidal_thoughts style.first_person_singular"),
    ("zh", "我一点也不害怕", "!lexicon.fear !plutchik.fear"),
    ("zh", "不是很开心", "!lexicon.joy !plutchik.joy"),
    ("zh", "我爱你，妈妈", "lexicon.affection lexicon.positive"),
    ("zh", "作业太多，压力好大", "lexicon.stress"),
    ("zh", "难过得想哭😭", "lexicon.sadness plutchik.sadness vad.valence<"),
    ("zh", "真恶心🤮", "plutchik.disgust vad.valence<"),
    ("zh", "医护人员连夜转移群众，全力救援", "crisis.response"),
    ("zh", "大家一定要戴口罩勤洗手", "crisis.mitigation style.absolutist"),
    ("zh", "我们一起重建家园", "crisis.recovery style.first_person_plural"),
    ("zh", "没胃口，什么都不想吃", "symptoms.appetite_change"),
    ("zh", "明天九点在图书馆开会", "lexicon. plutchik. symptoms. loneliness. crisis."),
]


@functools.cache
def scorer(name: str) -> LexiconScorer:
    return LexiconScorer(name)


@pytest.mark.parametrize(("lang", "text", "expected"), SENTENCES, ids=[f"{x[0]}-{x[2]}" for x in SENTENCES])
def test_sentences_are_marked_as_expected(lang, text, expected):
    for wanted in expected.split():
        not_marked, name, measure, side = re.fullmatch(r"(!?)(\w+)\.(\w*)([<>]?)", wanted).groups()
        scores = scorer(name).score(posts((text, lang))).row(0, named=True)
        marked = {m for m in scorer(name).measures if scores[m]}
        if not measure:
            assert marked == set(), name
        elif side:
            assert scores[measure] < 0.5 if side == "<" else scores[measure] > 0.5, wanted
        else:
            assert (measure in marked) == (not not_marked), wanted


@pytest.mark.parametrize(
    ("lang", "plain", "negated"),
    [("en", "happy", "not happy today"), ("en", "I was terrible", "I was not terrible"),
     ("es", "es terrible", "no es terrible"), ("zh", "我很害怕", "我没有害怕")],
)  # fmt: skip
def test_negation_brings_valence_towards_the_other_side(lang, plain, negated):
    valence = scorer("vad").score(posts((plain, lang), (negated, lang)))["valence"].to_list()
    assert (valence[0] - 0.5) * (valence[1] - 0.5) < 0
    assert abs(valence[1] - 0.5) < abs(valence[0] - 0.5)


@pytest.mark.parametrize("lang", ["en", "es", "zh"])
@pytest.mark.parametrize(
    ("emoji", "dimension"), [("😭", "sadness"), ("😡", "anger"), ("😱", "fear"), ("🥰", "affection")]
)
def test_common_emoji_mark_the_same_in_every_language(lang, emoji, dimension):
    assert scorer("lexicon").score(posts((emoji, lang)))[dimension].to_list() == [1.0]
