"""R · blocking code, refusals, logs."""

from __future__ import annotations

import inspect
import re
import threading
from collections.abc import Generator
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

import pytest
from loguru import logger

from leveret import WorkflowFailed, workflow
from leveret_actors.checker import check
from tests.conformance.bench import Bench, SteeredBench
from tests.conformance.careless import Careless
from tests.conformance.house import House


@workflow.define
class Blocking:
    stop: ClassVar = threading.Event()

    async def run(self) -> bool:
        return self.stop.wait(30)


@workflow.define
class Brisk:
    bench = workflow.service(Bench)

    async def run(self) -> str:
        return await self.bench.say("on")


@workflow.define
class Impatient:
    async def run(self) -> str:
        return datetime.now(UTC).isoformat()


@workflow.define
class Talking:
    bench = workflow.service(Bench)

    async def run(self) -> str:
        workflow.log.info("begins")
        logger.info("plainly")
        word = await self.bench.say("middle")
        workflow.log.info("ends with {}", word)
        return word


@pytest.fixture
def lines() -> Generator[list[str]]:
    found: list[str] = []
    logger.enable("leveret_actors")
    layout = "{message} {extra[workflow]} {extra[instance]} {extra[method]} {extra[run]}"
    quiet = {"workflow": "-", "instance": "-", "run": "-", "method": "-"}
    logger.configure(extra=quiet)
    sink = logger.add(lambda message: found.append(str(message)), format=layout, filter=workflow.log_filter)
    yield found
    logger.remove(sink)
    logger.configure(extra={})
    logger.disable("leveret_actors")


async def test_R04_a_blocking_call_is_reported_with_its_stack_and_other_actors_go_on(
    house: House, lines: list[str]
) -> None:
    Blocking.stop.clear()
    await house.open(Blocking, Brisk, services=(SteeredBench(),))

    stuck = await house.start(Blocking, id="stuck")
    brisk = [await house.call(Brisk) for _ in range(3)]
    neighbour = await house.start(Brisk)
    while not any("one step" in line for line in lines):
        await house.describe(neighbour)
    Blocking.stop.set()

    assert brisk == ["on", "on", "on"]
    assert await stuck.result(30) is True
    [report] = [line for line in lines if "one step" in line]
    assert report.startswith("Blocking stuck, method run:")
    assert "return self.stop.wait(30)" in report


async def test_R05_a_refusal_reaches_the_caller_with_the_line_and_what_to_use(house: House) -> None:
    await house.open(Impatient)

    handle = await house.start(Impatient)
    with pytest.raises(WorkflowFailed) as caught:
        await handle.result(30)

    failure = caught.value.failure
    assert failure.type == "leveret.errors.NotReplayable"
    assert failure.message.startswith(f"datetime.now() in workflow code at {__file__}:")
    assert failure.message.endswith("use workflow.now()")


REFUSED = {
    "thread": ("starting a thread", "a task of a service"),
    "file": ("open", "a task of a service"),
    "connection": ("socket", "a task of a service"),
    "seconds": ("time.time()", "use workflow.now()"),
    "date": ("datetime.now()", "use workflow.now()"),
    "identity": ("uuid.uuid4()", "use workflow.uuid()"),
    "number": ("random.random()", "use workflow.random()"),
}


async def test_R05_threads_files_sockets_clocks_uuids_and_randomness_are_refused_with_what_to_use(
    house: House,
) -> None:
    await house.open(Careless)

    found = {method: await house.call(Careless, method=method) for method in REFUSED}

    for method, (what, advice) in REFUSED.items():
        assert what in found[method][0], found[method]
        assert advice in found[method][1], found[method]


def test_R05_all_of_these_are_found_without_running_them() -> None:
    path = Path(inspect.getfile(Careless))
    lines = enumerate(path.read_text().splitlines(), start=1)
    marked = [(number, mark[1]) for number, line in lines if (mark := re.search(r"  # ([a-z]+)( # noqa|$)", line))]

    assert len(marked) == len(REFUSED)
    assert [(one.line, one.code) for one in check(path)] == marked


async def test_R08_log_records_are_written_once_and_carry_ids(house: House, lines: list[str]) -> None:
    bench = SteeredBench()
    await house.open(Talking, services=(bench,), evict=True)

    handle = await house.start(Talking, id="talker")
    assert await handle.result(30) == "middle"
    await house.restart()
    await house.replay()

    said = [line.strip() for line in lines if " talker " in line]
    row = await house.describe(handle)
    assert said == [f"{text} Talking talker run {row['run']}" for text in ("begins", "plainly", "ends with middle")]
