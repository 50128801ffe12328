"""A scorer against people's labels: what `affectcast evaluate` finds. Changes no scorer and tunes nothing.

The rows of all texts of a language are rows of `out.measure_quality`; those of groups, of bands of length and of texts
with hidden words are for the analyst only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from classifiers.abstain import risk_coverage
from classifiers.agreement import Cells, Estimate, agreement, differences, one_answer
from classifiers.evaluate import Interval
from flows.evaluation import slices
from flows.evaluation.answers import Answers, answers_of
from flows.evaluation.labels import AUTO, EvaluateSpec, labels_of, names_of
from flows.evaluation.mask_words import Masked, mask_words
from flows.score_file import cleaned, languages_of, score_posts
from warehouse.errors import InputError
from warehouse.scoring import Scorer
from warehouse.tables import TABLES, empty

TABLE = TABLES["out.measure_quality"]
PLAIN, MASKED, DIFFERENCE = "as_written", "words_hidden", "difference"
DIGITS = 6
RESULT_SCHEMA = pl.Schema(
    {**empty(TABLE).schema, "variant": pl.String(), "by": pl.String(), "level": pl.String()}
)
# What is kept for publication; the rest is about groups or single coverages.
KEPT = (
    "precision", "recall", "f1", "base_rate", "sensitivity", "specificity", "threshold", "brier", "calibration_error",
    "aurc", "macro_f1", "weighted_f1", "accuracy", "macro_f1_at_thresholds", "weighted_f1_at_thresholds",
)  # fmt: skip
Tell = Callable[[str, int], None]


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """`rows` as in `RESULT_SCHEMA`, and sentences on what was left out or hidden."""

    rows: pl.DataFrame
    notes: tuple[str, ...]

    def quality(self) -> pl.DataFrame:
        """The rows that belong into `out.measure_quality`: all texts of one language, as they were written."""
        kept = self.rows.filter(
            pl.col("variant") == PLAIN, pl.col("by") == slices.ALL, pl.col("lang") != slices.ALL,
            pl.col("metric").is_in(KEPT),
        )  # fmt: skip
        return kept.select(empty(TABLE).columns)


def evaluate(frame: pl.DataFrame, *, scorer: Scorer, spec: EvaluateSpec, tell: Tell) -> pl.DataFrame:
    """The rows of `out.measure_quality` of `evaluation`."""
    return evaluation(frame, scorer=scorer, spec=spec, tell=tell).quality()


def evaluation(frame: pl.DataFrame, *, scorer: Scorer, spec: EvaluateSpec, tell: Tell) -> Evaluation:
    """Compare scores with labels, over all texts, per language, per group and per band of length.

    What reaches the threshold of its language counts as said (of a measure without one: what is above 0), and a text
    that could not be scored says nothing. `classifiers.agreement` lists the metrics; besides, per measure the
    threshold and the risk-coverage curve and, where every text has exactly one label, accuracy, macro- and weighted F1
    of the highest measure. A column `author` makes people, not texts, the unit of intervals and of the floor.

    Raises:
        InputError: no text, none that can be scored, or labels that no measure can be compared with.
        UsageError: as `flows.evaluation.labels.names_of`.
    """
    labels = labels_of(frame, spec=spec)
    names = names_of(labels, scorer=scorer, spec=spec)
    posts, notes = _posts(frame, scorer=scorer, spec=spec)
    read = pl.Series(posts["lang"].is_in(list(scorer.languages)).fill_null(False))
    frame, posts, labels = frame.filter(read), posts.filter(read), labels.filter(read)
    scores = _scores(posts, scorer=scorer, spec=spec, tell=tell)
    who = frame["author"].cast(pl.String) if "author" in frame.columns else None
    answers = answers_of(
        scores, posts=posts, labels=labels, scorer=scorer, names=names, otherwise=spec.otherwise
    )
    masked = None
    if spec.mask_lexicon is not None:
        hidden = mask_words(posts, scorer=scorer, lexicon=spec.mask_lexicon, folder=spec.folder)
        again = score_posts(posts.with_columns(text=hidden.texts), scorer=scorer, tell=tell)
        masked = answers_of(
            again, posts=posts, labels=labels, scorer=scorer, names=names, otherwise=spec.otherwise
        )
        notes += _mask_notes(hidden, posts=posts, lexicon=spec.mask_lexicon)
    cut, hidden_notes = _slices(frame, posts=posts, spec=spec, who=who)
    units = _units(who, n=posts.height)
    rows = [row for part in cut for row in _slice_rows(answers, masked, part=part, units=units, spec=spec)]
    base = {"scorer": scorer.name, "dataset": spec.dataset, "scorer_version": scorer.version}
    table = pl.DataFrame([base | row for row in rows], schema=RESULT_SCHEMA)
    return Evaluation(rows=table, notes=(*notes, *answers.notes, *hidden_notes))


def _posts(frame: pl.DataFrame, *, scorer: Scorer, spec: EvaluateSpec) -> tuple[pl.DataFrame, list[str]]:
    """`text` and `lang` of every row, and how many are in no language of the scorer."""
    posts = cleaned(frame[spec.text])
    if spec.language == AUTO and "lang" in frame.columns:
        lang, how = frame["lang"].cast(pl.String).str.to_lowercase(), "by the column lang"
    else:
        lang, how = languages_of(posts["text"], language=spec.language), "as detected"
    posts = posts.with_columns(lang=lang)
    other = int((~pl.Series(posts["lang"].is_in(list(scorer.languages)).fill_null(False))).sum())
    if other == posts.height:
        raise InputError(
            f"{spec.dataset}: none of the {posts.height} texts is in a language of {scorer.name} "
            f"({', '.join(scorer.languages)}), {how}. Check --language, the column lang and the text column."
        )
    notes = [f"Languages are {how}."] if spec.language == AUTO else []
    if other:
        notes.append(
            f"{other:,} of {posts.height:,} texts are in no language of {scorer.name} and were left out."
        )
    return posts, notes


def _scores(posts: pl.DataFrame, *, scorer: Scorer, spec: EvaluateSpec, tell: Tell) -> pl.DataFrame:
    scores = score_posts(posts, scorer=scorer, tell=tell)
    if scores["missing"].ne(0).all():
        raise InputError(
            f"{spec.dataset}: none of the {scores.height} texts could be scored as '{spec.language}'. Check --language "
            "and the text column."
        )
    return scores


def _mask_notes(hidden: Masked, *, posts: pl.DataFrame, lexicon: str) -> list[str]:
    others = posts.filter(~pl.col("lang").is_in(list(hidden.languages))).height
    said = (
        f"{hidden.n_words:,} words of {lexicon} were hidden in {hidden.n_texts:,} of {posts.height:,} texts for the "
        f"figures called {MASKED}."
    )
    return [said] + (
        [f"{others:,} texts are in no language of {lexicon} and kept every word."] if others else []
    )


def _slices(
    frame: pl.DataFrame, *, posts: pl.DataFrame, spec: EvaluateSpec, who: pl.Series | None
) -> tuple[list[slices.Slice], list[str]]:
    cut, notes = slices.languages(posts["lang"], who=who)
    lang = cut[-1].lang
    parts = [slices.lengths(posts["text"], lang=lang, who=who)]
    if spec.group is not None:
        parts.insert(0, slices.groups(frame, column=spec.group, lang=lang, who=who))
    for shown, more in parts:
        cut, notes = [*cut, *shown], [*notes, *more]
    return cut, notes


def _units(who: pl.Series | None, *, n: int) -> np.ndarray:
    """Which texts are drawn together: those of one person; a text whose person is unknown by itself."""
    if who is None:
        return np.arange(n)
    known = who.rank("dense").cast(pl.Int64).fill_null(-1).to_numpy()
    return np.where(known < 0, known.max(initial=0) + 1 + np.arange(n), known)


def _slice_rows(
    answers: Answers, masked: Answers | None, *, part: slices.Slice, units: np.ndarray, spec: EvaluateSpec
) -> Iterator[dict[str, object]]:
    plain = _estimates(answers, part=part, units=units, spec=spec)
    found = {PLAIN: [*plain, *_thresholds(answers, part=part), *_curves(answers, part=part)]}
    if masked is not None:
        found[MASKED] = _estimates(masked, part=part, units=units, spec=spec)
        found[DIFFERENCE] = differences(found[MASKED], plain)
    for variant, estimates in found.items():
        place = {"lang": part.lang, "variant": variant, "by": part.by, "level": part.level}
        yield from (place | _row(estimate) for estimate in estimates)


def _estimates(
    answers: Answers, *, part: slices.Slice, units: np.ndarray, spec: EvaluateSpec
) -> list[Estimate]:
    draw = {"resamples": spec.resamples, "seed": spec.seed}
    found = agreement(_cells(answers.cells, part=part, units=units), **draw)
    if answers.single is not None:
        found += one_answer(_cells(answers.single, part=part, units=units), **draw)
    return found


def _cells(cells: Cells, *, part: slices.Slice, units: np.ndarray) -> Cells:
    from dataclasses import replace

    return replace(cells, units=units).take(part.rows)


def _thresholds(answers: Answers, *, part: slices.Slice) -> Iterator[Estimate]:
    """Where all of a slice have one."""
    if part.lang == slices.ALL or part.by != slices.ALL:
        return
    n = int(part.rows.sum())
    for k, measure in enumerate(answers.cells.measures):
        values = np.unique(answers.thresholds[part.rows, k])
        if len(values) == 1 and np.isfinite(values[0]):
            yield _point(measure, "threshold", float(values[0]), n=n)


def _curves(answers: Answers, *, part: slices.Slice) -> Iterator[Estimate]:
    """F1 and accuracy among the surest answers, and the area under the risk-coverage curve, over all texts."""
    if part.by != slices.ALL:
        return
    for k, measure in enumerate(answers.cells.measures):
        limits, p = answers.thresholds[:, k], answers.cells.probability[:, k]
        rows = part.rows & answers.cells.known[:, k] & np.isfinite(p) & np.isfinite(limits)
        curve, area = risk_coverage(p[rows], answers.cells.truth[rows, k], thresholds=limits[rows])
        for point in curve.iter_rows(named=True):
            for metric in ("f1", "accuracy"):
                if point[metric] is not None:
                    name = f"{metric}_at_{point['coverage'] * 100:.0f}"
                    yield _point(measure, name, point[metric], n=point["n"])
        if curve.height:
            yield _point(measure, "aurc", area, n=int(rows.sum()))


def _point(measure: str, metric: str, value: float, *, n: int) -> Estimate:
    nan = float("nan")
    return Estimate(measure=measure, metric=metric, interval=Interval(value, nan, nan), n=n)


def _row(estimate: Estimate) -> dict[str, object]:
    value, low, high = (
        round(number, DIGITS) if np.isfinite(number) else None
        for number in (estimate.interval.value, estimate.interval.low, estimate.interval.high)
    )
    return {
        "measure": estimate.measure, "metric": estimate.metric, "value": value, "low": low, "high": high,
        "n": estimate.n,
    }  # fmt: skip
