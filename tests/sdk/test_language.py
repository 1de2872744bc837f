from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

import pytest
from loguru import logger

from leveret import ArgumentMismatch, ConfigurationError, workflow
from tests.sdk.fakes import FakeRuntime

START = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("positional", "named", "seconds"),
    [
        ((timedelta(minutes=2),), {}, 120),
        ((1.5,), {}, 1.5),
        ((START + timedelta(days=1),), {}, 86400),
        ((START - timedelta(days=1),), {}, -86400),
        ((), {"days": 1, "hours": 1, "minutes": 1, "seconds": 1}, 90061),
        ((), {"seconds": -5}, -5),
        ((), {}, 0),
    ],
)
async def test_timers_take_durations_and_times(
    runtime: FakeRuntime, positional: tuple[Any, ...], named: dict[str, float], seconds: float
) -> None:
    workflow.timer(*positional, **named)

    assert runtime.timers == [START.timestamp() + seconds]


async def test_a_time_without_zone_is_refused(runtime: FakeRuntime) -> None:
    with pytest.raises(ArgumentMismatch, match="time zone"):
        workflow.timer(datetime(2030, 1, 1))  # noqa: DTZ001


async def test_time_and_chance_come_from_the_runtime(runtime: FakeRuntime) -> None:
    assert workflow.now() == START
    assert workflow.uuid() == UUID(int=7)
    assert workflow.random().random() == Random(7).random()
    assert workflow.info().id == "b1"


async def test_inline_results_are_rebuilt_as_annotated(runtime: FakeRuntime) -> None:
    def today() -> datetime:
        return START

    assert workflow.inline(today) == START
    assert workflow.inline(lambda: 3) == 3
    assert runtime.inlined == [datetime, Any]


async def test_an_async_function_cannot_run_inline(runtime: FakeRuntime) -> None:
    async def slow() -> int:
        return 1

    with pytest.raises(ArgumentMismatch, match="make it a task"):
        _ = workflow.inline(slow)


@pytest.fixture
def records() -> Iterator[list[Any]]:
    found: list[Any] = []
    sink = logger.add(lambda message: found.append(message.record), level="DEBUG")
    yield found
    logger.remove(sink)


async def test_log_records_carry_who_runs_and_where(runtime: FakeRuntime, records: list[Any]) -> None:
    workflow.log.bind(order=1).info("booked {}", 2)
    workflow.log.warning("late")

    assert [record["message"] for record in records] == ["booked 2", "late"]
    assert records[0]["extra"] == {"workflow": "Booking", "instance": "b1", "run": "r1", "method": "book", "order": 1}
    assert records[0]["function"] == "test_log_records_carry_who_runs_and_where"


async def test_log_records_are_dropped_while_replaying(runtime: FakeRuntime, records: list[Any]) -> None:
    runtime.replaying = True

    workflow.log.info("again")
    workflow.log.bind(order=1).opt(lazy=True).exception("again")
    with workflow.log.contextualize(a=1):
        workflow.log.error("again")

    assert records == []


def test_outside_of_a_workflow_the_log_is_an_ordinary_logger(records: list[Any]) -> None:
    workflow.log.info("hello")

    assert [record["message"] for record in records] == ["hello"]


async def test_a_patch_goes_to_the_runtime_by_its_id(runtime: FakeRuntime) -> None:
    assert workflow.patched("fees first")
    workflow.deprecate_patch("fees first")

    assert runtime.patches == [("fees first", False), ("fees first", True)]


async def test_a_patch_without_a_readable_id_is_refused(runtime: FakeRuntime) -> None:
    for use in (workflow.patched, workflow.deprecate_patch):
        with pytest.raises(ConfigurationError, match="patch"):
            use("")
