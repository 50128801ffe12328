"""Breaks: days on which the data changed rather than the mood. Not for moods, and not for what people are told."""
