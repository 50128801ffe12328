"""Explanations as plain values and as lines to read. Of many posts only words with enough people are in them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl

from classifiers.abstain import thresholds_of
from classifiers.explain import Explanation
from classifiers.inside import FLAWS, Inside, attention_share, integrated_gradients, look_inside
from flows.explanation.explain import Drivers
from warehouse.scoring import Scorer

ATTENDED = 5
DIGITS = 4


def text_values(found: Explanation, *, scorer: Scorer, top: int, inside: bool) -> dict[str, Any]:
    """Everything about one text, ready for JSON: words in their order with effects, curves, attention.

    `inside` adds integrated gradients where there is a torch encoder.
    """
    curves = found.curves
    values: dict[str, Any] = {
        "scorer": scorer.name, "scorer_version": scorer.version, "measure": found.measure, "language": found.language,
        "score": round(found.score, DIGITS), "threshold": _threshold(found, scorer=scorer),
        "hidden_by": found.placeholder or "removal",
        "words": [
            {"word": word, "effect": round(float(effect), DIGITS)}
            for word, effect in zip(found.words.words, found.effects, strict=True)
        ],
        "deletion": round(curves.deletion, DIGITS), "deletion_random": round(curves.deletion_random, DIGITS),
        "insertion": round(curves.insertion, DIGITS), "insertion_random": round(curves.insertion_random, DIGITS),
    }  # fmt: skip
    looked = look_inside(found.words, scorer=scorer, language=found.language)
    values["attention"] = _attention(looked, chosen=found.strongest(min(top, ATTENDED)).tolist())
    if inside:
        _add_gradients(values, looked, scorer=scorer)
    values["notes"] = list(found.notes)
    return values


def text_lines(values: dict[str, Any], *, top: int) -> Iterator[str]:
    """The same to read: the words with the largest effects first."""
    limit = "" if values["threshold"] is None else f", threshold {values['threshold']:.3f}"
    yield f"{values['measure']} of {values['scorer']} ({values['language']}): {values['score']:.3f}{limit}"
    yield f"score less the score without the word (hidden by {values['hidden_by']}):"
    for word in sorted(values["words"], key=lambda one: -abs(one["effect"]))[:top]:
        more = f"  gradient {word['gradient']:+.3f}" if "gradient" in word else ""
        yield f"  {word['effect']:+.3f}  {word['word']}{more}"
    for way, better in (("deletion", "lower"), ("insertion", "higher")):
        yield f"{way} area {values[way]:.3f}, in random order {values[f'{way}_random']:.3f} ({better} is more faithful)"
    yield from _attention_lines(values["attention"])
    if "gradients_missing" in values:
        yield f"the gradients leave {values['gradients_missing']:+.3f} of the logit's change unexplained"
    yield from (f"note: {note}" for note in values["notes"])


def posts_lines(found: Drivers, *, measure: str) -> Iterator[str]:
    """Words over many posts; the contributions sum to the line above them."""
    yield f"{measure}: mean score {found.mean_score:.3f} over {found.n_posts:,} posts"
    yield f"mean effect of a post's words, each hidden alone: {found.total:+.4f}, of which"
    for row in found.rows.iter_rows(named=True):
        who = "posts" if row["people_unknown"] else "people"
        details = ""
        if row["mean_effect"] is not None:
            used = f"{row['share_posts']:.1%} of posts, {row['n_people']:,} {who}"
            details = f"  ({row['mean_effect']:+.3f} where used, {used})"
        yield f"  {row['contribution']:+.4f}  {row['word']}{details}"


def _threshold(found: Explanation, *, scorer: Scorer) -> float | None:
    limit = thresholds_of(scorer, measure=found.measure, lang=pl.Series([found.language]), n=1)[0]
    return None if limit != limit else float(limit)


def _attention(looked: Inside | str, *, chosen: list[int]) -> dict[str, Any]:
    if isinstance(looked, str):
        return {"share": None, "why": looked}
    if not chosen:
        return {"share": None, "why": "No word raised the score."}
    share = attention_share(looked, chosen)
    return {"share": round(share.on_words, DIGITS), "by_chance": round(share.by_chance, DIGITS),
            "n_words": len(chosen), "why": FLAWS}  # fmt: skip


def _attention_lines(attention: dict[str, Any]) -> Iterator[str]:
    if attention["share"] is None:
        yield f"attention: not known. {attention['why']}"
        return
    yield (
        f"attention of the last layer on the {attention['n_words']} words that raise the score most: "
        f"{attention['share']:.1%}, by chance {attention['by_chance']:.1%}. {attention['why']}"
    )


def _add_gradients(values: dict[str, Any], looked: Inside | str, *, scorer: Scorer) -> None:
    if isinstance(looked, str):
        return
    measures = list(scorer.artefacts[values["language"]].measures)  # type: ignore[attr-defined]
    found = integrated_gradients(looked, output=measures.index(values["measure"]))
    values["gradients_missing"] = round(found.missing, DIGITS)
    for word, effect in zip(values["words"], found.effects, strict=True):
        word["gradient"] = round(float(effect), DIGITS)
