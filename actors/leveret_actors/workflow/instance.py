"""A live instance: the workflow object, its loop and commands; what workflow code sees as `leveret.runtime.Runtime`."""

from __future__ import annotations

import asyncio
import inspect
from collections import deque
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from random import Random
from typing import Any, TypeVar, cast
from uuid import UUID

from leveret.calls import Receive, TaskCall
from leveret.definition import WorkflowDefinition
from leveret.errors import DeferredError
from leveret.failure import failure_of, opened
from leveret.interceptors import WorkflowInterceptor
from leveret.runtime import Info, Parent, Tags, outside, stepping
from leveret_actors.workflow import operations as ops
from leveret_actors.workflow.asking import MAIN, asking
from leveret_actors.workflow.attributes import all_of
from leveret_actors.workflow.bounds import check_labels, due_time
from leveret_actors.workflow.channels import Channels, Receiver
from leveret_actors.workflow.conditions import Conditions
from leveret_actors.workflow.intercepting import signal_arrives, task_issued, timer_issued
from leveret_actors.workflow.journal import Begun, Command, MethodEnded, SignalAccepted
from leveret_actors.workflow.lines import line_that_asks
from leveret_actors.workflow.loop import DurableHandle, WorkflowLoop
from leveret_actors.workflow.methods import Methods
from leveret_actors.workflow.operations import Operation, Operations
from leveret_actors.workflow.outward import Outward
from leveret_actors.workflow.patches import Patches
from leveret_actors.workflow.tail import Tail
from leveret_actors.workflow.unheard import tell
from leveret_broker.codec import Codec, Payload
from leveret_broker.errors import PayloadLocked
from leveret_broker.outcome import Failure, Outcome

T = TypeVar("T")

_CLOSING_ROUNDS = 20
_CLOSING_BUDGET = 10_000


class Stuck(Exception):
    """Raised when code cannot be stepped to an end; the text goes into the instance's reason."""


@dataclass(frozen=True, slots=True)
class Emission:
    """What one turn of the code brought."""

    issued: list[Operation]
    withdrawn: list[Operation]
    """Tasks and children to cancel where they run."""
    unset: list[int]
    """Durable timers to remove."""
    refused: list[tuple[SignalAccepted, str]]
    """Signals that no channel could take, and why."""
    outcome: Outcome | None
    """How the main method ended, if it did in this turn."""
    ended: tuple[MethodEnded, ...] = ()
    """Other methods that ended in this turn."""
    discarded: tuple[tuple[SignalAccepted, str], ...] = ()
    """Signals to unbuffered channels that nobody got, and why."""
    renewal: Payload | None = None
    """Arguments of the next run, once the main method has asked for it: this one is over."""
    untagged: list[Operation] = field(default_factory=list[Operation])
    """Tagged tasks that nobody can retry any more."""


class Instance(Outward):
    """Code that runs; created, stepped and closed, never asked to do input or output."""

    def __init__(
        self,
        key: str,
        definition: WorkflowDefinition,
        begun: Begun,
        codec: Codec,
        budget: int,
        interceptors: tuple[WorkflowInterceptor, ...] = (),
    ) -> None:
        """Make the instance as it is before its first turn."""
        self.interceptors = interceptors
        self.definition = definition
        self.key = key
        self.begun = begun
        self._codec = codec = codec.telling(self._locked, outside)
        self._budget = budget
        self.loop = WorkflowLoop(begun.run, self)  # type: ignore[abstract] # the rest refuses, see there
        self.operations = Operations(self.loop)
        self.operations.on_cancelled = self._operation_cancelled
        self.patches = Patches(self.operations)
        self.channels = Channels(definition.channels, self.operations, codec)
        if interceptors:
            self.channels.look = partial(signal_arrives, self)
        self.methods = Methods(self, begun)
        self.conditions = Conditions(self, self.loop)
        self._subject: Any = None
        self._info = Info(
            definition.name,
            key,
            begun.run,
            definition.version,
            self.methods.main.name,
            MAIN,
            Tags(begun.tags),
            begun.meta,
            None if begun.parent is None else Parent(begun.parent.workflow, begun.parent.instance, begun.parent.run),
        )
        self._watched: list[tuple[Coroutine[Any, Any, Any], str, str]] = []
        self._random: Random | None = None
        self._uuids: Random | None = None
        self._replaying = False
        self._journalled: dict[int, Command] = {}
        self._refused: list[tuple[SignalAccepted, str]] = []
        self.claimed: dict[tuple[str, str], str] = {}
        self.later: deque[Callable[[], object]] = deque()
        """What happens in this turn once the code waits again, one after another."""
        self.stuck = ""
        """Why the code cannot go on."""
        self.drew = False
        """Code of this turn drew a UUID, or asked for the generator."""
        self.tail = Tail(self)

    # -- for the engine -----------------------------------------------------------------------------------------------

    def step(self, at: float, first: Callable[[], object], replayed: tuple[Command, ...] | None = None) -> Emission:
        """Call `first`, then step until nothing is ready; `replayed` has what the journal says came of it.

        Raises `Stuck`; the instance must be closed then.
        """
        self.loop.clock = max(at, self.loop.clock)
        self._replaying = replayed is not None
        self.drew = False
        self.stuck = ""
        self.loop.stepped.clear()
        self.patches.begin_turn(replayed)
        self._journalled = {command.number: command for command in replayed or () if command.kind == ops.INLINE}
        try:
            at_rest = self._run(first)
        except PayloadLocked as locked:
            raise Stuck(str(locked)) from locked
        if not at_rest:
            raise Stuck(
                f"the code took more than {self._budget} steps in one turn: it never waits for anything durable"
            )
        if self.stuck:
            raise Stuck(self.stuck)
        if self._watched:
            self._watched = [entry for entry in self._watched if self._is_unstarted(entry[0])]
        refused, self._refused = self._refused, []
        outcome, ended = self.methods.main.outcome(), self.methods.take_ended()
        withdrawn, unset = self.operations.take_back()
        issued, renewal = self.operations.take_issued(), self.methods.main.renewal
        unheard = self.loop.unheard.take(everything=self.methods.main.is_done and self.methods.only_main())
        if unheard and not self._replaying:
            tell(self._info, unheard)
        dropped, untagged = self.channels.take_dropped(), self.operations.take_untagged()
        return Emission(issued, withdrawn, unset, refused, outcome, ended, dropped, renewal, untagged)

    def _run(self, first: Callable[[], object]) -> bool:
        """Step until all wait and no condition holds that somebody waits for; False when that takes too long."""
        with stepping(self):
            at_rest = self.loop.run(first, self._budget)
            for _ in range(self._budget):
                if at_rest and self.conditions.wake():
                    at_rest = self.loop.run(lambda: None, self._budget)
                elif at_rest and self.later:
                    at_rest = self.loop.run(self.later.popleft(), self._budget)
                else:
                    return at_rest
        return False

    def _locked(self, text: str) -> None:
        """Go no further with a payload that cannot be read here, whatever the code does about the exception."""
        self.stuck = text

    def accept(self, event: SignalAccepted) -> None:
        """Take a signal, or note why no channel can."""
        wrong = self.channels.accept(event)
        if wrong:
            self._refused.append((event, wrong))

    def close(self) -> None:
        """Tear the code down: nothing it does from here on has an effect, and nothing of it is left suspended.

        The instance cannot be used any more.
        """
        self.operations.refused = True
        self._replaying = True
        for _ in range(_CLOSING_ROUNDS):
            tasks = self.loop.open_tasks()
            if not tasks:
                break
            with stepping(self):
                self.loop.run(lambda tasks=tasks: [task.cancel() for task in tasks], _CLOSING_BUDGET)  # type: ignore[misc]
            self.loop.discard_ready()
        for task in self.loop.open_tasks():
            task._log_destroy_pending = False  # type: ignore[attr-defined]  # noqa: SLF001 - asyncio's own switch
            with suppress(BaseException), stepping(self):  # whatever the code does about GeneratorExit
                cast("Coroutine[Any, Any, Any]", task.get_coro()).close()
        for call, _, _ in self._watched:
            call.close()
        self.loop.discard_ready()
        # Its parts know each other: cut the circles, so that the memory goes now and the garbage collector has no work.
        self.operations.on_cancelled = lambda _: None
        vars(self).clear()

    @property
    def subject(self) -> Any:
        """The workflow object, which all methods share; made, by the code itself, when the first of them begins."""
        if self._subject is None:
            self._subject = self.definition.cls()
        return self._subject

    def attributes(self) -> dict[str, object] | None:
        """Return what the workflow object has; None when it is not made yet, or keeps something elsewhere as well."""
        return None if self._subject is None else all_of(self._subject)

    def unawaited(self, method: str) -> str:
        """Return which stub call of a method nobody has awaited nor wrapped in a task, or nothing; it is closed."""
        wrapped = [task.get_coro() for task in self.loop.open_tasks()]
        found = ""
        for call, what, of in self._watched:
            if of == method and self._is_unstarted(call) and call not in wrapped:
                call.close()
                found = found or what
        return found

    @staticmethod
    def _is_unstarted(call: Coroutine[Any, Any, Any]) -> bool:
        return inspect.iscoroutine(call) and inspect.getcoroutinestate(call) == inspect.CORO_CREATED

    # -- durable timers of asyncio ------------------------------------------------------------------------------------

    def timer_wanted(self, handle: DurableHandle) -> None:
        """Back a `call_at` with a durable timer."""
        handle.number = self.located(self.operations.open_handle(handle, due_time(handle.when()))).number

    def timer_unwanted(self, handle: DurableHandle) -> None:
        """Remove the durable timer of a cancelled handle; nothing for one that has fired."""
        operation = self.operations.pending.get(handle.number)
        if operation is not None and operation.handle is handle:
            self.operations.cancel(operation)

    def _operation_cancelled(self, operation: Operation) -> None:
        if operation.kind == ops.RECEIVE:
            self.channels.give_back(operation)
        elif operation.kind == ops.TASK:
            operation.reason = self.methods.reason(operation.method)

    def located(self, operation: Operation) -> Operation:
        """Note the line of user code that asks, when a comparison may need it."""
        if self._replaying:
            operation.line = line_that_asks()
        return operation

    # -- for workflow code: leveret.runtime.Runtime -------------------------------------------------------------------

    @property
    def codec(self) -> Codec:
        """Turns arguments into payloads."""
        return self._codec

    def run_task(self, call: TaskCall) -> Operation:
        """Send a task to its service."""
        if self.interceptors:
            call = task_issued(self, call)
        check_labels(call)
        due = due_time(self.loop.clock + call.timeout) if call.timeout > 0 else 0.0
        return self.located(self.operations.open(ops.TASK, f"{call.service}.{call.name}", call=call, due=due))

    def set_timer(self, at: float) -> Operation:
        """Set a durable timer for a Unix time."""
        if self.interceptors:
            at = timer_issued(self, at)
        return self.located(self.operations.open(ops.TIMER, "", due=due_time(at)))

    def receive(self, call: Receive) -> Operation:
        """Wait for signals."""
        channel = self.channels.get(call.channel)
        if channel is None:
            raise LookupError(f"{self.definition.name} has no channel {call.channel!r}")
        operation = self.located(self.operations.open(ops.RECEIVE, call.channel, call=call))
        if not self.operations.refused:
            channel.receive(Receiver(operation, call))
        return operation

    def give_back(self, operation: object) -> None:
        """Return what a receiver got to its channel."""
        if isinstance(operation, Operation) and not self.operations.refused:
            self.channels.give_back(operation)

    def wait_for(self, predicate: Callable[[], object]) -> asyncio.Future[None]:
        """Wait for a condition."""
        return self.loop.create_future() if self.operations.refused else self.conditions.add(predicate)

    async def others_ended(self) -> None:
        """Wait until no method runs beside the main one."""
        while not self.methods.only_main():
            await self.wait_for(self.methods.only_main)

    def next_arguments(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Payload:
        """Return what the main method of the next run gets."""
        return self.methods.main.next_arguments(args, kwargs)

    def inline(self, function: Callable[[], T], kind: Any) -> T:
        """Run `function` once; a replay gets the journalled result."""
        if self.operations.refused:
            raise asyncio.CancelledError
        value = self._journalled_value() if self._replaying else self._run_inline(function)
        self.located(self.operations.note(ops.INLINE, value))
        if isinstance(value, Failure):
            value = opened(value, self._codec)
            raise DeferredError(f"inline function failed: {value.type}: {value.message}", value)
        return cast("T", self._codec.load(value, kind))

    def _run_inline(self, function: Callable[[], object]) -> Payload | Failure:
        try:
            with outside():
                return self._codec.dump(function())
        except BaseException as error:  # the user's function; the journal keeps what a replay must raise again
            return failure_of(error, self._codec)

    def _journalled_value(self) -> Payload | Failure:
        number = self.operations.last + 1
        command = self._journalled.get(number)
        if command is None or command.value is None:
            self.stuck = (
                f"the code calls workflow.inline() as command {number}, which the journal does not have there; "
                f"nearest line: {line_that_asks()}"
            )
            raise asyncio.CancelledError(self.stuck)
        return command.value

    def patched(self, patch: str, *, deprecated: bool = False) -> bool:
        """Tell whether this run takes the new side of a change."""
        marker = self.patches.ask(patch, deprecated=deprecated)
        if marker is not None:
            self.located(marker)
        return self.patches.answer(patch)

    def now(self) -> datetime:
        """Return the turn's time."""
        return datetime.fromtimestamp(self.loop.clock, UTC)

    def uuid(self) -> UUID:
        """Return a new UUID from the run's seed."""
        self.drew = True
        if self._uuids is None:
            self._uuids = Random(f"uuid {self.begun.run}")
        return UUID(int=self._uuids.getrandbits(128), version=4)

    def random(self) -> Random:
        """Return the run's generator."""
        self.drew = True
        if self._random is None:
            self._random = Random(self.begun.run)
        return self._random

    def info(self) -> Info:
        """Tell who runs."""
        method = self.methods.others.get(asking())
        return self._info if method is None else replace(self._info, method=method.name, method_id=method.id)

    def carries(self, tags: frozenset[str]) -> None:
        """Have these tags from now on."""
        self._info = replace(self._info, tags=Tags(tags))

    def watch(self, call: Coroutine[Any, Any, Any], what: str) -> None:
        """Remember a stub call until it is awaited."""
        if self.operations.refused:
            call.close()
        else:
            self._watched.append((call, what, asking()))

    def is_replaying(self) -> bool:
        """Tell whether this step repeats the past, or is the end of a dropped actor."""
        return self._replaying
