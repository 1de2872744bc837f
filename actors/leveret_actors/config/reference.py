"""References to code by text: `package.module:attribute`."""

from __future__ import annotations

import builtins
import importlib
import inspect
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any, cast

from leveret import service, workflow
from leveret.contract import is_contract
from leveret.interceptors import ClientInterceptor, TaskInterceptor, WorkflowInterceptor
from leveret.listening import is_listener
from leveret.retry import ErrorKind, RetryPolicy
from leveret_actors.service import is_factory
from leveret_broker.errors import ConfigurationError
from leveret_broker.payload_codec import PayloadCodec, payload_codecs


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


def find_exception(reference: str) -> ErrorKind:
    """Return the exception class of a reference, or the bare name of one that is not builtin."""
    if ":" not in reference and not hasattr(builtins, reference):
        if not reference.replace(".", "").isidentifier():
            raise ConfigurationError(f"{reference!r} names no exception: write 'package.module:Class', or its name")
        return reference
    found: object = find(reference if ":" in reference else f"builtins:{reference}")
    if not (isinstance(found, type) and issubclass(found, BaseException)):
        text = f"{reference!r} is not an exception class"
        raise ConfigurationError(text)
    return found


def find_policy(reference: str) -> RetryPolicy:
    """Return the retry policy of a reference: an object, or a function, that is called with `RetryDetails`."""
    found: Any = find(reference)
    if isinstance(found, type) or not callable(found):
        raise ConfigurationError(
            f"{reference!r} is not a retry policy: name a function of one RetryDetails, or a Retry"
        )
    return cast("RetryPolicy", found)


def find_function(reference: str) -> Callable[[Any], object]:
    """Return the function of a reference; raises `ConfigurationError` for anything else."""
    found: Any = find(reference)
    if not callable(found):
        raise ConfigurationError(f"{reference!r} is not a function")
    return cast("Callable[[Any], object]", found)


def find_interceptor(reference: str) -> WorkflowInterceptor | TaskInterceptor:
    """Return the interceptor of a reference for a node: an object, or a class without arguments."""
    found = _interceptor(reference)
    if not isinstance(found, WorkflowInterceptor | TaskInterceptor):
        text = f"{reference!r} is not an interceptor: derive it from WorkflowInterceptor or TaskInterceptor"
        raise ConfigurationError(text)
    return found


def find_listener(reference: str) -> Callable[..., Any]:
    """Return the function under `@leveret.listener` of a reference; raises `ConfigurationError` for anything else."""
    found: Any = find(reference)
    if not is_listener(found):
        raise ConfigurationError(f"{reference!r} is not a listener: put @leveret.listener(...) above the function")
    return cast("Callable[..., Any]", found)


def find_client_interceptor(reference: str) -> ClientInterceptor:
    """Return the interceptor of a reference for a client."""
    found = _interceptor(reference)
    if not isinstance(found, ClientInterceptor):
        raise ConfigurationError(f"{reference!r} is not an interceptor of clients: derive it from ClientInterceptor")
    return found


def _interceptor(reference: str) -> object:
    found = find(reference)
    return _made(reference, found) if isinstance(found, type) else found


def _made(reference: str, make: Callable[[], object]) -> object:
    try:
        return make()
    except Exception as error:
        text = f"{reference!r} could not be made: {type(error).__name__}: {error}; name an object instead"
        raise ConfigurationError(text) from error


def find_payload_codec(reference: str) -> Sequence[PayloadCodec]:
    """Return the payload codecs of a reference: one, a list, or what a class or function without arguments makes."""
    found = find(reference)
    made = _made(reference, found) if isinstance(found, type) or inspect.isroutine(found) else found
    try:
        return payload_codecs(made)
    except ConfigurationError as error:
        raise ConfigurationError(f"{reference!r}: {error}") from error


def find_service(reference: str) -> object:
    """Return what `Node` takes as a service: an object, a class without arguments, or a function that makes one.

    The function is not called yet. Raises `ConfigurationError` for what cannot be registered.
    """
    found = find(reference)
    if is_factory(found):
        return found
    try:
        service.instance(found)
    except ConfigurationError as error:
        text = f"{reference!r} is not a service: {error}"
        raise ConfigurationError(text) from error
    return found


def _listing(found: Any) -> str:
    names = [name for name in dir(found) if not name.startswith("_")]
    return ", ".join(names[:20]) + (", …" if len(names) > 20 else "") or "nothing public"
