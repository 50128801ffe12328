"""The folder a recipe writes: an ordinary sequence classifier, `affectcast.json` and `CARD.md`, whole or unfinished.

Not for reading it back to score with: `classifiers.hub` does.
"""

import hashlib
import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

from classifiers.hub.tokens import HubTokeniser
from classifiers.profiles import PROFILE_NAME
from classifiers.recipes.bases import Base, saved
from classifiers.recipes.cards import card_text
from classifiers.recipes.examples import Examples, Task, measures_of
from classifiers.recipes.judge import Verdict
from classifiers.recipes.pieces import Pieces
from warehouse.errors import UsageError

DESCRIPTION, CARD, UNFINISHED = "affectcast.json", "CARD.md", ".training"


def prepare_folder(out: Path, *, resume: bool, force: bool) -> None:
    """UsageError where a finished model, an unfinished training or something else is in the way.

    With `force` a model or a training that is there is given up; anything else is left alone even then.
    """
    if not out.exists():
        return None
    if not out.is_dir():
        raise UsageError(
            f"{out}: is a file. Expected a folder to write the model to. Name another with --out."
        )
    finished, unfinished = (out / DESCRIPTION).is_file(), (out / UNFINISHED).is_dir()
    if force and (finished or unfinished):
        return _give_up(out)
    if finished:
        raise UsageError(
            f"{out}: already holds a finished model. Name another folder with --out, or add --force."
        )
    if unfinished and not resume:
        raise UsageError(
            f"{out}: holds an unfinished training. Go on with --resume, or start anew with --force."
        )
    others = sorted(path.name for path in out.iterdir())
    if others and not unfinished:
        raise UsageError(f"{out}: is not empty ({', '.join(others[:3])}). Name another folder with --out.")
    return None


def _give_up(out: Path) -> None:
    """No finished model any longer, only the beginning of a training; its other files stay until they are replaced."""
    (out / DESCRIPTION).unlink(missing_ok=True)
    shutil.rmtree(out / UNFINISHED, ignore_errors=True)
    (out / UNFINISHED).mkdir()


def description(
    task: Task, *, verdict: Verdict, base: Base, tokeniser: HubTokeniser, training: dict[str, Any]
) -> dict[str, Any]:
    """What `affectcast.json` holds; the flat logits are the groups' labels in order.

    `calibration` is applied to the log-odds of a measure's probability, pooled over a text's windows.
    """
    return {
        "recipe": task.recipe,
        "measures": list(measures_of(task.groups)),
        "groups": [
            {"name": group.name, "labels": list(group.labels), "activation": group.activation}
            for group in task.groups
        ],
        "profile": PROFILE_NAME,
        "languages": list(task.languages),
        "max_tokens": tokeniser.window,
        "max_windows": tokeniser.max_windows,
        "pooling": task.pooling,
        "licence": base.licence,
        "thresholds": verdict.thresholds,
        "calibration": {name: asdict(fit) for name, fit in verdict.calibration.items()},
        "error_rates": verdict.error_rates,
        "unjudged": list(verdict.unjudged),
        "metrics": verdict.metrics,
        "training": training | {"base": base.name, "data": task.data},
        "notes": list(task.notes),
    }


def write_folder(out: Path, *, model: Any, pieces: Pieces, meta: dict[str, Any]) -> None:
    """Write weights, tokeniser, card and description; the description comes last and makes the model a finished one."""
    fresh = out / UNFINISHED / "model"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    saved(model, pieces=pieces, folder=fresh)
    (fresh / CARD).write_text(card_text(meta, name=out.name), encoding="utf-8")
    for path in sorted(fresh.iterdir()):
        path.replace(out / path.name)
    text = json.dumps(meta, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    waiting = out / UNFINISHED / DESCRIPTION
    waiting.write_text(text, encoding="utf-8")
    waiting.replace(out / DESCRIPTION)
    shutil.rmtree(out / UNFINISHED)


def digest_of(examples: Examples) -> str:
    """Hex digest over all that is learnt from, so that a training is gone on with on the same rows only."""
    found = hashlib.sha256()
    for text in examples.texts:
        found.update(text.encode("utf-8", "surrogatepass") + b"\0")
    for array in (examples.targets, examples.masks):
        found.update(array.tobytes())
    return found.hexdigest()
