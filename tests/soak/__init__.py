"""Many tasks on servers, of which a third fail, while their workers are killed: `python -m tests.soak`."""
