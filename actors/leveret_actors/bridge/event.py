"""What arrived, as the paths of a rule see it: plain JSON, or a CloudEvent in either mode."""

from __future__ import annotations

import base64
import binascii
from typing import Any, Final, Literal, cast

import msgspec

from leveret_broker.command import RawCommand
from leveret_broker.errors import LeveretError

STRUCTURED: Final = "application/cloudevents+json"
BATCH: Final = "application/cloudevents-batch+json"
PREFIXES: Final = ("cloudevents:", "cloudevents_", "ce_", "ce-")
"""Of the headers that hold a binary event's attributes: those of the AMQP binding, and what others use."""
REQUIRED: Final = ("specversion", "id", "source", "type")
PROPERTIES: Final[tuple[str, ...]] = (
    "exchange",
    "message_id",
    "correlation_id",
    "content_type",
    "reply_to",
    "type",
    "app_id",
    "timestamp",
    "user_id",
)
"""What stands beside `headers` in `amqp`."""


class Unfit(LeveretError):
    """Raised when a message cannot become what the rule wants: it is a dead letter, for this reason."""


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What paths are asked about."""

    event: Any
    """`$`: the JSON, or the CloudEvent with its attributes and `data`."""
    data: Any
    """The JSON, or the data of the CloudEvent; UNSET when it has none."""
    amqp: dict[str, Any]
    """`amqp`."""
    identity: str
    """By which a repetition is known; empty when nothing says so."""


def read(raw: RawCommand, form: Literal["auto", "json", "cloudevents"] = "auto") -> Facts:
    """Return what a message says; raises `Unfit` for one that is not JSON, or not the CloudEvent that it must be."""
    if raw.size:
        raise Unfit(f"the body has {raw.size} bytes, which is over the limit: send a reference instead")
    about = {name: raw.headers[name] for name in PROPERTIES if name in raw.headers}
    about |= {"routing_key": raw.routing_key, "headers": raw.headers}
    content_type = raw.text("content_type")
    media = content_type.partition(";")[0].strip().lower()
    if form != "json":
        if media == BATCH:
            raise Unfit("batches of CloudEvents are not understood: send one event in each message")
        attributes = _attributes(raw.headers)
        if "specversion" in attributes and media != STRUCTURED:
            return _cloud_event(_binary(raw.body, content_type, attributes), about)
    body = _json(raw.body, "the body")
    if form == "cloudevents" or (form == "auto" and (media == STRUCTURED or _looks_like_one(body))):
        return _cloud_event(_structured(body), about)
    return Facts(event=body, data=body, amqp=about, identity=raw.text("message_id"))


def _attributes(headers: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in headers.items():
        for prefix in PREFIXES:
            if name.lower().startswith(prefix):
                found[name[len(prefix) :].lower()] = value
    return found


def _binary(body: bytes, content_type: str, attributes: dict[str, Any]) -> dict[str, Any]:
    event = dict(attributes)
    if content_type:
        event["datacontenttype"] = content_type
    if body:
        event["data"] = _json(body, "the data")
    return event


def _structured(body: Any) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise Unfit("it is not a CloudEvent: the body is no JSON object")
    event = dict(cast("dict[str, Any]", body))
    encoded = event.pop("data_base64", None)
    if encoded is not None:
        try:
            event["data"] = _json(base64.b64decode(encoded, validate=True), "data_base64")
        except (binascii.Error, ValueError, TypeError) as error:
            raise Unfit(f"data_base64 is not base64: {error}") from error
    return event


def _cloud_event(event: dict[str, Any], about: dict[str, Any]) -> Facts:
    for name in REQUIRED:
        if not isinstance(event.get(name), str) or not event[name]:
            raise Unfit(f"it is not a CloudEvent: it has no {name}")
    if not event["specversion"].startswith("1."):
        raise Unfit(f"CloudEvents {event['specversion']} are not understood, only 1.0")
    data = event.get("data", msgspec.UNSET)
    return Facts(event=event, data=data, amqp=about, identity=f"{event['source']} {event['id']}")


def _looks_like_one(body: Any) -> bool:
    return isinstance(body, dict) and all(name in body for name in REQUIRED)


def _json(data: bytes, what: str) -> Any:
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        raise Unfit(f"{what} is not JSON: {error}") from error
