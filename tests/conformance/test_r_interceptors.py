"""R · interceptors of a node around what workflows do to others: the same on every replay."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from leveret import WorkflowCancelled, WorkflowFailed, interceptors, workflow
from leveret.calls import CancelCall, ChildCall, MethodCall, SignalCall, VerbCall
from leveret.interceptors import WorkflowInterceptor
from leveret_actors.testing import replay
from leveret_broker.codec import Codec
from tests.conformance.house import DEADLINE, House


@workflow.define
class Shelf:
    words = workflow.Channel[str]()

    def __init__(self) -> None:
        self.kept: list[str] = []

    async def run(self) -> str:
        await workflow.wait_for(lambda: len(self.kept) > 1)
        return f"{' '.join(self.kept)} {await self.words.receive()} {workflow.info().meta.get('by')}"

    async def keep(self, word: str) -> int:
        self.kept.append(word)
        return len(self.kept)

    async def naps(self) -> None:
        await workflow.timer(days=1)

    @workflow.query
    def words_kept(self) -> list[str]:
        return self.kept


@workflow.define
class Reader:
    async def run(self) -> list[Any]:
        shelf = workflow.dispatch(workflow.new(Shelf, id="shelf").run)
        other = workflow.get(Shelf, id="shelf")
        counts = [await other.keep("a"), await workflow.dispatch(other.keep, "b")]
        kept = await other.words_kept()
        await other.words.send("secret")
        return [counts, kept, await shelf]


@workflow.define
class Ender:
    async def wakes(self) -> int:
        return (await workflow.complete_timers(workflow.get(Shelf, id="nap"), "another")).count

    async def cancels(self) -> None:
        await workflow.cancel(workflow.get(Shelf, id="other"))

    async def speaks(self) -> None:
        await workflow.get(Shelf, id="other").words.send("hello")


CODEC = Codec()


class Library(WorkflowInterceptor):
    """Changes everything a little; what it sees of queries is not journalled, so it is not kept."""

    async def run_method(self, details: interceptors.MethodRun, /) -> Any:
        result = await details.proceed()
        if details.info.method == "keep":
            assert details.info.method_id != "main"
            return result * 10
        return result

    def child(self, details: interceptors.ChildIssue, /) -> ChildCall:
        plan = replace(details.call.plan, meta={**details.call.plan.meta, "by": details.info.method})
        return replace(details.call, plan=plan)

    def call(self, details: interceptors.CallIssue, /) -> MethodCall:
        if details.call.query:
            return details.call
        arguments: dict[str, str] = CODEC.load(details.call.arguments)
        return replace(details.call, arguments=CODEC.dump({"word": arguments["word"].upper()}))

    def send(self, details: interceptors.SignalIssue, /) -> SignalCall:
        return replace(details.call, value=CODEC.dump("*" * len(CODEC.load(details.call.value))))

    def cancel(self, details: interceptors.CancelIssue, /) -> CancelCall:
        return replace(details.call, reason=f"by {details.info.workflow}")

    def verb(self, details: interceptors.VerbIssue, /) -> VerbCall:
        return replace(details.call, method="main")

    def run_query(self, details: interceptors.QueryRun, /) -> Any:
        assert (details.info.method, details.info.method_id) == ("words_kept", "")
        if "forbidden" in details.info.tags:
            raise PermissionError("no reading")
        return [word.lower() for word in details.proceed()]


class Redirecting(WorkflowInterceptor):
    """Sends signals to another workflow: the name of the command changes."""

    def send(self, details: interceptors.SignalIssue, /) -> SignalCall:
        return replace(details.call, target=replace(details.call.target, workflow="Mirror"))


@pytest.mark.parametrize("evict", [False, True])
async def test_R01_what_is_sent_to_others_passes_the_interceptors_once_and_on_every_replay(
    house: House, evict: bool
) -> None:
    await house.open(Reader, Shelf, interceptors=(Library(),), evict=evict)

    counts, kept, shelf = await house.call(Reader)

    assert (counts, kept) == ([10, 20], ["a", "b"])
    assert shelf == "A B ****** run"


async def test_R01_cancellations_and_verbs_pass_the_interceptors(house: House) -> None:
    await house.open(Ender, Shelf, interceptors=(Library(),), evict=True)
    nap = await house.start(Shelf, id="nap", method="naps")
    await house.waiting(nap, "timer")

    count = await house.call(Ender, method="wakes")
    again = await house.start(Shelf, id="other", method="naps")
    await house.call(Ender, method="cancels")

    assert count == 1
    with pytest.raises(WorkflowCancelled, match="by Ender"):
        await again.result(DEADLINE)


async def test_R01_a_replay_needs_the_interceptors_that_changed_which_commands_are_issued(house: House) -> None:
    await house.open(Ender, Shelf, interceptors=(Redirecting(),))
    other = await house.start(Shelf, id="other", method="naps")

    await house.call(Ender, method="speaks", id="e")
    journal = await house.journal(house.client.get("Ender", id="e"))

    assert "the journal has signal 'Mirror.words'" in replay(Ender, journal, check=False).mismatch
    assert not replay(Ender, journal, interceptors=[Redirecting()]).mismatch
    await other.cancel()


async def test_P06_an_interceptor_may_refuse_a_query(house: House) -> None:
    await house.open(Shelf, interceptors=(Library(),))
    shelf = await house.start(Shelf, id="s", tags={"forbidden"}, method="naps")

    with pytest.raises(WorkflowFailed, match="no reading"):
        await house.client.get(Shelf, id="s").words_kept()

    assert (await house.describe(shelf))["status"] == "running"
