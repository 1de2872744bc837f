"""Empty tasks beside Celery and dramatiq, on one broker: `make bench-services`. Imports nothing of leveret itself."""
