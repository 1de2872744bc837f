"""S07 · functions in processes: only bytes go in and out; a process that dies fails an attempt, stopping kills it."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from typing import Any

import pytest

from leveret import ConfigurationError, service
from leveret.interceptors import TaskInterceptor, TaskRun
from leveret.retry import RetryDetails
from leveret_actors.service.processes import Processes
from leveret_actors.settings import ServiceSettings
from leveret_broker.codec import Codec
from tests.service.heavy import Heavy, Plan, Quits, Refused
from tests.service.world import World

FOREVER = time.time() + 1e6


@pytest.fixture
def world(memory_world: World) -> World:
    return memory_world


async def begun(note: Path) -> int:
    """Return the process that has written the note."""
    async with asyncio.timeout(30):
        while not note.exists():
            await asyncio.sleep(0.005)
    return int(note.read_text())


async def gone(process: int) -> None:
    async with asyncio.timeout(30):
        while os.path.exists(f"/proc/{process}"):  # noqa: PTH110 - the kernel's, not a file
            await asyncio.sleep(0.005)


async def test_S07_a_function_runs_in_another_process_with_its_types(world: World) -> None:
    await world.start(Heavy())

    await world.send("Heavy.add", {"plan": {"size": 1}, "more": 2})
    assert await world.value() == {"size": 3}

    pids: set[int] = set()
    for calls in (1, 2):
        await world.send("Heavy.who")
        pid, called = await world.value()
        pids.add(pid)
        assert called == calls

    assert len(pids) == 1
    assert os.getpid() not in pids


async def test_S07_it_knows_its_task_and_meta_goes_on_to_the_next_attempt(world: World) -> None:
    await world.start(Heavy())

    task = await world.send("Heavy.third_time", meta={"tenant": "a"})

    assert await world.value() == {
        "last": "refused with 2",
        "task_id": task.task_id,
        "tenant": "a",
        "tries": "xxx",
    }


async def test_S07_what_it_raises_has_its_class_for_the_policy_and_its_traceback_for_the_caller(world: World) -> None:
    asked: list[RetryDetails] = []

    def policy(details: RetryDetails) -> None:
        asked.append(details)

    await world.start(Heavy(), settings=ServiceSettings(retry=policy))

    await world.send("Heavy.refuses")

    failure = await world.failure()
    assert (failure.type, failure.message) == ("tests.service.heavy.Refused", "refused with 7")
    assert 'heavy.py", line' in failure.traceback
    assert failure.attributes is not None
    assert world.codec.load(failure.attributes) == {"code": 7}
    assert failure.where["task"] == "refuses"
    (details,) = asked
    assert isinstance(details.error, Refused)
    assert details.error.code == 7


async def test_S01_S07_an_ignored_type_is_not_retried(world: World) -> None:
    await world.start(Heavy())

    await world.send("Heavy.refuses")

    assert (await world.failure()).where["attempt"] == "1"


async def test_S07_a_process_that_dies_is_a_failed_attempt(world: World, tmp_path: Path) -> None:
    await world.start(Heavy())

    await world.send("Heavy.dies", {"note": str(tmp_path / "note")})

    assert await world.value() == "survived"


async def test_S07_without_a_policy_the_death_of_its_process_fails_a_task_by_name(world: World, tmp_path: Path) -> None:
    await world.start(Heavy())
    note = tmp_path / "pid"
    await world.send("Heavy.spins", {"note": str(note)})

    os.kill(await begun(note), 9)

    failure = await world.failure()
    assert failure.type.endswith("ProcessDied")
    assert failure.message == "the process that ran Heavy.spins ended before the function did"


async def test_S07_leaving_by_SystemExit_fails_the_task_and_not_the_node(world: World) -> None:
    await world.start(Heavy())

    await world.send("Heavy.exits")
    assert (await world.failure()).type == "SystemExit"

    await world.send("Heavy.add", {"plan": {"size": 1}})
    assert await world.value() == {"size": 2}


async def test_E11_S07_a_result_that_cannot_be_sent_fails_the_task(world: World) -> None:
    await world.start(Heavy())

    await world.send("Heavy.unfit")

    assert "cannot be encoded" in (await world.failure()).message


async def test_S07_cancelling_kills_the_process_and_frees_the_slot(world: World, tmp_path: Path) -> None:
    worker = await world.start(Heavy())
    note = tmp_path / "pid"
    task = await world.send("Heavy.spins", {"note": str(note)})
    process = await begun(note)

    await world.cancel(task.task_id, FOREVER)

    await gone(process)
    await world.until(lambda: worker.runner._busy == 0)
    await world.empty("Heavy")


async def test_O02_S07_a_timeout_kills_the_process_and_frees_the_slot(world: World, tmp_path: Path) -> None:
    worker = await world.start(Heavy(), settings=ServiceSettings(timeout=2))
    await world.send("Heavy.who")
    await world.value()  # the process is there
    note = tmp_path / "pid"
    await world.send("Heavy.spins", {"note": str(note)})

    process = await begun(note)

    assert (await world.failure()).type.endswith("AttemptTimedOut")
    await gone(process)
    assert worker.runner._busy == 0


async def test_S07_a_timeout_shorter_than_a_processs_start_leaves_it_to_a_later_attempt(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    starts: list[Processes] = []
    start = Processes._start

    async def counting(processes: Processes) -> None:
        starts.append(processes)
        await start(processes)

    monkeypatch.setattr(Processes, "_start", counting)
    await world.start(Heavy(), settings=ServiceSettings(timeout=0.1, retry=lambda details: 0.1))

    await world.send("Heavy.add", {"plan": {"size": 1}})

    assert await world.value() == {"size": 2}
    assert len(starts) <= 2


async def test_S03_S07_an_interceptor_sees_the_value_in_its_type(world: World) -> None:
    seen: list[Any] = []

    class Watch(TaskInterceptor):
        async def run_task(self, details: TaskRun, /) -> Any:
            value = await details.proceed()
            seen.append((details.args, details.kwargs, value))
            return value

    await world.start(Heavy(), interceptors=(Watch(),))
    await world.send("Heavy.add", {"plan": {"size": 1}})
    await world.value()

    assert seen == [((Plan(1),), {}, Plan(2))]


class Secret:
    id = 7

    def encode(self, data: bytes) -> bytes:
        return bytes(byte ^ 0x55 for byte in data)

    def decode(self, data: bytes) -> bytes:
        return self.encode(data)


async def test_S07_a_process_needs_no_payload_codec_and_nothing_leaves_without_it(world: World) -> None:
    world.codec = Codec(Secret())
    await world.start(Heavy(), codec=world.codec)

    await world.send("Heavy.add", {"plan": {"size": 1}})
    outcome = await world.outcome()
    await world.send("Heavy.refuses")
    failure = await world.failure()

    assert (outcome.value[0], world.codec.load(outcome.value)) == (7, {"size": 2})
    assert failure.attributes is not None
    assert (failure.attributes[0], world.codec.load(failure.attributes)) == (7, {"code": 7})


async def test_S07_S08_by_default_as_many_run_at_once_as_there_are_processors(world: World) -> None:
    heavy = await world.start(Heavy(), concurrency=1000)
    said = await world.start(Heavy(), name="w2", settings=ServiceSettings(concurrency=3))

    assert (heavy.runner._slots, said.runner._slots) == (os.cpu_count(), 3)


def test_S07_a_class_of_which_a_process_cannot_make_an_object_is_refused() -> None:
    class Local:
        @service.task(process=True)
        def run(self) -> None: ...

    class Async:
        @service.task(process=True)
        async def run(self) -> None: ...

    with pytest.raises(ConfigurationError, match="cannot be imported from there; put such functions into a class"):
        service.instance(Local())
    with pytest.raises(ConfigurationError, match="its class needs client; put such functions"):
        service.instance(Needy("client"))
    with pytest.raises(ConfigurationError, match=r"Async\.run is async: only a sync function can run in a process"):
        service.instance(Async())


class Needy:
    def __init__(self, client: str) -> None: ...

    @service.task(process=True)
    def run(self) -> None: ...


async def test_S07_a_function_that_writes_and_reads_past_python_disturbs_nothing(world: World) -> None:
    await world.start(Heavy())

    await world.send("Heavy.shouts")
    said = await world.value()
    await world.send("Heavy.who")
    first, _ = await world.value()
    await world.send("Heavy.shouts")
    await world.value()
    await world.send("Heavy.who")

    assert said == "said 0"
    assert await world.value() == [first, 2]


async def test_S07_a_class_that_ends_its_process_when_it_is_made_fails_the_task_and_not_the_node(world: World) -> None:
    await world.start(Quits())

    await world.send("Quits.work")
    failure = await world.failure()
    await world.send("Quits.work")

    assert (failure.type, failure.message) == ("SystemExit", "no settings")
    assert (await world.failure()).type == "SystemExit"
