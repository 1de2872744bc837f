"""What stubs of workflows have in common, in a client and in a workflow."""

from __future__ import annotations

import inspect

from leveret.definition import ChannelDefinition, WorkflowDefinition
from leveret.errors import ArgumentMismatch
from leveret.signature import spell
from leveret_broker.codec import Codec, Payload
from leveret_broker.errors import DecodeError, EncodeError


def signal_payload(codec: Codec, workflow: str, channel: ChannelDefinition, value: object) -> Payload:
    """Return the bytes of a signal; raises `ArgumentMismatch` for a value of another type than the channel's."""
    try:
        return codec.dump(value, channel.kind)
    except (EncodeError, DecodeError) as error:
        text = f"{workflow}.{channel.name}.send(): the value does not fit {spell(channel.kind)}: {error}"
        raise ArgumentMismatch(text) from error


def no_attribute(definition: WorkflowDefinition | None, name: str, where: str) -> str:
    """Return the text for an attribute that a stub does not have."""
    if definition is None:
        return name
    later = {one.attribute for one in definition.channels.values()} | {
        one.attribute for one in definition.queries.values()
    }
    if name in later:
        return f"{definition.name}.{name} is there once an instance runs: use get(...) or all(...) in place of {where}"
    methods, channels = ", ".join(definition.methods), ", ".join(definition.channels) or "none"
    return f"workflow {definition.name} has no {name!r} for {where}: its methods are {methods}, its channels {channels}"


def not_dispatched(given: object, wanted: str) -> str:
    """Return the text for what `dispatch` cannot take."""
    if inspect.iscoroutine(given):
        given.close()  # it was called where it should have been named: nobody will await it
        return "dispatch takes the method and its arguments: dispatch(stub.method, ...), without calling it"
    if inspect.ismethod(given):
        return (
            f"dispatch takes a method {wanted}, not {given.__qualname__} itself: inside of its own workflow, await it, "
            "or asyncio.create_task() runs it beside"
        )
    return f"dispatch takes a method {wanted}, not {given!r}"
