"""R06: the four phases of a change to instances that run, over restarts, at the level of turns."""

import pytest

from leveret import service, workflow
from leveret_actors.workflow.journal import Command
from tests.workflow.harness import Driver


@service.define(name="Ways")
class Ways:
    async def first(self) -> None: ...

    async def old(self) -> None: ...

    async def new(self) -> None: ...

    async def last(self) -> None: ...


@workflow.define(name="Trip")
class Before:
    ways = workflow.service(Ways)

    async def run(self) -> None:
        await self.ways.first()
        await self.ways.old()
        await self.ways.last()


@workflow.define(name="Trip")
class Patched(Before):
    async def run(self) -> None:
        await self.ways.first()
        if workflow.patched("new way"):
            await self.ways.new()
        else:
            await self.ways.old()
        await self.ways.last()


@workflow.define(name="Trip")
class Deprecated(Before):
    async def run(self) -> None:
        await self.ways.first()
        workflow.deprecate_patch("new way")
        await self.ways.new()
        await self.ways.last()


@workflow.define(name="Trip")
class After(Before):
    async def run(self) -> None:
        await self.ways.first()
        await self.ways.new()
        await self.ways.last()


@workflow.define(name="Rounds")
class Rounds:
    ways = workflow.service(Ways)

    async def run(self) -> None:
        for _ in range(3):
            await self.ways.old()


@workflow.define(name="Rounds")
class PatchedRounds(Rounds):
    async def run(self) -> None:
        for _ in range(3):
            await (self.ways.new() if workflow.patched("round") else self.ways.old())


@workflow.define(name="Timed")
class Timed:
    async def run(self) -> None:
        await workflow.timer(seconds=5)


@workflow.define(name="Timed")
class PatchedTimed:
    async def run(self) -> None:
        timer = workflow.timer(seconds=5)
        await workflow.timer(seconds=1)
        workflow.patched("in a turn of its own")
        await timer


def started_on(code: type[Before], tasks: int) -> Driver:
    """An instance that has seen the end of so many tasks."""
    driver = Driver(code)
    driver.start()
    for number in range(1, tasks + 1):
        driver.end(number)
    return driver


def finish(driver: Driver) -> list[str]:
    for number in range(1, 4):
        if driver.status == "running":
            driver.end(number)
    assert driver.status == "completed", driver.state.reason
    return driver.task_names


NEW = ["first", "new", "last"]
OLD = ["first", "old", "last"]


@pytest.mark.parametrize(
    ("began", "tasks", "code", "way"),
    [
        (Before, 2, Patched, OLD),  # had passed the point
        (Before, 1, Patched, OLD),  # waits right behind it
        (Before, 0, Patched, NEW),  # has not come there yet
        (Patched, 0, Patched, NEW),
        (Patched, 2, Patched, NEW),
        (Patched, 2, Deprecated, NEW),
        (Deprecated, 2, Deprecated, NEW),
        (Deprecated, 2, Patched, NEW),  # taken back by one phase
        (Deprecated, 2, After, NEW),
        (Deprecated, 1, After, NEW),
        (After, 2, After, NEW),
    ],
)
def test_R06_every_phase_goes_on_with_what_the_phases_before_it_began(
    began: type[Before], tasks: int, code: type[Before], way: list[str]
) -> None:
    driver = started_on(began, tasks)

    driver.deploy(code)

    assert finish(driver) == way


@pytest.mark.parametrize(
    ("began", "code", "words"),
    [
        (Patched, After, ("patch 'new way'", "keep workflow.patched", "deprecate_patch")),
        (Patched, Before, ("patch 'new way'",)),
        (Before, Deprecated, ("'Ways.old'", "'Ways.new'")),
    ],
)
def test_R06_a_phase_left_out_blocks_with_the_patch_or_the_command(
    began: type[Before], code: type[Before], words: tuple[str, ...]
) -> None:
    driver = started_on(began, 1)

    driver.deploy(code)
    driver.end(2)

    assert driver.status == "blocked"
    for word in ("turn 2", *words, __file__):
        assert word in driver.state.reason


def test_R06_a_marker_is_journalled_once_for_a_run_and_takes_no_number() -> None:
    driver = Driver(PatchedRounds)
    driver.start()
    for number in (1, 2, 3):
        driver.end(number)

    markers = [command for record in driver.records for command in record.commands if command.kind == "patch"]
    assert markers == [Command("patch", 0, "round")]
    assert [command.number for record in driver.records for command in record.commands if command.number] == [1, 2, 3]


def test_R06_a_run_that_began_a_loop_on_the_old_side_ends_it_there() -> None:
    driver = Driver(Rounds)
    driver.start()

    driver.deploy(PatchedRounds)
    for number in (1, 2, 3):
        driver.end(number)

    assert driver.task_names == ["old", "old", "old"]
    assert driver.status == "completed"


def test_R06_a_marker_alone_in_its_turn_leaves_other_timers_alone() -> None:
    driver = Driver(PatchedTimed)
    driver.start()

    driver.advance(2)
    assert driver.timers == [3]
    driver.advance(4)

    assert driver.status == "completed"
    assert not driver.timers
