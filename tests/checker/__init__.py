"""`leveret check`: what it finds and what it leaves alone."""
