"""What a user may choose about a training, as one value each for the data, the optimisation and the pre-adaptation.

Not for what a recipe fixes: its groups, its pooling and its columns.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from classifiers.recipes.tables import Reader

Device = Literal["cpu", "cuda", "auto"]
Span = tuple[int, int]
# Texts in, for each the character spans (first, behind the last) of what an expert would mask, in order.
Guide = Callable[[Sequence[str]], list[list[Span]]]


@dataclass(frozen=True)
class DataSpec:
    """Where a recipe's data is and how it is read.

    `columns`: our name → the file's. `language` holds for rows without a `lang`. `labels`: those to learn, where the
    recipe leaves it open; `exclusive`: exactly one of them holds for a text.
    """

    path: Path
    read: Reader
    columns: Mapping[str, str] = field(default_factory=dict)
    language: str = "en"
    labels: tuple[str, ...] = ()
    exclusive: bool = False
    seed: int = 20_240


@dataclass(frozen=True)
class TrainSpec:
    """Settings of one fine-tuning. `max_steps` of 0 means all epochs; a `rate` of None depends on the base's width."""

    epochs: int = 3
    max_steps: int = 0
    seed: int = 20_240
    threads: int = 1
    device: Device = "auto"
    rate: float | None = None
    batch_tokens: int = 2_048
    max_tokens: int | None = None
    warmup: float = 0.06
    weight_decay: float = 0.01
    checkpoint_every: int = 200


@dataclass(frozen=True)
class AdaptSpec:
    """Masked-language-model adaptation before fine-tuning: on which texts, guided by which words, for how long.

    `texts` are profiled and unlabelled. `probability` is that of a guide word being masked. `source` and `guide_name`
    go into the card.
    """

    texts: Sequence[str]
    guide: Guide
    guide_name: str
    source: str
    probability: float = 0.5
    epochs: int = 1
    max_steps: int = 0
    max_tokens: int = 64
    batch_tokens: int = 2_048
    rate: float = 1e-4
