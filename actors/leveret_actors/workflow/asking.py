"""Which method asks: code that runs for a method, its tasks and callbacks included, carries the method's id."""

from __future__ import annotations

from contextvars import Context, ContextVar
from typing import Final

MAIN: Final = "main"
"""Id of the method that the start named."""

_method: ContextVar[str] = ContextVar("leveret_method", default=MAIN)


def asking() -> str:
    """Return the id of the method whose code runs; `main` where it is nobody's."""
    return _method.get()


def owner_of(context: Context) -> str:
    """Return the id of the method that a context belongs to; `main` where it is nobody's."""
    return context.get(_method, MAIN)


def asking_as(method: str) -> None:
    """Have this context, and what is made in it, belong to a method."""
    _method.set(method)
