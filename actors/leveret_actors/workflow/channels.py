"""The channels of an instance: signals that came, and receivers that wait."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from leveret.definition import ChannelDefinition
from leveret.runtime import Receive
from leveret_actors.workflow.journal import SignalAccepted
from leveret_actors.workflow.operations import Operation, Operations
from leveret_broker.codec import Codec
from leveret_broker.errors import DecodeError


class Reception(NamedTuple):
    """What became of a signal."""

    wrong: str = ""
    """Why it cannot be taken."""
    discarded: bool = False
    """Nobody received, and the channel keeps nothing."""


class Arrived(NamedTuple):
    """A signal in a channel."""

    value: Any
    event: SignalAccepted


class Receiver:
    """One `receive` and what it has got so far."""

    __slots__ = ("got", "operation", "wants")

    def __init__(self, operation: Operation, wants: Receive) -> None:
        """Wait."""
        self.operation = operation
        self.wants = wants
        self.got: list[Arrived] = []

    @property
    def is_done(self) -> bool:
        """Tell whether it has all it wants."""
        return len(self.got) >= (1 if self.wants.count is None else self.wants.count)


class Channel:
    """One inlet: its unread signals and its receivers, both in order."""

    def __init__(self, definition: ChannelDefinition, operations: Operations) -> None:
        """Begin empty."""
        self.definition = definition
        self.unread: deque[Arrived] = deque()
        self.receivers: list[Receiver] = []
        self._operations = operations

    def offer(self, signal: Arrived) -> bool:
        """Give a signal to the first receiver that wants it, else keep it; False where nothing is buffered."""
        for receiver in list(self.receivers):
            if self._wants(receiver, signal.value):
                receiver.got.append(signal)
                self._finish(receiver)
                return True
        if self.definition.buffered:
            self.unread.append(signal)
        return self.definition.buffered

    def receive(self, receiver: Receiver) -> None:
        """Serve a new receiver from what is unread, or let it wait."""
        self.receivers.append(receiver)
        self._serve(receiver)

    def give_back(self, operation: Operation) -> None:
        """Forget a cancelled receiver; what it had collected is unread again, and there for others."""
        gone = [receiver for receiver in self.receivers if receiver.operation is operation]
        self.receivers = [receiver for receiver in self.receivers if receiver.operation is not operation]
        for receiver in gone:
            self.unread.extendleft(reversed(receiver.got))
            if receiver.got:
                for other in list(self.receivers):
                    self._serve(other)
        if not self.definition.buffered:
            self.unread.clear()

    def _serve(self, receiver: Receiver) -> None:
        kept: deque[Arrived] = deque()
        while self.unread and not receiver.is_done and receiver in self.receivers:
            signal = self.unread.popleft()
            if self._wants(receiver, signal.value):
                receiver.got.append(signal)
            else:
                kept.append(signal)
        self.unread.extendleft(reversed(kept))
        self._finish(receiver)

    def _wants(self, receiver: Receiver, value: Any) -> bool:
        if receiver.wants.accepts is None:
            return True
        try:
            return bool(receiver.wants.accepts(value))
        except Exception as error:  # the user's predicate: its receiver fails, the signal goes on
            self.receivers.remove(receiver)
            self._operations.end(receiver.operation, "failed")
            receiver.operation.future.set_exception(error)
            self.unread.extendleft(reversed(receiver.got))
            return False

    def _finish(self, receiver: Receiver) -> None:
        if receiver in self.receivers and receiver.is_done:
            self.receivers.remove(receiver)
            self._operations.end(receiver.operation, "completed")
            values = [signal.value for signal in receiver.got]
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

    def accept(self, event: SignalAccepted) -> Reception:
        """Take a signal."""
        name = event.channel
        channel = self.get(name)
        if channel is None:
            return Reception(f"there is no channel {name!r}; there are {sorted(self._definitions)}")
        try:
            decoded = self._codec.load(event.value, channel.definition.kind)
        except DecodeError as error:
            return Reception(f"the value does not fit the type of channel {name!r}: {error}")
        if self.look is not None:
            try:
                self.look(name, decoded)
            except Exception as error:  # an interceptor's word
                return Reception(f"an interceptor refused the signal: {error!r}")
        return Reception(discarded=not channel.offer(Arrived(decoded, event)))

    def left(self) -> list[SignalAccepted]:
        """Return the signals that nobody has got, those of unfinished receivers among them, in order by channel."""
        found: list[SignalAccepted] = []
        for channel in self._channels.values():
            if channel.definition.buffered:
                got = [signal for receiver in channel.receivers for signal in receiver.got]
                found += [signal.event for signal in (*got, *channel.unread)]
        return found

    def unread(self) -> dict[str, int]:
        """Return how many signals wait in each channel that has some."""
        return {name: len(channel.unread) for name, channel in self._channels.items() if channel.unread}
