"""Names to scorers: the one list of what can score posts, and where they may do it. Not for how they score."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from warehouse.cells import columns_of, signal_name
from warehouse.config import Config
from warehouse.engine import Engine, engine_of
from warehouse.errors import ConfigError
from warehouse.scoring import Scorer

DEFAULT = Config()


def scorer_names(config: Config = DEFAULT) -> list[str]:
    """Names of all scorers that are here: the embedded ones, the lexicons, shipped or added, and the user's models."""
    from classifiers.score import scorer_names as embedded
    from lexicons.catalogue import read_catalogue

    own = [model.name for model in config.score.models]
    return sorted({*embedded(), *read_catalogue(config.paths.lexicons).scorers, *own})


def make_scorer(name: str, *, config: Config = DEFAULT, threads: int = 1, keep: bool = False) -> Scorer:
    """The scorer of that name, of the catalogue of published models, or in the folder or under the hub id `name`.

    `keep`: what a model says of a text is kept beside the warehouse, if the configuration wants it. Raises
    `ConfigError` with the names there are.
    """
    from classifiers.hub.spec import HubSpec, hub_names, hub_spec
    from classifiers.score import ClassifierScorer
    from classifiers.score import scorer_names as embedded
    from lexicons.catalogue import read_catalogue

    cache = config.paths.score_cache if keep and config.score.cache else None
    models = config.score.models
    own = {model.name for model in models}
    if name in own and name in {*embedded(), *read_catalogue(config.paths.lexicons).scorers}:
        raise ConfigError(f"[[score.models]] name '{name}' is that of a scorer there is. Choose another.")
    if name in own or name in hub_names():
        return _hub_scorer(hub_spec(name, models), threads=threads, cache=cache)
    if name in embedded():
        return ClassifierScorer(name, threads=threads, cache_folder=cache)
    if "/" in name:
        return _hub_scorer(HubSpec(name=_plain_name(name), source=name), threads=threads, cache=cache)
    if name in scorer_names(config):
        from lexicons.score import LexiconScorer

        return LexiconScorer(name, folder=config.paths.lexicons, threads=threads)
    raise ConfigError(
        f"unknown scorer '{name}'. There are: {', '.join(scorer_names(config))}; published models: "
        f"{', '.join(hub_names())}; or the path of a model's folder, with a slash in it."
    )


def _hub_scorer(spec: object, *, threads: int, cache: Path | None) -> Scorer:
    from classifiers.hub.score import HubScorer

    converted = cache.parent / "models" if cache else None
    return HubScorer(spec, threads=threads, cache_folder=cache, keep_in=converted)  # type: ignore[arg-type]


def _plain_name(source: str) -> str:
    """The last part of a path or hub id as a scorer may be called."""
    letters = re.sub(r"[^a-z0-9]+", "_", Path(source).name.lower()).strip("_")
    return letters if letters[:1].isalpha() else f"model_{letters}"


def check_names(scorers: list[Scorer]) -> None:
    """`ConfigError` where two scorers would make signals of the same name."""
    owners: dict[str, str] = {}
    for scorer in scorers:
        for measure, statistic in columns_of(scorer):
            name = signal_name(scorer.name, measure, statistic)
            if owners.setdefault(name, scorer.name) != scorer.name:
                raise ConfigError(
                    f"[score] scorers: {owners[name]} and {scorer.name} would both make the signal {name}. Run one of "
                    "them, or add one again under another name."
                )


def check_engine(scorers: Sequence[Scorer], *, config: Config) -> None:
    """`ConfigError` for a model that workers on Ray would each run in a form of their own choice.

    What is chosen by a machine, or calibrated on the first posts that a process sees, would differ between workers.
    """
    for scorer in scorers if config.engine.kind == "ray" else ():
        device, precision = _form(scorer)
        if device == "auto" or precision in ("auto", "int8"):
            raise ConfigError(
                f"[engine] kind = 'ray': the model {scorer.name} has device '{device}' and precision '{precision}', "
                "which each worker would settle by itself. Set device (cpu or cuda) and precision (fp32 or bf16) under "
                f"[[score.models]] with name = '{scorer.name}'."
            )


@contextmanager
def scoring_engine(scorers: Sequence[Scorer], *, config: Config) -> Iterator[Engine]:
    """The engine for these scorers, gone when the block ends; see `warehouse.engine.engine_of`."""
    check_engine(scorers, config=config)
    gpus = int(any(_form(scorer)[0] == "cuda" for scorer in scorers))
    with engine_of(config.engine, cores=config.score.threads, gpus=gpus) as engine:
        yield engine


def _form(scorer: Scorer) -> tuple[str, str]:
    """Device and precision of a published model; that of every other scorer is always the same."""
    from classifiers.hub.score import HubScorer

    if not isinstance(scorer, HubScorer):
        return "cpu", "fp32"
    return scorer.found.spec.device, scorer.found.spec.precision
