"""R06, R07, R09, E08, E09 · code that changes under instances that run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from leveret import Handle, service, workflow
from tests.conformance.bench import Bench, SteeredBench
from tests.conformance.house import DEADLINE, House


class Trip:
    """What all versions of one workflow have."""

    bench = workflow.service(Bench)
    go = workflow.Channel[str]()


@workflow.define(name="Trip")
class Before(Trip):
    """The first phase: nothing has changed."""

    async def run(self) -> str:
        return await self.go.receive() + await self.bench.say(" old")


@workflow.define(name="Trip")
class Patched(Trip):
    """The second: both sides are there."""

    async def run(self) -> str:
        if workflow.patched("new first"):
            new = await self.bench.say(" new")
            return await self.go.receive() + new
        return await self.go.receive() + await self.bench.say(" old")


@workflow.define(name="Trip")
class Deprecated(Trip):
    """The third: all open runs have taken the new side."""

    async def run(self) -> str:
        workflow.deprecate_patch("new first")
        new = await self.bench.say(" new")
        return await self.go.receive() + new


@workflow.define(name="Trip")
class After(Trip):
    """The fourth: nothing is left of the change."""

    async def run(self) -> str:
        new = await self.bench.say(" new")
        return await self.go.receive() + new


@workflow.define(name="Trip", version=2)
class Second(Trip):
    """Another version beside the first."""

    async def run(self) -> str:
        return await self.go.receive() + " second"


async def deploy(house: House, *workflows: type[Any]) -> SteeredBench:
    """Stop the node, if there is one, and run one with other code."""
    await house.stop()
    bench = SteeredBench()
    await house.open(*workflows, services=(bench,))
    return bench


async def begin(house: House, code: type[Any], **options: Any) -> Handle[Any]:
    """Start an instance; return when it waits for its signal."""
    handle = await house.start(code, **options)
    await house.waiting(handle, "receive")
    return handle


async def finish(handle: Handle[Any]) -> Any:
    await handle.signal("go", "gone")
    return await handle.result(DEADLINE)


async def test_R06_each_phase_of_a_change_ends_what_the_phase_before_began(house: House) -> None:
    results: list[str] = []
    await deploy(house, Before)
    handle = await begin(house, Before)
    for code in (Patched, Deprecated, After):
        await deploy(house, code)
        results.append(await finish(handle))
        handle = await begin(house, code)

    results.append(await finish(handle))

    assert results == ["gone old", "gone new", "gone new", "gone new"]


async def test_R06_the_patches_that_a_run_has_taken_are_shown_and_kept_over_restarts(house: House) -> None:
    await deploy(house, Patched)
    handle = await begin(house, Patched)

    await house.restart()
    row = await house.described(handle, lambda row: bool(row["patches"]))

    assert row["patches"] == ["new first"]


async def test_R07_new_instances_take_the_highest_version_running_ones_keep_theirs(house: House) -> None:
    await deploy(house, Before)
    old = await begin(house, Before)

    await deploy(house, Before, Second)
    new = await begin(house, Second)
    results = [await finish(old), await finish(new)]

    assert results == ["gone old", "gone second"]
    assert [(await house.describe(handle))["version"] for handle in (old, new)] == [1, 2]


async def test_E09_a_version_that_no_node_has_waits_visibly_and_others_go_on(house: House) -> None:
    await deploy(house, Before, Second)
    new = await begin(house, Second, id="new")
    old = await begin(house, Before, id="old", version=1)

    await deploy(house, Before)
    await new.signal("go", "gone")
    row = await house.status(new, "blocked")
    assert await finish(old) == "gone old"
    assert row["version"] == 2
    assert "version 2 of the code (it has 1)" in row["reason"]

    await deploy(house, Before, Second)
    assert await new.result(DEADLINE) == "gone second"


async def test_E09_a_start_that_asks_for_a_version_to_come_waits_for_it(house: House) -> None:
    await deploy(house, Before)
    handle = await house.start(Second, version=2)
    row = await house.status(handle, "blocked")

    await deploy(house, Before, Second)

    assert await finish(handle) == "gone second"
    assert row["version"] == 2


async def test_E08_a_replay_that_does_not_match_blocks_until_the_code_is_corrected(house: House) -> None:
    await deploy(house, Before)
    handle = await begin(house, Before)

    bench = await deploy(house, After)
    row = await house.status(handle, "blocked")
    for word in ("turn 1", "receive 'go'", "'Bench.say'", "test_r_versions.py"):
        assert word in row["reason"]
    assert not bench.calls

    await deploy(house, Before)
    assert await finish(handle) == "gone old"


@dataclass
class Parcel:
    """An argument as it was."""

    weight: int


@dataclass
class LargerParcel(Parcel):
    """The same with a field that came later."""

    fragile: bool = False


@service.define(name="Scale")
class Scale:
    async def weigh(self, parcel: Parcel) -> int:
        return parcel.weight


@service.define(name="Scale")
class NewScale:
    async def weigh(self, parcel: LargerParcel) -> int:
        return parcel.weight


class Weighing:
    go = workflow.Channel[str]()


@workflow.define(name="Weighing")
class Weigh(Weighing):
    scale = workflow.service(Scale)

    async def run(self) -> int:
        return await self.scale.weigh(Parcel(3)) + len(await self.go.receive())


@workflow.define(name="Weighing")
class WeighAgain(Weighing):
    scale = workflow.service(NewScale)

    async def run(self) -> int:
        return await self.scale.weigh(LargerParcel(3)) + len(await self.go.receive())


@workflow.define(name="Weighing", check="strict")
class StrictWeigh(Weighing):
    scale = workflow.service(Scale)

    async def run(self) -> int:
        return await self.scale.weigh(Parcel(3)) + len(await self.go.receive())


@workflow.define(name="Weighing", check="strict")
class StrictWeighAgain(Weighing):
    scale = workflow.service(NewScale)

    async def run(self) -> int:
        return await self.scale.weigh(LargerParcel(3)) + len(await self.go.receive())


@pytest.mark.parametrize(
    ("first", "then", "status"),
    [(Weigh, WeighAgain, "running"), (StrictWeigh, StrictWeighAgain, "blocked")],
    ids=["names", "strict"],
)
async def test_R09_a_new_field_with_a_default_replays_unless_the_check_is_strict(
    house: House, first: type[Any], then: type[Any], status: str
) -> None:
    await house.open(first, services=(Scale(),))
    handle = await house.start(first)
    await house.waiting(handle, "receive")

    await house.stop()
    await house.open(then, services=(NewScale(),))
    row = await house.status(handle, status)

    assert ("perhaps with other arguments" in row["reason"]) == (status == "blocked")
    await house.stop()
    await house.open(first, services=(Scale(),))
    await house.client.get(first, id=handle.id).go.send("go")
    assert await handle.result(DEADLINE) == 5
