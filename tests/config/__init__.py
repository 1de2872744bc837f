"""Tests of `leveret.toml` and its overrides."""
