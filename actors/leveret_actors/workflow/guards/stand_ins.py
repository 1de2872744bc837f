"""Stand-ins: what they stand for, except for the calls that are refused while this thread steps a workflow."""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any, Final, cast

import msgspec

from leveret_actors.workflow.guards import banned, waiting
from leveret_actors.workflow.guards.refusal import refuse
from leveret_broker.codec import register_type

_REAL: Final = "__leveret_stands_for__"
"""Where a stand-in keeps what it stands for, and what of that is replaced, by name."""
_OF_THE_TYPE: Final = frozenset({"__base__", "__bases__", "__class__", "__dict__", "__mro__", "mro"})


def stand_in(value: Any) -> Any:
    """Return what a global of a workflow's module is replaced by, or None to leave it."""
    if value is waiting.STOCK:  # imported by its name
        return asyncio.wait_for
    if type(value) is ModuleType:
        return _module(value) if value in banned.FUNCTIONS else None
    if isinstance(value, type):
        return _class(value) if value in banned.CLASSES else None
    real, guarded = _functions().get(id(value), (None, None))
    return guarded if real is value else None


class StandInModule(ModuleType):
    """A module with some attributes replaced; whatever is set in it is set in the module."""

    def __init__(self, real: ModuleType) -> None:
        """Stand for `real`."""
        super().__init__(real.__name__)
        super().__setattr__(_REAL, real)

    def __getattribute__(self, name: str) -> Any:
        if name == "__class__":
            return StandInModule
        value = getattr(super().__getattribute__(_REAL), name)
        found = stand_in(value)
        return value if found is None else found

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(super().__getattribute__(_REAL), name, _originals().get(id(value), value))

    def __delattr__(self, name: str) -> None:
        delattr(super().__getattribute__(_REAL), name)

    def __dir__(self) -> list[str]:
        return dir(super().__getattribute__(_REAL))

    def __repr__(self) -> str:
        return repr(super().__getattribute__(_REAL))


class StandInClass(type):
    """Type of a class that passes for another: its instances are the other's, and so is all but some class methods."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        """Make an instance of the other."""
        real = _real(cls)
        return super().__call__(*args, **kwargs) if real is None else real(*args, **kwargs)

    def __getattribute__(cls, name: str) -> Any:
        real = _real(cls)
        if real is None or name in _OF_THE_TYPE:
            return super().__getattribute__(name)
        return _class_methods(real).get(name) or getattr(real, name)

    def __instancecheck__(cls, instance: object) -> bool:
        real = _real(cls)
        return super().__instancecheck__(instance) if real is None else isinstance(instance, real)

    def __subclasscheck__(cls, subclass: type) -> bool:
        real = _real(cls)
        return super().__subclasscheck__(subclass) if real is None else issubclass(subclass, real)

    def __or__(cls, other: Any) -> Any:
        return type.__or__(_real(cls) or cls, other)

    def __ror__(cls, other: Any) -> Any:
        return type.__ror__(_real(cls) or cls, other)

    def __repr__(cls) -> str:
        return type.__repr__(_real(cls) or cls)


def _real(cls: type) -> type | None:
    """Return what a class stands for; None for a subclass that user code made of a stand-in."""
    found: type | None = type.__getattribute__(cls, "__dict__").get(_REAL)
    return found


def _refusing(function: Callable[..., Any], what: str, advice: str, least: int = 0) -> Callable[..., Any]:
    """Return a function that refuses; with `least`, only when it gets fewer arguments."""

    @functools.wraps(function)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        if not least or len(args) < least or args[least - 1] is None:
            refuse(what, advice)
        return function(*args, **kwargs)

    return guarded


@functools.cache
def _module(real: ModuleType) -> ModuleType:
    return StandInModule(real)


@functools.cache
def _functions() -> dict[int, tuple[Any, Any]]:
    """Return the functions that are refused, by identity: itself, and its stand-in."""
    found: dict[int, tuple[Any, Any]] = {}
    for module, names in banned.FUNCTIONS.items():
        for name, advice in names.items():
            function = getattr(module, name, None)
            if function is not None:
                found[id(function)] = function, _refusing(function, f"{module.__name__}.{name}()", advice)
    for name, least in banned.WITHOUT_TIME.items():
        function = getattr(time, name)
        found[id(function)] = function, _refusing(function, f"time.{name}()", banned.NOW, least)
    return found


@functools.cache
def _originals() -> dict[int, Any]:
    """Return the same the other way round: whoever puts back what he got from a stand-in puts back the original."""
    return {id(guarded): real for real, guarded in _functions().values()}


@functools.cache
def _class(real: type) -> type:
    made = StandInClass(real.__name__, (real,), {_REAL: real, "__slots__": (), "__module__": real.__module__})
    # Annotations that were not resolved before may still lead the codec here.
    register_type(cast("type[Any]", made), _itself, functools.partial(msgspec.convert, type=real))
    return made


def _itself(value: Any) -> Any:
    return value


@functools.cache
def _class_methods(real: type) -> dict[str, Callable[..., Any]]:
    return {
        name: _refusing(getattr(real, name), f"{real.__name__}.{name}()", banned.NOW) for name in banned.CLASSES[real]
    }
