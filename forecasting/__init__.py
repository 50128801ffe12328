"""Timelines to forecasts, alerts and contagion. Imports warehouse only."""
