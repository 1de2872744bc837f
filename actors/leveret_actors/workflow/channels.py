"""The channels of an instance: signals that came, and receivers that wait."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from leveret.calls import Receive
from leveret.definition import ChannelDefinition
from leveret_actors.workflow.journal import SignalAccepted
from leveret_actors.workflow.operations import Arrived, Operation, Operations
from leveret_actors.workflow.raised import as_exception
from leveret_broker.codec import Codec
from leveret_broker.errors import DecodeError


class Receiver:
    """One `receive`; its operation has what it has got so far."""

    __slots__ = ("operation", "wants")

    def __init__(self, operation: Operation, wants: Receive) -> None:
        """Wait."""
        self.operation = operation
        self.wants = wants

    @property
    def is_done(self) -> bool:
        """Tell whether it has all it wants."""
        return len(self.operation.got) >= (1 if self.wants.count is None else self.wants.count)


class Channel:
    """One inlet: its unread signals and its receivers, both in order."""

    def __init__(self, definition: ChannelDefinition, operations: Operations) -> None:
        """Begin empty."""
        self.definition = definition
        self.unread: deque[Arrived] = deque()
        self.receivers: list[Receiver] = []
        self.dropped: list[tuple[SignalAccepted, str]] = []
        """Signals that nobody got because the channel keeps nothing, and why."""
        self._operations = operations
        self._orders = itertools.count()

    def offer(self, value: Any, event: SignalAccepted) -> None:
        """Give a signal to the first receiver that wants it, else keep it where signals are buffered."""
        signal = Arrived(next(self._orders), value, event)
        for receiver in list(self.receivers):
            if self._wants(receiver, value):
                receiver.operation.got.append(signal)
                self._finish(receiver)
                return
        if self.definition.buffered:
            self.unread.append(signal)
        else:
            self.dropped.append((event, "nobody receives, and the channel is not buffered"))

    def receive(self, receiver: Receiver) -> None:
        """Serve a new receiver from what is unread, or let it wait."""
        self.receivers.append(receiver)
        self._serve(receiver)

    def give_back(self, operation: Operation) -> None:
        """Forget a receiver; what nobody saw of what it got is unread again, in its order, and there for others."""
        self.receivers = [receiver for receiver in self.receivers if receiver.operation is not operation]
        if operation.got:
            self._put_back(operation)
            for other in list(self.receivers):
                self._serve(other)

    def _put_back(self, operation: Operation) -> None:
        self.unread = deque(sorted((*operation.got, *self.unread), key=lambda signal: signal.order))
        operation.got = []

    def take_dropped(self) -> list[tuple[SignalAccepted, str]]:
        """Return the signals that nobody got in this turn and that are not kept, and why."""
        if not self.definition.buffered:
            reason = "its receiver was cancelled, and the channel is not buffered"
            self.dropped += [(signal.event, reason) for signal in self.unread]
            self.unread.clear()
        dropped, self.dropped = self.dropped, []
        return dropped

    def _serve(self, receiver: Receiver) -> None:
        kept: deque[Arrived] = deque()
        while self.unread and not receiver.is_done and receiver in self.receivers:
            signal = self.unread.popleft()
            if self._wants(receiver, signal.value):
                receiver.operation.got.append(signal)
            else:
                kept.append(signal)
        self.unread.extendleft(reversed(kept))
        self._finish(receiver)

    def _wants(self, receiver: Receiver, value: Any) -> bool:
        if receiver.wants.accepts is None:
            return True
        try:
            return bool(receiver.wants.accepts(value))
        except BaseException as error:  # the user's predicate: its receiver fails, the signal goes on
            self.receivers.remove(receiver)
            self._operations.end(receiver.operation, "failed")
            receiver.operation.future.set_exception(as_exception(error, "the predicate of receive()"))
            self._put_back(receiver.operation)
            return False

    def _finish(self, receiver: Receiver) -> None:
        if receiver in self.receivers and receiver.is_done:
            self.receivers.remove(receiver)
            self._operations.end(receiver.operation, "completed")
            values = [signal.value for signal in receiver.operation.got]
            receiver.operation.future.set_result(values[0] if receiver.wants.count is None else values)


class Channels:
    """The channels of an instance by name."""

    def __init__(self, definitions: Mapping[str, ChannelDefinition], operations: Operations, codec: Codec) -> None:
        """Begin with all of them empty."""
        self._definitions = definitions
        self._operations = operations
        self._codec = codec
        self._channels: dict[str, Channel] = {}
        self.look: Callable[[str, Any], None] | None = None
        """Sees each signal first; what raises refuses it."""

    def get(self, name: str) -> Channel | None:
        """Return a channel, or None for a name that the class does not have."""
        channel = self._channels.get(name)
        if channel is None and name in self._definitions:
            channel = self._channels[name] = Channel(self._definitions[name], self._operations)
        return channel

    def accept(self, event: SignalAccepted) -> str:
        """Take a signal; returns why no channel can."""
        name = event.channel
        channel = self.get(name)
        if channel is None:
            return f"there is no channel {name!r}; there are {sorted(self._definitions)}"
        try:
            decoded = self._codec.load(event.value, channel.definition.kind)
        except DecodeError as error:
            return f"the value does not fit the type of channel {name!r}: {self._codec.detail(error)}"
        if self.look is not None:
            try:
                self.look(name, decoded)
            except BaseException as error:  # an interceptor's word
                return f"an interceptor refused the signal: {error!r}"
        channel.offer(decoded, event)
        return ""

    def give_back(self, operation: Operation) -> None:
        """Forget a receiver; what nobody saw of what it got is unread again."""
        channel = self.get(operation.name)
        if channel is not None:
            channel.give_back(operation)

    def take_dropped(self) -> tuple[tuple[SignalAccepted, str], ...]:
        """Return the signals that nobody got in this turn, where nothing is buffered, and why."""
        return tuple(one for channel in self._channels.values() for one in channel.take_dropped())

    def left(self) -> list[SignalAccepted]:
        """Return the signals that nobody has got, those of unfinished receivers among them, in order by channel."""
        found: list[SignalAccepted] = []
        for channel in self._channels.values():
            if channel.definition.buffered:
                got = [signal for receiver in channel.receivers for signal in receiver.operation.got]
                found += [signal.event for signal in (*got, *channel.unread)]
        return found

    def unread(self) -> dict[str, int]:
        """Return how many signals wait in each channel that has some."""
        return {name: len(channel.unread) for name, channel in self._channels.items() if channel.unread}
