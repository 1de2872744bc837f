"""What stubs of workflows have in common, in a client and in a workflow."""

from __future__ import annotations

from leveret.definition import ChannelDefinition, WorkflowDefinition
from leveret.errors import ArgumentMismatch
from leveret_broker.codec import Codec, Payload
from leveret_broker.errors import DecodeError, EncodeError


def signal_payload(codec: Codec, workflow: str, channel: ChannelDefinition, value: object) -> Payload:
    """Return the bytes of a signal; raises `ArgumentMismatch` for a value of another type than the channel's."""
    try:
        payload = codec.dump(value)
        codec.load(payload, channel.kind)
    except (EncodeError, DecodeError) as error:
        text = f"{workflow}.{channel.name}.send(): the value does not fit {channel.kind!r}: {error}"
        raise ArgumentMismatch(text) from error
    return payload


def no_attribute(definition: WorkflowDefinition | None, name: str, where: str) -> str:
    """Return the text for an attribute that a stub does not have."""
    if definition is None:
        return name
    methods, channels = ", ".join(definition.methods), ", ".join(definition.channels) or "none"
    return f"workflow {definition.name} has no {name!r} for {where}: its methods are {methods}, its channels {channels}"
