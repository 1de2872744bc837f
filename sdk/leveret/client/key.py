"""Idempotency keys of stubs."""

from __future__ import annotations

from leveret.errors import ArgumentMismatch
from leveret_broker.codec import Payload


class MessageKey:
    """The id of the one message that is sent through a stub; without one, each message gets a fresh one."""

    def __init__(self, message_id: str | None = None) -> None:
        self._message_id = message_id
        self._used: tuple[str, Payload] | None = None

    def take(self, what: str, content: Payload) -> str | None:
        """Return the id; raises `ArgumentMismatch` for another message, which its receiver would take for a second."""
        if self._message_id is None:
            return None
        self._used = self._used or (what, content)
        if self._used != (what, content):
            raise ArgumentMismatch(
                f"{what}: the message id {self._message_id!r} was used for another message ({self._used[0]}), and a "
                "second one under it is dropped: make a stub for each message"
            )
        return self._message_id
