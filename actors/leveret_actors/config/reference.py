"""References to code by text: `package.module:attribute`."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Awaitable
from types import ModuleType
from typing import Any, cast

from leveret import service, workflow
from leveret.contract import is_contract
from leveret_broker.errors import ConfigurationError


def find(reference: str) -> Any:
    """Return what `package.module:attribute` names; raises `ConfigurationError` that says which part is wrong."""
    name, colon, path = reference.partition(":")
    if not (name and colon and path):
        text = f"{reference!r} does not name anything: write 'package.module:attribute'"
        raise ConfigurationError(text)
    found: Any = load_module(name)
    for attribute in path.split("."):
        if not hasattr(found, attribute):
            text = f"{reference!r}: {name} has no {path}; it defines {_listing(found)}"
            raise ConfigurationError(text)
        found = getattr(found, attribute)
    return found


def load_module(name: str) -> ModuleType:
    """Import a module; raises `ConfigurationError` when it is not there, or when importing it fails."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
            text = (
                f"there is no module {error.name!r} (wanted {name!r}): run in the folder that holds it, or install it"
            )
        else:
            text = f"{name!r} could not be imported: {error}"
        raise ConfigurationError(text) from error
    except Exception as error:
        text = f"{name!r} could not be imported: {type(error).__name__}: {error}"
        raise ConfigurationError(text) from error


def find_workflow(reference: str) -> type[Any]:
    """Return the workflow class of a reference; raises `ConfigurationError` for anything else."""
    found = find(reference)
    if not isinstance(found, type):
        text = f"{reference!r} is not a class, so it is not a workflow: it is a {type(found).__name__}"
        raise ConfigurationError(text)
    workflow.definition_of(found)
    if is_contract(found):
        text = f"{reference!r} is a contract: name the class that implements it"
        raise ConfigurationError(text)
    return found


def find_exception(reference: str) -> type[BaseException]:
    """Return the exception class of a reference."""
    found = find(reference if ":" in reference else f"builtins:{reference}")
    if not (isinstance(found, type) and issubclass(found, BaseException)):
        text = f"{reference!r} is not an exception class"
        raise ConfigurationError(text)
    return found


async def find_service(reference: str) -> object:
    """Return the service object of a reference: an object, a class without arguments, or a function that makes one.

    The function may be async. Raises `ConfigurationError` for what cannot be registered.
    """
    found = find(reference)
    if inspect.isroutine(found):
        try:
            found = found()
            if inspect.isawaitable(found):
                found = await cast("Awaitable[object]", found)
        except Exception as error:
            text = f"{reference!r} could not make the service: {type(error).__name__}: {error}"
            raise ConfigurationError(text) from error
    try:
        service.instance(found)
    except ConfigurationError as error:
        text = f"{reference!r} is not a service: {error}"
        raise ConfigurationError(text) from error
    return found


def _listing(found: Any) -> str:
    names = [name for name in dir(found) if not name.startswith("_")]
    return ", ".join(names[:20]) + (", …" if len(names) > 20 else "") or "nothing public"
