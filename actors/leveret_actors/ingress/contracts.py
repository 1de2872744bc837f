"""What a node knows of workflows, held against commands. What it does not know passes as plain data."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from leveret.definition import MethodDefinition, WorkflowDefinition
from leveret.errors import ArgumentMismatch
from leveret.signature import spell
from leveret_actors.ingress.command import Arguments, Command, CommandRefused, Opening
from leveret_broker.codec import Codec, Payload
from leveret_broker.errors import DecodeError, PayloadError

T = TypeVar("T")


class Contracts:
    """Checks and encodes what commands carry; `versions` are a node's workflows, by name and version."""

    def __init__(self, versions: Mapping[str, Mapping[int, WorkflowDefinition]], codec: Codec) -> None:
        self._versions = versions
        self._codec = codec

    def knows(self, workflow: str) -> bool:
        """Tell whether this node has the code of a workflow."""
        return workflow in self._versions

    def opening(self, workflow: str, opening: Opening) -> tuple[str, Payload]:
        """Return the wire name of the method that starts an instance, and its arguments; raises `CommandRefused`.

        The name is empty where only the node that runs the instance can tell it.
        """
        versions = self._versions.get(workflow)
        if not versions:
            return opening.method, self._plain(f"{workflow}.{opening.method}", opening.arguments)
        wanted = opening.plan.version or max(versions)
        if wanted not in versions:  # another node may have it
            return opening.method, self._plain(f"{workflow}.{opening.method}", opening.arguments)
        methods = versions[wanted].methods
        name = opening.method or versions[wanted].only_method
        if name not in methods:
            said = f"there is no method {name!r}" if name else "the method must be named"
            raise CommandRefused("arguments", f"{workflow}: {said}; it has {', '.join(methods)}")
        return name, self._fit([methods[name]], opening.arguments)

    def call(self, command: Command) -> tuple[bool, Payload]:
        """Return whether the method only reads, and its arguments; raises `CommandRefused`."""
        name = f"{command.name}.{command.member}"
        versions = self._versions.get(command.name)
        if not versions:
            return False, self._plain(name, command.value)
        methods = [one.methods[command.member] for one in versions.values() if command.member in one.methods]
        if methods:
            return False, self._fit(methods, command.value)
        queries = [one.queries[command.member] for one in versions.values() if command.member in one.queries]
        if not queries:
            known = sorted({name for one in versions.values() for name in (*one.methods, *one.queries)})
            raise CommandRefused("arguments", f"there is no method {name}; {command.name} has {', '.join(known)}")
        return True, self._fit(queries, command.value)

    def signal(self, command: Command) -> Payload:
        """Return a signal's value; raises `CommandRefused`."""
        name = f"{command.name}.{command.member}"
        versions = self._versions.get(command.name)
        if not versions:
            return self.dump(name, command.value)
        channels = [one.channels[command.member] for one in versions.values() if command.member in one.channels]
        if not channels:
            known = ", ".join(sorted({name for one in versions.values() for name in one.channels})) or "none"
            raise CommandRefused("arguments", f"there is no channel {name}; {command.name} has {known}")

        def fit(kind: object) -> Payload:
            try:
                return self.dump(name, self._codec.convert(command.value, kind))
            except DecodeError as error:
                raise CommandRefused("arguments", f"{name}: the value does not fit {spell(kind)}: {error}") from error

        return _first([channel.kind for channel in channels], fit)

    def dump(self, what: str, value: object) -> Payload:
        """Return plain data as a payload; raises `CommandRefused` for what is too large."""
        try:
            return self._codec.dump(value)
        except PayloadError as error:
            raise CommandRefused("arguments", f"{what}: {error}") from error

    def _fit(self, methods: Iterable[MethodDefinition], arguments: Arguments) -> Payload:
        def fit(method: MethodDefinition) -> Payload:
            try:
                return method.signature.convert(self._codec, arguments)
            except (ArgumentMismatch, PayloadError) as error:
                raise CommandRefused("arguments", str(error)) from error

        return _first(methods, fit)

    def _plain(self, what: str, arguments: Arguments) -> Payload:
        if not isinstance(arguments, Mapping):
            text = f"{what}: this node does not know the method: name its arguments"
            raise CommandRefused("arguments", text)
        return self.dump(what, arguments)


def _first(candidates: Iterable[T], fit: Callable[[T], Payload]) -> Payload:
    """Return what the first fitting version makes of it; raises what the last one, the newest, says against it."""
    error: CommandRefused | None = None
    for one in candidates:
        try:
            return fit(one)
        except CommandRefused as misfit:
            error = misfit
    assert error is not None
    raise error
