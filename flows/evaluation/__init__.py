"""`affectcast evaluate`: scores against people's labels, after a look for leaks. Changes and tunes no scorer."""
