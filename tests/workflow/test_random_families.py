"""H, I4: whatever is sent to parents and children in whatever order, nobody is forgotten, and replay makes the same."""

import asyncio
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leveret import workflow
from leveret.errors import DeferredError
from leveret_actors.workflow.journal import Child
from tests.workflow.harness import Driver
from tests.workflow.world import World


@workflow.define(name="Kin")
class Kin:
    go = workflow.Channel[int]()

    async def run(self, depth: int) -> int:
        kids = [
            workflow.dispatch(workflow.new(Kin, detached=detached).run, depth=depth - 1)
            for detached in (False, False, True)[: depth + 1 if depth else 0]
        ]
        value = await self.go.receive()
        if value == 0:
            raise ValueError("nought")
        if value == 1:
            return 1
        for kid in kids:
            try:
                async with asyncio.timeout(30):
                    value += await kid
            except (DeferredError, TimeoutError):
                value -= 1
        return value


Step = Callable[[World], Any]


def someone(world: World, index: int) -> str:
    names = [name for _, name in world.instances]
    return names[index % len(names)]


def advance(world: World, seconds: float) -> None:
    for driver in list(world.instances.values()):
        world.advance(driver, seconds)


indices = st.integers(0, 12)
signals = st.builds(lambda i, n: lambda w: w.signal("Kin", someone(w, i), "go", n), indices, st.integers(0, 5))
cancels = st.builds(lambda i: lambda w: w.cancel("Kin", someone(w, i)), indices)
waits = st.builds(lambda seconds: lambda w: advance(w, seconds), st.floats(1, 40))
steps = st.lists(st.one_of(signals, signals, signals, cancels, waits), max_size=20)


def families(world: World) -> list[tuple[Driver, Child, Driver]]:
    """Return parent, child as the journal has it, and child."""
    return [
        (parent, command.child, world["Kin", command.child.instance])
        for parent in world.of("Kin")
        for record in parent.records
        for command in record.commands
        if command.child is not None
    ]


def drive(world: World, todo: list[Step]) -> World:
    world.start("Kin", depth=2, timeout=100.0)
    for step in todo:
        step(world)
    return world


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps)
def test_R02_families_evicted_after_every_turn_are_the_ones_never_evicted(todo: list[Step]) -> None:
    kept, evicted = drive(World(Kin), todo), drive(World(Kin, evict=True), todo)

    assert list(kept.instances) == list(evicted.instances)
    for who, driver in kept.instances.items():
        assert driver.store.journal == evicted[who].store.journal
        assert driver.status != "blocked"


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps)
def test_H02_nobody_waits_for_an_ended_child_and_no_child_of_a_cancelled_parent_goes_on(todo: list[Step]) -> None:
    world = drive(World(Kin), todo)

    for parent, child, kid in families(world):
        if parent.status in {"cancelled", "timed_out"} and not child.detached:
            assert kid.status != "running"
        if parent.status == "running" and kid.status != "running":
            pending = parent.live.instance.operations.pending.values()
            assert child not in [operation.child for operation in pending]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps)
def test_W18_every_message_between_families_delivered_twice_changes_nothing(todo: list[Step]) -> None:
    once, twice = drive(World(Kin), todo), drive(World(Kin, twice=True), todo)

    assert {who: (driver.status, driver.state.outcome) for who, driver in once.instances.items()} == {
        who: (driver.status, driver.state.outcome) for who, driver in twice.instances.items()
    }
