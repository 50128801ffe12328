"""Compact n-gram models: hashed features, one table of small integers, a compiled pass over the text's bytes.

Not for best quality: the encoder reads better, these read fast and in more languages.
"""
