"""Train the embedded n-gram models anew, from public data that is not part of the project.

Not a benchmark of speed: it stands here because it joins what the packages must not join themselves, the words and
grades of our lexicons with the classifiers' training.

Run: python benchmarks/train_ngram.py DATA {es_pt,zh,en} [--out FOLDER] [--teacher emotion,mental_health]

DATA holds `labelled/` and `posts/`. `--teacher` (English only) names scorers whose probabilities are distilled into
the fast model: what they say of a training text is half of its target where the truth is known, and all of it, at a
lower weight, where it is not. The version that is printed belongs into `classifiers/catalogue.toml`.
"""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from portuguese_terms import terms

from classifiers.artefacts import EMBEDDED
from classifiers.labelled import (
    CHINESE_SOURCES,
    COMMUNITY_SOURCE,
    ENGLISH_SOURCES,
    PORTUGUESE_SOURCES,
    SPANISH_SOURCES,
    TONE,
    Labelled,
    Source,
    apart,
    as_published,
    load_communities,
    load_split,
    with_grades,
)
from classifiers.labelled import stacked as stacked_rows
from classifiers.ngram.columns import Columns, examples, narrowed, without_repeats
from classifiers.ngram.features import FeatureSpec
from classifiers.ngram.finish import Description, Evidence, Panel, finish, panel, stored
from classifiers.ngram.table import packed, save_table
from classifiers.ngram.train import Examples, Recipe, distilled, fit_linear, out_of_fold, stacked
from classifiers.taxonomy import EMOTION_MEASURES, MEASURES
from flows.scorers import make_scorer
from lexicons.catalogue import read_catalogue
from lexicons.load import load_lexicon
from lexicons.score import LexiconScorer

# Dimension of our affect lexicon -> measure it teaches.
TERMS = {
    "anger": "anger", "disgust": "disgust", "fear": "fear", "joy": "joy", "sadness": "sadness", "surprise": "surprise",
    "hope": "optimism", "affection": "affection",
}  # fmt: skip
TERM_WEIGHT = 0.3
# Portuguese has a quarter of the rows that Spanish has.
SOURCE_WEIGHTS = {"semeval2025_pt": 2.0}
GRADED_POSTS = 8_000


def grades(texts: Sequence[str], *, lang: str) -> np.ndarray:
    """Float64 (n, 3): valence, arousal, dominance by our word list; NaN where it grades no word."""
    frame = pl.DataFrame({"text": list(texts)}, schema={"text": pl.String}).with_columns(lang=pl.lit(lang))
    scores = LexiconScorer("vad", language=lang).score(frame)
    return scores.select(pl.col(TONE).cast(pl.Float64).fill_null(float("nan"))).to_numpy()


def split(data: Path, *, sources: Sequence[Source], lang: str) -> tuple[Labelled, Labelled]:
    """(train, validation) of one language without common texts, graded where we have a list."""
    parts = [
        load_split(data / "labelled", split=name, sources=sources, profile=as_published)
        for name in ("train", "validation")
    ]
    train, validation = apart(parts[0], validation=without_repeats(parts[1]))
    if lang == "pt":
        return train, validation
    return graded(train, lang=lang), graded(validation, lang=lang)


def graded(data: Labelled, *, lang: str) -> Labelled:
    """The rows with grades as targets of the three measures of tone."""
    return with_grades(data, grades=grades(data.texts, lang=lang))


def term_examples(*, lang: str, columns: Columns, weight: float = TERM_WEIGHT) -> Examples:
    """The words of our affect lexicon as tiny posts, known for the columns they can teach."""
    taught = {**TERMS, **{name: name for name in columns.auxiliary}}
    rows = _terms(lang).filter(pl.col("dimension").is_in(list(taught)))
    by_term = rows.group_by("term", maintain_order=True).agg("dimension")
    texts = by_term["term"].str.strip_chars("*").to_list()
    targets = np.zeros((len(texts), len(columns.names)), np.float32)
    for row, dimensions in enumerate(by_term["dimension"].to_list()):
        for name in (taught[d] for d in dimensions if taught[d] in columns.names):
            targets[row, columns.names.index(name)] = 1.0
    known = np.isin(columns.names, list(taught.values())).astype(np.float32) * weight
    return Examples(texts, targets, np.tile(known, (len(texts), 1)))


def _terms(lang: str) -> pl.DataFrame:
    if lang == "pt":
        return pl.DataFrame(terms(), schema={"term": pl.String, "dimension": pl.String}, orient="row")
    return load_lexicon(f"affect-{lang}", catalogue=read_catalogue(None)).terms


def graded_posts(data: Path, *, lang: str, columns: Columns) -> Examples:
    """Unlabelled posts that teach nothing but tone."""
    texts = _posts(data, lang=lang)
    shape = (len(texts), len(MEASURES))
    empty = Labelled(
        texts, np.zeros(shape, np.float32), np.zeros(shape, np.float32), np.full(len(texts), "posts")
    )
    found = examples(narrowed(graded(empty, lang=lang), columns=replace(columns, rest_of="")))
    return found.take(np.flatnonzero(found.weights.sum(axis=1) > 0)[:GRADED_POSTS])


def _posts(data: Path, *, lang: str) -> list[str]:
    if lang == "es":
        frame = pl.read_ndjson(data / "posts" / "spanish_news_tweets_es.jsonl.gz", schema={"text": pl.String})
    else:
        frame = pl.read_csv(data / "posts" / "weibo_covid_zh.csv.gz", columns=["text"], infer_schema=False)
    kept = frame.filter(~pl.col("text").str.starts_with("RT @")).drop_nulls().unique(maintain_order=True)
    return kept.sample(min(2 * GRADED_POSTS, kept.height), seed=20_240)["text"].to_list()


def train_es_pt(data: Path, out: Path) -> str:
    """One table for Spanish and Portuguese, calibrated for each; returns its version."""
    columns = Columns(tuple(name for name in EMOTION_MEASURES if name not in ("affection", "optimism")))
    recipe = Recipe(spec=FeatureSpec(tokens=2, shortest=3, longest=5, bits=18), log_ratio=0.5)
    splits = {
        "es": split(data, sources=SPANISH_SOURCES, lang="es"),
        "pt": split(data, sources=PORTUGUESE_SOURCES, lang="pt"),
    }
    always = stacked(
        [
            term_examples(lang="es", columns=columns),
            term_examples(lang="pt", columns=columns, weight=3 * TERM_WEIGHT),
            graded_posts(data, lang="es", columns=columns),
        ]
    )
    return _trained(out, splits=splits, always=always, recipe=recipe, columns=columns)


def train_zh(data: Path, out: Path) -> str:
    """The Chinese table; gratitude, a label of one data set, is learnt beside the measures. Returns its version."""
    measures = tuple(name for name in EMOTION_MEASURES if name != "affection")
    columns = Columns(measures, ("gratitude",), "weibo_covid")
    recipe = Recipe(spec=FeatureSpec(tokens=3, shortest=0, longest=0, bits=17))
    splits = {"zh": split(data, sources=CHINESE_SOURCES, lang="zh")}
    always = stacked(
        [term_examples(lang="zh", columns=columns), graded_posts(data, lang="zh", columns=columns)]
    )
    return _trained(out, splits=splits, always=always, recipe=recipe, columns=columns)


def _trained(
    out: Path,
    *,
    splits: dict[str, tuple[Labelled, Labelled]],
    always: Examples,
    recipe: Recipe,
    columns: Columns,
) -> str:
    """Train on all languages at once; calibrate and choose thresholds on training rows out of fold."""
    train = {lang: narrowed(pair[0], columns=columns) for lang, pair in splits.items()}
    labelled = stacked([examples(part, weights=SOURCE_WEIGHTS) for part in train.values()])
    unseen = out_of_fold(labelled, recipe=recipe, always=always)
    table = packed(fit_linear(stacked([labelled, always]), recipe=recipe))
    out.mkdir(parents=True, exist_ok=True)
    save_table(table, out)
    ends = np.cumsum([len(part.texts) for part in train.values()])
    evidence = {
        lang: Evidence(
            validation=panel(narrowed(splits[lang][1], columns=columns), table=stored(out), spec=recipe.spec),
            fitting=Panel(unseen[end - len(part.texts) : end], part),
        )
        for (lang, part), end in zip(train.items(), ends, strict=True)
    }
    more = f"Beside them {len(always.texts)} words of our own lists and unlabelled posts that these grade."
    return finish(
        out, description=_description(out, columns, recipe, len(labelled.texts), more), evidence=evidence
    )


_SOURCES: dict[str, tuple[Source, ...]] = {
    "emotion_es_pt": (*SPANISH_SOURCES, *PORTUGUESE_SOURCES),
    "emotion_zh": CHINESE_SOURCES,
    "fast_en": (*ENGLISH_SOURCES, COMMUNITY_SOURCE),
}


def _file(stem: str) -> str:
    return stem if "." in stem else f"{stem}.parquet"


def _description(out: Path, columns: Columns, recipe: Recipe, rows: int, more: str) -> Description:
    sources = _SOURCES[out.name]
    training: dict[str, Any] = {
        "rows": rows,
        "recipe": recipe.as_dict(),
        "files": [_file(source.train) for source in sources],
        "more": more,
    }
    return Description(
        name=out.name,
        measures=MEASURES if out.name == "fast_en" else EMOTION_MEASURES,
        columns=columns,
        spec=recipe.spec,
        training=training,
        validation_files=tuple(
            _file(s.validation) if s.validation else f"an eighth of {_file(s.train)}" for s in sources
        ),
        exclusive=tuple(source.name for source in sources if source.exclusive),
    )


def train_en(data: Path, out: Path, *, teachers: Sequence[str] = ()) -> str:
    """The fast English table of all measures; calibrated on validation. Returns its version."""
    columns = Columns(MEASURES)
    recipe = Recipe(spec=FeatureSpec(tokens=2, shortest=3, longest=5, bits=17), penalty=0.3, log_ratio=0.5)
    train, validation = english(data)
    taught = examples(train)
    if teachers:
        taught = distilled(taught, teacher=answers(train.texts, scorers=teachers))
    always = term_examples(lang="en", columns=columns)
    table = packed(fit_linear(stacked([taught, always]), recipe=recipe))
    out.mkdir(parents=True, exist_ok=True)
    save_table(table, out)
    judged = panel(validation, table=stored(out), spec=recipe.spec)
    more = f"Beside them {len(always.texts)} words of our own lists."
    if teachers:
        more += f" Half of each target is what the scorers {', '.join(teachers)} say."
    description = _description(out, columns, recipe, len(train.texts), more)
    return finish(out, description=description, evidence={"en": Evidence(judged)})


def english(data: Path) -> tuple[Labelled, Labelled]:
    """(train, validation) of all English sets and the forums, without common texts, graded."""
    parts = [
        stacked_rows(
            [
                load_split(data / "labelled", split=name, profile=as_published),
                load_communities(data / "posts", split=name, profile=as_published),
            ]
        )
        for name in ("train", "validation")
    ]
    train, validation = apart(parts[0], validation=without_repeats(parts[1]))
    return graded(train, lang="en"), graded(without_repeats(validation), lang="en")


def answers(texts: Sequence[str], *, scorers: Sequence[str]) -> np.ndarray:
    """Float32 (n, measures): what the scorers say of English texts, NaN for measures that none of them has."""
    frame = pl.DataFrame({"text": list(texts)}, schema={"text": pl.String}).with_columns(lang=pl.lit("en"))
    out = np.full((len(texts), len(MEASURES)), np.nan, np.float32)
    for name in scorers:
        scorer = make_scorer(name, threads=0)
        scores = scorer.score(frame)
        for measure in (m for m in scorer.measures if m in MEASURES):
            values = scores[measure].cast(pl.Float32).fill_null(float("nan"))
            out[:, MEASURES.index(measure)] = values.to_numpy()
    return out


def main() -> None:
    """Train one model and print its version."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("model", choices=("es_pt", "zh", "en"))
    parser.add_argument("--out", type=Path, default=EMBEDDED, help="folder of the models' folders")
    parser.add_argument("--teacher", default="", help="scorers to distil from, with commas between them")
    given = parser.parse_args()
    if given.model == "en":
        teachers = [name for name in given.teacher.split(",") if name]
        version = train_en(given.data, given.out / "fast_en", teachers=teachers)
    elif given.model == "zh":
        version = train_zh(given.data, given.out / "emotion_zh")
    else:
        version = train_es_pt(given.data, given.out / "emotion_es_pt")
    print(version)


if __name__ == "__main__":
    main()
