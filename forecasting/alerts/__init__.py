"""Alerts: what is unusual tonight, with its evidence. Not for forecasting and not for sending notices."""
