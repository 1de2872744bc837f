"""S · services: attempts, policies, contexts, threads, limits, stopping."""

from __future__ import annotations

import asyncio
import os
import threading
from contextvars import ContextVar
from typing import Any

import pytest

import leveret.sync
from leveret import service, workflow
from leveret.client import current_client
from leveret.errors import WorkflowFailed
from leveret.interceptors import TaskInterceptor, TaskRun
from leveret.retry import Retry, RetryDetails
from leveret_actors.settings import ServiceSettings
from tests.conformance.bench import Bench, SteeredBench
from tests.conformance.house import DEADLINE, House
from tests.conformance.poison import Employs, Mortal
from tests.conformance.processes import hosting
from tests.service.heavy import Heavy

SPAN: ContextVar[str] = ContextVar("span")


class Refused(Exception):
    pass


class VeryRefused(Refused):
    pass


def twice(details: RetryDetails) -> float | None:
    return 0.0 if details.attempt < 2 and isinstance(details.error, Refused) else None


@service.define(name="Clerk", retry=Retry(initial=0.01, attempts=2))
class Clerk:
    """Fails as long as it is asked to; notes what it knows of each attempt."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, int, str]] = []

    @service.task(retry=Retry(initial=0.01, attempts=4))
    async def by_method(self) -> None:
        self._note()
        raise Refused("no")

    async def by_class(self) -> None:
        self._note()
        raise Refused("no")

    @service.task(retry=twice)
    async def by_callable(self) -> None:
        self._note()
        raise Refused("no")

    @service.task(retry=Retry(attempts=0, ignore=(Refused,)))
    async def ignored(self) -> None:
        self._note()
        raise VeryRefused("no")

    @service.task(retry=Retry(initial=0.01, attempts=3))
    async def third_time(self) -> dict[str, Any]:
        self._note()
        context = service.context()
        context.meta["tries"] = context.meta.get("tries", "") + "x"
        if context.attempt < 3:
            raise Refused(f"attempt {context.attempt}")
        last = context.last_failure
        return {
            "attempt": context.attempt,
            "sequence": context.sequence,
            "last": "" if last is None else last.message,
            "tags": sorted(context.tags),
            "meta": context.meta,
            "who": [context.service, context.task, context.workflow, context.instance],
        }

    async def signal_back(self) -> None:
        context, client = service.context(), await current_client()
        await client.get(context.workflow, id=context.instance).signal("go", "from the task")

    @service.task
    def signal_from_a_thread(self) -> str:
        context, client = service.context(), leveret.sync.current_client()
        client.get(context.workflow, id=context.instance).signal("go", "from a thread")
        return client.run(client.new(Answers, id=context.task_id).run())

    async def start_and_wait(self) -> list[str]:
        client = await current_client()
        assert client is await current_client()
        return [await client.new(Answers).run() for _ in range(2)]

    def _note(self) -> None:
        context = service.context()
        self.seen.append((context.task, context.attempt, context.task_id))


def attempts_of(clerk: Clerk, task: str) -> list[int]:
    return [attempt for name, attempt, _ in clerk.seen if name == task]


class Plain:
    """Has no policy."""

    def __init__(self) -> None:
        self.calls = 0

    async def refuse(self) -> None:
        self.calls += 1
        raise Refused("no")


@workflow.define
class Errand:
    """Runs one task by its name, or more."""

    go = workflow.Channel[str]()

    async def run(self, name: str) -> Any:
        return await workflow.task(name, tags={"a", "b"}, meta={"tenant": "t"})

    async def two(self, names: list[str]) -> list[Any]:
        return await workflow.all_of([workflow.task(name) for name in names])

    async def hears(self, task: str) -> list[Any]:
        return [await workflow.task(task), await self.go.receive()]


@workflow.define
class Answers:
    async def run(self) -> str:
        return "an answer"


async def assert_fails(house: House, *tasks: str) -> None:
    for task in tasks:
        with pytest.raises(WorkflowFailed, match="Refused: no"):
            await house.call(Errand, task)


async def test_S01_without_a_policy_there_is_one_attempt_with_one_as_many_as_it_says(house: House) -> None:
    clerk, plain = Clerk(), Plain()
    await house.open(Errand, services=(clerk, plain))

    await assert_fails(house, "Plain.refuse", "Clerk.by_method", "Clerk.by_callable", "Clerk.ignored")

    assert plain.calls == 1
    found = {task: attempts_of(clerk, task) for task in ("by_method", "by_callable", "ignored")}
    assert found == {"by_method": [1, 2, 3, 4], "by_callable": [1, 2], "ignored": [1]}


async def test_S02_the_method_wins_over_the_class_which_wins_over_none(house: House) -> None:
    clerk = Clerk()
    await house.open(Errand, services=(clerk,))

    await assert_fails(house, "Clerk.by_method", "Clerk.by_class")

    assert [len(attempts_of(clerk, task)) for task in ("by_method", "by_class")] == [4, 2]


async def test_S02_the_configuration_wins_over_all_code(house: House) -> None:
    clerk, plain = Clerk(), Plain()
    policy = ServiceSettings(retry=Retry(initial=0.01, attempts=3))
    await house.open(Errand, services=(clerk, plain), configured={"Clerk": policy, "Plain": policy})

    await assert_fails(house, "Clerk.by_method", "Clerk.by_class", "Plain.refuse")

    assert [len(attempts_of(clerk, task)) for task in ("by_method", "by_class")] == [3, 3]
    assert plain.calls == 3


async def test_S03_S04_each_attempt_knows_who_calls_and_what_was_before_under_one_id(house: House) -> None:
    clerk = Clerk()
    await house.open(Errand, services=(clerk,))

    known = await house.call(Errand, "Clerk.third_time", id="e")

    assert known == {
        "attempt": 3,
        "sequence": 0,
        "last": "attempt 2",
        "tags": ["a", "b"],
        "meta": {"tenant": "t", "tries": "xxx"},
        "who": ["Clerk", "third_time", "Errand", "e"],
    }
    assert [attempt for _, attempt, _ in clerk.seen] == [1, 2, 3]
    assert len({task_id for _, _, task_id in clerk.seen}) == 1


async def test_S03_a_client_can_be_used_inside_a_task(house: House) -> None:
    await house.open(Errand, Answers, services=(Clerk(),))

    assert await house.call(Errand, "Clerk.signal_back", method="hears") == [None, "from the task"]
    assert await house.call(Errand, "Clerk.signal_from_a_thread", method="hears") == ["an answer", "from a thread"]
    assert await house.call(Errand, "Clerk.start_and_wait") == ["an answer"] * 2


class Watch(TaskInterceptor):
    """Notes each attempt and how it ended; gives a span to what runs inside."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, int, str]] = []

    async def run_task(self, details: TaskRun, /) -> Any:
        SPAN.set(f"span {details.context.attempt}")
        try:
            value = await details.proceed()
        except Exception as error:
            self.seen.append((details.context.task, details.context.attempt, repr(error)))
            raise
        self.seen.append((details.context.task, details.context.attempt, repr(value)))
        return value


class Spanned:
    @service.task(retry=Retry(initial=0.01, attempts=2))
    async def fetch(self) -> str:
        return self._span()

    @service.task(retry=Retry(initial=0.01, attempts=2))
    def read(self) -> str:
        return self._span()

    def _span(self) -> str:
        if service.context().attempt == 1:
            raise Refused("no")
        return SPAN.get()


@pytest.mark.parametrize("task", ["fetch", "read"])
async def test_S03_interceptors_are_around_each_attempt_of_async_functions_and_of_those_in_threads(
    house: House, task: str
) -> None:
    watch = Watch()
    await house.open(Errand, services=(Spanned(),), interceptors=(watch,))

    assert await house.call(Errand, f"Spanned.{task}") == "span 2"
    assert watch.seen == [(task, 1, "Refused('no')"), (task, 2, "'span 2'")]


class Threads:
    """Two functions that can only end together: neither may keep the other, or the node, waiting."""

    def __init__(self) -> None:
        self.meeting = threading.Barrier(2, timeout=DEADLINE)

    @service.task
    def left(self) -> str:
        self.meeting.wait()
        return threading.current_thread().name

    @service.task
    def right(self) -> str:
        self.meeting.wait()
        return threading.current_thread().name


async def test_S07_sync_functions_run_in_threads_beside_each_other_and_the_node(house: House) -> None:
    await house.open(Errand, services=(Threads(),))

    names = await house.call(Errand, ["Threads.left", "Threads.right"], method="two")

    assert len({*names, threading.current_thread().name}) == 3


async def test_S07_what_keeps_a_processor_busy_runs_in_processes_on_request(house: House) -> None:
    await house.open(Errand, services=(Heavy(),))

    (first, _), (second, _) = await house.call(Errand, ["Heavy.who", "Heavy.who"], method="two")

    assert os.getpid() not in {first, second}
    assert (await house.call(Errand, "Heavy.third_time"))["tries"] == "xxx"


@workflow.define
class Holds:
    bench = workflow.service(Bench)

    async def run(self) -> str:
        return await self.bench.hold("a")


async def test_S11_a_graceful_stop_lets_tasks_finish_and_nothing_runs_twice(house: House) -> None:
    bench = SteeredBench()
    await house.open(Holds, services=(bench,))
    handle = await house.start(Holds)
    await bench.begun("a")

    stopping = asyncio.create_task(house.stop())
    await asyncio.sleep(0)
    bench.let_go("a")
    await stopping
    await house.resume()

    assert await handle.result(DEADLINE) == "a"
    assert bench.calls == ["a"]


async def test_S09_a_task_whose_worker_was_killed_in_the_middle_runs_on_another_worker(house: House) -> None:
    await house.open(Employs)
    handle = await house.start(Employs)
    died = await hosting("services", house.url)
    await house.stop()

    await house.open(Employs, services=(Mortal(),))

    assert died
    assert await handle.result(DEADLINE) == "survived"
