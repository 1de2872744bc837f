"""Code that may only look: queries, and the conditions that methods wait for."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import Any, NoReturn, Protocol

from leveret.errors import MustOnlyRead
from leveret.runtime import Info
from leveret_broker.codec import Codec


class Readable(Protocol):
    """What of an instance may be looked at."""

    @property
    def codec(self) -> Codec:
        """Turns values into payloads."""
        ...

    def now(self) -> datetime:
        """Return the turn's time."""
        ...

    def info(self) -> Info:
        """Tell who runs."""
        ...

    def is_replaying(self) -> bool:
        """Tell whether this repeats the past."""
        ...


class ReadOnly:
    """A `leveret.runtime.Runtime` that tells, and refuses the rest; remembers it, should the code swallow the error."""

    def __init__(self, instance: Readable, what: str) -> None:
        """Speak for an instance; `what` names the code for the error's text."""
        self._instance = instance
        self._what = what
        self.violated = ""

    @property
    def codec(self) -> Codec:
        """Turns values into payloads."""
        return self._instance.codec

    def now(self) -> datetime:
        """Return the turn's time."""
        return self._instance.now()

    def info(self) -> Info:
        """Tell who runs."""
        return self._instance.info()

    def is_replaying(self) -> bool:
        """Tell whether this repeats the past."""
        return self._instance.is_replaying()

    def watch(self, call: Coroutine[Any, Any, Any], what: str) -> NoReturn:
        """Refuse a stub call."""
        call.close()
        self._refuse(f"call {what}")

    def run_task(self, call: object) -> NoReturn:  # noqa: ARG002
        """Refuse."""
        self._refuse("run a task")

    def start_child(self, call: object) -> NoReturn:  # noqa: ARG002
        """Refuse."""
        self._refuse("start a workflow")

    def call_method(self, call: object) -> NoReturn:  # noqa: ARG002
        """Refuse."""
        self._refuse("call another instance")

    def send_signal(self, call: object) -> NoReturn:  # noqa: ARG002
        """Refuse."""
        self._refuse("send a signal")

    def cancel_target(self, call: object) -> NoReturn:  # noqa: ARG002
        """Refuse."""
        self._refuse("cancel another instance")

    def ask_verb(self, call: object) -> NoReturn:  # noqa: ARG002
        """Refuse."""
        self._refuse("operate on another instance")

    def change_tags(self, calls: object) -> NoReturn:  # noqa: ARG002
        """Refuse."""
        self._refuse("change the instance's tags")

    def set_timer(self, at: float) -> NoReturn:  # noqa: ARG002
        """Refuse."""
        self._refuse("set a timer")

    def receive(self, call: object) -> NoReturn:  # noqa: ARG002
        """Refuse."""
        self._refuse("receive signals")

    def give_back(self, operation: object) -> NoReturn:  # noqa: ARG002
        """Refuse."""
        self._refuse("give signals back")

    def wait_for(self, predicate: Callable[[], object]) -> NoReturn:  # noqa: ARG002
        """Refuse."""
        self._refuse("wait for a condition")

    def inline(self, function: Callable[[], Any], kind: object) -> NoReturn:  # noqa: ARG002
        """Refuse."""
        self._refuse("run code inline")

    def patched(self, patch: str, *, deprecated: bool = False) -> NoReturn:  # noqa: ARG002
        """Refuse: it would be journalled."""
        self._refuse("ask for a patch")

    def next_arguments(self, args: object, kwargs: object) -> NoReturn:  # noqa: ARG002
        """Refuse."""
        self._refuse("continue as new")

    def uuid(self) -> NoReturn:
        """Refuse: it would take one that the methods get."""
        self._refuse("draw a UUID")

    def random(self) -> NoReturn:
        """Refuse: it would draw what the methods draw."""
        self._refuse("draw a random number")

    def _refuse(self, verb: str) -> NoReturn:
        self.violated = f"{self._what} must only read: it cannot {verb}"
        raise MustOnlyRead(self.violated)
