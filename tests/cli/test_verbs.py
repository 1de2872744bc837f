"""`cancel`, `retry-tasks`, `retry-workflow-task` and `complete-timers`."""

from __future__ import annotations

import pytest

from tests.cli.conftest import leveret_beside, node

URL = ("--url", "sqlite:///shop.db")


async def test_failed_tasks_are_retried_by_id_and_by_tag() -> None:
    async with node():
        await leveret_beside(
            "start", "Order", "--args", '{"item": "nothing"}', "--id", "o1", "--tag", "t:1", "--wait", *URL
        )
        one = await leveret_beside("retry-tasks", "Order", "--id", "o1", "--status", "failed", "--json", *URL)
        await leveret_beside("start", "Order", "--id", "o1", "--wait", *URL)
        every = await leveret_beside("retry-tasks", "Order", "--tag", "t:1", *URL)

    assert (one.code, one.json["count"], one.json["status"]) == (0, 1, "running")
    assert "resumed before turn" in one.json["text"]
    assert (every.code, every.out.strip()) == (0, "sent to 1 instance(s)")


@pytest.mark.parametrize("verb", ["retry-tasks", "retry-workflow-task", "complete-timers", "cancel"])
async def test_a_verb_that_does_nothing_says_why_and_ends_with_exit_code_1(verb: str) -> None:
    async with node():
        ran = await leveret_beside(verb, "Order", "--id", "nobody", *URL)

    assert ran.code == 1
    assert ran.err.strip() == "error: there is no such instance"


async def test_an_instance_is_cancelled_by_force_and_a_task_by_its_id() -> None:
    async with node():
        await leveret_beside("start", "Order", "--method", "pay", "--args", '{"item": "hat"}', "--id", "o1", *URL)
        task = await leveret_beside("cancel", "Order", "--id", "o1", "--task", "another.7", *URL)
        forced = await leveret_beside("cancel", "Order", "--id", "o1", "--force", "--json", *URL)
        listed = await leveret_beside("list", "Order", "--json", *URL)

    assert task.code == 1
    assert (forced.code, forced.json["text"], forced.json["status"]) == (0, "ended without its code", "cancelled")
    assert [row["status"] for row in listed.json["instances"]] == ["cancelled"]
