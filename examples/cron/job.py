"""A workflow to start: it knows nothing of the scheduler."""

from __future__ import annotations

from leveret import workflow


@workflow.define
class Report:
    async def run(self, title: str) -> str:
        return f"report of {title}"
