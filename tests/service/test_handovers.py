"""What changes hands under a lease is neither lost nor brought back: stopping nodes, and tasks settled from outside."""

import asyncio
import time

import pytest

from leveret import service
from leveret.retry import Retry
from leveret_actors.settings import LeaseSettings, ServiceSettings
from leveret_broker.envelope import Answer, ClientCaller, Done, Envelope, SettleTask, decode, encode
from leveret_broker.errors import StoreUnavailable
from leveret_broker.outcome import Cancelled, Completed
from tests.service.test_delegated import Approval, Desk, refused, settler
from tests.service.test_leases import AT_ONCE, Ship, lease_of, with_status
from tests.service.world import World


async def test_S11_a_delegated_task_that_a_node_hands_over_is_taken_though_its_old_lease_is_still_there(
    memory_world: World,
) -> None:
    world, desk, other = memory_world, Desk(), Desk()
    desk.back.clear()
    first = await world.start(desk, leases=AT_ONCE)
    await world.send("Approval.approve", {"amount": 5})
    task_id = await desk.handed_to()
    away = True

    def fault(name: str, _: bool) -> None:
        if away and name == "replace" and stopped:  # all but the first change: its taking off comes late
            raise StoreUnavailable("away")
        if name == "replace":
            stopped.append(name)

    stopped: list[str] = []
    world.room.fault = fault
    stopping = asyncio.create_task(first.stop(0.01))
    await world.until(lambda: bool(stopped) and world.left("Approval") == 1)
    await world.start(other, name="w2", leases=AT_ONCE)
    taken = asyncio.create_task(other.handed_to())
    await world.until(lambda: taken.done() or world.left("Approval") == 0)
    away = False
    await stopping

    assert await taken == task_id
    assert (await with_status(world, task_id, "delegated")).status == "delegated"


class Quiet:
    """Says nothing, and notes how it is told to stop."""

    def __init__(self) -> None:
        self.flags = asyncio.Queue[tuple[bool, bool]]()

    @service.task(heartbeat=60)
    async def rest(self) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            self.flags.put_nowait((service.context().timed_out, service.context().cancelled))


async def test_S02_the_file_says_how_long_an_attempt_may_be_silent_whatever_its_code_says(world: World) -> None:
    quiet = Quiet()
    await world.start(quiet, settings=ServiceSettings(heartbeat=0.02))

    await world.send("Quiet.rest")

    assert "silent for more than 0.02 s" in (await world.failure()).message
    assert await quiet.flags.get() == (True, False)


async def test_S06_a_task_is_settled_by_its_own_service_only(world: World) -> None:
    desk, settle = Desk(), await settler(world)
    await world.start(desk)
    await world.start(Quiet(), name="w2")
    await world.send("Approval.approve", {"amount": 5})
    task_id = await desk.handed_to()
    await with_status(world, task_id, "delegated")

    strange = SettleTask(task_id, Completed(world.codec.dump(True)), caller=ClientCaller("me", "r"))
    await world.publish("Quiet", encode(Envelope("m", "", strange)))
    async with asyncio.timeout(10):
        answer = decode(await settle.answers.get()).message

    assert isinstance(answer, Done)
    assert (answer.found, answer.count) == (False, 0)
    assert (await with_status(world, task_id, "delegated")).task == task_id


class Fickle(Approval):
    """Fails once its request is under way."""

    def __init__(self) -> None:
        self.attempts = list[int]()
        self.handed = asyncio.Event()
        self.back = asyncio.Event()

    @service.task(delegated=True)
    async def approve(self, amount: int) -> None:
        self.attempts.append(service.context().attempt)
        self.handed.set()
        await self.back.wait()
        raise OSError("no answer to the request, which arrived all the same")


@pytest.mark.parametrize("attempts", [1, 3])
async def test_S06_what_a_function_raises_after_its_task_was_completed_does_not_count(
    world: World, attempts: int
) -> None:
    fickle, settle = Fickle(), await settler(world)
    await world.start(fickle, settings=ServiceSettings(retry=Retry(initial=0, attempts=attempts)))
    task = await world.send("Approval.approve", {"amount": 5})
    await fickle.handed.wait()

    answer = await settle(task.task_id, True)
    fickle.back.set()
    await world.empty("Approval")
    await world.settle()
    lease = await lease_of(world, task.task_id)

    assert answer == Done(True, 1, f"task {task.task_id} is completed")
    assert await world.value() is True
    assert lease is not None
    assert (lease.status, fickle.attempts) == ("completed", [1])
    assert world._arrived == []


async def test_a_client_whose_task_is_cancelled_while_a_worker_looks_for_its_lease_gets_an_answer(
    memory_world: World,
) -> None:
    world, ship, other = memory_world, Ship(), Ship()
    answers = asyncio.Queue[bytes]()
    await world.transport.subscribe_replies("me", answers.put_nowait, lambda: None)
    first = await world.start(ship, leases=LeaseSettings(after=3600.0, wait=0.01))
    task = await world.send("Ship.sail", caller=ClientCaller("me", "r1"))
    await ship.sails.wait()
    looked = asyncio.Event()

    def fault(name: str, after: bool) -> None:
        if name == "find_leases" and after:
            looked.set()

    world.room.fault = fault
    await first.crash()
    await world.start(other, name="w2", leases=LeaseSettings(after=3600.0, wait=0.3))
    await looked.wait()
    await world.store.revoke([task.task_id], time.time() + 60)
    async with asyncio.timeout(10):
        message = decode(await answers.get()).message

    assert isinstance(message, Answer)
    assert isinstance(message.outcome, Cancelled)
    await world.empty("Ship")
    assert other.calls == {}


async def test_S06_a_delegated_task_that_is_cancelled_while_it_waits_for_the_store_never_runs(
    memory_world: World,
) -> None:
    world, desk = memory_world, Desk()
    away = True

    def fault(name: str, _: bool) -> None:
        if away and name == "hold":
            raise StoreUnavailable("away")

    world.room.fault = fault
    worker = await world.start(desk, leases=LeaseSettings(seconds=0.1, wait=0.01))
    task = await world.send("Approval.approve", {"amount": 5})
    await world.until(lambda: bool(worker.runner._jobs))
    await world.cancel(task.task_id, time.time() + 60)
    await world.until(lambda: task.task_id in worker.runner._revocations._heard)
    away = False
    await world.until(lambda: not worker.runner._jobs.values())

    assert desk.attempts == []


async def test_S06_of_two_who_settle_a_task_at_once_at_one_worker_one_is_told_that_it_came_second(
    world: World,
) -> None:
    desk, settle = Desk(), await settler(world)
    await world.start(desk, settings=ServiceSettings(retry=Retry(initial=0, attempts=3)))
    await world.send("Approval.approve", {"amount": 5})
    task_id = await desk.handed_to()
    await with_status(world, task_id, "delegated")

    failed, completed = await asyncio.gather(settle(task_id, refused("no"), retry=True), settle(task_id, True))
    await world.empty("Approval")
    await world.settle()

    assert isinstance(failed, Done)
    assert isinstance(completed, Done)
    assert sorted([failed.count, completed.count]) == [0, 1]


async def test_S06_what_a_function_raises_while_its_task_is_settled_here_does_not_count(memory_world: World) -> None:
    world, fickle, settle = memory_world, Fickle(), await settler(memory_world)
    worker = await world.start(fickle, settings=ServiceSettings(retry=Retry(initial=0, attempts=3)))
    task = await world.send("Approval.approve", {"amount": 5})
    await fickle.handed.wait()
    stored = asyncio.Event()

    def fault(name: str, after: bool) -> None:
        if name == "replace" and after and not stored.is_set():
            worker.cut()  # what was settled cannot be sent yet
            stored.set()

    world.room.fault = fault
    settling = asyncio.create_task(settle(task.task_id, True))
    await stored.wait()
    fickle.back.set()
    await world.settle()
    worker.relink()
    await settling
    await world.empty("Approval")
    await world.settle()

    assert await world.value() is True
    assert (fickle.attempts, world._arrived) == ([1], [])


async def test_a_clients_task_whose_result_is_not_sent_yet_is_settled_and_not_between_two_attempts(
    memory_world: World,
) -> None:
    world, settle, stored = memory_world, await settler(memory_world), asyncio.Event()
    worker = await world.start(Desk())
    task = await world.send("Approval.approve", {"amount": 5}, caller=ClientCaller("you", "call"))
    await with_status(world, task.task_id, "delegated")

    def fault(name: str, after: bool) -> None:
        if name == "replace" and after and not stored.is_set():
            worker.cut()  # the result cannot be sent yet
            stored.set()

    world.room.fault = fault
    await world.publish("Approval", settling(world, task.task_id))
    await stored.wait()
    await world.start(Desk(), name="w2")

    answer = await settle(task.task_id, True)

    assert answer == Done(True, 0, f"task {task.task_id} is settled already")


def settling(world: World, task_id: str) -> bytes:
    """Return a request of somebody who does not wait."""
    return encode(Envelope("m0", "", SettleTask(task_id, Completed(world.codec.dump(True)))))
