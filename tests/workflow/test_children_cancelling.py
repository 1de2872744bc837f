"""H: children that are cancelled, alone or with their parent; each turn of each instance is replayed cold as well."""

import pytest

from leveret_broker.envelope import (
    Cancel,
    Start,
    TagClaim,
    TagJoin,
    TagPass,
    decode,
)
from leveret_broker.ids import run_of
from leveret_broker.outcome import Cancelled
from tests.workflow.families import Order, Payment, declined
from tests.workflow.world import World


@pytest.fixture(params=[False, True], ids=["cached", "evicted"])
def evict(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


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


def test_H05_cancelling_a_parent_whose_child_has_no_node_does_not_hang() -> None:
    world = World(Order)
    world.start("Order", method="nobody_there")

    world.cancel("Order")

    assert world["Order", "p"].status == "cancelled"
    sent = [type(envelope.message) for kind, envelope in world.waiting if kind == "Nowhere"]
    assert sent == [Start, Cancel]
