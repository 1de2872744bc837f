"""The bodies of commands, replies and events, whatever the workflow: made of the structs that read and write them.

What the parser of commands says beyond its structs stands here once more, as rules: tests hold both against each other.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from itertools import combinations
from typing import Any, Final

import msgspec

from leveret.cloud_events import IN_ENVELOPE, TYPE_PREFIX, CloudEvent
from leveret.events import SERVICE_EVENTS, WORKFLOW_EVENTS, SignalDiscarded
from leveret.failure import UNPUBLISHED
from leveret_actors.asyncapi.types import DIALECT, Schema, Schemas
from leveret_actors.ingress.bodies import BODIES, TargetedBody
from leveret_actors.ingress.command import Verb
from leveret_actors.ingress.parsing import KEY_LIMIT
from leveret_actors.ingress.replies import ReplyBody
from leveret_broker.outcome import Failure

EVENTS: Final = {"workflow": WORKFLOW_EVENTS, "service": SERVICE_EVENTS}
"""Types of events, by whose they are."""
_NOT_EMPTY: Final = {"minLength": 1}
_EMPTY: Final = {"maxLength": 0}


def command_body(schemas: Schemas, verb: Verb) -> Schema:
    """Return the body of a command."""
    kind = BODIES[verb]
    body = {
        "title": f"{verb} command",
        "description": inspect.getdoc(kind),
        "allOf": [schemas.of(kind, verb), *_rules(verb)],
    }
    return schemas.add(f"command.{verb}", body)


def command_headers(schemas: Schemas, verb: Verb) -> Schema:
    """Return the headers of a command that count; all but the targets may be the AMQP property of that name."""
    text: Schema = {"type": "string", "maxLength": KEY_LIMIT}
    targets: Schema = {name: {"type": "string"} for name in BODIES[verb].TARGETS}
    if "tags" in targets:
        targets["tags"] = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
    headers = {
        "type": "object",
        "description": "AMQP properties, or headers; the targets may be said in the body instead.",
        "properties": {
            "message_id": {**text, "description": "Idempotency key: a second command with it has no effect."},
            "reply_to": {**text, "description": "Queue for the reply."},
            "correlation_id": {"type": "string", "description": "Given back with the reply."},
            **targets,
        },
    }
    return schemas.add(f"headers.{verb}", headers)


def reply_body(schemas: Schemas) -> Schema:
    """Return the body of a reply."""
    return schemas.of(ReplyBody, "replies")


def event_body(schemas: Schemas, family: str, name: str) -> Schema:
    """Return the body of an event, `completed` of a `workflow`."""
    kind = EVENTS[family][name]
    schemas.of(Failure, "events", without=UNPUBLISHED)
    fields = [one for one in msgspec.structs.fields(CloudEvent) if one.default is not msgspec.UNSET]  # always written
    always: Schema = {one.encode_name: {"const": one.default} for one in fields if not one.required}
    body = {
        "title": f"{family}.{name}",
        "description": inspect.getdoc(kind),
        "allOf": [schemas.of(CloudEvent, "events")],
        "properties": {
            **always,
            "type": {"const": f"{TYPE_PREFIX}{family}.{name}"},
            "data": schemas.of(kind, "events", without=IN_ENVELOPE),
        },
        "required": [one.encode_name for one in fields] + ([] if kind is SignalDiscarded else ["subject"]),
    }
    return schemas.add(f"event.{family}.{name}", body)


def wire_schemas() -> dict[str, Schema]:
    """Return the JSON Schemas of all that crosses the wire, each whole by itself: `start`, …, `reply`, `event`."""
    made: dict[str, Schema] = {verb: _whole(verb, command_body, verb) for verb in BODIES}
    return made | {"reply": _whole("reply", reply_body), "event": _whole("event", _any_event)}


def _any_event(schemas: Schemas) -> Schema:
    return {"oneOf": [event_body(schemas, family, name) for family, table in EVENTS.items() for name in table]}


def _whole(title: str, make: Callable[..., Schema], *arguments: Any) -> Schema:
    schemas = Schemas("#/definitions/{name}")
    root = make(schemas, *arguments)
    definitions = schemas.finish()
    if "$ref" in root:
        root = definitions.pop(str(root["$ref"]).rpartition("/")[2])
    return {"$schema": DIALECT, "title": title, **root, "definitions": definitions}


def _rules(verb: Verb) -> list[Schema]:
    """Return what no struct can say."""
    if verb == "start":
        return []
    found = [
        {"not": {"required": list(two), "properties": dict.fromkeys(two, _NOT_EMPTY)}}
        for two in combinations(TargetedBody.TARGETS, 2)
    ]
    if verb in {"complete", "fail"}:
        return [*found, {"properties": {"unique_tag": _EMPTY}}]
    if verb == "cancel":
        return found
    starts = {"anyOf": [{"const": True}, {"type": "object"}]}
    no_tag = {"not": {"required": ["tag", "start"], "properties": {"tag": _NOT_EMPTY, "start": starts}}}
    return [*found, no_tag, {"properties": {"start": {"properties": {"id": _EMPTY, "unique_tag": _EMPTY}}}}]
