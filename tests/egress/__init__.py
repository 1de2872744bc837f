"""Events out: what is published, and who hears it."""
