"""One file per page; each draws itself when run and can be run alone."""
