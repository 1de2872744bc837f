"""E · workflow code that failed or does not fit, and is mended."""

from __future__ import annotations

from leveret import workflow
from tests.conformance.bench import Bench, SteeredBench
from tests.conformance.house import DEADLINE, House


class Buggy:
    bench = workflow.service(Bench)

    async def run(self, word: str) -> str:
        said = await self.bench.say(word)
        raise ZeroDivisionError(said)


class Mended:
    bench = workflow.service(Bench)

    async def run(self, word: str) -> str:
        return await self.bench.say(word) + await self.bench.say("!")


class Different:
    bench = workflow.service(Bench)

    async def run(self, word: str) -> str:
        return await self.bench.hold(word)


for _cls in (Buggy, Mended, Different):
    workflow.define(name="Talk")(_cls)


async def test_E07_a_workflow_resumes_from_its_journal_once_its_code_is_mended(house: House) -> None:
    bench = SteeredBench()
    await house.open(Buggy, services=(bench,))
    handle = house.remember(Mended, await house.client.dispatch(house.client.new(Buggy, id="t").run, "hi"))
    await house.status(handle, "failed")

    still = await handle.retry_workflow_task(timeout=DEADLINE)
    await house.stop()
    await house.open(Mended, services=(bench,))
    done = await handle.retry_workflow_task(timeout=DEADLINE)

    assert (still.count, still.status) == (1, "failed")
    assert (done.count, done.status) == (1, "running")
    assert await handle.result(DEADLINE) == "hi!"
    assert bench.calls == ["hi", "!"]


async def test_E08_a_blocked_workflow_sends_nothing_and_resumes_with_code_that_fits(house: House) -> None:
    bench = SteeredBench()
    await house.open(Mended)
    handle = house.remember(Mended, await house.client.dispatch(house.client.new(Mended, id="t").run, "hi"))
    await house.waiting(handle, "task")
    await house.stop()

    await house.open(Different)
    blocked = await handle.retry_workflow_task(timeout=DEADLINE)
    row = await house.describe(handle)
    await house.stop()
    await house.open(Mended, services=(bench,))
    await handle.retry_workflow_task(timeout=DEADLINE)

    assert "'Bench.hold'" in blocked.text
    assert "'Bench.say'" in blocked.text
    assert row["status"] == "blocked"
    assert await handle.result(DEADLINE) == "hi!"
    assert bench.calls == ["hi", "!"]
