"""`affectcast evaluate`: scores against people's labels, after a look for leaks. Changes no scorer and tunes nothing."""
