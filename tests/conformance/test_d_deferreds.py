"""D · deferreds: future results and how they combine."""

from __future__ import annotations

import pytest

from leveret import workflow
from leveret.errors import ArgumentMismatch, TaskFailed, WorkflowFailed, WorkflowUnknown
from leveret_broker.errors import EncodeError
from tests.conformance.bench import Bench, SteeredBench
from tests.conformance.house import DEADLINE, House


@workflow.define
class Deferreds:
    """One small program a method."""

    bench = workflow.service(Bench)
    inlet = workflow.Channel[str]()

    async def twice(self) -> list[str]:
        word = workflow.dispatch(self.bench.hold, "a")
        before = word.status
        return [before, await word, await word, word.status]

    async def crossed(self) -> list[str]:
        a, b = workflow.dispatch(self.bench.hold, "a"), workflow.dispatch(self.bench.hold, "b")
        return [await b, await a]

    async def either(self) -> str:
        a, b = workflow.dispatch(self.bench.hold, "a"), workflow.dispatch(self.bench.hold, "b")
        return await (a | b)

    async def any_but_failed(self) -> str:
        words = [workflow.dispatch(self.bench.fail, "x"), workflow.dispatch(self.bench.hold, "b")]
        return await workflow.any_of(words)

    async def all_failed(self) -> str:
        first = workflow.dispatch(self.bench.fail, "first")
        with pytest.raises(TaskFailed):
            await first
        try:
            return await (first | workflow.dispatch(self.bench.fail, "last"))
        except TaskFailed as error:
            return error.failure.message

    async def both(self) -> tuple[str, str, str]:
        words = [workflow.dispatch(self.bench.hold, word) for word in "abc"]
        return await (words[0] & words[1] & words[2])

    async def every(self) -> list[str]:
        return await workflow.all_of([workflow.dispatch(self.bench.hold, word) for word in "cab"])

    async def one_fails(self) -> str:
        try:
            await (workflow.dispatch(self.bench.hold, "a") & workflow.dispatch(self.bench.fail, "b"))
        except TaskFailed as error:
            return error.failure.message
        return "none failed"

    async def who(self) -> list[str]:
        a, b = workflow.dispatch(self.bench.hold, "a"), workflow.dispatch(self.bench.hold, "b")
        won = await workflow.first(left=a, right=b)
        return [won.name, won.value]

    async def nested(self) -> tuple[str, str]:
        a, b, c = (workflow.dispatch(self.bench.hold, word) for word in "abc")
        return await (a & (b | c))

    async def nested_the_other_way(self) -> object:
        a, b, c = (workflow.dispatch(self.bench.hold, word) for word in "abc")
        return await (a | (b & c))

    async def statuses(self) -> list[str]:
        good, bad = workflow.dispatch(self.bench.say, "a"), workflow.dispatch(self.bench.fail, "b")
        slow = workflow.task("Bench.hold", {"word": "c"}, timeout=0.05)
        gone = workflow.dispatch(self.bench.hold, "d")
        found = [part.status for part in (good, bad, slow, gone)]
        await good
        for part in (bad, slow):
            with pytest.raises(Exception, match="Bench"):
                await part
        gone.cancel()
        return found + [part.status for part in (good, bad, slow, gone)]

    async def unknown(self) -> list[str]:
        call = workflow.dispatch(workflow.get(Deferreds, id="nobody").twice)
        before = call.status
        with pytest.raises(WorkflowUnknown):
            await call
        return [before, call.status]

    async def misused_inside(self) -> list[str]:
        self.kept = workflow.dispatch(self.bench.say, "a")
        texts: list[str] = []
        for call in (
            lambda: workflow.task("Bench.say", {"word": [self.kept]}),
            lambda: workflow.dispatch(workflow.new(Takes).run, {"it": self.kept}),
            lambda: workflow.new("Takes").dispatch("run", {"them": {"it": self.kept}}),
        ):
            with pytest.raises((ArgumentMismatch, EncodeError)) as caught:
                call()
            texts.append(str(caught.value))
        await self.kept
        return texts

    async def misused(self) -> list[str]:
        word = workflow.dispatch(self.bench.say, "a")
        texts: list[str] = []
        for call in (
            lambda: self.bench.say(word),  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
            lambda: workflow.dispatch(self.bench.say, word),  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
            lambda: workflow.task("Bench.say", {"word": word}),
        ):
            with pytest.raises(ArgumentMismatch) as caught:
                call()
            texts.append(str(caught.value))
        return texts

    async def forgotten(self) -> str:
        workflow.dispatch(self.bench.hold, "a")
        return "done"


async def test_D01_dispatch_returns_at_once_and_may_be_awaited_twice(house: House) -> None:
    bench = SteeredBench()
    await house.open(Deferreds, services=(bench,))
    handle = await house.start(Deferreds, method="twice")
    await bench.begun("a")

    bench.let_go("a")

    assert await handle.result(DEADLINE) == ["ongoing", "a", "a", "completed"]
    assert bench.calls == ["a"]


async def test_D02_deferreds_awaited_in_the_other_order_give_their_own_results(house: House) -> None:
    bench = SteeredBench()
    await house.open(Deferreds, services=(bench,))
    handle = await house.start(Deferreds, method="crossed")

    bench.let_go("a")
    await house.waiting(handle, "task", 1)
    bench.let_go("b")

    assert await handle.result(DEADLINE) == ["b", "a"]


async def test_D03_either_completes_with_the_first_whatever_becomes_of_the_other(house: House) -> None:
    bench = SteeredBench()
    await house.open(Deferreds, services=(bench,))
    either, any_of = [await house.start(Deferreds, method=name) for name in ("either", "any_but_failed")]

    bench.let_go("b")

    assert await either.result(DEADLINE) == "b"
    assert await any_of.result(DEADLINE) == "b"


async def test_D03_it_fails_only_when_all_failed_with_the_last_failure(house: House) -> None:
    await house.open(Deferreds, services=(SteeredBench(),))

    assert await house.call(Deferreds, method="all_failed") == "no room for last"


async def test_D04_both_give_a_tuple_all_of_a_list_in_order(house: House) -> None:
    bench = SteeredBench()
    await house.open(Deferreds, services=(bench,))
    both, every = [await house.start(Deferreds, method=name) for name in ("both", "every")]

    for word in "bca":
        bench.let_go(word)

    assert await both.result(DEADLINE) == ("a", "b", "c")
    assert await every.result(DEADLINE) == ["c", "a", "b"]


async def test_D04_both_fail_with_the_first_failure_while_the_other_goes_on(house: House) -> None:
    bench = SteeredBench()
    await house.open(Deferreds, services=(bench,))

    assert await house.call(Deferreds, method="one_fails") == "no room for b"

    assert "a" not in bench.ended
    bench.let_go("a")


async def test_D04_first_says_who_won(house: House) -> None:
    bench = SteeredBench()
    await house.open(Deferreds, services=(bench,))
    handle = await house.start(Deferreds, method="who")

    bench.let_go("b")

    assert await handle.result(DEADLINE) == ["right", "b"]


async def test_D05_combinations_nest(house: House) -> None:
    bench = SteeredBench()
    await house.open(Deferreds, services=(bench,))
    handle, other = [await house.start(Deferreds, method=name) for name in ("nested", "nested_the_other_way")]

    bench.let_go("c")
    for each in (handle, other):
        await house.waiting(each, "task", 2)
    bench.let_go("a")

    assert await handle.result(DEADLINE) == ("a", "c")
    assert await other.result(DEADLINE) == "a"
    bench.let_go("b")


async def test_D07_the_status_is_read_without_awaiting_and_changes_as_the_workflow_progresses(house: House) -> None:
    await house.open(Deferreds, services=(SteeredBench(),))

    statuses = await house.call(Deferreds, method="statuses")

    assert statuses == ["ongoing"] * 4 + ["completed", "failed", "timed_out", "cancelled"]


async def test_D07_the_status_of_a_call_that_finds_nobody_is_unknown(house: House) -> None:
    await house.open(Deferreds, services=(SteeredBench(),))

    assert await house.call(Deferreds, method="unknown") == ["ongoing", "unknown"]


async def test_D08_a_deferred_inside_of_an_argument_is_an_error_as_well(house: House) -> None:
    await house.open(Deferreds, Takes, services=(SteeredBench(),))

    texts = await house.call(Deferreds, method="misused_inside")

    assert all("Deferred" in text and "await it first" in text for text in texts), texts


async def test_D08_a_deferred_as_an_argument_is_an_error_that_says_what_to_do(house: House) -> None:
    await house.open(Deferreds, services=(SteeredBench(),))

    texts = await house.call(Deferreds, method="misused")

    assert all("Bench.say" in text and "await it first" in text for text in texts)


async def test_D09_a_task_that_nobody_awaits_still_runs_to_its_end(house: House) -> None:
    bench = SteeredBench()
    await house.open(Deferreds, services=(bench,))

    assert await house.call(Deferreds, method="forgotten") == "done"
    await bench.begun("a")
    bench.let_go("a")
    await house.stop()

    assert bench.ended == ["a"]


async def test_D08_a_deferred_as_a_result_is_an_error_of_the_method(house: House) -> None:
    await house.open(ReturnsDeferred, services=(SteeredBench(),))

    with pytest.raises(WorkflowFailed, match="Deferred"):
        await house.call(ReturnsDeferred)


@workflow.define
class Takes:
    async def run(self, them: dict[str, object]) -> None:
        del them


@workflow.define
class ReturnsDeferred:
    bench = workflow.service(Bench)

    async def run(self) -> object:
        return workflow.dispatch(self.bench.say, "a")
