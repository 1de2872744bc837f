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
    """Turns that were journalled, which is the number of the last one."""
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
    chain: tuple[bytes, ...] = ()
    """Runs that this one goes on from, as digests: the first one, which the tags know, and the last ones."""
    folded: int = 0
    """Records that were taken off the journal, for others that stand for them."""
    tag_changes: int = 0
    """Joins and leaves that the code has asked for, in this run and those it goes on from."""

    @property
    def is_closed(self) -> bool:
        """Tell whether nothing can happen to this run any more."""
        return self.status in CLOSED

    @property
    def tag_run(self) -> str:
        """The run that tags have as their member: the first one, so that nothing changes there from run to run."""
        return self.chain[0].hex() if self.chain else self.run

    def goes_on_from(self, run: str) -> bool:
        """Tell whether a run has become this one: what is meant for it is meant for this one."""
        return run != self.run and run in {digest.hex() for digest in self.chain}


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(State)


def encode(state: State) -> bytes:
    """Return the bytes that the store keeps."""
    return _encoder.encode(state)


def decode(data: bytes) -> State:
    """Return the head; raises `msgspec.DecodeError` for anything else."""
    return _decoder.decode(data)
