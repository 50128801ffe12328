"""Words to marker scores: our own lexicons, a compiled matcher and the scorer on top of them.

Not for models: those are in `classifiers`.
"""
