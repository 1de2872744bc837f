"""What the store tells about instances."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import msgspec

from leveret import workflow
from leveret_actors.cli.output import when
from leveret_actors.config import Config
from leveret_actors.config.reference import find_workflow
from leveret_actors.store.contract import Store
from leveret_actors.workflow.journal import Event, Record
from leveret_broker.address import MailboxQueue
from leveret_broker.errors import ConfigurationError
from leveret_broker.transport import Transport

STATUSES: Final = ("running", "failed", "blocked", "completed", "cancelled", "timed_out")

_TOLD: Final = {"method", "channel", "number", "reason", "run", "worker", "attempt"}

MAILBOXES: Final = 8
"""Proposed for a type that exists, so that it is settled and this number means nothing."""


class Row(msgspec.Struct, frozen=True):
    """One instance of a listing."""

    workflow: str
    id: str
    status: str
    updated: float
    run: str


async def kinds_of(named: str | None, config: Config, store: Store) -> list[str]:
    """Return the workflow types to list: the named one, those configured, or those that living nodes host."""
    if named is not None:
        return [named]
    configured = {workflow.definition_of(find_workflow(name)).name for name in config.node.workflows}
    if configured:
        return sorted(configured)
    hosted = {name for node in await store.nodes() for name in node.info.get("workflows", "").split(",") if name}
    if hosted:
        return sorted(hosted)
    text = (
        "say which workflow: leveret list WORKFLOW (without one, those of leveret.toml and of living nodes are listed)"
    )
    raise ConfigurationError(text)


async def rows_of(transport: Transport, store: Store, kind: str, statuses: Sequence[str], limit: int) -> list[Row]:
    """Return at most `limit` instances of a type, by status and then by id."""
    if await transport.inspect(MailboxQueue(kind, 0)) is None:
        return []  # asking for its count would make the type
    count = await transport.mailbox_count(kind, MAILBOXES)
    found: list[Row] = []
    for status in statuses:
        rows = [
            Row(kind, row.actor, row.status, row.updated, row.run)
            for index in range(count)
            for row in await store.instances(MailboxQueue(kind, index), status, "", limit)
        ]
        found += sorted(rows, key=lambda row: row.id)
        if len(found) >= limit:
            break
    return found[:limit]


def event_text(event: Event) -> str:
    """Return a journal event in a line, without the user's data."""
    words = [_spaced(type(event).__name__)]
    for name, value in msgspec.structs.asdict(event).items():
        if name == "outcome":
            words.append(_spaced(type(value).__name__))
        elif name in _TOLD and value not in ("", 0):
            words.append(f"{name}={value}")
    return " ".join(words)


def fold_text(record: Record) -> list[str]:
    """Return what a record stands for in a line; none for a turn."""
    folded = record.folded
    if folded is None:
        return []
    calls = ", ".join(f"{count} calls of {name}" for name, count in folded.calls.items())
    return [f"{calls} folded ({folded.turns} turns since {when(folded.since)})"]


def _spaced(name: str) -> str:
    """Return `CommandEnded` as `command ended`."""
    return re.sub(r"(?<!^)([A-Z])", r" \1", name).lower()
