"""The recipe of the shipped English model: all public sets at once, soup, int8 graph, description and card.

Not for a user's own labels: the recipe `labels` is. Hours of one core, and NNCF for the int8 graph.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from classifiers.artefacts import catalogued
from classifiers.delta import save_delta, tuned_from
from classifiers.export import FULL_GRAPH, calibration_texts, quantise, to_openvino
from classifiers.finish import finish_encoder
from classifiers.labelled import Labelled, apart, load_communities, load_split, stacked, with_grades
from classifiers.package import encoder_file
from classifiers.train import Recipe, soup_delta, start_net, tuned_state
from warehouse.errors import UsageError

log = logging.getLogger(__name__)

Grades = Callable[[Sequence[str]], np.ndarray]
BESIDE = "fast_en"
FROM_ENCODER = "none: from the published encoder"


def run(
    *, data_dir: Path, posts_dir: Path, out_dir: Path, build_dir: Path, recipe: Recipe, grades: Grades
) -> str:
    """Train from the published encoder and write everything a scorer loads to `out_dir`; returns the version.

    `grades`: texts → (texts, 3) valence, arousal, dominance in [0, 1], NaN where none is known.

    Raises:
        InputError: a data file is missing.
        UsageError: NNCF is not installed, which the int8 graph needs.
    """
    if find_spec("nncf") is None:
        raise UsageError(
            "the int8 graph of the shipped model needs NNCF, which is not installed. Install it in an environment of "
            "its own with: pip install 'affectcast[quantise]'"
        )
    train, validation = rows(data_dir, posts_dir=posts_dir, grades=grades)
    for folder in (out_dir, build_dir):
        folder.mkdir(parents=True, exist_ok=True)
    states = [tuned_state(train, net=start_net(), recipe=recipe, seed=seed) for seed in recipe.seeds]
    save_delta(soup_delta(states), path=out_dir / "delta.safetensors")
    make_graph(train, out_dir=out_dir, build_dir=build_dir)
    training = {
        "seeds": list(recipe.seeds),
        "rows": len(train.texts),
        "recipe": asdict(recipe),
        "start": FROM_ENCODER,
    }
    return finish_encoder(validation, out_dir, training=training, beside=catalogued(BESIDE))


def rows(data_dir: Path, *, posts_dir: Path, grades: Grades) -> tuple[Labelled, Labelled]:
    """Training and validation rows that share no text, nor nearly, with the word list's grades as targets."""
    parts = [
        stacked([load_split(data_dir, split=split), load_communities(posts_dir, split=split)])
        for split in ("train", "validation")
    ]
    train, validation = apart(parts[0], validation=parts[1])
    return with_grades(train, grades=grades(train.texts)), with_grades(
        validation, grades=grades(validation.texts)
    )


def make_graph(train: Labelled, *, out_dir: Path, build_dir: Path) -> None:
    """The int8 graph of the weights in `out_dir`, with ranges from training texts."""
    net = tuned_from(encoder_file("model.safetensors"), delta=out_dir / "delta.safetensors")
    to_openvino(net, path=build_dir / FULL_GRAPH)
    quantise(build_dir / FULL_GRAPH, texts=calibration_texts(train), out=out_dir / "model.xml")
