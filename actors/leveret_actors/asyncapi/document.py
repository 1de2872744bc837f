"""The AsyncAPI document of a node: what it takes on `<ns>.commands`, and what it tells on `<ns>.events`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple
from urllib.parse import unquote, urlsplit

import msgspec

from leveret.definition import ServiceDefinition, WorkflowDefinition
from leveret.url import Url
from leveret_actors.asyncapi.commands import Commands
from leveret_actors.asyncapi.events import Events
from leveret_actors.asyncapi.parts import Part
from leveret_actors.asyncapi.types import Schemas
from leveret_actors.bridge.checking import versions_of
from leveret_broker.errors import ConfigurationError
from leveret_broker.rabbitmq.topology import Topology

SPECIFICATION: Final = "3.0.0"
_PORTS: Final = {"amqp": 5672, "amqps": 5671}


class About(msgspec.Struct, frozen=True, kw_only=True):
    """What no code says."""

    url: Url
    """Names the broker and the namespace; nothing of its user and password is told."""
    title: str = ""
    """Default: the namespace."""
    version: str = "1.0.0"
    """Of the application that the document is about."""
    published: Sequence[str] = ()
    """Patterns of the events that the settings publish."""


class Described(NamedTuple):
    """A document, and what it cannot say."""

    document: Part
    notes: list[str]
    """Types without a schema."""


def document(about: About, workflows: Sequence[WorkflowDefinition], services: Sequence[ServiceDefinition]) -> Described:
    """Return the document of a node with this code; raises `ConfigurationError` when there is none."""
    if not (workflows or services):
        raise ConfigurationError("there is nothing to describe: neither a workflow nor a service")
    topology, schemas = Topology(about.url.namespace), Schemas()
    vhost = _vhost(about.url)
    commands = Commands(schemas, topology.command_exchange, vhost)
    events = Events(schemas, topology.events_exchange, vhost, about.published)
    for name, versions in versions_of(workflows).items():
        commands.add_workflow(versions)
        events.add("workflow", name)
    for service in services:
        commands.add_service(service)
        events.add("service", service.name)
    commands.finish()
    components = schemas.finish()
    found: Part = {
        "asyncapi": SPECIFICATION,
        "info": {
            "title": about.title or about.url.namespace,
            "version": about.version,
            "description": f"Workflows on leveret: commands on the exchange `{topology.command_exchange}`, events on "
            f"`{topology.events_exchange}`.",
        },
        "defaultContentType": "application/json",
        **_servers(about.url),
        "channels": commands.channels | events.channels,
        "operations": commands.operations | events.operations,
        "components": {"messages": events.messages, "schemas": components},
    }
    return Described(found, schemas.notes)


def _servers(url: Url) -> Part:
    """Return the broker; there is none behind a file or a process's memory."""
    if not url.broker:
        return {}
    parts = urlsplit(url.broker)
    host = f"{parts.hostname}:{parts.port or _PORTS[url.scheme]}"
    server = {"host": host, "pathname": parts.path or "/", "protocol": url.scheme, "protocolVersion": "0.9.1"}
    return {"servers": {"broker": server}}


def _vhost(url: Url) -> str:
    """Return the virtual host, as clients read it from the path: none is `/`."""
    return unquote(urlsplit(url.broker).path[1:]) or "/"
