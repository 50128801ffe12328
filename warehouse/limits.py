"""What no number of this platform may be used for: one list, on the trust page and on every signal's page."""

MUST_NOT = (
    "to judge, diagnose, find or contact any person; no number here is about one person",
    "to rank places against each other: the level of a word list depends on how people there write",
    "as a rate of illness: words of sadness are not depression",
    "as everyone's mood: people who do not post, or not in public, are not in it",
    "as proof that an event caused a change: other things happened that week too",
    "as the only reason for a decision",
)
