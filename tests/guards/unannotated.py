"""Annotations that are evaluated where they stand, some of them only once the stand-ins are there."""

from datetime import UTC, date, datetime

from leveret import workflow


@workflow.define(name="Late")
class Late:
    async def run(self, at: datetime) -> list[datetime]:
        def now() -> datetime:
            return datetime(2026, 1, 1, tzinfo=UTC)

        def both() -> dict[str, datetime | None]:
            return {"a": at, "b": None}

        def days() -> list[date]:
            return [at.date()]

        assert type(workflow.inline(now)) is type(at)
        assert workflow.inline(both) == {"a": at, "b": None}
        assert workflow.inline(days) == [at.date()]
        return [at]
