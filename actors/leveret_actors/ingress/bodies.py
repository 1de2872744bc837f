"""The JSON bodies of commands: one struct each, unknown fields refused. `docs/wire.md` shows them.

The JSON Schemas in `docs/schemas` are made of these, descriptions included.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Final, Literal, TypeAlias

import msgspec
from msgspec import Meta

from leveret_actors.ingress.command import Verb
from leveret_broker.ids import ID_LIMIT

Id: TypeAlias = Annotated[str, Meta(max_length=ID_LIMIT)]
HIGHEST: Final = 2**31 - 1
"""Of any number: what every store, and every language, can hold."""
SequenceNumber: TypeAlias = Annotated[
    int, Meta(ge=-1, le=HIGHEST, description="Only this life of the task; -1 is whichever is open.")
]
Arguments: TypeAlias = Annotated[dict[str, Any] | list[Any], Meta(description="By name, or in order.")]


class Error(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why a delegated task failed."""

    message: str
    type: str = "DelegateFailed"


class TargetedBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Whom a command is for: exactly one of these, here or as a header."""

    TARGETS: ClassVar[tuple[str, ...]] = ("id", "tag", "unique_tag")
    """What headers may say instead."""

    id: Annotated[Id, Meta(description="Of the instance, or of the task.")] = ""
    tag: Annotated[Id, Meta(description="All that carry it now.")] = ""
    unique_tag: Annotated[Id, Meta(description="The one instance that holds it.")] = ""


class OpeningBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How an instance is started."""

    id: Annotated[Id, Meta(description="Left out: derived from the `message_id`.")] = ""
    tags: list[Annotated[Id, Meta(min_length=1)]] = []
    unique_tag: Annotated[Id, Meta(description="One open instance may have it: a start that finds it gives that.")] = ""
    method: Annotated[str, Meta(description="May be left out when the workflow has one method.")] = ""
    arguments: Arguments = {}
    meta: dict[str, str] = {}
    on_conflict: Annotated[Literal["existing", "fail"], Meta(description="While a run of the id is open.")] = "existing"
    on_closed: Annotated[Literal["existing", "new", "fail"], Meta(description="After the last run.")] = "existing"
    timeout: Annotated[
        Annotated[float, Meta(gt=0)] | None, Meta(description="Seconds; left out: what the workflow's code says.")
    ] = None
    version: Annotated[int, Meta(ge=0, le=HIGHEST, description="0 is the highest that there is.")] = 0


class StartBody(OpeningBody, frozen=True, kw_only=True):
    """`start.<Workflow>`."""

    TARGETS: ClassVar[tuple[str, ...]] = ("id", "tags", "unique_tag")

    reply: Annotated[
        Literal["result", "started"],
        Meta(description="What the reply tells: how the instance ended, or that it was started."),
    ] = "result"


class SignalBody(TargetedBody, frozen=True, kw_only=True):
    """`signal.<Workflow>.<channel>`."""

    value: Any = None
    start: Annotated[OpeningBody | bool | None, Meta(description="Start the instance first if it is not there.")] = None


class CallBody(TargetedBody, frozen=True, kw_only=True):
    """`call.<Workflow>.<method>`."""

    arguments: Arguments = {}
    start: Annotated[OpeningBody | bool | None, Meta(description="Start the instance first if it is not there.")] = None


class CancelBody(TargetedBody, frozen=True, kw_only=True):
    """`cancel.<Workflow>`."""

    reason: str = ""
    force: Annotated[bool, Meta(description="End it without its code.")] = False


class CompleteBody(TargetedBody, frozen=True, kw_only=True):
    """`complete.<Service>`: `id` is the task's."""

    result: Any = None
    sequence: SequenceNumber = -1


class FailBody(TargetedBody, frozen=True, kw_only=True):
    """`fail.<Service>`: `id` is the task's."""

    error: str | Error
    retry: Annotated[bool, Meta(description="The task's policy decides whether it is tried again.")] = False
    sequence: SequenceNumber = -1


BODIES: Final[Mapping[Verb, type[TargetedBody | StartBody]]] = {
    "start": StartBody,
    "signal": SignalBody,
    "call": CallBody,
    "cancel": CancelBody,
    "complete": CompleteBody,
    "fail": FailBody,
}
