"""The top: the command line, the orchestration and the sources. No statistics live here."""
