"""The channels of a node's commands: one for each routing key, with what the code says of arguments and values."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any, Final

from leveret.definition import MethodDefinition, ServiceDefinition, WorkflowDefinition
from leveret.signature import MethodSignature
from leveret_actors.asyncapi.parts import BINDING, Part, channel, reference, said_of
from leveret_actors.asyncapi.types import Schema, Schemas
from leveret_actors.asyncapi.wire import command_body, command_headers, reply_body
from leveret_actors.ingress.bodies import OpeningBody
from leveret_actors.ingress.command import Verb
from leveret_broker.codec import Codec
from leveret_broker.errors import DecodeError

REPLIES: Final = "replies"
"""The channel of all replies; its address is what each command says."""
_ANY: Final = "reply"
_QUERY: Final[Sequence[Schema]] = ({"required": ["id"], "description": "Read-only; needs `reply_to`."},)

Versions = Mapping[int, WorkflowDefinition]


class Commands:
    """Collects channels and operations."""

    def __init__(self, schemas: Schemas, exchange: str, vhost: str) -> None:
        self._schemas = schemas
        self._exchange = exchange
        self._vhost = vhost
        self._bodies: dict[Verb, Schema] = {}
        self._headers: dict[Verb, Schema] = {}
        self._reply = reply_body(schemas)
        self._opening = schemas.of(OpeningBody, "start")
        self._replies: Part = {_ANY: {"title": "reply", "payload": self._reply}}
        self.channels: Part = {}
        self.operations: Part = {}

    def add_workflow(self, versions: Versions) -> None:
        """Add what can be asked of a workflow."""
        newest = versions[max(versions)]
        name = newest.name
        about = said_of(newest.cls)
        openings = self._openings(versions)
        starts = {key: self._message("start", key, about, [opening]) for key, opening in openings.items()}
        self._add(
            "start", name, about, starts, [f"{name}.{method}" for one in versions.values() for method in one.methods]
        )
        start = self._start(list(openings.values()))
        for method in _each(versions, "methods"):
            self._add_call([one.methods[method] for one in versions.values() if method in one.methods], name, [start])
        for query in [one for one in _each(versions, "queries") if one not in _each(versions, "methods")]:
            self._add_call([one.queries[query] for one in versions.values() if query in one.queries], name, _QUERY)
        for inlet in _each(versions, "channels"):
            kinds = [one.channels[inlet].kind for one in versions.values() if inlet in one.channels]
            self._add_signal(kinds, f"{name}.{inlet}", start)
        self._add("cancel", name, "", {name: self._message("cancel", name, "", [])}, [])

    def add_service(self, definition: ServiceDefinition) -> None:
        """Add how delegated tasks of a service are ended, if it has any."""
        delegated = [one for one in definition.tasks.values() if one.delegated is not None]
        if not delegated:
            return
        name, about = definition.name, f"Ends a delegated task: {', '.join(one.name for one in delegated)}."
        kinds = [one.delegated.result for one in delegated if one.delegated is not None]
        says = self._with("result", kinds, f"complete.{name}")
        self._add("complete", name, about, {name: self._message("complete", name, "", [says])}, [])
        self._add("fail", name, about, {name: self._message("fail", name, "", [])}, [])

    def finish(self) -> None:
        """Add the channel of the replies, if anything can be asked."""
        if self.channels:
            self.channels[REPLIES] = {
                "address": None,
                "description": "The queue that a command names in `reply_to`; the reply has its `correlation_id`.",
                "messages": {
                    key: {"contentType": "application/json", **message} for key, message in self._replies.items()
                },
            }

    # -- methods ------------------------------------------------------------------------------------------------------

    def _openings(self, versions: Versions) -> dict[str, Schema]:
        """Return what a start says of each method, by what names the message."""
        found: dict[str, Schema] = {}
        newest = max(versions)
        for version, definition in sorted(versions.items(), reverse=True):
            for method in definition.methods.values():
                key = f"{definition.name}.{method.name}" + ("" if version == newest else f".v{version}")
                says = self._arguments([method.signature], f"start.{key}")
                required: list[str] = says.get("required", [])
                says["properties"]["method"] = {"enum": [method.name]}
                says["properties"]["version"] = {"enum": [0, version] if version == newest else [version]}
                if definition.only_method:
                    says["properties"]["method"]["enum"].append("")
                else:
                    required = [*required, "method"]
                required += [] if version == newest else ["version"]
                found[key] = self._schemas.add(f"start.{key}", says | ({"required": required} if required else {}))
        return found

    def _start(self, openings: Sequence[Schema]) -> Schema:
        """Return what `start` in a signal or a call may be."""
        plain: list[Schema] = [{"type": ["boolean", "null"]}]
        return {"properties": {"start": {"anyOf": [*plain, {"allOf": [self._opening, {"anyOf": list(openings)}]}]}}}

    def _add_call(self, methods: Sequence[MethodDefinition], workflow: str, more: Sequence[Schema]) -> None:
        """Add a method, as all versions have it."""
        key, about = f"{workflow}.{methods[-1].name}", said_of(methods[-1].signature.function)
        says = self._arguments([one.signature for one in methods], f"call.{key}")
        value = self._any_of([one.signature.result for one in methods], f"the result of {key}")
        payload = {"allOf": [self._reply, {"properties": {"value": value}}]}
        self._replies[f"{_ANY}.{key}"] = {"title": f"reply of {key}", "payload": payload}
        self._add("call", key, about, {key: self._message("call", key, about, [says, *more])}, [key])

    def _add_signal(self, kinds: Sequence[Any], key: str, start: Schema) -> None:
        says = self._with("value", kinds, f"signal.{key}")
        self._add("signal", key, "", {key: self._message("signal", key, "", [says, start])}, [])

    # -- schemas ------------------------------------------------------------------------------------------------------

    def _arguments(self, signatures: Sequence[MethodSignature], where: str) -> Schema:
        """Return what a body says of arguments that fit one of these."""
        distinct = [one for at, one in enumerate(signatures) if not any(_same(one, other) for other in signatures[:at])]
        forms = [form for one in distinct for form in self._forms(one, where)]
        says: Schema = {"properties": {"arguments": {"anyOf": forms}}}
        needed = all(_required(signature) for signature in signatures)
        return says | ({"required": ["arguments"]} if needed else {})

    def _forms(self, signature: MethodSignature, where: str) -> list[Schema]:
        """Return arguments by name, and in order where that is possible."""
        parameters = signature.signature.parameters
        schemas = {name: self._parameter(signature, name, where) for name in parameters}
        required = _required(signature)
        named: Schema = {"type": "object", "properties": schemas, "additionalProperties": False}
        named |= {"required": required} if required else {}
        by_place = [one for one in parameters.values() if one.kind in {one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD}]
        rest = [one for one in parameters.values() if one.kind is one.VAR_POSITIONAL]
        places = [one.name for one in by_place]
        if not set(required) <= set(places):
            return [named]
        ordered: Schema = {"type": "array", "minItems": len(required)}
        if places:
            ordered |= {"items": [schemas[name] for name in places]}
            ordered |= {"additionalItems": schemas[rest[0].name]["items"] if rest else False}
        elif rest:
            ordered |= {"items": schemas[rest[0].name]["items"]}
        else:
            ordered |= {"maxItems": 0}
        return [named, ordered]

    def _parameter(self, signature: MethodSignature, name: str, where: str) -> Schema:
        schema = self._schemas.of(signature.types[name], f"{where}: {name}")
        match signature.signature.parameters[name].kind:
            case inspect.Parameter.VAR_POSITIONAL:
                return {"type": "array", "items": schema}
            case inspect.Parameter.VAR_KEYWORD:
                return {"type": "object", "additionalProperties": schema}
            case _:
                return schema

    def _with(self, field: str, kinds: Sequence[Any], where: str) -> Schema:
        """Return what a body says of a value of one of these types."""
        says: Schema = {"properties": {field: self._any_of(kinds, where)}}
        return says | ({} if any(map(_takes_none, kinds)) else {"required": [field]})

    def _any_of(self, kinds: Sequence[Any], where: str) -> Schema:
        schemas = [self._schemas.of(kind, where) for at, kind in enumerate(kinds) if kind not in kinds[:at]]
        return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}

    # -- channels -----------------------------------------------------------------------------------------------------

    def _message(self, verb: Verb, key: str, about: str, says: Sequence[Schema]) -> Part:
        if verb not in self._bodies:
            self._bodies[verb] = command_body(self._schemas, verb)
            self._headers[verb] = command_headers(self._schemas, verb)
        body = self._bodies[verb]
        return {
            "name": f"{verb}.{key}",
            "title": f"{verb} {key}",
            **({"description": about} if about else {}),
            "contentType": "application/json",
            "headers": self._headers[verb],
            "correlationId": {"location": "$message.header#/correlation_id"},
            "payload": {"allOf": [body, *says]} if says else body,
        }

    def _add(self, verb: Verb, key: str, about: str, messages: Part, answers: Sequence[str]) -> None:
        """Add a channel and its operation; `answers` are the methods whose results the reply may have."""
        name = f"{verb}.{key}"
        described = {"description": about} if about else {}
        named = {f"{verb}.{one}": message for one, message in messages.items()}
        self.channels[name] = channel(name, self._exchange, self._vhost, named, **described)
        replies = list(dict.fromkeys(f"{_ANY}.{one}" for one in answers)) or [_ANY]
        self.operations[name] = {
            "action": "receive",
            "channel": reference("channels", name),
            "messages": [reference("channels", name, "messages", one) for one in named],
            "bindings": {"amqp": {"deliveryMode": 2, "ack": True, "bindingVersion": BINDING}},
            "reply": {
                "address": {"location": "$message.header#/reply_to", "description": "Left out: nobody is answered."},
                "channel": reference("channels", REPLIES),
                "messages": [reference("channels", REPLIES, "messages", one) for one in replies],
            },
        }


def _same(one: MethodSignature, other: MethodSignature) -> bool:
    """Tell whether two versions take the same."""
    return (one.signature, one.types) == (other.signature, other.types)


def _each(versions: Versions, what: str) -> list[str]:
    """Return the names of methods, queries or channels of any version."""
    return list(dict.fromkeys(name for one in versions.values() for name in getattr(one, what)))


def _required(signature: MethodSignature) -> list[str]:
    return [
        one.name
        for one in signature.signature.parameters.values()
        if one.default is one.empty and one.kind not in {one.VAR_POSITIONAL, one.VAR_KEYWORD}
    ]


def _takes_none(kind: Any) -> bool:
    try:
        Codec.convert(None, kind)
    except DecodeError:
        return False
    return True
