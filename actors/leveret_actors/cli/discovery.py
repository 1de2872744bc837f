"""What a module defines: workflows, and services that can be hosted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from leveret import service, workflow
from leveret.contract import is_contract, members
from leveret.listening import is_listener
from leveret.service.marking import MARK
from leveret_actors.config.reference import find, find_service, find_workflow, load_module
from leveret_broker.errors import ConfigurationError

_SERVICE = "__leveret_service__"
_WORKFLOW = "__leveret_workflow__"


@dataclass(slots=True)
class Offer:
    """What a node can host."""

    workflows: list[type[Any]] = field(default_factory=list[type[Any]])
    services: list[object] = field(default_factory=list[object])
    listeners: list[Callable[..., Any]] = field(default_factory=list[Callable[..., Any]])
    skipped: list[str] = field(default_factory=list[str])
    """Why something that looks like a service was left out."""
    needy: list[type[Any]] = field(default_factory=list[type[Any]])
    """What was left out: a service's class that needs arguments."""


def discover(references: list[str]) -> Offer:
    """Return what modules (`shop.orders`) define, and what is named in them (`shop.orders:Order`).

    Raises `ConfigurationError` for what is not there, and when nothing is found.
    """
    offer = Offer()
    for reference in references:
        if ":" not in reference:
            _look_into(load_module(reference), offer)
            continue
        found = find(reference)
        if _is_workflow(found):
            offer.workflows.append(found)
        elif is_listener(found):
            offer.listeners.append(found)
        else:
            offer.services.append(find_service(reference))
    if not (offer.workflows or offer.services or offer.listeners):
        text = (
            f"{', '.join(references)}: no workflow (@workflow.define), service (@service.define) or listener in there"
        )
        raise ConfigurationError(text)
    return offer


def workflows_of(reference: str) -> list[type[Any]]:
    """Return the workflows that a module defines or imports, or the one class that is named; none is refused."""
    if ":" in reference:
        return [find_workflow(reference)]
    found = [value for value in vars(load_module(reference)).values() if _is_workflow(value)]
    if not found:
        raise ConfigurationError(f"{reference} has no workflow (@workflow.define)")
    return list(dict.fromkeys(found))


def _look_into(module: ModuleType, offer: Offer) -> None:
    """Take the workflows and services that a module defines itself; an object goes before its class."""
    values: list[Any] = [value for name, value in vars(module).items() if not name.startswith("_")]
    objects = [value for value in values if not isinstance(value, type) and _is_service(type(value))]
    made = {service.definition_of(type(value)).name for value in objects}
    offer.services += objects
    offer.listeners += [value for value in values if is_listener(value) and value.__module__ == module.__name__]
    for value in values:
        if not isinstance(value, type) or value.__module__ != module.__name__ or is_contract(value):
            continue
        if _is_workflow(value):
            offer.workflows.append(value)
        elif _is_service(value) and service.definition_of(value).name not in made:
            try:
                service.instance(value)
            except ConfigurationError as error:
                offer.skipped.append(str(error))
                offer.needy.append(value)
            else:
                offer.services.append(value)


def _is_workflow(value: Any) -> bool:
    return isinstance(value, type) and _WORKFLOW in vars(value) and workflow.definition_of(value).implemented


def _is_service(cls: Any) -> bool:
    """Tell whether a class, or the contract it inherits, is decorated, or one of its functions is marked as a task."""
    if not isinstance(cls, type) or _WORKFLOW in vars(cls):
        return False
    return hasattr(cls, _SERVICE) or any(hasattr(member.function, MARK) for member in members(cls).values())
