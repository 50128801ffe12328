"""Everything that can be wrong with a configuration beyond its form. Reads and writes no warehouse."""

from __future__ import annotations

from flows.contagion import check_contagion
from flows.events import calendar_of
from flows.scorers import check_engine, check_names, make_scorer
from warehouse.config import Config
from warehouse.errors import ConfigError
from warehouse.intake.times import check_time_config
from warehouse.series import check_series
from warehouse.signals import catalogue
from warehouse.weights import read_margins


def check(config: Config) -> None:
    """Everything that can be wrong with a configuration beyond its form, before anything is written."""
    from forecasting.known_days import check_country
    from forecasting.models import create_all

    if not config.sources and not config.series:
        raise ConfigError("no [[sources]] are configured: there is nothing to read. See docs/examples.")
    if not config.score.scorers:
        raise ConfigError("[score] scorers is empty: name at least one.")
    scorers = [make_scorer(name, config=config) for name in config.score.scorers]
    check_names(scorers)
    check_engine(scorers, config=config)
    check_series(config, taken=catalogue(scorers)["signal"].to_list())
    create_all(config.forecast.models)
    check_country(config.forecast.country_of_all)
    check_contagion(config)
    calendar_of(config)
    if config.weights.margins is not None:
        read_margins(config.weights.margins)
    for source in config.sources:
        check_time_config(source.time)
