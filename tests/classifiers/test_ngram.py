"""N-gram models: the compiled reader does what the slow one does, and the stored models are the ones described."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from ngram_reference import rows_of

from classifiers.artefacts import EMBEDDED, Artefact, load_artefact, version_of
from classifiers.labelled import (
    CHINESE_SOURCES,
    ENGLISH_SOURCES,
    PORTUGUESE_SOURCES,
    SPANISH_SOURCES,
    as_published,
    load_split,
    near_duplicates,
)
from classifiers.ngram.card import card_text
from classifiers.ngram.columns import Columns, narrowed, without_repeats
from classifiers.ngram.features import FeatureSpec, list_rows, score_rows
from classifiers.ngram.model import NgramModel
from classifiers.ngram.table import WEIGHT_FILE, packed
from classifiers.ngram.train import Examples, Recipe, distilled, fit_linear, out_of_fold
from classifiers.taxonomy import TONE
from warehouse.errors import InputError, MissingModelError

LATIN, CHINESE = FeatureSpec(bits=14), FeatureSpec(tokens=3, shortest=0, longest=0, bits=14)
MODELS = ("emotion_es_pt", "emotion_zh", "fast_en")
MEGABYTES = 11e6

PIECES = st.sampled_from(
    [
        " ", "  ", "\n", "a", "ab", "HOLA", "Ñandú", "sooo", "jajaja", "don't", "it’s", "'", "!", "!!!!", "?!", "...",
        ":)", "<3", "@", "@ana_1", "@<user>", "<user>", "<USERNAME>", "<url>", "<b>", "<", "&amp;", "&", "&#39;",
        "http://t.co/x", "https://", "HTTP://A.b/c?d", "www.x", "www.", "https", "😂", "😂😂😂😂", "👍🏽", "❤️", "我",
        "很开心", "[泪]", "！！", "#", "#tag", "0", "2024", "\u200b", "\u0301", "𝓱𝓮𝔂", "\U000200a5", "\U000e0041",
        "\U00100000", "\x00", "كيف", "-", "_", "x" * 60, "é", "ＡＢ", "カナ",
    ]
)  # fmt: skip
TEXTS = st.one_of(st.text(max_size=40), st.lists(PIECES, max_size=12).map("".join))


def series(texts: list[str | None]) -> pl.Series:
    return pl.Series(texts, dtype=pl.String)


@pytest.fixture(params=MODELS)
def model_name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.parametrize("spec", [LATIN, CHINESE, FeatureSpec(tokens=5, shortest=2, longest=6, bits=14)])
@given(texts=st.lists(TEXTS, max_size=6))
@example(texts=["@@ana <<user> &amp;&", "a'b' 'c", "https://", "www.a b", "ab\u200dc ‍!\ufe0f!!"])
@settings(max_examples=60, deadline=None)
def test_features_equal_those_of_the_slow_reader(spec: FeatureSpec, texts: list[str]) -> None:
    lists = list_rows(series(list(texts)), spec)
    found = [
        (set(lists.rows[a:b].tolist()), b - a, int(n))
        for a, b, n in zip(lists.starts[:-1], lists.starts[1:], lists.n_tokens, strict=True)
    ]
    wanted = [rows_of(text, spec) for text in texts]
    assert found == [(rows, len(rows), tokens) for rows, tokens in wanted]


@given(texts=st.lists(TEXTS, max_size=5), seed=st.integers(0, 99))
@settings(max_examples=30, deadline=None)
def test_scores_are_sums_over_distinct_features(texts: list[str], seed: int) -> None:
    table = np.random.default_rng(seed).integers(-127, 128, (LATIN.rows, 3)).astype(np.int8)
    scores, tokens = score_rows(series(list(texts)), table=table, spec=LATIN)
    for text, found, n in zip(texts, scores, tokens, strict=True):
        rows, wanted = rows_of(text, LATIN)
        sums = table[sorted(rows)].astype(np.int64).sum(axis=0)
        assert n == wanted
        if rows:
            np.testing.assert_allclose(found, sums / np.sqrt(len(rows)), rtol=1e-5)
        else:
            assert np.isnan(found).all()


@given(texts=st.lists(TEXTS, min_size=1, max_size=9), threads=st.integers(2, 5))
@settings(max_examples=40, deadline=None)
def test_neither_company_nor_threads_change_a_score(texts: list[str], threads: int) -> None:
    table = np.random.default_rng(1).integers(-127, 128, (LATIN.rows, 8)).astype(np.int8)
    together, _ = score_rows(series(list(texts)), table=table, spec=LATIN)
    alone = [score_rows(series([text]), table=table, spec=LATIN)[0][0] for text in texts]
    divided, _ = score_rows(series(list(texts)), table=table, spec=LATIN, threads=threads)
    np.testing.assert_array_equal(together, np.stack(alone))
    np.testing.assert_array_equal(together, divided)


def test_slices_of_a_series_are_read_where_they_lie() -> None:
    texts = series(["uno", "dos tres", None, "cuatro cinco seis"])
    whole, part = list_rows(texts, LATIN), list_rows(texts[1:], LATIN)
    np.testing.assert_array_equal(whole.rows[whole.starts[1] :], part.rows)
    assert part.n_tokens.tolist() == [2, 0, 3]


@pytest.mark.parametrize(
    "text",
    [
        "ja" * 5_000_000,
        "😂" * 200_000,
        "a b " * 500_000,
        "我很开心" * 100_000,
        "\x00",
        "<" * 9,
        "@",
        "&",
        "www.",
        "é",
    ],
    ids=["long word", "emoji", "many words", "Chinese", "control", "angles", "at", "and", "www", "accent"],
)
def test_any_text_is_read(text: str) -> None:
    model = NgramModel(load_artefact(EMBEDDED / "emotion_es_pt"))
    found, tokens = model.probabilities(series([text, "hola"]), lang="es")
    assert np.isfinite(found[1][:6]).all()
    assert np.isfinite(found[0][:6]).all() == (tokens[0] > 0)


def test_a_post_without_anything_to_read_is_null(model_name: str) -> None:
    model = NgramModel(load_artefact(EMBEDDED / model_name))
    found, tokens = model.probabilities(
        series(["", None, " \n\u200b", "\u0301\u00ad"]), lang=model.languages[0]
    )
    assert np.isnan(found).all()
    assert tokens.tolist() == [0, 0, 0, 0]


def test_no_posts_give_no_rows(model_name: str) -> None:
    model = NgramModel(load_artefact(EMBEDDED / model_name))
    found, tokens = model.probabilities(series([]), lang=model.languages[0])
    assert found.shape == (0, len(model.measures))
    assert tokens.shape == (0,)


MOODS = {
    "es": {
        "joy": ("¡Qué alegría, estoy feliz y muy contenta! 😊", "Estoy tan feliz que no paro de sonreír"),
        "sadness": ("Estoy muy triste, no dejo de llorar 😢", "Qué tristeza tan grande, me siento solo"),
        "anger": ("¡Qué rabia! Estoy furiosa y harta de este idiota", "Me da rabia, son unos sinvergüenzas"),
        "fear": ("Tengo mucho miedo, estoy aterrada", "Qué miedo me da salir de noche, qué susto"),
    },
    "pt": {
        "joy": ("Que alegria, estou muito feliz! 😊", "Amei, que dia maravilhoso, adorei tudo"),
        "sadness": ("Estou muito triste e não paro de chorar 😢", "Que tristeza, morreu, estou chorando"),
        "anger": ("Que raiva, odeio esse idiota", "Que ódio desse babaca, vai se foder"),
    },
    "zh": {
        "joy": ("今天真是太开心了，哈哈哈哈", "好开心啊，真幸福"),
        "sadness": ("好难过，一直在流泪[泪]", "太难过了，心都碎了，眼泪止不住"),
        "anger": ("太气人了，真是愤怒，滚", "气死我了，这种人真该死"),
        "fear": ("太可怕了，我好害怕", "好恐怖，吓死我了"),
    },
    "en": {
        "joy": ("So happy today, this is wonderful! 😂", "haha I love this, what a great day"),
        "sadness": ("I am so sad, I cannot stop crying", "this is heartbreaking, I feel so sad and sorry"),
        "anger": ("I am furious, I hate this stupid idiot", "this makes me so angry, what an asshole"),
        "fear": ("I am so scared, this is terrifying", "I am afraid and nervous, so frightening"),
    },
}


@pytest.mark.parametrize("lang", MOODS)
def test_sentences_of_obvious_mood_rank_right(lang: str) -> None:
    model = NgramModel(load_artefact(EMBEDDED / FOLDERS[lang]))
    moods = MOODS[lang]
    texts = [text for pair in moods.values() for text in pair]
    found, _ = model.probabilities(series(texts), lang=lang)
    for k, mood in enumerate(moods):
        column = found[:, model.measures.index(mood)]
        assert column[2 * k : 2 * k + 2].min() > np.delete(column, [2 * k, 2 * k + 1]).max(), mood


def test_measures_without_data_are_null_and_said_to_be(model_name: str) -> None:
    artefact = load_artefact(EMBEDDED / model_name)
    model = NgramModel(artefact)
    for lang in model.languages:
        found, _ = model.probabilities(series(["hola 你好 hello"]), lang=lang)
        null = [name for name, value in zip(model.measures, found[0], strict=True) if np.isnan(value)]
        assert tuple(null) == model.lacking(lang)
        assert all(name in (artefact.folder / "CARD.md").read_text() for name in null)


def test_another_language_is_refused_with_the_ones_there_are() -> None:
    model = NgramModel(load_artefact(EMBEDDED / "emotion_es_pt"))
    with pytest.raises(InputError, match="'fr'; expected one of es, pt"):
        model.probabilities(series(["salut"]), lang="fr")


def test_altered_or_missing_weights_are_refused(tmp_path: Path, model_name: str) -> None:
    shutil.copytree(EMBEDDED / model_name, tmp_path / "model")
    path = tmp_path / "model" / WEIGHT_FILE
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(bytes(content))
    model = NgramModel(load_artefact(tmp_path / "model"))
    with pytest.raises(MissingModelError, match="was altered"):
        model.probabilities(series(["hola"]), lang=model.languages[0])
    path.unlink()
    with pytest.raises(MissingModelError, match="is missing"):
        NgramModel(load_artefact(tmp_path / "model")).probabilities(series(["a"]), lang=model.languages[0])


def test_the_description_is_whole(model_name: str) -> None:
    artefact = load_artefact(EMBEDDED / model_name)
    meta = artefact.meta
    assert version_of(meta) == meta["version"]
    assert (artefact.folder / "CARD.md").read_text() == card_text(meta)
    for lang in meta["languages"]:
        labelled = [m for m in meta["measures_by_language"][lang] if m not in TONE]
        assert set(meta["error_rates"][lang]) == set(meta["metrics"][lang]["f1"]) == set(labelled)
        for name in labelled:
            rate = meta["error_rates"][lang][name]
            assert rate["threshold"] == meta["thresholds"][lang][name]
            assert 0 <= rate["fpr"] < rate["tpr"] <= 1


def test_the_weights_fit_their_budget() -> None:
    assert sum((EMBEDDED / name / WEIGHT_FILE).stat().st_size for name in MODELS) <= MEGABYTES


def made_up(n: int = 60, *, seed: int = 3) -> Examples:
    rng = np.random.default_rng(seed)
    words = np.array(["sol", "mar", "luna", "pan", "té", "río", "luz"])
    picked = [rng.choice(words, 4) for _ in range(n)]
    targets = np.array([[("sol" in words_), ("mar" in words_)] for words_ in picked], dtype=np.float32)
    return Examples([" ".join(words_) for words_ in picked], targets, np.ones_like(targets))


SMALL = Recipe(spec=FeatureSpec(bits=12), epochs=4)


def test_training_is_deterministic_and_learns() -> None:
    first, second = (fit_linear(made_up(), recipe=SMALL) for _ in range(2))
    np.testing.assert_array_equal(first.weights, second.weights)
    np.testing.assert_array_equal(first.bias, second.bias)
    unseen = out_of_fold(made_up(200), recipe=SMALL)
    assert ((unseen > 0) == (made_up(200).targets > 0)).mean() > 0.95


def test_the_optimum_has_no_gradient() -> None:
    data = made_up()
    recipe = replace(SMALL, epochs=200, rarity=0.0)
    model = fit_linear(data, recipe=recipe)
    lists = list_rows(series(list(data.texts)), recipe.spec)
    errors = data.targets - 1 / (1 + np.exp(-model.logits(lists).astype(np.float64)))
    pull = np.zeros_like(model.weights, dtype=np.float64)
    for i, (a, b) in enumerate(zip(lists.starts[:-1], lists.starts[1:], strict=True)):
        pull[lists.rows[a:b]] += errors[i] / np.sqrt(b - a)
    np.testing.assert_allclose(model.weights, pull / recipe.penalty, atol=2e-3)


def test_unknown_cells_teach_nothing() -> None:
    data = made_up()
    hidden = np.arange(60) % 2 == 0
    weights = data.weights.copy()
    weights[hidden, 1] = 0.0
    other = data.targets.copy()
    other[hidden, 1] = 1.0 - other[hidden, 1]
    first, second = (
        fit_linear(Examples(data.texts, targets, weights), recipe=replace(SMALL, log_ratio=0.5))
        for targets in (data.targets, other)
    )
    np.testing.assert_array_equal(first.weights, second.weights)


def test_a_column_without_known_cells_is_refused() -> None:
    data = made_up()
    weights = data.weights * np.array([1.0, 0.0], dtype=np.float32)
    with pytest.raises(ValueError, match=r"columns \[1\] have no known cell"):
        fit_linear(Examples(data.texts, data.targets, weights), recipe=SMALL)


def test_a_teacher_halves_known_targets_and_fills_unknown_ones() -> None:
    truth = np.array([[1.0, 0.0], [0.0, 1.0]], dtype=np.float32)
    weights = np.array([[1.0, 0.0], [1.0, 0.0]], dtype=np.float32)
    teacher = np.array([[0.5, 0.9], [np.nan, np.nan]], dtype=np.float32)
    taught = distilled(Examples(["a", "b"], truth, weights), teacher=teacher)
    np.testing.assert_allclose(taught.targets, [[0.75, 0.9], [0.0, 0.0]])
    np.testing.assert_allclose(taught.weights, [[1.0, 0.3], [1.0, 0.0]])
    with pytest.raises(ValueError, match="same texts in the same order"):
        distilled(Examples(["a", "b"], truth, weights), teacher=teacher[:1])


def test_packing_loses_little() -> None:
    model = fit_linear(made_up(), recipe=SMALL)
    table = packed(model)
    assert np.abs(table.rows * table.scale - model.weights).max() <= np.abs(model.weights).max() / 20


def test_chinese_near_duplicates_are_found_by_pairs_of_characters() -> None:
    of = ["今天下午我们一起去公园散步，天气非常好"]
    texts = ["今天下午我们一起去公园散步 天气非常好！", "今天上午她独自去医院看病，天气很不好", "好"]
    assert near_duplicates(texts, of=of).tolist() == [True, False, False]


SPLITS = {
    "es": SPANISH_SOURCES,
    "pt": PORTUGUESE_SOURCES,
    "zh": CHINESE_SOURCES,
    "en": [source for source in ENGLISH_SOURCES if source.validation],
}
FOLDERS = {"es": "emotion_es_pt", "pt": "emotion_es_pt", "zh": "emotion_zh", "en": "fast_en"}


@pytest.mark.real_data
@pytest.mark.parametrize("lang", SPLITS)
def test_published_metrics_are_those_of_the_validation_rows(lang: str, labelled_data: Path) -> None:
    artefact = load_artefact(EMBEDDED / FOLDERS[lang])
    found = validated(artefact, lang=lang, folder=labelled_data)
    stated = artefact.meta["metrics"][lang]
    assert found == pytest.approx(
        {name: stated["by_source"][name]["macro_f1"][0] for name in found}, abs=2e-3
    )


def validated(artefact: Artefact, *, lang: str, folder: Path) -> dict[str, float]:
    """Macro-F1 per data set by the public interface alone."""
    data = without_repeats(load_split(folder, split="validation", sources=SPLITS[lang], profile=as_published))
    rows = narrowed(data, columns=Columns(artefact.measures))
    probabilities, _ = NgramModel(artefact).probabilities(series(list(rows.texts)), lang=lang)
    thresholds = artefact.meta["thresholds"][lang]
    places = [k for k, name in enumerate(artefact.measures) if name in thresholds and name not in TONE]
    limits = np.array([thresholds[artefact.measures[k]] for k in places], np.float32)
    out = {}
    for source in np.unique(rows.sources):
        inside = np.flatnonzero(rows.sources == source)
        cells = np.ix_(inside, places)
        truth, known = rows.targets[cells] > 0, rows.masks[cells] > 0
        out[str(source)] = by_hand(truth, probabilities[cells] >= limits, known)
    return out


def by_hand(truth: np.ndarray, said: np.ndarray, known: np.ndarray) -> float:
    """Macro-F1 over measures that occur."""
    scores = []
    for t, s, k in zip(truth.T, said.T, known.T, strict=True):
        hit, wrong = (t & s & k).sum(), ((t != s) & k).sum()
        if (t & k).any():
            scores.append(2 * hit / (2 * hit + wrong))
    return float(np.mean(scores))
