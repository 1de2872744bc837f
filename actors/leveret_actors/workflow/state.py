"""The head of an instance: what each turn rewrites, and all that is left to load of a closed one."""

from __future__ import annotations

import msgspec

from leveret_broker.envelope import FORMAT
from leveret_broker.outcome import Outcome

AWAITED = "awaited"
RUNNING = "running"
COMPLETED = "completed"
CANCELLED = "cancelled"
TIMED_OUT = "timed_out"
FAILED = "failed"
BLOCKED = "blocked"

CLOSED = frozenset({COMPLETED, CANCELLED, TIMED_OUT})

STARTS_KEPT = 16
"""How many starts of earlier runs are remembered, so that a late second delivery of one does not run again."""


class State(msgspec.Struct, array_like=True):
    """Small, whatever the instance has been through."""

    workflow: str
    run: str
    status: str
    started: float
    updated: float
    reason: str = ""
    version: int = 0
    """Of the code that last ran it; 0 before any did."""
    closed: float = 0.0
    records: int = 0
    journal_bytes: int = 0
    last_command: int = 0
    method: str = ""
    tags: tuple[str, ...] = ()
    unique_tag: str = ""
    meta: dict[str, str] = {}
    outcome: Outcome | None = None
    """Once the main method has ended."""
    given_up: bool = False
    """It brought its node down: only the verb runs it again."""
    starts: tuple[bytes, ...] = ()
    """Run ids of earlier runs, as digests."""
    format: int = FORMAT
    entries: int = 0
    """Events and commands in the journal."""

    @property
    def is_closed(self) -> bool:
        """Tell whether nothing can happen to this run any more."""
        return self.status in CLOSED


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(State)


def encode(state: State) -> bytes:
    """Return the bytes that the store keeps."""
    return _encoder.encode(state)


def decode(data: bytes) -> State:
    """Return the head; raises `msgspec.DecodeError` for anything else."""
    return _decoder.decode(data)
