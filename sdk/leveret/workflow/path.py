"""JSONPath (RFC 9535) as a predicate on signals: `receive(where="$[?@.user_id == 'u1']")`."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from leveret.errors import ArgumentMismatch
from leveret_broker.codec import plain_data


@lru_cache(maxsize=1024)
def predicate_of(path: str) -> Callable[[Any], bool]:
    """Return what tells whether a path selects anything in a list that holds the one signal, as its JSON would be.

    Raises `ArgumentMismatch` for a bad path, with the column at which it is bad.
    """
    # It costs a tenth of a second to import, which only those pay who use a path.
    from jsonpath import JSONPathEnvironment, JSONPathError

    try:
        compiled = JSONPathEnvironment(strict=True).compile(path)
    except JSONPathError as error:
        found = -1 if error.token is None else error.token.index
        column = (len(path) if found < 0 else found) + 1
        text = f"the path {path!r} is bad at column {column}: {error.args[0]}"
        raise ArgumentMismatch(text) from None  # the error cannot always be printed
    return lambda signal: compiled.match([plain_data(signal)]) is not None
