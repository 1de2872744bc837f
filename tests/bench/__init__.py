"""`make bench`: the two-task hello workflow on every backend, side by side in one run."""
