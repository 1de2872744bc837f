"""Examples: each one runs, and the tests run it."""
