"""Closed sets and shared column shapes of the contracts. Not for the contracts themselves."""

from __future__ import annotations

import dataframely as dy

GEO_TYPES = ["all", "nation", "region", "none"]
TIME_TYPES = ["day", "week"]
POST_KINDS = ["original", "reply", "repost", "quote", "comment"]
EDGE_KINDS = ["reply", "repost", "quote", "mention"]
RELIABILITY = ["high", "moderate", "low", "suppressed"]
ALERT_KINDS = ["prevalence_high", "prevalence_rise", "forecast_high", "contagion", "data_break"]
ALERT_STATUS = ["open", "acknowledged", "resolved"]
SEVERITIES = ["low", "medium", "high"]
# Delphi's codes for why a number is absent.
NOT_MISSING, NOT_APPLICABLE, REGION_EXCEPTION, CENSORED, DELETED, OTHER = range(6)
QUANTILES = (0.01, 0.025, *(round(0.05 * k, 2) for k in range(1, 20)), 0.975, 0.99)


def share(*, nullable: bool = True) -> dy.Float64:
    return dy.Float64(nullable=nullable, min=0.0, max=1.0)


def missing() -> dy.Int8:
    return dy.Int8(nullable=False, min=0, max=5)
