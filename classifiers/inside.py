"""What a torch encoder shows from within for one text: where its last layer attends, and integrated gradients.

Not for other scorers: `explain` works with all of them through `score` alone. Attention is no explanation (Jain &
Wallace 2019, "Attention is not Explanation"; see also Wiegreffe & Pinter 2019). Integrated gradients: Sundararajan,
Taly & Yan 2017, "Axiomatic attribution for deep networks".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from classifiers.words import MASK, Words
from warehouse.scoring import Scorer

FLAWS = (
    "Attention is not a reason: it can change a lot while the answer stays, it averages over heads that do different "
    "things, and in the last layer a word piece already carries its neighbours."
)
STEPS = 32


@dataclass(frozen=True, kw_only=True)
class AttentionShare:
    """Share of the last layer's attention that falls on some words, and the share of all word pieces they are."""

    on_words: float
    by_chance: float


@dataclass(frozen=True, kw_only=True)
class Gradients:
    """Integrated gradients per word (words,) in units of the logit, and what is missing to the change of the logit
    from the text with every word piece masked to the text itself (0 with infinitely many steps)."""

    effects: np.ndarray
    missing: float


@dataclass(frozen=True, kw_only=True)
class Inside:
    """One text in a torch encoder: ids with both markers, and per id between them the position of its word."""

    net: Any
    ids: list[int]
    owner: np.ndarray
    mask_id: int
    n_words: int


def look_inside(words: Words, *, scorer: Scorer, language: str) -> Inside | str:
    """The text in the encoder that reads this language, or a sentence that says why there is none to look into."""
    artefact = getattr(scorer, "artefacts", {}).get(language)
    if artefact is None or artefact.meta.get("kind") != "encoder":
        return f"{scorer.name} has no torch encoder for '{language}' to look into."
    from classifiers.delta import tuned_from
    from classifiers.package import encoder_file
    from classifiers.profiles import profile_series
    from classifiers.tokens import tokenise

    profiled = profile_series(pl.Series([words.text, *words.words], dtype=pl.String)).to_list()
    whole, *single = tokenise(profiled, max_tokens=int(artefact.meta["max_tokens"]))
    owner = owners(whole, single)
    if owner is None:
        return "The encoder's word pieces cannot be matched with the words, so there is no looking inside."
    net = tuned_from(encoder_file("model.safetensors"), delta=artefact.weights("delta.safetensors"))
    mask_id = tokenise([MASK], max_tokens=3)[0][1]
    return Inside(net=net, ids=whole, owner=owner, mask_id=mask_id, n_words=len(words))


def owners(whole: list[int], single: Sequence[list[int]]) -> np.ndarray | None:
    """Per id of the text between its markers the word it belongs to; None where they are not, in this order, among the
    words' own ids. A profile leaves ids out (a run of one emoji counts once), and a long text ends early."""
    pairs = iter([(token, position) for position, ids in enumerate(single) for token in ids[1:-1]])
    owner = [next((at for token, at in pairs if token == wanted), None) for wanted in whole[1:-1]]
    return None if not owner or None in owner else np.asarray(owner)


def attention_share(inside: Inside, chosen: Sequence[int]) -> AttentionShare:
    """The last layer's attention on the words at these positions, averaged over heads and over the word pieces that
    look; attention on the two markers is left out."""
    received = _received(inside)[1:-1]
    on_words = np.isin(inside.owner, np.asarray(chosen, dtype=int))
    share = float(received[on_words].sum() / received.sum())
    return AttentionShare(on_words=share, by_chance=float(on_words.mean()))


def integrated_gradients(inside: Inside, *, output: int, steps: int = STEPS) -> Gradients:
    """Of the logit of one output, along the straight line from the text with every word piece masked."""
    import torch

    ids = torch.tensor([inside.ids])
    masked = ids.clone()
    masked[:, 1:-1] = inside.mask_id
    look_up = inside.net.embeddings.word_embeddings
    with torch.no_grad():
        there, start = look_up(ids), look_up(masked)
    # Midpoints of equal parts of the way, all in one batch.
    way = ((torch.arange(steps) + 0.5) / steps)[:, None, None]
    points = (start + way * (there - start)).requires_grad_(True)
    attend = torch.ones(steps, len(inside.ids), dtype=torch.int64)
    inside.net.from_words(points, attend)[:, output].sum().backward()
    per_piece = ((there - start)[0] * points.grad.mean(dim=0)).sum(dim=-1)[1:-1].numpy()
    with torch.inference_mode():
        ends = inside.net.from_words(torch.cat([there, start]), attend[:2])[:, output]
    effects = np.bincount(inside.owner, weights=per_piece, minlength=inside.n_words)
    return Gradients(effects=effects, missing=float(ends[0] - ends[1]) - float(effects.sum()))


def _received(inside: Inside) -> np.ndarray:
    """Attention (tokens,) that each token receives in the last layer: mean over heads and lookers."""
    import torch

    seen: list[Any] = []

    def look(module: Any, inputs: tuple[Any, ...]) -> None:
        halves = (module.query, module.key)
        query, key = (part(inputs[0]).unflatten(-1, (module.heads, -1)).transpose(1, 2) for part in halves)
        seen.append((query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5).softmax(-1))

    last = inside.net.encoder.layer[-1].attention.get_submodule("self")
    hook = last.register_forward_pre_hook(look)
    try:
        with torch.inference_mode():
            inside.net(torch.tensor([inside.ids]), torch.ones(1, len(inside.ids), dtype=torch.int64))
    finally:
        hook.remove()
    return np.asarray(seen[0][0].mean(dim=(0, 1)).numpy())
