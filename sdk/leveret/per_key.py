"""Limits for tasks that have something in common: a tenant, a customer, an account."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from leveret.rate import Rate
from leveret_broker.errors import ConfigurationError

_META: Final = "meta."
_TAG: Final = "tag."


@dataclass(frozen=True, slots=True)
class PerKey:
    """At most `concurrency` tasks of a key at once, and at most `rate` attempts that begin, over all nodes."""

    key: Callable[[Any], object] | str
    """Given a `service.TaskContext`, returns what the tasks of one key have in common; None is without limits.

    `"meta.tenant"` is that entry of `meta`, `"tag.customer"` the tag that begins with `customer:`."""
    concurrency: int = 0
    """0 is no limit."""
    rate: float | Rate | None = None
    """A number is so many a second; None is no limit."""

    def __post_init__(self) -> None:
        """Check it; raises `ConfigurationError`."""
        if self.concurrency < 0 or not (self.concurrency or self.rate):
            raise ConfigurationError(f"{self!r}: say concurrency, 1 or more, or rate, or both")
        if isinstance(self.key, str) and self.key and not self.key.startswith((_META, _TAG)):
            raise ConfigurationError(f"per_key: key is a function, 'meta.<name>' or 'tag.<name>', not {self.key!r}")

    def key_of(self, task: Any) -> str | None:
        """Return the key of a task, given its context; raises what the function raises."""
        if not isinstance(self.key, str):
            found = self.key(task)
        elif self.key.startswith(_META):
            found = task.meta.get(self.key.removeprefix(_META))
        else:
            begin = f"{self.key.removeprefix(_TAG)}:"
            found = min((tag for tag in task.tags if tag.startswith(begin)), default=None)
        return None if found is None else f"{found}"
