"""What a rule may not say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from leveret.definition import WorkflowDefinition
from leveret_actors.bridge.rule import Bridge
from leveret_broker.errors import ConfigurationError
from leveret_broker.ids import check_name


def check(bridge: Bridge) -> None:
    """Raise `ConfigurationError` that names the bridge and says what to write."""
    if not isinstance(bridge, Bridge):
        raise ConfigurationError(f"{bridge!r} is no bridge: write Bridge(name=..., exchange=..., ...)")
    try:
        msgspec.convert(msgspec.to_builtins(bridge), Bridge)
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"bridge {bridge.name!r}: {error}") from error
    check_name("the bridge's name", bridge.name)
    for wrong in (*_source(bridge), *_verb(bridge), *_target(bridge), *_content(bridge)):
        raise ConfigurationError(f"bridge {bridge.name!r}: {wrong}")


def check_all(bridges: Sequence[Bridge]) -> None:
    """Check each, and that no two have one name: they would share a queue."""
    names: set[str] = set()
    for bridge in bridges:
        check(bridge)
        if bridge.name in names:
            raise ConfigurationError(f"there are two bridges {bridge.name!r}: give one of them another name")
        names.add(bridge.name)


def check_against(bridge: Bridge, versions: Mapping[str, Mapping[int, WorkflowDefinition]]) -> str:
    """Hold a rule against the code that is here; return what cannot be said without code that is not.

    Raises `ConfigurationError` for a method or channel that a workflow does not have.
    """
    workflow, name = bridge.target
    here = versions.get(workflow, {}).values()
    if not here:
        if bridge.arguments is None and (bridge.verb == "call" or bridge.opens):
            text = f"the code of {workflow} is not here, so its arguments must be named: arguments = {{ order = '$' }}"
            raise ConfigurationError(f"bridge {bridge.name!r}: {text}")
        return f"bridge {bridge.name!r}: the code of {workflow} is not here, so nothing is checked against it"
    methods = {one for definition in here for one in definition.methods}
    if bridge.verb == "signal":
        _known(bridge, "channel", name, {one for definition in here for one in definition.channels})
    elif bridge.verb == "call":
        _known(bridge, "method", name, methods)
    if bridge.opens:
        if not bridge.method and len(methods) > 1:
            text = f"say which method starts {workflow}: method = one of {', '.join(sorted(methods))}"
            raise ConfigurationError(f"bridge {bridge.name!r}: {text}")
        _known(bridge, "method", bridge.method, methods)
    return ""


def versions_of(definitions: Iterable[WorkflowDefinition]) -> dict[str, dict[int, WorkflowDefinition]]:
    """Return definitions by name and version."""
    found: dict[str, dict[int, WorkflowDefinition]] = {}
    for one in definitions:
        found.setdefault(one.name, {})[one.version] = one
    return found


def _known(bridge: Bridge, kind: str, name: str, known: set[str]) -> None:
    if name and name not in known:
        has = ", ".join(sorted(known)) or "none"
        raise ConfigurationError(f"bridge {bridge.name!r}: {bridge.workflow} has no {kind} {name!r}; it has {has}")


def _source(bridge: Bridge) -> Iterator[str]:
    if bool(bridge.exchange) == bool(bridge.queue):
        yield 'say where messages come from: exchange = "..." (with keys) or queue = "...", one of them'
    if bridge.queue and bridge.keys != ["#"]:
        yield "keys are for an exchange; for a queue say where = \"amqp[?@.routing_key == '...']\""
    if not bridge.keys:
        yield "keys is empty: nothing would ever come; leave it out for all"


def _verb(bridge: Bridge) -> Iterator[str]:
    verbs = [name for name in ("start", "signal", "call", "cancel") if getattr(bridge, name)]
    if verbs == ["start", "signal"] and bridge.on_no_match == "start":
        if bridge.start != bridge.signal.rpartition(".")[0]:
            yield f"it signals {bridge.signal} and starts {bridge.start}: both must be one workflow"
    elif len(verbs) != 1:
        yield (
            "say what a message becomes: one of start, signal, call, cancel"
            + (' (start beside signal needs on_no_match = "start")' if verbs == ["start", "signal"] else "")
        )
        return
    for name in ("signal", "call"):
        written = getattr(bridge, name)
        if written and not all(written.rpartition(".")[::2]):
            yield f'{name} = {written!r}: write "<Workflow>.<{"channel" if name == "signal" else "method"}>"'
    try:
        check_name("the workflow's name", bridge.workflow)
    except ConfigurationError as error:
        yield str(error)


def _target(bridge: Bridge) -> Iterator[str]:
    named = [name for name in ("id", "tag", "unique_tag") if getattr(bridge, name)]
    if bridge.verb != "start" and len(named) != 1:
        yield f"say whom to {bridge.verb}: one of id, tag, unique_tag"
    if bridge.on_no_match == "start" and bridge.tag:
        yield 'on_no_match = "start" needs id or unique_tag: nobody can tell whether all with a tag have been started'


def _content(bridge: Bridge) -> Iterator[str]:
    if bridge.on_no_match != "drop" and bridge.verb != "signal":
        yield f'on_no_match = "{bridge.on_no_match}" is for a signal'
    if bridge.payload is not None and bridge.verb != "signal":
        yield f"payload is for a signal; a {bridge.verb} has arguments"
    if bridge.arguments is not None and not (bridge.opens or bridge.verb == "call"):
        yield "arguments are for a start or a call" + ("; a signal has a payload" if bridge.signal else "")
    for name in ("method", "tags", "meta"):
        if getattr(bridge, name) and not bridge.opens:
            yield f"{name} is for a start"
