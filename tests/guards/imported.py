"""Reads itself when it is imported, as modules with data do."""

from pathlib import Path

LINES = len(Path(__file__).read_text().splitlines())
