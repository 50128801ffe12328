"""Does a signal move with a survey? Statistics of two aligned series, with what short, autocorrelated ones allow.

`assess` gives every figure. Not for reading or aligning files (`flows.evaluation.survey`), and not a proof that a
signal measures what the survey asks: two series can move together for another reason.
"""

from forecasting.validity.assess import Assessment, Pair, Spec, assess

__all__ = ["Assessment", "Pair", "Spec", "assess"]
