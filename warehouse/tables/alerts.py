"""Alerts, and how many tests stood behind them."""

from __future__ import annotations

import dataframely as dy

from warehouse.tables.codes import ALERT_KINDS, ALERT_STATUS, GEO_TYPES, SEVERITIES, TIME_TYPES, share


class Alerts(dy.Schema):
    """One row per thing worth a person's attention and night it was alive, with the evidence for it.

    `time_value` is the newest period it is about, `since` the first period of its episode. Alerts of one `group_id`
    tell one story: the same place within days of each other, or the same measure in places that hold each other.
    `forecast_p` is the chance of such a value or a higher one in the forecast of `forecast_issued`, a week or more
    before. `ended` is the issue in which it was over by itself; until then `status` is open or what a person said of
    it. A publication holds the newest row of each alert.
    """

    alert_id = dy.String(primary_key=True)
    group_id = dy.String(nullable=False)
    kind = dy.Enum(ALERT_KINDS, nullable=False)
    signal = dy.String(nullable=False)
    population = dy.String(nullable=False)
    geo_type = dy.Enum(GEO_TYPES, nullable=False)
    location = dy.String(nullable=False)
    time_type = dy.Enum(TIME_TYPES, nullable=False)
    time_value = dy.Date(nullable=False)
    since = dy.Date(nullable=False)
    issue = dy.Date(primary_key=True)
    detector = dy.String(nullable=False)
    observed = dy.Float64(nullable=True)
    expected = dy.Float64(nullable=True)
    threshold = dy.Float64(nullable=True)
    sample_size = dy.Int64(nullable=True, min=0)
    p_value = share()
    q_value = share()
    severity = dy.Enum(SEVERITIES, nullable=False)
    lead_days = dy.Int32(nullable=True)
    past_precision = share()
    forecast_p = share()
    forecast_issued = dy.Date(nullable=True)
    status = dy.Enum(ALERT_STATUS, nullable=False)
    ended = dy.Date(nullable=True)
    message = dy.String(nullable=False)


class AlertTests(dy.Schema):
    """How many tests a night made, and how many false alerts of unusual highs and rises they bring at most in a week.

    `expected_false_per_week` is tests of a week x `alpha`; control of the false-discovery rate makes it fewer.
    `opened` counts the alerts that are new in this issue, those of missed nights with them.
    """

    issue = dy.Date(primary_key=True)
    kind = dy.Enum(ALERT_KINDS, primary_key=True)
    n_tests = dy.Int64(nullable=False, min=0)
    alpha = share()
    false_discovery_rate = share()
    budget_per_week = dy.Float64(nullable=True, min=0.0)
    expected_false_per_week = dy.Float64(nullable=True, min=0.0)
    opened = dy.Int64(nullable=False, min=0)
