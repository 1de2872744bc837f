"""Tests, the servers they need, and the benches."""
