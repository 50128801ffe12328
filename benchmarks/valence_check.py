"""Does the embedded valence follow what people say of posts it never saw? Ranks against human sentiment labels.

The tone was learnt from a word list, so its agreement with that list proves little; this is the outside check.
Run: python benchmarks/valence_check.py POSTS.csv.gz [text column] [label column]
with the labels negative, neutral and positive.
"""

import sys
from pathlib import Path

import numpy as np
import polars as pl
from scipy.stats import rankdata

from flows.scorers import make_scorer
from lexicons.score import LexiconScorer

POSTS = 3_000
RESAMPLES = 500


def main(path: Path, text: str = "text", label: str = "airline_sentiment") -> None:
    """Print the AUC of negative against positive, and mean valence by label, for encoder, fast tier and word list."""
    frame = (
        pl.read_csv(path, columns=[text, label], infer_schema=False)
        .drop_nulls()
        .unique(text, maintain_order=True)
    )
    posts = frame.sample(min(POSTS, frame.height), seed=1).select(text=text, label=label, lang=pl.lit("en"))
    scorers = [make_scorer("emotion"), make_scorer("emotion_fast"), LexiconScorer("vad", language="en")]
    for scorer in scorers:
        valence = scorer.score(posts.select("text", "lang"))["valence"]
        judged = posts.with_columns(valence=valence).drop_nulls("valence")
        means = judged.group_by("label").agg(pl.col("valence").mean(), pl.len()).sort("label")
        told = judged.filter(pl.col("label") != "neutral")
        values, positive = told["valence"].to_numpy(), (told["label"] == "positive").to_numpy()
        low, high = interval(values, positive)
        print(f"{scorer.name}: AUC {auc(values, positive):.3f} [{low:.3f}, {high:.3f}], n {told.height}")
        print("  " + ", ".join(f"{name} {mean:.3f} (n {n})" for name, mean, n in means.iter_rows()))


def auc(values: np.ndarray, positive: np.ndarray) -> float:
    """The chance that a positive post has the higher value; ties count half."""
    ranks, n = rankdata(values), positive.sum()
    return float((ranks[positive].sum() - n * (n + 1) / 2) / (n * (len(values) - n)))


def interval(values: np.ndarray, positive: np.ndarray, *, seed: int = 7) -> tuple[float, float]:
    """The middle 95 % over resampled posts."""
    rng = np.random.default_rng(seed)
    drawn = (rng.integers(0, len(values), len(values)) for _ in range(RESAMPLES))
    low, high = np.quantile([auc(values[rows], positive[rows]) for rows in drawn], [0.025, 0.975])
    return float(low), float(high)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
