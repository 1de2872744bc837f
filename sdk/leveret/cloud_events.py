"""Events on the wire: CloudEvents 1.0, JSON in structured mode (`application/cloudevents+json`).

One body that says everything, whoever carries it: there is no binding of CloudEvents to AMQP 0.9.1 whose headers a
client in another language could rely on.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Final

import msgspec
from msgspec import UNSET, UnsetType

from leveret.events import NEVER, SERVICE_EVENTS, WORKFLOW_EVENTS, Event, ServiceEvent, WorkflowEvent
from leveret_broker.errors import DecodeError

TYPE_PREFIX: Final = "leveret."
IN_ENVELOPE: Final[dict[str, Any]] = {"id": "", "at": NEVER}
"""What the envelope says of an event, and its data does not: with these values it is left out there."""


class CloudEvent(msgspec.Struct):
    """CloudEvents 1.0, JSON in structured mode; an event that comes again has the same `id`."""

    id: str
    source: str
    type: str
    time: Annotated[datetime, msgspec.Meta(tz=True)]
    data: msgspec.Raw
    specversion: str = "1.0"
    datacontenttype: str = "application/json"
    subject: Annotated[str, msgspec.Meta(description="The id of the instance or task.")] | UnsetType = UNSET
    """Left out where there is none: CloudEvents allows no empty one."""


_encode = msgspec.json.Encoder().encode
_envelopes = msgspec.json.Decoder(CloudEvent)
_data: Final[dict[str, msgspec.json.Decoder[Any]]] = {
    f"{TYPE_PREFIX}{family}.{name}": msgspec.json.Decoder(kind)
    for family, table in (("workflow", WORKFLOW_EVENTS), ("service", SERVICE_EVENTS))
    for name, kind in table.items()
}


def key_of(event: Event) -> str:
    """Return the routing key of an event: `workflow.Booking.completed`."""
    family, name, _ = _about(event)
    return f"{family}.{name}.{event.type}"


def subject_of(event: Event) -> str:
    """Return what an event is about: the id of the instance, or of the task; empty where nobody is there."""
    return _about(event)[2]


def encode(event: Event, namespace: str) -> bytes:
    """Return the body of an event."""
    family, name, subject = _about(event)
    data = _encode(msgspec.structs.replace(event, **IN_ENVELOPE))
    return _encode(
        CloudEvent(
            event.id,
            f"/leveret/{namespace}/{family}/{name}",
            f"{TYPE_PREFIX}{family}.{event.type}",
            datetime.fromtimestamp(event.at, UTC),
            msgspec.Raw(data),
            subject=subject or UNSET,
        )
    )


def decode(body: bytes) -> Event | None:
    """Return the event in a body, None for a type that only a later leveret knows; raises `DecodeError`."""
    try:
        found = _envelopes.decode(body)
        decoder = _data.get(found.type)
        if decoder is None:
            return None
        event: Event = decoder.decode(found.data)
        return msgspec.structs.replace(event, id=found.id, at=found.time.timestamp())
    except (msgspec.DecodeError, ValueError, OverflowError, RecursionError) as error:
        raise DecodeError(f"not an event: {error}") from error


def _about(event: Event) -> tuple[str, str, str]:
    if isinstance(event, WorkflowEvent):
        return "workflow", event.workflow, event.instance
    assert isinstance(event, ServiceEvent)
    return "service", event.service, event.task_id
