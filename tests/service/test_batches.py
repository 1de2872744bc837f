"""S05 · batches: by count, by time, by key; endings of single calls; failing ones are run again one by one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from loguru import logger

from leveret import ConfigurationError, service
from leveret.interceptors import TaskInterceptor, TaskRun
from leveret.service import Call, TaskId
from leveret_actors.service.execution import executions
from leveret_actors.settings import ServiceSettings
from tests.service.press import FOREVER, LONG, Press, outcomes, send, waiting
from tests.service.world import Worker, World


async def test_S05_a_batch_begins_when_it_is_full(world: World) -> None:
    press = Press()
    await world.start(press, concurrency=1)

    ids = await send(world, "by_count", 1, 2, 3, 4, 5, 6)

    assert await outcomes(world, 6) == dict(zip(ids, [2, 4, 6, 8, 10, 12], strict=True))
    assert press.sizes == [3, 3]


async def test_S05_a_batch_holds_calls_of_one_task_and_one_attempt_of_each(world: World) -> None:
    press = Press()
    await world.start(press)
    (first,) = await send(world, "by_count", 1)
    await send(world, "whole", 2, 3)
    await send(world, "by_count", 4, task_id=first, attempt=2)
    await press.begun(1)
    (third, fourth) = await send(world, "by_count", 5, 6)
    (fifth,) = await send(world, "whole", 7)
    await press.begun(3)

    assert [sorted(call.argument for call in batch.values()) for batch in press.batches] == [[1], [4, 5, 6], [2, 3, 7]]
    assert set(press.batches[1]) == {first, third, fourth}
    assert fifth in press.batches[2]


async def test_S05_a_batch_begins_when_its_first_call_has_waited_long_enough(world: World) -> None:
    press = Press()
    await world.start(press)

    ids = await send(world, "by_time", 1, 2)

    assert await outcomes(world, 2) == dict(zip(ids, [2, 4], strict=True))
    await world.empty("Press")


async def test_S05_calls_with_different_keys_are_in_different_batches_and_retries_keep_theirs(world: World) -> None:
    press = Press()
    await world.start(press)

    for one, who in ((1, "a"), (2, "b"), (3, "a"), (4, "b")):
        await send(world, "by_key", one, meta={"tenant": who})

    assert set((await outcomes(world, 4)).values()) == {1, 2, 3, 4}
    together = [sorted(call.argument for call in batch.values()) for batch in press.batches]
    assert sorted(together) == [[1, 3], [1, 3], [2, 4], [2, 4]]


async def test_S05_an_exception_as_value_fails_its_call_alone_by_its_own_policy(world: World) -> None:
    press = Press()
    await world.start(press)

    good, bad, fine = await send(world, "picky", 1, -2, 3)

    found = await outcomes(world, 3)
    assert (found[good], found[fine], found[bad].message) == (1, 3, "negative")
    tried = [call.attempt for batch in press.batches for call in batch.values() if call.argument < 0]
    assert tried == [1, 2, 3]


async def test_S05_a_batch_that_raises_is_run_again_one_by_one_even_without_a_policy(world: World) -> None:
    press = Press()
    await world.start(press)

    good, bad, fine = await send(world, "whole", 1, -2, 3)

    found = await outcomes(world, 3)
    assert (found[good], found[fine], found[bad].message) == (1, 3, "somebody is negative")
    assert press.sizes == [3, 1, 1, 1]
    assert {call.attempt for batch in press.batches[1:] for call in batch.values()} == {2}
    last = [call.last_failure for batch in press.batches[1:] for call in batch.values()]
    assert [one and one.message for one in last] == ["somebody is negative"] * 3


async def test_S05_a_batch_over_its_timeout_is_run_again_one_by_one(world: World) -> None:
    press = Press()
    await world.start(press)

    ids = await send(world, "slow", 1, 2)

    assert await outcomes(world, 2) == dict(zip(ids, [1, 2], strict=True))
    assert press.sizes == [2, 1, 1]
    assert all(call.timed_out for call in press.batches[0].values())


async def test_S05_a_missing_value_fails_its_call_by_name_and_an_unknown_one_is_reported(world: World) -> None:
    lines: list[str] = []
    sink = logger.add(lambda message: lines.append(str(message)), format="{message}", level="ERROR")
    logger.enable("leveret_actors")
    await world.start(Press())

    good, *bad = await send(world, "forgets", 1, -2, -3)

    found = await outcomes(world, 3)
    logger.remove(sink)
    assert found[good] == 1
    for task_id in bad:
        assert found[task_id].type.endswith("ResultMissing")
        assert found[task_id].message == f"Press.forgets returned dict without a value for {', '.join(bad)}"
    assert any("task ids that are not in its batch: stranger" in line for line in lines)


async def test_S05_a_function_that_returns_nothing_completes_all(world: World) -> None:
    await world.start(Press())

    ids = await send(world, "says_nothing", 1, 2)

    assert await outcomes(world, 2) == dict.fromkeys(ids)


async def test_S05_a_sync_function_over_a_batch_runs_in_a_thread(world: World) -> None:
    await world.start(Press())

    await send(world, "threaded", 1, 2)

    (name,) = set((await outcomes(world, 2)).values())
    assert name.startswith("Press@w1")


async def test_S05_each_call_has_the_context_of_its_task(world: World) -> None:
    press = Press()
    await world.start(press)

    first = await send(world, "by_count", 1, meta={"tenant": "a"}, tags=("t",), workflow="Flow", instance="i1", run="r")
    second = await send(world, "by_count", 2, attempt=3, deadline=FOREVER)
    await send(world, "by_count", 3, sequence=2)
    await outcomes(world, 3)

    one, two, three = press.batches[0].values()
    assert [one.task_id, two.task_id] == first + second
    assert (one.meta, one.tags, one.workflow, one.instance, one.run) == (
        {"tenant": "a"}, frozenset("t"), "Flow", "i1", "r",
    )  # fmt: skip
    assert (two.attempt, two.deadline, three.sequence) == (3, FOREVER, 2)
    assert (one.service, one.task) == ("Press", "by_count")


@pytest.mark.parametrize(
    ("task", "kind"), [("by_count", "ArgumentMismatch"), ("badly_keyed", "TypeError"), ("leaves", "SystemExit")]
)
async def test_S05_a_call_whose_argument_or_key_does_not_fit_fails_and_disturbs_no_batch(
    world: World, task: str, kind: str
) -> None:
    press = Press()
    await world.start(press)

    (bad,) = await send(world, task, "text" if task == "by_count" else 1)
    ids = await send(world, "by_count", 1, 2, 3)

    found = await outcomes(world, 4)
    assert found.pop(bad).type.endswith(kind)
    assert set(found) == set(ids)


async def test_S05_the_same_attempt_sent_twice_is_in_a_batch_once(world: World) -> None:
    press = Press()
    await world.start(press)

    for one in (1, 1, 2, 3):
        await world.send("Press.by_count", {"n": one}, task_id=f"run.{one}")

    assert await outcomes(world, 3) == {"run.1": 2, "run.2": 4, "run.3": 6}
    await world.empty("Press")
    assert press.sizes == [3]


async def test_S05_batches_fill_though_their_service_has_one_slot(world: World) -> None:
    class Wide:
        def __init__(self) -> None:
            self.sizes: list[int] = []

        @service.batch(max=200, seconds=LONG)
        async def count(self, calls: dict[TaskId, Call[int]]) -> None:
            self.sizes.append(len(calls))

    wide = Wide()
    await world.start(wide, concurrency=1)

    for n in range(400):
        await world.send("Wide.count", {"n": n})
    await world.until(lambda: len(wide.sizes) == 2)

    assert wide.sizes == [200, 200]


async def test_S05_calls_of_many_keys_that_take_up_the_prefetch_do_not_wait_for_their_time(world: World) -> None:
    press = Press()
    press.go.clear()
    worker = await world.start(press, concurrency=2)
    most = worker.runner._prefetch(1)
    keys = [{"tenant": f"t{number}"} for number in range(most + 3)]
    for meta in keys[: most - 1]:
        await send(world, "by_key", 1, meta=meta)
    await world.until(lambda: waiting(worker.runner) == most - 1)
    assert press.batches == []

    for meta in keys[most - 1 :]:
        await send(world, "by_key", 1, meta=meta)
    await press.begun(2)

    tenants = [call.meta["tenant"] for batch in press.batches for call in batch.values()]
    assert tenants[:2] == ["t0", "t1"]


async def test_S05_a_full_slot_leaves_batches_to_fill(world: World) -> None:
    press = Press()
    press.go.clear()
    worker = await world.start(press, concurrency=1)
    most = worker.runner._prefetch(1)
    await send(world, "by_count", 1, 2, 3)
    await press.begun(1)
    for number in range(most - 3):
        await send(world, "by_key", 1, meta={"tenant": f"t{number}"})
    await world.until(lambda: waiting(worker.runner) == most - 3)

    assert press.sizes == [3]


async def test_S03_S05_an_interceptor_is_around_a_batch_and_sees_its_calls(world: World) -> None:
    seen: list[tuple[str, str, list[str], Any]] = []

    class Watch(TaskInterceptor):
        async def run_task(self, details: TaskRun, /) -> Any:
            value = await details.proceed()
            seen.append((details.context.task, details.context.task_id, list(details.calls), value))
            return value

    await world.start(Press(), interceptors=(Watch(),))
    ids = await send(world, "by_count", 1, 2, 3)
    await outcomes(world, 3)

    assert seen == [("by_count", "", ids, dict(zip(ids, [2, 4, 6], strict=True)))]


async def test_S05_log_records_of_a_batch_say_which_and_how_many(world: World) -> None:
    class Talks:
        @service.batch(max=2, seconds=LONG)
        async def talk(self, calls: dict[TaskId, Call[int]]) -> None:
            logger.info("now")

    extras: list[dict[str, Any]] = []
    sink = logger.add(lambda message: extras.append(message.record["extra"]), filter=__name__)
    await world.start(Talks())
    for n in (1, 2):
        await world.send("Talks.talk", {"n": n})
    await outcomes(world, 2)
    logger.remove(sink)

    assert extras == [{"service": "Talks", "task": "talk", "calls": 2}]


@pytest.mark.parametrize("break_it", [dict, lambda: [1], lambda: None])
async def test_S05_whatever_is_returned_ends_every_call(world: World, break_it: Callable[[], Any]) -> None:
    class Broken:
        @service.batch(max=2, seconds=LONG)
        async def run(self, calls: dict[TaskId, Call[int]]) -> dict[TaskId, int]:
            found: dict[TaskId, int] = break_it()
            return found

    await world.start(Broken())
    for n in (1, 2):
        await world.send("Broken.run", {"n": n})

    found = await outcomes(world, 2)

    assert all("without a value for" in failure.message for failure in found.values())


async def test_S02_S05_the_numbers_of_a_batch_are_the_files_then_the_registrations_then_the_codes(world: World) -> None:
    of_task = service.task_settings(batch_max=2)
    target = service.configured(Press(), batch_max=4, batch_seconds=7, tasks={"by_count": of_task})

    def numbers(worker: Worker, task: str) -> tuple[int, float]:
        batching = worker.runner._executions[task].batching
        assert batching is not None
        return batching.max, batching.seconds

    registered = await world.start(target)
    filed = await world.start(target, name="w2", settings=ServiceSettings(batch_max=5))
    code = await world.start(Press(), name="w3")

    assert numbers(registered, "by_count") == (2, 7)
    assert numbers(registered, "picky") == (4, 7)
    assert numbers(filed, "by_count") == (5, 7)
    assert numbers(code, "picky") == (3, 0.02)


def test_S05_numbers_of_batches_for_a_task_that_has_none_are_refused() -> None:
    class Single:
        async def go(self) -> None: ...

    wrong = ServiceSettings(tasks={"go": service.task_settings(batch_seconds=1)})

    with pytest.raises(ConfigurationError, match=r"Single\.go does not run in batches"):
        executions(service.instance(Single()), [wrong], grace=5)
