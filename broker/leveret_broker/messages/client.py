"""Answers to clients."""

from __future__ import annotations

from leveret_broker.messages.base import MessageBase
from leveret_broker.outcome import Outcome


class Answer(MessageBase, frozen=True, tag="answer"):
    """The outcome somebody waits for."""

    outcome: Outcome


class Started(MessageBase, frozen=True, tag="started"):
    """The start was committed, or found another run."""

    instance: str
    run: str
    new: bool
    conflict: bool = False
    """True: refused, `on_conflict` or `on_closed` was `fail`."""


class Description(MessageBase, frozen=True, tag="description"):
    """What `describe` shows; `found` is False for an instance that does not exist."""

    found: bool
    data: dict[str, object] = {}
    """JSON-like: status, reason, version, run, tags, meta, methods, pending, signals, times."""


class HistoryPage(MessageBase, frozen=True, tag="page"):
    """Some journal records, encoded; `more` when there are others."""

    records: tuple[bytes, ...]
    more: bool
    folded: int = 0
    """Records that were taken off the journal before; pages that differ in it do not fit together."""


class Fanned(MessageBase, frozen=True, tag="fanned"):
    """A fan-out is done."""

    members: int
    again: bool = False
    """It came before; how many it was sent to then is forgotten."""


class MembersPage(MessageBase, frozen=True, tag="mpage"):
    """Members by join number."""

    members: tuple[tuple[int, str, str], ...]
    """Join number, instance, run."""
    more: bool


class Done(MessageBase, frozen=True, tag="done"):
    """What a verb did."""

    found: bool
    """False: there is no such instance."""
    count: int
    """Instances, tasks or timers that it reached; 0 is nothing to do."""
    text: str
    """The same for people, with the reason when there was nothing to do."""
    status: str = ""
    """Of the instance, after the verb."""


class Refused(MessageBase, frozen=True, tag="refused"):
    """The request cannot be served; `text` says why and what to do."""

    kind: str
    text: str
