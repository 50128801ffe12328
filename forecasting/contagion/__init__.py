"""Contagion: does an emotion follow exposure more often than chance allows? Not a proof of cause."""
