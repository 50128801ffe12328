"""`affectcast explain`: which words an answer, or a signal, hangs on. Stores nothing."""
