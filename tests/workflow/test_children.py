"""H: children, awaited, dispatched, cancelled, failing; each turn of each instance is replayed cold as well."""

import asyncio
from typing import Any

import msgspec
import pytest

from leveret import (
    LeveretError,
    WorkflowAlreadyStarted,
    WorkflowFailed,
    service,
    workflow,
)
from leveret.failure import attributes_of, failure_of
from leveret_broker.envelope import (
    Cancel,
    ClientCaller,
    Describe,
    Description,
    Ended,
    RetryTasks,
    Start,
    TagClaim,
    TagJoin,
    TagPass,
    decode,
)
from leveret_broker.ids import child_id, run_of
from leveret_broker.outcome import Cancelled, Completed, Failed, Failure
from tests.workflow.harness import CODEC, Driver, replies
from tests.workflow.world import World


class Receipt(msgspec.Struct):
    amount: int


@service.define(name="Bank")
class Bank:
    async def charge(self, amount: int) -> int:
        return amount


@workflow.define(name="Payment")
class Payment:
    bank = workflow.service(Bank)
    go = workflow.Channel[int]()

    async def pay(self, amount: int) -> Receipt:
        return Receipt(await self.bank.charge(amount))

    async def wait(self) -> int:
        return await self.go.receive()

    async def who(self) -> list[Any]:
        info = workflow.info()
        assert info.parent is not None
        return [sorted(info.tags), dict(info.meta), info.parent.workflow, info.parent.id, info.parent.run]


@workflow.define(name="Factorial")
class Factorial:
    async def run(self, n: int) -> int:
        return n * await workflow.new(Factorial).run(n - 1) if n else 1


@workflow.define(name="Order")
class Order:
    """Its methods are the tests' scenarios."""

    seen: str = ""
    keep = workflow.Channel[int]()

    async def awaited(self) -> int:
        return (await workflow.new(Payment).pay(3)).amount

    async def by_name(self) -> Any:
        return await workflow.new("Payment").call("pay", {"amount": 4})

    async def dispatched(self) -> int:
        first = workflow.dispatch(workflow.new(Payment).pay, 1)
        second = workflow.dispatch(workflow.new(Payment).pay, 2)
        one, two = await (first & second)
        return one.amount + two.amount

    async def started_and_left(self) -> None:
        workflow.dispatch(workflow.new(Payment, id="c").wait)

    async def waits(self) -> int:
        return await workflow.new(Payment, id="c").wait()

    async def waits_beside(self) -> int:
        workflow.dispatch(workflow.new(Payment, id="c").wait)
        return await self.keep.receive()

    async def fails_beside(self) -> None:
        workflow.dispatch(workflow.new(Payment, id="c").wait)
        await workflow.new(Payment).pay(1)

    async def awaits_later(self) -> int:
        payment = workflow.dispatch(workflow.new(Payment).pay, 1)
        await self.keep.receive()
        return (await payment).amount

    async def waits_detached(self) -> int:
        return await workflow.new(Payment, id="c", detached=True).wait()

    async def waits_unique(self) -> int:
        return await workflow.new(Payment, id="c", tags={"t2", "t1"}, unique_tag="u").wait()

    async def waits_at_most(self) -> str:
        try:
            async with asyncio.timeout(5):
                await workflow.new(Payment, id="c").wait()
        except TimeoutError:
            return "late"
        return "early"

    async def never_leaves(self) -> None:
        workflow.dispatch(workflow.new(Payment).wait).cancel()

    async def nobody_there(self) -> None:
        await workflow.new("Nowhere").call("run")

    async def catches(self) -> str:
        try:
            await workflow.new(Payment, id="c", timeout=60).wait()
        except LeveretError as error:
            self.seen = type(error).__name__
        return self.seen

    async def fails_to_start(self) -> str:
        try:
            await workflow.new(Payment, id="c", on_conflict="fail").wait()
        except WorkflowAlreadyStarted as error:
            return str(error)
        return ""

    async def labelled(self) -> Any:
        info = workflow.info()
        return await workflow.new(Payment, id="c", tags=info.tags, meta=info.meta).who()


def paid(task: Any) -> Any:
    return CODEC.load(task.arguments, dict[str, Any])["amount"]


def declined(task: Any) -> Any:
    return ValueError("declined")


@pytest.fixture(params=[False, True], ids=["cached", "evicted"])
def evict(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def starts(driver: Driver) -> list[Start]:
    messages = [getattr(post.envelope, "message", None) for post in driver.posts]
    return [message for message in messages if isinstance(message, Start)]


def test_H01_an_awaited_child_gives_its_result_as_its_type_says(evict: bool) -> None:
    world = World(Order, Payment, tasks=paid, evict=evict)

    parent = world.start("Order", method="awaited")

    assert parent.value == 3
    assert list(world.instances) == [("Order", "p"), ("Payment", child_id(parent.run, 1))]
    assert [(command.kind, command.name) for record in parent.records for command in record.commands] == [
        ("child", "Payment.pay")
    ]


def test_W16_a_child_by_name_gives_plain_data() -> None:
    world = World(Order, Payment, tasks=paid)

    parent = world.start("Order", method="by_name")

    assert parent.value == {"amount": 4}


def test_H01_dispatched_children_run_side_by_side(evict: bool) -> None:
    world = World(Order, Payment, tasks=paid, evict=evict)

    parent = world.start("Order", method="dispatched")

    assert parent.value == 3
    assert len(starts(parent)) == 2


def test_H01_a_factorial_by_recursion(evict: bool) -> None:
    world = World(Factorial, evict=evict)

    parent = world.start("Factorial", n=7)

    assert parent.value == 5040
    assert len(world.instances) == 8


def test_D09_a_dispatched_child_goes_on_when_its_parent_completes() -> None:
    world = World(Order, Payment)

    world.start("Order", method="started_and_left")

    assert world["Order", "p"].status == "completed"
    assert world["Payment", "c"].status == "running"
    world.signal("Payment", "c", "go", 1)
    assert world["Payment", "c"].status == "completed"
    assert world["Order", "p"].turns[-1].write is None


@pytest.mark.parametrize("method", ["waits", "waits_beside"])
def test_H02_cancelling_the_parent_cancels_its_children(method: str, evict: bool) -> None:
    world = World(Order, Payment, evict=evict)
    world.start("Order", method=method)

    world.cancel("Order")

    assert world["Order", "p"].status == "cancelled"
    assert world["Payment", "c"].status == "cancelled"
    assert isinstance(world.answers[0], Cancelled)


def test_H02_a_parent_that_times_out_cancels_its_children() -> None:
    world = World(Order, Payment)
    parent = world.start("Order", method="waits_beside", timeout=60.0)

    world.advance(parent, 61)

    assert parent.status == "timed_out"
    assert world["Payment", "c"].status == "cancelled"


@pytest.mark.parametrize("evicted", [False, True])
def test_H02_a_detached_child_outlives_its_parent(evicted: bool) -> None:
    world = World(Order, Payment, evict=evicted)
    world.start("Order", method="waits_detached")

    world.cancel("Order")

    assert world["Order", "p"].status == "cancelled"
    assert world["Payment", "c"].status == "running"


def test_H02_a_child_behind_a_unique_tag_is_cancelled_behind_its_start() -> None:
    world = World(Order, Payment)
    parent = world.start("Order", method="waits_unique")

    world.cancel("Order")

    start_id = f"{parent.run}.1.s"
    run = run_of("Payment", "c", start_id)
    first, second, claim, passed = [envelope.message for envelope in world.to_tags]
    assert (first, second) == (TagJoin("c", run), TagJoin("c", run))
    assert [envelope.actor for envelope in world.to_tags[:2]] == ["Payment/t1", "Payment/t2"]
    assert isinstance(claim, TagClaim)
    assert decode(claim.start).id == start_id
    assert isinstance(passed, TagPass)
    assert decode(passed.envelope).message == Cancel(reason="by its parent Order 'p'")
    assert decode(passed.envelope).run == run


def test_H02_what_gives_up_waiting_for_a_child_cancels_it() -> None:
    world = World(Order, Payment)
    parent = world.start("Order", method="waits_at_most")

    world.advance(parent, 6)

    assert parent.value == "late"
    assert world["Payment", "c"].status == "cancelled"


def test_R03_a_child_cancelled_in_the_turn_that_asked_for_it_is_never_started() -> None:
    world = World(Order, Payment)

    parent = world.start("Order", method="never_leaves")

    assert parent.status == "completed"
    assert world.of("Payment") == []


def test_H02_an_instance_that_was_there_before_is_not_cancelled_with_the_parent() -> None:
    world = World(Order, Payment)
    world.start("Payment", "c", method="wait")
    world.start("Order", method="waits")

    world.cancel("Order")

    assert world["Payment", "c"].status == "running"


def test_H02_cancelling_a_failed_parent_cancels_its_children(evict: bool) -> None:
    world = World(Order, Payment, tasks=declined, evict=evict)
    world.start("Order", method="fails_beside")
    assert (world["Order", "p"].status, world["Payment", "c"].status) == ("failed", "running")

    world.cancel("Order")

    assert (world["Order", "p"].status, world["Payment", "c"].status) == ("cancelled", "cancelled")


def test_H02_a_parent_ended_by_force_cancels_its_children_without_its_code() -> None:
    world = World(Order, Payment)
    parent = world.start("Order", method="waits_beside")
    parent.deploy()

    world.send("Order", "p", Cancel(force=True))

    assert (parent.status, world["Payment", "c"].status) == ("cancelled", "cancelled")


def test_E14_cancelling_one_child_by_its_number_leaves_the_rest_alone() -> None:
    world = World(Order, Payment)
    parent = world.start("Order", method="catches")

    world.send("Order", "p", Cancel(number=1))

    assert parent.value == "WorkflowCancelled"
    assert world["Payment", "c"].status == "cancelled"


def test_describe_shows_pending_children_and_whose_child_one_is() -> None:
    world = World(Order, Payment)
    parent = world.start("Order", method="waits_beside")

    (shown,) = replies(parent.send(Describe(ClientCaller("client", "d"))).posts)
    (of_child,) = replies(world["Payment", "c"].send(Describe(ClientCaller("client", "d"))).posts)

    assert isinstance(shown, Description)
    assert isinstance(of_child, Description)
    pending: Any = shown.data["pending"]
    assert next((one["kind"], one["name"], one["instance"]) for one in pending) == ("child", "Payment.wait", "c")
    assert of_child.data["parent"] == ["Order", "p", parent.run]


def test_H03_cancelling_a_child_is_raised_in_the_awaiting_parent() -> None:
    world = World(Order, Payment)
    world.start("Order", method="catches")

    world.cancel("Payment", "c")

    assert world["Order", "p"].value == "WorkflowCancelled"


def test_H03_cancelling_a_child_that_nobody_awaits_leaves_the_parent_alone() -> None:
    world = World(Order, Payment)
    world.start("Order", method="waits_beside")

    world.cancel("Payment", "c")
    world.signal("Order", "p", "keep", 1)

    assert world["Order", "p"].value == 1


def test_O03_a_childs_timeout_is_raised_in_its_parent() -> None:
    world = World(Order, Payment)
    world.start("Order", method="catches")

    world.advance(world["Payment", "c"], 61)

    assert world["Payment", "c"].status == "timed_out"
    assert world["Order", "p"].value == "WorkflowTimedOut"


def test_H04_a_failure_keeps_its_chain_from_the_task_to_the_client() -> None:
    world = World(Order, Payment, tasks=declined)

    parent = world.start("Order", method="awaited")

    assert parent.status == "failed"
    (outcome,) = world.answers
    assert isinstance(outcome, Failed)
    chain = [outcome.failure]
    while chain[-1].cause is not None:
        chain.append(chain[-1].cause)
    assert [one.type.rpartition(".")[2] for one in chain] == ["WorkflowFailed", "TaskFailed", "ValueError"]
    assert "await workflow.new(Payment).pay(3)" in chain[0].traceback
    assert "await self.bank.charge(amount)" in chain[1].traceback
    assert (chain[2].message, chain[2].traceback) == ("declined", "the traceback")
    assert attributes_of(chain[2]) == {"code": 7}


def test_E06_a_parent_that_failed_later_than_its_childs_task_resumes_once_the_child_was_resumed(evict: bool) -> None:
    results: list[Any] = [ValueError("declined"), 3]
    world = World(Order, Payment, tasks=lambda _: results.pop(0), evict=evict)
    parent = world.start("Order", method="awaits_later")
    (payment,) = world.of("Payment")
    world.signal("Order", "p", "keep", 1)
    assert (parent.status, payment.status) == ("failed", "failed")

    world.send("Payment", payment.id, RetryTasks())
    world.send("Order", "p", RetryTasks())

    assert parent.value == 3


def test_H04_a_long_chain_of_failures_keeps_both_ends() -> None:
    error: Exception = WorkflowFailed("end", Failure("ValueError", "the root"))

    for level in range(100):
        error = WorkflowFailed(f"level {level}", failure_of(error))

    assert isinstance(error, WorkflowFailed)
    chain = [error.failure]
    while chain[-1].cause is not None:
        chain.append(chain[-1].cause)
    assert len(chain) == 20
    assert chain[0].message == "level 98"
    assert chain[-1].message == "the root"


def test_H05_cancelling_a_parent_whose_child_has_no_node_does_not_hang() -> None:
    world = World(Order)
    world.start("Order", method="nobody_there")

    world.cancel("Order")

    assert world["Order", "p"].status == "cancelled"
    sent = [type(envelope.message) for kind, envelope in world.waiting if kind == "Nowhere"]
    assert sent == [Start, Cancel]


def test_W07_a_child_that_must_be_new_fails_when_there_is_one() -> None:
    world = World(Order, Payment)
    running = world.start("Payment", "c", method="wait")

    world.start("Order", method="fails_to_start")

    assert world["Order", "p"].value == f"Payment 'c' has already been started (run {running.run})"
    assert running.status == "running"


def test_W15_tags_and_meta_are_passed_on_and_a_child_knows_its_parent() -> None:
    world = World(Order, Payment)

    parent = world.start("Order", method="labelled", tags=("b", "a"), meta={"k": "v"})

    assert parent.value == [["a", "b"], {"k": "v"}, "Order", "p", parent.run]


def test_W17_the_outcome_of_a_child_comes_once_and_only_for_its_run() -> None:
    world = World(Order, Payment)
    parent = world.start("Order", method="catches")
    late = parent.envelope(Ended(1, Completed(CODEC.dump(9))), run="another")

    turn = parent.turn(late)
    world.signal("Payment", "c", "go", 1)
    again = parent.turn(parent.envelope(Ended(1, Completed(CODEC.dump(2))), run=parent.run))

    assert turn.write is None
    assert again.write is None
    assert parent.value == ""
