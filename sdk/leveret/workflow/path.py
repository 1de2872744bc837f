"""JSONPath (RFC 9535), as a predicate on signals too: `receive(where="$[?@.user_id == 'u1']")`."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Protocol

from leveret.errors import ArgumentMismatch
from leveret_broker.codec import plain_data


class Path(Protocol):
    """A compiled path; what it is asked about is as JSON would be read."""

    def findall(self, data: Any, /) -> list[object]:
        """Return all that the path selects."""
        ...

    def match(self, data: Any, /) -> object | None:
        """Return the first that the path selects; None when there is nothing."""
        ...

    def singular_query(self) -> bool:
        """Tell whether it can select at most one value, whatever the data."""
        ...


@lru_cache(maxsize=1024)
def compiled(path: str) -> Path:
    """Return the path, ready to use; raises `ArgumentMismatch` for a bad one, with the column at which it is bad."""
    # It costs a tenth of a second to import, which only those pay who use a path.
    from jsonpath import JSONPathEnvironment, JSONPathError

    try:
        return JSONPathEnvironment(strict=True).compile(path)  # type: ignore[return-value]
    except JSONPathError as error:
        found = -1 if error.token is None else error.token.index
        column = (len(path) if found < 0 else found) + 1
        text = f"the path {path!r} is bad at column {column}: {error.args[0]}"
        raise ArgumentMismatch(text) from None  # the error cannot always be printed


def predicate_of(path: str) -> Callable[[Any], bool]:
    """Return what tells whether a path selects anything in a list that holds the one signal, as its JSON would be.

    Raises `ArgumentMismatch` for a bad path.
    """
    found = compiled(path)
    return lambda signal: found.match([plain_data(signal)]) is not None
