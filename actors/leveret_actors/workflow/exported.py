"""Journals as files, to be kept beside the code that must repeat them.

JSON lines. The first is the header: `{"leveret": "journal", "format": 1, "workflow": …, "instance": …, "run": …,
"version": …, "written_by": …, "records": …}`. Then one line for each record: `turn`, `at`, `events`, `commands` and
`ended` are there to be read, with values decoded; `record` (base64) is what counts. Readers ignore fields that they do
not know; `format` grows when they must not.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final, TypeGuard

import msgspec

from leveret_actors.workflow import journal
from leveret_actors.workflow.journal import Begun, Record
from leveret_broker.codec import Codec, Payload
from leveret_broker.errors import DecodeError, PayloadError

EXPORT_FORMAT: Final = 1
PREVIEW_LIMIT: Final = 2000
"""Most characters of a decoded value."""

_PAYLOADS: Final = {"arguments", "value", "attributes", "sealed"}


class Journal(msgspec.Struct, frozen=True):
    """The journal of one run."""

    workflow: str
    instance: str
    run: str
    version: int
    """Of the code that ran it; 0 when none has yet."""
    records: tuple[bytes, ...]
    """Encoded, as `Client.history` yields them."""


class _Header(msgspec.Struct, kw_only=True):
    leveret: str
    format: int
    workflow: str
    instance: str
    run: str
    version: int
    written_by: str
    records: int


class _Line(msgspec.Struct, kw_only=True):
    turn: int = 0
    at: str = ""
    events: Any = ()
    commands: Any = ()
    ended: Any = ()
    record: bytes


def of_records(workflow: str, instance: str, records: Iterable[bytes]) -> Journal:
    """Return the journal that these records are; raises `DecodeError`."""
    kept = tuple(records)
    decoded = [journal.decode(record) for record in kept]
    runs = [event.run for record in decoded for event in record.events if isinstance(event, Begun)]
    versions = [record.version for record in decoded if record.ran and record.version]
    return Journal(workflow, instance, runs[-1] if runs else "", versions[-1] if versions else 0, kept)


def write(exported: Journal, *, codec: Codec | None = None) -> str:
    """Return the text of an exported journal; `codec` decodes the values that are shown."""
    header = _Header(
        leveret="journal",
        format=EXPORT_FORMAT,
        workflow=exported.workflow,
        instance=exported.instance,
        run=exported.run,
        version=exported.version,
        written_by=_leveret(),
        records=len(exported.records),
    )
    shown = [_line(record, codec or Codec()) for record in exported.records]
    return "".join(msgspec.json.encode(line).decode() + "\n" for line in (header, *shown))


def read(path: Path) -> Journal:
    """Return the journal in a file; raises `DecodeError`, which names the file, for anything else."""
    try:
        return parse(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise DecodeError(f"{path}: it cannot be read: {error}") from error
    except DecodeError as error:
        raise DecodeError(f"{path}: {error}") from error


def parse(text: str) -> Journal:
    """Return the journal of a text that `write` made; raises `DecodeError`."""
    first, *rest = text.strip().splitlines() or [""]
    try:
        header = msgspec.json.decode(first, type=_Header)
        if header.format > EXPORT_FORMAT:
            raise DecodeError(f"the file has format {header.format}, this leveret reads up to {EXPORT_FORMAT}: upgrade")
        records = tuple(msgspec.json.decode(line, type=_Line).record for line in rest)
    except (msgspec.DecodeError, ValueError) as error:
        raise DecodeError(f"this is not an exported journal: {error}") from error
    if header.leveret != "journal" or len(records) != header.records:
        text = f"this is not a whole exported journal: it has {len(records)} of {header.records} records"
        raise DecodeError(text)
    return Journal(header.workflow, header.instance, header.run, header.version, records)


def _line(encoded: bytes, codec: Codec) -> _Line:
    record: Record = journal.decode(encoded)
    ended: list[Any] = [] if record.completion is None else [record.completion]
    return _Line(
        turn=record.number,
        at=datetime.fromtimestamp(record.at, UTC).isoformat(),
        events=[_shown(event, codec) for event in record.events] if record.folded is None else [_fold(record, codec)],
        commands=[_shown(command, codec) for command in record.commands],
        ended=[_shown(end, codec) for end in (*ended, *record.ended)],
        record=encoded,
    )


def _fold(record: Record, codec: Codec) -> dict[str, Any]:
    """Return what a fold stands for; who may ask again is nothing to be read."""
    folded = record.folded
    assert folded is not None
    return {
        "is": "Folded",
        "turns": folded.turns,
        "since": datetime.fromtimestamp(folded.since, UTC).isoformat(),
        "calls": folded.calls,
        "attributes": [_shown(attribute, codec) for attribute in folded.attributes],
        "removed": folded.removed,
    }


def _shown(thing: Any, codec: Codec) -> Any:
    """Return what a reader wants to see of a struct: its kind, what is not empty, payloads decoded."""
    if not isinstance(thing, msgspec.Struct):
        return thing.hex() if isinstance(thing, bytes) else thing
    fields = msgspec.structs.asdict(thing)
    shown: dict[str, Any] = {"is": type(thing).__name__}
    for name, value in fields.items():
        if value in ("", None, (), b"", {}):
            continue
        if name in _PAYLOADS and isinstance(value, bytes):
            shown[name] = _value(Payload(value), codec)
        elif _is_many(value):
            shown[name] = [_shown(part, codec) for part in value]
        else:
            shown[name] = _shown(value, codec)
    return shown


def _is_many(value: Any) -> TypeGuard[tuple[Any, ...]]:
    return isinstance(value, tuple)


def _value(payload: Payload, codec: Codec) -> Any:
    try:
        value = codec.load(payload)
    except PayloadError:
        return {"base64": b64encode(payload).decode()[:PREVIEW_LIMIT]}
    try:
        encoded = msgspec.json.encode(value, enc_hook=repr)
    except (TypeError, ValueError, msgspec.EncodeError):
        return repr(value)[:PREVIEW_LIMIT]
    return msgspec.Raw(encoded) if len(encoded) <= PREVIEW_LIMIT else encoded.decode()[:PREVIEW_LIMIT] + "…"


def _leveret() -> str:
    try:
        return version("leveret")
    except PackageNotFoundError:  # run from its source
        return ""
