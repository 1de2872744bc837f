"""How an instance is started: what `new` takes, in a client and in a workflow."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypedDict

from leveret.contract import Duration, seconds
from leveret.labels import checked_meta, checked_tag, checked_tags
from leveret_broker.errors import ConfigurationError
from leveret_broker.ids import check_id


class CommonOptions(TypedDict, total=False):
    """What `new` takes everywhere."""

    id: str | None
    """The instance's id; a fresh one for each start when left out."""
    tags: Collection[str]
    """Business ids that the instance carries from the start, at most 100."""
    unique_tag: str | None
    """A business id that one open instance may have; a start that finds a holder gives the holder."""
    meta: Mapping[str, str] | None
    """Texts by name, at most 64 KiB, for whoever looks at the instance; its code may pass them on."""
    on_conflict: Literal["existing", "fail"]
    """While a run of that id is open: take that (default), or raise `WorkflowAlreadyStarted`."""
    on_closed: Literal["existing", "new", "fail"]
    """After the last run has closed: take that (default), begin a new run, or raise `WorkflowAlreadyStarted`."""
    timeout: Duration | None
    """Of the whole workflow, a timedelta or seconds; default: the definition's."""
    version: int
    """Wanted version; 0 is the highest that the owner has."""


class StartOptions(CommonOptions, total=False):
    """What `Client.new` takes."""

    message_id: str | None
    """Idempotency key of the start: the same one starts one run."""


class ChildOptions(CommonOptions, total=False):
    """What `workflow.new` takes."""

    detached: bool
    """True: the child goes on when its parent is cancelled or times out."""


@dataclass(frozen=True, slots=True)
class StartPlan:
    """Options, checked."""

    workflow: str
    id: str = ""
    """Empty: a fresh one for each start."""
    tags: tuple[str, ...] = ()
    unique_tag: str = ""
    meta: Mapping[str, str] = field(default_factory=dict[str, str])
    on_conflict: str = "existing"
    on_closed: str = "existing"
    timeout: float = 0.0
    """Seconds; 0 is none."""
    version: int = 0


def plan_of(workflow: str, kind: Any, options: Mapping[str, Any], timeout: float = 0.0) -> StartPlan:
    """Return what the options of `kind` (a TypedDict) say; `timeout` is the definition's.

    Raises `ConfigurationError` for one that does not exist or cannot be used, `ArgumentMismatch` for tags and meta.
    """
    unknown = sorted(set(options) - kind.__optional_keys__)
    if unknown:
        raise ConfigurationError(f"new() does not take {', '.join(unknown)}")
    instance = options.get("id")
    unique = options.get("unique_tag") or None
    version = options.get("version", 0)
    if not isinstance(version, int):
        raise ConfigurationError(f"version must be a number, not {version!r}")
    return StartPlan(
        workflow,
        "" if instance is None else check_id("the instance's id", instance),
        checked_tags(workflow, options.get("tags", ())),
        "" if unique is None else checked_tag(workflow, unique),
        checked_meta(workflow, options.get("meta")),
        _one_of("on_conflict", options.get("on_conflict", "existing"), "existing", "fail"),
        _one_of("on_closed", options.get("on_closed", "existing"), "existing", "new", "fail"),
        seconds("the workflow's timeout", options.get("timeout")) or timeout,
        version,
    )


def _one_of(name: str, value: str, *known: str) -> str:
    if value not in known:
        raise ConfigurationError(f"{name} must be one of {', '.join(known)}, not {value!r}")
    return value
