"""What a node is given to host, checked before anything is opened."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import cast

from leveret.definition import WorkflowDefinition
from leveret.listening import ListenerDefinition, definition_of
from leveret_actors.bridge import Bridge, Crossing
from leveret_actors.bridge.checking import check_against, check_all
from leveret_broker.errors import ConfigurationError


def check_lists(workflows: object, services: object) -> None:
    """Refuse what is no list."""
    for name, given in (("workflows", workflows), ("services", services)):
        if not isinstance(given, Iterable):
            raise ConfigurationError(f"Node({name}=...) takes a list, not {given!r}")


def crossings(bridges: Sequence[Bridge], workflows: Mapping[str, Mapping[int, WorkflowDefinition]]) -> list[Crossing]:
    """Return the bridges, ready to cross; raises `ConfigurationError` for one that these workflows do not fit."""
    check_all(bridges)
    for bridge in bridges:
        check_against(bridge, workflows)
    return [Crossing(bridge) for bridge in bridges]


def by_group(listeners: object) -> list[ListenerDefinition]:
    """Return what the listeners want; raises `ConfigurationError` when two are of one group."""
    if not isinstance(listeners, Iterable):
        raise ConfigurationError(f"Node(listeners=...) takes a list, not {listeners!r}")
    found = [definition_of(one) for one in cast("Iterable[object]", listeners)]
    groups = [one.group for one in found]
    for group in groups:
        if groups.count(group) > 1:
            raise ConfigurationError(f"two listeners of this node have the group {group!r}: give one of them another")
    return found


def by_name(definitions: Sequence[WorkflowDefinition]) -> dict[str, dict[int, WorkflowDefinition]]:
    """Return the versions of each workflow; raises `ConfigurationError` when one is defined twice."""
    found: dict[str, dict[int, WorkflowDefinition]] = {}
    for definition in definitions:
        versions = found.setdefault(definition.name, {})
        if versions.setdefault(definition.version, definition) is not definition:
            other = versions[definition.version].cls.__qualname__
            text = f"workflow {definition.name} version {definition.version} is defined by {other} and by "
            raise ConfigurationError(text + f"{definition.cls.__qualname__}: give one of them another version or name")
    return found
