"""Leveret's log on the terminal."""

from __future__ import annotations

import sys

from loguru import logger

PACKAGES = ("leveret", "leveret_broker", "leveret_actors")


def log_to_terminal(level: str) -> None:
    """Write log records from `level` on to standard error, in place of what was written before."""
    logger.remove()
    logger.add(sys.stderr, level=level, backtrace=False, diagnose=False)
    for package in PACKAGES:
        logger.enable(package)
