"""The retrospective report: markers by day beside a crisis calendar. Not a forecast and not an alarm."""
