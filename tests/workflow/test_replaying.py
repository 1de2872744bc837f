"""R and E07 to E15: the journal against the code."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any, ClassVar

import pytest

from leveret import service, workflow
from leveret_actors.workflow import EngineSettings
from leveret_broker.envelope import AwaitResult, ClientCaller, Describe, Description
from tests.workflow.harness import Driver, replies, wake_garbage


@service.define(name="Steps")
class Steps:
    async def one(self, n: int = 0) -> int:
        return n

    async def two(self, n: int = 0) -> int:
        return n


@workflow.define(name="Job")
class Job:
    steps = workflow.service(Steps)

    async def run(self) -> int:
        return await self.steps.one() + await self.steps.two()


@workflow.define(name="Job")
class Swapped:
    steps = workflow.service(Steps)

    async def run(self) -> int:
        return await self.steps.two() + await self.steps.one()


@workflow.define(name="Job")
class Shorter:
    async def run(self) -> int:
        return 1


@workflow.define(name="Job", version=2)
class Newer(Swapped):
    async def run(self) -> int:
        return await self.steps.two()


@workflow.define(name="Job", check="strict")
class Strict:
    steps = workflow.service(Steps)

    async def run(self) -> int:
        return await self.steps.one(1) + await self.steps.two(2)


@workflow.define(name="Job", check="strict")
class StrictOther(Strict):
    async def run(self) -> int:
        return await self.steps.one(5) + await self.steps.two(2)


@workflow.define(name="Job")
class Endless:
    async def run(self) -> None:
        while True:
            await asyncio.sleep(0)


outside = {"value": 0}


@workflow.define(name="Seeds")
class Seeds:
    go = workflow.Channel[int]()

    async def run(self) -> list[Any]:
        before: list[Any] = [workflow.uuid(), workflow.random().random(), workflow.now(), workflow.inline(self.look)]
        await self.go.receive()
        return [*before, workflow.uuid(), workflow.now(), workflow.inline(self.look)]

    async def each_tag(self) -> list[str]:
        return list(workflow.info().tags)

    def look(self) -> int:
        return outside["value"]

    async def bad(self) -> str:
        text = ""
        try:
            workflow.inline(lambda: 1 // 0)
        except Exception as error:
            text = f"{type(error).__name__}: {error}"
        await self.go.receive()
        return text


@workflow.define(name="Clingy")
class Clingy:
    steps = workflow.service(Steps)
    log: ClassVar[list[str]] = []

    async def run(self) -> None:
        child = asyncio.create_task(self.cling())
        waiting = self.steps.two()
        try:
            async for number in self.numbers():
                self.log.append(str(number))
        finally:
            await waiting
            await child

    async def cling(self) -> None:
        while True:
            try:
                await asyncio.sleep(1000)
            except asyncio.CancelledError:
                await self.steps.one()

    async def numbers(self) -> AsyncIterator[int]:
        try:
            yield 1
            await self.steps.one()
        finally:
            self.log.append("generator closed")


def test_E08_a_replay_that_does_not_match_blocks_with_step_expectation_and_line() -> None:
    driver = Driver(Job)
    driver.start()
    driver.end(1, 1)

    driver.deploy(Swapped)
    turn = driver.end(2, 2)

    assert driver.status == "blocked"
    for word in ("turn 1", "'Steps.one'", "'Steps.two'", "number 1", __file__):
        assert word in driver.state.reason
    assert turn.write is not None
    assert turn.write.stalled
    assert not turn.posts
    assert turn.live is None
    assert not driver.records[-1].ran


def test_E08_a_corrected_deployment_resumes_it() -> None:
    driver = Driver(Job)
    driver.start()
    driver.end(1, 1)
    driver.deploy(Swapped)
    driver.end(2, 2)

    driver.deploy(Job)
    turn = driver.turn(retry=True)

    assert driver.value == 3
    assert turn.write is not None
    assert not turn.write.stalled


def test_E08_an_end_that_the_journal_does_not_have_blocks_as_well() -> None:
    driver = Driver(Job)
    driver.start()

    driver.deploy(Shorter)
    driver.end(1, 1)

    assert driver.status == "blocked"
    assert "nothing more" in driver.state.reason


def test_I5_strict_compares_arguments_too() -> None:
    for other, status in ((Strict, "running"), (StrictOther, "blocked")):
        driver = Driver(Strict)
        driver.start()
        driver.deploy(other)
        driver.end(1, 1)

        assert driver.status == status


def test_a_blocked_instance_answers_and_registers_who_waits() -> None:
    driver = Driver(Job)
    driver.start()
    driver.deploy(Swapped)
    driver.send(AwaitResult(ClientCaller("c", "r")))
    assert driver.status == "blocked"

    (description,) = replies(driver.send(Describe(ClientCaller("c", "d"))).posts)
    driver.deploy(Job)
    driver.end(1, 1)
    driver.end(2, 1)

    assert isinstance(description, Description)
    assert description.data["status"] == "blocked"
    assert len(driver.answers) == 2


def test_E09_a_version_that_is_not_here_waits_visibly() -> None:
    driver = Driver(Job)
    first = driver.start(version=2, tags=("a",))
    assert driver.status == "blocked"
    assert "version 2" in driver.state.reason
    assert first.write is not None
    assert first.write.stalled

    driver.deploy(Job, Newer)
    driver.turn(retry=True)

    assert driver.status == "running"
    assert driver.task_names == ["two"]


def test_R07_new_instances_take_the_highest_version_running_ones_keep_theirs() -> None:
    old = Driver(Job)
    old.start()
    old.deploy(Job, Newer)
    old.end(1, 1)
    new = Driver(Job, Newer)
    new.start()

    assert old.task_names == ["one", "two"]
    assert new.task_names == ["two"]
    assert new.state.version == 2


def test_E15_an_instance_that_is_given_up_is_blocked_until_the_verb() -> None:
    driver = Driver(Job)
    driver.start()

    turn = driver.turn(driver.ended(1, 1), give_up="it brought its node down 3 times")
    assert driver.status == "blocked"
    assert driver.state.reason == "it brought its node down 3 times"
    assert turn.write is not None
    assert not turn.write.stalled
    driver.turn(driver.ended(1, 1))
    driver.send(AwaitResult(ClientCaller("c", "r")))
    assert driver.status == "blocked"

    driver.turn(retry=True)
    driver.end(2, 1)

    assert driver.value == 2


def test_a_start_that_brings_its_node_down_is_blocked_as_well() -> None:
    driver = Driver(Job)

    driver.turn(driver.start_envelope(), give_up="three times")
    assert driver.status == "blocked"
    driver.turn(retry=True)

    assert driver.task_names == ["one"]


def test_code_that_never_waits_is_blocked() -> None:
    driver = Driver(Endless, settings=EngineSettings(steps=1000))

    driver.start()

    assert driver.status == "blocked"
    assert "1000 steps" in driver.state.reason


def test_R01_seeds_times_and_inline_results_are_the_same_on_replay_and_differ_between_instances() -> None:
    results: list[Any] = []
    for key in ("a", "b"):
        driver = Driver(Seeds, actor=key)
        driver.clock += len(results)
        outside["value"] = 1
        driver.turn(driver.start_envelope())
        driver.clock += 10
        outside["value"] = 2
        driver.deploy(Seeds)
        driver.signal("go", 1)
        results.append(driver.value)
        assert [driver.value[3], driver.value[6]] == [1, 2]

    assert not set(map(str, results[0][:3])) & set(map(str, results[1][:3]))


def test_R01_an_inline_function_that_fails_fails_the_same_way_on_replay() -> None:
    driver = Driver(Seeds)
    driver.start(method="bad")
    driver.signal("go", 1)

    assert "ZeroDivisionError" in driver.value


def test_R01_tags_come_in_the_same_order_in_every_process() -> None:
    tags = [f"tag-{number}" for number in range(9)]
    driver = Driver(Seeds)
    driver.start(method="each_tag", tags=tuple(reversed(tags)))

    assert driver.value == tags


def test_I4_dropping_leaves_nothing_and_sends_nothing(recwarn: pytest.WarningsRecorder) -> None:
    driver = Driver(Clingy, evict=True)
    driver.start()
    sent = len(driver.posts)
    instance = driver.live

    driver.end(2, 1)
    wake_garbage()

    assert instance is None
    assert len(driver.posts) == sent
    assert not recwarn.list


def test_damage_in_the_journal_blocks_and_does_not_take_the_queue_down() -> None:
    driver = Driver(Job)
    driver.start()
    driver.store.journal[0] = b"\xff"
    driver.live = None

    driver.end(1, 1)

    assert driver.status == "blocked"
    assert "journal" in driver.state.reason


@pytest.mark.parametrize("seed", ["0", "1", "77"])
def test_D06_the_journal_does_not_depend_on_the_hash_seed(seed: str) -> None:
    code = (
        "import gc; junk = [bytearray(i) for i in range(int('" + seed + "') * 100)]\n"
        "from tests.workflow.test_deferreds import run\n"
        "import hashlib\n"
        "a = run('group', (7, ValueError('x'))); b = run('wait', *((n, n) for n in range(40, 0, -1)))\n"
        "print(hashlib.sha256(b''.join(a.store.journal + b.store.journal)).hexdigest())"
    )
    root = os.fspath(__file__).removesuffix("/tests/workflow/test_replaying.py")
    path = os.pathsep.join([root, *(f"{root}/{part}" for part in ("broker", "sdk", "actors"))])

    result = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )

    _digests.add(result.stdout)
    assert len(_digests) == 1


_digests: set[str] = set()
