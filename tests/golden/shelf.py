"""Where golden journals lie, and what must not get into them: names of the machine that wrote them."""

from __future__ import annotations

import socket
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from leveret.workflow import definition_of
from leveret_actors.config.reference import find
from leveret_actors.workflow.exported import of_records, write
from leveret_broker.errors import ConfigurationError

ROOT = Path(__file__).parents[2]
JOURNALS = Path(__file__).parent / "journals"
LARGEST = 24 * 1024
"""Bytes of a file: what is larger shows nothing that a smaller one does not."""


MACHINES = ("/home/", "/root/", "/Users/", tempfile.gettempdir())
"""What paths of a machine begin with; a journal that has one is not kept."""
LEFT_OUT = {
    "tests.conformance.poison:Poison": "kills its process",
    "tests.conformance.test_r_guards:Blocking": "waits for its test",
}
"""Code that runs in its own test only, and why."""


def files() -> list[Path]:
    return sorted(JOURNALS.rglob("*.jsonl"))


def code_of(file: Path) -> type[Any]:
    """Return the workflow class that a file's folders name."""
    module, name = file.relative_to(JOURNALS).parts[:2]
    found: type[Any] = find(f"{module}:{name}")
    return found


def keep(code: type[Any], name: str, instance: str, records: Iterable[bytes]) -> Path | None:
    """Write a journal, unless it is there, is too large, or its class cannot be found by name; return its file."""
    file = JOURNALS / code.__module__ / code.__qualname__ / f"{name}.jsonl"
    if file.exists() or f"{code.__module__}:{code.__qualname__}" in LEFT_OUT or not _is_found(code):
        return None
    text = write(of_records(definition_of(code).name, instance, [_anonymous(record) for record in records]))
    if len(text) > LARGEST or any(machine in text for machine in MACHINES):
        return None
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def _is_found(code: type[Any]) -> bool:
    try:
        return find(f"{code.__module__}:{code.__qualname__}") is code
    except ConfigurationError:
        return False


def _anonymous(record: bytes) -> bytes:
    """Return the record without the paths of this checkout and the name of this machine."""
    return msgspec.msgpack.encode(_without_names(msgspec.msgpack.decode(record)))


def _without_names(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace(f"{ROOT}/", "").replace(socket.gethostname(), "node")
    if isinstance(value, list):
        return [_without_names(part) for part in value]
    if isinstance(value, dict):
        return {_without_names(key): _without_names(part) for key, part in value.items()}
    return value
