"""`@workflow.query`: methods that only read."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import CoroutineType
from typing import Any, Final, ParamSpec, TypeVar, cast

from leveret_broker.errors import ConfigurationError

P = ParamSpec("P")
R = TypeVar("R")

MARK: Final = "__leveret_query__"


def query(function: Callable[P, R], /) -> Callable[P, CoroutineType[Any, Any, R]]:
    """Have callers read an instance, running, failed or closed, by a plain method: `await client.get(...).points()`.

    It must not change, send or await anything. For its callers it is an async method, and so it is for type checkers;
    on `self` it stays a plain one. Raises `ConfigurationError` for an async function.
    """
    if inspect.iscoroutinefunction(function):
        text = f"query {function.__qualname__}: a query is a plain function, because it cannot await anything"
        raise ConfigurationError(text)
    setattr(function, MARK, True)
    return cast("Callable[P, CoroutineType[Any, Any, R]]", function)
