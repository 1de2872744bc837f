"""Tasks that clients called: who waits for them, and how they ended; no instance is there that would know.

* The first message that brings a task is the one by which it runs; another one under the same task id only waits.
* The first outcome of a life of a task is the one that counts, and a later life (`sequence`) takes its place.
* Whoever waited, the last `WAITERS` of them, is still there when the outcome is: a node that ended before it told them
  is followed by one that does.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Final

import msgspec

WAITERS: Final = 1000
"""Of one task, the last ones: each question is one, and who asks every second for days must not fill the store."""


class Called(msgspec.Struct, frozen=True):
    """A task that a client called, or asks for."""

    task: str
    sequence: int = -1
    """Which life of it; -1 is whichever there is."""
    waiter: str = ""
    """Who wants to know; empty for nobody."""
    message: str = ""
    """Id of the message that brought it; empty for a question."""


class CallRecord(msgspec.Struct, frozen=True, array_like=True):
    """What is known of one."""

    sequence: int = 0
    message: str = ""
    """By which it runs; empty while only questions have come."""
    outcome: bytes = b""
    """Empty until it ended."""
    waiters: tuple[str, ...] = ()

    def noted(self, call: Called) -> CallRecord:
        """Return it with one more message, or question."""
        sequence, message, outcome, waiters = self.sequence, self.message, self.outcome, self.waiters
        if call.sequence > sequence:
            sequence, message, outcome = call.sequence, call.message, b""
        elif call.sequence == sequence and not message:
            message = call.message
        if call.waiter and not outcome and call.waiter not in waiters:
            waiters = (*waiters, call.waiter)[-WAITERS:]
        return CallRecord(sequence, message, outcome, waiters)

    def ended(self, call: Called, outcome: bytes) -> CallRecord:
        """Return it with an outcome, unless it has one, or this is of an earlier life."""
        known = self.noted(call)
        if known.outcome or call.sequence not in {-1, known.sequence}:
            return known
        return msgspec.structs.replace(known, outcome=outcome)


class OutcomeStore(ABC):
    """The part of the store that keeps them. Repeating a call whose answer was lost changes nothing."""

    @abstractmethod
    async def note_calls(self, calls: Sequence[Called], seconds: float) -> list[CallRecord]:
        """Note these, for `seconds` where they have not ended, and return for each what is known then."""

    @abstractmethod
    async def keep_outcome(self, call: Called, outcome: bytes, seconds: float) -> CallRecord:
        """Keep how a task ended for `seconds`, and return what is known then."""
