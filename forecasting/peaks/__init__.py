"""The chance that a signal is high soon, and whether such a chance was ever worth anything."""
