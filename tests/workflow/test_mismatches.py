"""E08, R09: what a replay says when today's code does not repeat the journal."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from leveret import service, workflow
from tests.workflow.harness import Driver


@service.define(name="Steps")
class Steps:
    async def one(self, n: int = 0) -> int:
        return n

    async def two(self, n: int = 0, extra: str = "") -> int:
        return n


class Written:
    """What the journal was written by, and what the code is changed to."""

    steps = workflow.service(Steps)
    go = workflow.Channel[int]()


@workflow.define(name="Job")
class Job(Written):
    async def run(self) -> int:
        one = workflow.dispatch(self.steps.one, 1)
        two = workflow.dispatch(self.steps.two, 2)
        return await one + await two


@workflow.define(name="Job")
class Added(Written):
    async def run(self) -> int:
        one = workflow.dispatch(self.steps.one, 1)
        two = workflow.dispatch(self.steps.two, 2)
        three = workflow.dispatch(self.steps.one, 3)
        return await one + await two + await three


@workflow.define(name="Job")
class Removed(Written):
    async def run(self) -> int:
        return await self.steps.one(1)


@workflow.define(name="Job")
class Reordered(Written):
    async def run(self) -> int:
        two = workflow.dispatch(self.steps.two, 2)
        one = workflow.dispatch(self.steps.one, 1)
        return await one + await two


@workflow.define(name="Job")
class Renamed(Written):
    async def run(self) -> int:
        one = workflow.dispatch(self.steps.one, 1)
        two = workflow.task("Steps.zwei", {"n": 2})
        return int(await one + await two)


@workflow.define(name="Job")
class OtherKind(Written):
    async def run(self) -> int:
        one = workflow.dispatch(self.steps.one, 1)
        await workflow.timer(seconds=2)
        return await one


@workflow.define(name="Job")
class Inline(Written):
    async def run(self) -> int:
        one = workflow.dispatch(self.steps.one, 1)
        number = workflow.inline(lambda: 2)
        return await one + number


@workflow.define(name="Job")
class EndsEarlier(Written):
    async def run(self) -> int:
        workflow.dispatch(self.steps.one, 1)
        workflow.dispatch(self.steps.two, 2)
        return 0


@workflow.define(name="Job")
class Fails(Written):
    async def run(self) -> int:
        raise ValueError("changed")


@workflow.define(name="Job", check="strict")
class Strict(Job):
    async def run(self) -> int:
        one = workflow.dispatch(self.steps.one, 1)
        two = workflow.dispatch(self.steps.two, 2)
        return await one + await two


@workflow.define(name="Job", check="strict")
class StrictWithDefault(Written):
    async def run(self) -> int:
        one = workflow.dispatch(self.steps.one, 1)
        two = workflow.dispatch(self.steps.two, 2, "new")
        return await one + await two


@workflow.define(name="Job")
class WithDefault(Written):
    async def run(self) -> int:
        one = workflow.dispatch(self.steps.one, 1)
        two = workflow.dispatch(self.steps.two, 2, "new")
        return await one + await two


HAS_TWO = "the journal has task 'Steps.two' (number 2)"


@pytest.mark.parametrize(
    ("code", "words", "near"),
    [
        (Added, ("command 3", "the journal has nothing more", "asks for task 'Steps.one' (number 3)"), "three ="),
        (Removed, ("command 2", HAS_TWO, "asks for nothing more"), "return await self.steps.one"),
        (Reordered, ("command 1", "has task 'Steps.one' (number 1)", "asks for task 'Steps.two'"), "two ="),
        (Renamed, ("command 2", HAS_TWO, "asks for task 'Steps.zwei' (number 2)"), "two ="),
        (OtherKind, ("command 2", HAS_TWO, "asks for timer '' (number 2)"), "await workflow.timer"),
        (Inline, ("calls workflow.inline() as command 2", "the journal does not have"), "number ="),
        (EndsEarlier, ("there the method goes on, in the code it completed",), "unknown"),
        (
            Fails,
            ("command 1", "has task 'Steps.one'", "asks for nothing more: it raised ValueError: changed"),
            "unknown",
        ),
    ],
)
def test_E08_a_mismatch_names_the_turn_both_sides_and_the_nearest_line(
    code: type[Any], words: tuple[str, ...], near: str
) -> None:
    driver = Driver(Job)
    driver.start()

    driver.deploy(code)
    turn = driver.end(1, 1)

    assert driver.status == "blocked"
    assert not turn.posts
    for word in ("replay of turn 1", *words):
        assert word in driver.state.reason
    assert near in line_named_in(driver.state.reason)


@workflow.define(name="Job")
class InAsyncio(Written):
    async def run(self) -> int:
        one = workflow.dispatch(self.steps.one, 1)
        await asyncio.gather(asyncio.sleep(1), asyncio.sleep(2))
        return await one


def test_E08_where_asyncio_itself_asks_the_nearest_line_is_where_the_method_waits() -> None:
    driver = Driver(Job)
    driver.start()

    driver.deploy(InAsyncio)
    driver.end(1, 1)

    assert "asks for timer '' (number 2)" in driver.state.reason
    assert line_named_in(driver.state.reason).strip() == "await asyncio.gather(asyncio.sleep(1), asyncio.sleep(2))"


def line_named_in(reason: str) -> str:
    """The text of the line of code that a reason names."""
    _, _, place = reason.partition("nearest line: ")
    path, colon, rest = place.partition(".py:")
    if not colon:
        return place
    return Path(f"{path}.py").read_text().splitlines()[int(rest.split()[0]) - 1]


@pytest.mark.parametrize(
    ("began", "code", "status"),
    [
        (Job, WithDefault, "running"),
        (Strict, Strict, "running"),
        (Strict, StrictWithDefault, "blocked"),
        (Job, StrictWithDefault, "running"),  # nothing was noted to compare with
    ],
)
def test_R09_other_arguments_replay_unless_the_check_is_strict(began: type[Any], code: type[Any], status: str) -> None:
    driver = Driver(began)
    driver.start()

    driver.deploy(code)
    driver.end(1, 1)

    assert driver.status == status
    assert ("perhaps with other arguments" in driver.state.reason) == (status == "blocked")


def test_E08_a_mismatch_in_a_later_turn_names_that_turn() -> None:
    @workflow.define(name="Job")
    class Later(Written):
        async def run(self) -> int:
            one = workflow.dispatch(self.steps.one, 1)
            two = workflow.dispatch(self.steps.two, 2)
            await one
            await asyncio.sleep(1)
            return await two

    driver = Driver(Job)
    driver.start()
    driver.end(1, 1)

    driver.deploy(Later)
    driver.signal("go", 1)

    assert driver.status == "blocked"
    assert "replay of turn 2" in driver.state.reason
    assert "await asyncio.sleep(1)" in line_named_in(driver.state.reason)
