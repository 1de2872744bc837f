"""When, and what."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError


class BadSchedule(ValueError):
    """Raised for an expression or a time zone that nobody can follow."""


@dataclass(frozen=True)
class Schedule:
    """Start a workflow at each time of a cron expression, as Debian's cron reads it, summer time included."""

    expression: str
    workflow: str
    method: str = "run"
    arguments: dict[str, Any] = field(default_factory=dict[str, Any])
    zone: str = "UTC"

    def __post_init__(self) -> None:
        try:
            self.after(datetime(2000, 1, 1, tzinfo=UTC))
        except (CronSimError, ZoneInfoNotFoundError, StopIteration, ValueError) as error:
            raise BadSchedule(f"{self.expression!r} in {self.zone!r}: {str(error) or 'never comes'}") from error

    def after(self, time: datetime) -> datetime:
        """Return the next time after one."""
        return next(CronSim(self.expression, time.astimezone(ZoneInfo(self.zone)))).astimezone(UTC)
