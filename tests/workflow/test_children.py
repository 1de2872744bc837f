"""H: children, awaited, dispatched, cancelled, failing; each turn of each instance is replayed cold as well."""

from typing import Any

import pytest

from leveret import (
    WorkflowFailed,
)
from leveret.failure import attributes_of, failure_of
from leveret_broker.envelope import (
    ClientCaller,
    Describe,
    Description,
    Ended,
    RetryTasks,
)
from leveret_broker.ids import child_id
from leveret_broker.outcome import Completed, Failed, Failure
from tests.workflow.families import Factorial, Order, Payment, declined, paid, starts
from tests.workflow.harness import CODEC, replies
from tests.workflow.world import World


@pytest.fixture(params=[False, True], ids=["cached", "evicted"])
def evict(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


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


@pytest.mark.parametrize(
    ("method", "words"),
    [
        ("starts_its_own_id", "Order.waits: a child cannot have the id of its parent, 'p': give it another, or none"),
        ("starts_its_own_tag", "Order.waits: its parent 'p' has the unique tag 'u', and would be found: give another"),
    ],
)
def test_a_child_that_would_be_its_own_parent_is_refused(method: str, words: str, *, evict: bool) -> None:
    world = World(Order, Payment, evict=evict)

    world.start("Order", method=method, unique_tag="u")

    assert world["Order", "p"].value == words
    assert [type(envelope.message).__name__ for envelope in world.to_tags] == ["TagJoin", "TagLeave"]  # of its own


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
