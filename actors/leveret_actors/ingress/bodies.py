"""The JSON bodies of commands: one struct each, unknown fields refused. `docs/wire.md` shows them."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

import msgspec


class Error(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why a delegated task failed."""

    message: str
    type: str = "DelegateFailed"


class TargetedBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Whom a command is for: exactly one of these, here or as a header."""

    TARGETS: ClassVar[tuple[str, ...]] = ("id", "tag", "unique_tag")
    """What headers may say instead."""

    id: str = ""
    tag: str = ""
    unique_tag: str = ""


class OpeningBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How an instance is started."""

    id: str = ""
    """Left out: derived from the `message_id`."""
    tags: list[str] = []
    unique_tag: str = ""
    method: str = ""
    """May be left out when the workflow has one method."""
    arguments: dict[str, Any] | list[Any] = {}
    meta: dict[str, str] = {}
    on_conflict: Literal["existing", "fail"] = "existing"
    on_closed: Literal["existing", "new", "fail"] = "existing"
    timeout: Annotated[float, msgspec.Meta(gt=0)] | None = None
    """Seconds."""
    version: Annotated[int, msgspec.Meta(ge=0)] = 0


class StartBody(OpeningBody, frozen=True, kw_only=True):
    """`start.<Workflow>`."""

    TARGETS: ClassVar[tuple[str, ...]] = ("id", "tags", "unique_tag")

    reply: Literal["result", "started"] = "result"
    """What the reply tells: how the instance ended, or that it was started."""


class SignalBody(TargetedBody, frozen=True, kw_only=True):
    """`signal.<Workflow>.<channel>`."""

    value: Any = None
    start: OpeningBody | bool | None = None
    """Start the instance first if it is not there."""


class CallBody(TargetedBody, frozen=True, kw_only=True):
    """`call.<Workflow>.<method>`."""

    arguments: dict[str, Any] | list[Any] = {}
    start: OpeningBody | bool | None = None
    """Start the instance first if it is not there."""


class CancelBody(TargetedBody, frozen=True, kw_only=True):
    """`cancel.<Workflow>`."""

    reason: str = ""
    force: bool = False
    """End it without its code."""


class CompleteBody(TargetedBody, frozen=True, kw_only=True):
    """`complete.<Service>`: `id` is the task's."""

    result: Any = None
    sequence: int = -1
    """Only this life of the task."""


class FailBody(TargetedBody, frozen=True, kw_only=True):
    """`fail.<Service>`: `id` is the task's."""

    error: str | Error
    retry: bool = False
    """The task's policy decides whether it is tried again."""
    sequence: int = -1
