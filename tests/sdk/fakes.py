"""A runtime that records commands and lets the test settle them."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Any
from uuid import UUID

from leveret.calls import CancelCall, ChildCall, MethodCall, Receive, SignalCall, TagCall, TaskCall, VerbCall
from leveret.runtime import Info
from leveret.source import status_of
from leveret_broker.codec import Codec, Payload


class FakeOperation:
    def __init__(self, number: int, kind: str, name: str) -> None:
        self.number = number
        self.kind = kind
        self.name = name
        self.future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    @property
    def status(self) -> str:
        return status_of(self.future)


@dataclass
class FakeRuntime:
    codec: Codec = field(default_factory=Codec)
    operations: list[FakeOperation] = field(default_factory=list)
    calls: list[TaskCall] = field(default_factory=list)
    others: list[ChildCall | MethodCall | SignalCall | CancelCall | VerbCall] = field(default_factory=list)
    timers: list[float] = field(default_factory=list)
    receives: list[Receive] = field(default_factory=list)
    given_back: list[Any] = field(default_factory=list)
    inlined: list[Any] = field(default_factory=list)
    watched: list[tuple[Coroutine[Any, Any, Any], str]] = field(default_factory=list)
    patches: list[tuple[str, bool]] = field(default_factory=list)
    replaying: bool = False

    def run_task(self, call: TaskCall) -> FakeOperation:
        self.calls.append(call)
        return self._issue("task", f"{call.service}.{call.name}")

    def start_child(self, call: ChildCall) -> FakeOperation:
        self.others.append(call)
        return self._issue("child", f"{call.plan.workflow}.{call.method}")

    def call_method(self, call: MethodCall) -> FakeOperation:
        self.others.append(call)
        return self._issue("call", f"{call.target.workflow}.{call.method}")

    def send_signal(self, call: SignalCall) -> FakeOperation:
        self.others.append(call)
        return self._issue("signal", f"{call.target.workflow}.{call.channel}")

    def cancel_target(self, call: CancelCall) -> FakeOperation:
        self.others.append(call)
        return self._issue("cancel", call.target.workflow)

    def ask_verb(self, call: VerbCall) -> FakeOperation:
        self.others.append(call)
        return self._issue("verb", f"{call.target.workflow}.{call.verb}")

    def change_tags(self, calls: Sequence[TagCall]) -> list[FakeOperation]:
        return [self._issue("remove_tag" if call.remove else "add_tag", call.tag) for call in calls]

    def set_timer(self, at: float) -> FakeOperation:
        self.timers.append(at)
        return self._issue("timer", "")

    def receive(self, call: Receive) -> FakeOperation:
        self.receives.append(call)
        return self._issue("receive", call.channel)

    def give_back(self, operation: object) -> None:
        self.given_back.append(operation)

    def inline(self, function: Callable[[], Any], kind: Any) -> Any:
        self.inlined.append(kind)
        return function()

    def patched(self, patch: str, *, deprecated: bool = False) -> bool:
        self.patches.append((patch, deprecated))
        return True

    def wait_for(self, predicate: Callable[[], object]) -> asyncio.Future[None]:
        future = asyncio.get_running_loop().create_future()
        if predicate():
            future.set_result(None)
        return future

    def now(self) -> datetime:
        return datetime(2030, 1, 1, tzinfo=UTC)

    def next_arguments(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Payload:
        return self.codec.dump([list(args), dict(kwargs)])

    def uuid(self) -> UUID:
        return UUID(int=7)

    def random(self) -> Random:
        return Random(7)

    def info(self) -> Info:
        return Info("Booking", "b1", "r1", 1, "book", "main")

    def watch(self, call: Coroutine[Any, Any, Any], what: str) -> None:
        self.watched.append((call, what))

    def is_replaying(self) -> bool:
        return self.replaying

    def _issue(self, kind: str, name: str) -> FakeOperation:
        operation = FakeOperation(len(self.operations), kind, name)
        self.operations.append(operation)
        return operation


async def settle() -> None:
    """Let every callback run that is due."""
    for _ in range(10):
        await asyncio.sleep(0)
