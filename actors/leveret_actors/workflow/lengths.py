"""Journals that grow long: said once for each bound that one passes."""

from __future__ import annotations

from loguru import logger

from leveret_actors.workflow.draft import Draft
from leveret_actors.workflow.live import Live


def warn(draft: Draft, live: Live) -> None:
    """Write a line to the log in the turn in which the journal passes a bound."""
    head, settings = live.state, draft.house.settings
    entries, size = draft.length
    passed = entries <= settings.long_entries < head.entries or size <= settings.long_bytes < head.journal_bytes
    if passed:
        text = "{} {!r}: its journal has {} events and commands, {} bytes: end the run by workflow.continue_as_new()"
        logger.warning(text, draft.kind, draft.actor, head.entries, head.journal_bytes)
