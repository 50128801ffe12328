"""Connectors to platforms: each asks one through its kept client and yields pages for `warehouse/intake/pages.py`.

Not for judging, masking or storing posts: the intake does that, as with files.
"""
