"""The texts of a rule, compiled: paths, templates with paths in braces, and tables of both."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias, cast

import msgspec

from leveret.errors import ArgumentMismatch
from leveret.workflow.path import compiled
from leveret_actors.bridge.event import Facts, Unfit
from leveret_broker.errors import ConfigurationError

NOTHING: Final = msgspec.UNSET
"""What a path gives that selects nothing."""

Value: TypeAlias = Callable[[Facts], Any]
"""What one text, or one table of texts, makes of an event."""
Texts: TypeAlias = Callable[[Facts], list[str]]

_AMQP = re.compile(r"amqp(?=[.\[])")
_NAMES = re.compile(r"\$(\.[A-Za-z_]\w*)*", re.ASCII)
_HOLE = re.compile(r"\{\{|\}\}|\{((?:[^{}'\"]|'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")*)\}|[{}]")


def value(where: str, written: Any) -> Value:
    """Return what gives a value of any kind; raises `ConfigurationError` that begins with `where`."""
    if isinstance(written, str):
        return _path(where, written) if _is_path(written) else _template(where, written)
    if isinstance(written, dict):
        entries = cast("dict[str, Any]", written).items()
        parts = {name: value(f"{where}.{name}", part) for name, part in entries}
        return lambda facts: {name: found for name, part in parts.items() if (found := part(facts)) is not NOTHING}
    if isinstance(written, list):
        items = [value(f"{where}[{at}]", part) for at, part in enumerate(cast("Sequence[Any]", written))]
        return lambda facts: [found for part in items if (found := part(facts)) is not NOTHING]
    return lambda _: written


def texts(where: str, written: str) -> Texts:
    """Return what gives the texts that one text stands for: several only where it is a path that selects several."""
    if not written:
        raise ConfigurationError(f"{where} is empty")
    if not _is_path(written):
        template = _template(where, written)
        return lambda facts: [template(facts)]
    select = _selection(where, written)
    return lambda facts: [_text(written, one) for one in select(facts) if one is not None]


def text(where: str, written: str) -> Callable[[Facts], str]:
    """Return what gives one text, and raises `Unfit` where nothing, or more than one, is selected."""
    several = texts(where, written)

    def one(facts: Facts) -> str:
        found = several(facts)
        if len(found) != 1 or not found[0]:
            how_many = f"{len(found)} values" if len(found) > 1 else "nothing"
            raise Unfit(f"{where}: {written} selects {how_many}")
        return found[0]

    return one


def condition(where: str, written: str) -> Callable[[Facts], bool]:
    """Return what tells whether a path selects something in a list that holds the event."""
    of_amqp = _AMQP.match(written) is not None
    path = _compiled(where, f"${written[4:]}" if of_amqp else written)
    if of_amqp:
        return lambda facts: path.match([facts.amqp]) is not None
    return lambda facts: path.match([facts.event]) is not None


def _is_path(written: str) -> bool:
    return (written.startswith("$") and not written.startswith("$$")) or _AMQP.match(written) is not None


def _path(where: str, written: str) -> Value:
    """Return the one value of a path that can select one only, the list of all for others."""
    select = _selection(where, written)
    if not _compiled(where, _plain(written)).singular_query():
        return select

    def one(facts: Facts) -> Any:
        found = select(facts)
        return found[0] if found else NOTHING

    return one


def _selection(where: str, written: str) -> Callable[[Facts], Sequence[Any]]:
    plain = _plain(written)
    path = _compiled(where, plain)
    find: Callable[[Any], Sequence[Any]] = _walk(plain) if _NAMES.fullmatch(plain) else path.findall
    if _AMQP.match(written) is not None:
        return lambda facts: find(facts.amqp)
    return lambda facts: find(facts.event)


def _walk(plain: str) -> Callable[[Any], Sequence[Any]]:
    """Return what follows a path of plain names: most paths are, and the general way takes ten times as long."""
    names = plain.split(".")[1:]

    def find(data: Any) -> Sequence[Any]:
        for name in names:
            if not isinstance(data, dict) or name not in data:
                return ()
            data = cast("dict[str, Any]", data)[name]
        return (data,)

    return find


def _plain(written: str) -> str:
    return f"${written[4:]}" if _AMQP.match(written) is not None else written


def _compiled(where: str, path: str) -> Any:
    try:
        return compiled(path)
    except ArgumentMismatch as error:
        raise ConfigurationError(f"{where}: {error}") from error


def _template(where: str, written: str) -> Value:
    """Return what fills a text's braces."""
    parts: list[str | Callable[[Facts], str]] = []
    last = 0
    source = written[1:] if written.startswith("$$") else written
    for hole in _HOLE.finditer(source):
        parts.append(source[last : hole.start()])
        last = hole.end()
        if hole[0] in {"{{", "}}"}:
            parts.append(hole[0][0])
        elif hole[1] and _is_path(hole[1].strip()):
            parts.append(text(where, hole[1].strip()))
        else:
            advice = "braces hold a path, as {$.order_id} or {amqp.routing_key}; write {{ for a brace"
            raise ConfigurationError(f"{where}: {written!r}: {advice}")
    parts.append(source[last:])
    if all(isinstance(part, str) for part in parts):
        whole = "".join(cast("list[str]", parts))
        return lambda _: whole
    return lambda facts: "".join(part if isinstance(part, str) else part(facts) for part in parts)


def _text(written: str, found: Any) -> str:
    if isinstance(found, str):
        return found
    if isinstance(found, bool):
        return "true" if found else "false"
    if isinstance(found, int | float):
        return str(found)
    raise Unfit(f"{written} selects {'a list' if isinstance(found, list) else 'an object'}, not a text or a number")
