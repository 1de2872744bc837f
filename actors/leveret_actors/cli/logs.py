"""Leveret's log on the terminal."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from loguru import logger

from leveret.workflow import log_filter

if TYPE_CHECKING:
    from loguru import Record

PACKAGES = ("leveret", "leveret_broker", "leveret_actors")


def log_to_terminal(level: str) -> None:
    """Write log records from `level` on to standard error, in place of what was written before."""
    logger.remove()
    logger.add(sys.stderr, level=level, format=_format, filter=log_filter, backtrace=False, diagnose=False)
    for package in PACKAGES:
        logger.enable(package)


def _format(record: Record) -> str:
    """Return loguru's own format, with the instance for what workflow code says."""
    who = "{extra[workflow]} {extra[instance]}: " if {"workflow", "instance"} <= record["extra"].keys() else ""
    return (
        "<green>{time:YYYY-MM-DD HH:mm:ss.SSS}</green> | <level>{level: <8}</level> | "
        f"<cyan>{{name}}</cyan>:<cyan>{{function}}</cyan>:<cyan>{{line}}</cyan> - {who}"
        "<level>{message}</level>\n{exception}"
    )
