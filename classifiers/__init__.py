"""Models that turn posts into scores: text profiles, an embedded encoder, an engine and the emotion scorer.

Not for aggregation, prevalence or storage: those live in `warehouse`.
"""
