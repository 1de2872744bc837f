"""S · services called by a client, without a workflow."""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

import pytest

from leveret import Client, Retry, service
from leveret.client import TaskHandle
from leveret.errors import RequestTimedOut, TaskCancelled, TaskFailed, TaskTimedOut
from leveret.interceptors import ClientInterceptor, TaskRequest
from leveret.sync import Client as BlockingClient
from leveret_actors.settings import Retention
from tests.conformance.house import DEADLINE, House


class Desk(Protocol):
    async def book(self, room: int) -> str: ...
    async def hold(self) -> str: ...


class Works(Desk):
    """Books (-1 at the third attempt, -2 never), and holds until told to go on."""

    def __init__(self) -> None:
        self.booked: list[int] = []
        self.holding = asyncio.Queue[str]()
        self.go = asyncio.Event()

    @service.task(retry=Retry(initial=0.01, attempts=3))
    async def book(self, room: int) -> str:
        context = service.context()
        self.booked.append(room)
        if room < -1 or (room < 0 and context.attempt < 3):
            raise ValueError(f"no room {room}")
        return f"room {room} for {context.meta.get('who', 'anybody')} {','.join(sorted(context.tags))}".strip()

    async def hold(self) -> str:
        self.holding.put_nowait(service.context().task_id)
        await self.go.wait()
        return "held"

    async def held(self) -> str:
        async with asyncio.timeout(DEADLINE):
            return await self.holding.get()


async def result(handle: Any) -> Any:
    return await handle.result(DEADLINE)


async def test_S12_a_client_calls_a_service_by_its_contract_and_by_name(house: House) -> None:
    await house.open(services=(Works(),))

    typed = await house.client.service(Desk, tags={"vip"}, meta={"who": "Ann"}).book(7)
    named = await house.client.task("Desk.book", {"room": 8})
    handle = await house.client.service("Desk").dispatch("book", {"room": 9})

    assert (typed, named, await result(handle)) == ("room 7 for Ann vip", "room 8 for anybody", "room 9 for anybody")


async def test_S12_failures_are_retried_and_typed_as_in_workflows(house: House) -> None:
    await house.open(services=(works := Works(),))

    mended = await house.client.service(Desk).book(-1)
    with pytest.raises(TaskFailed, match="no room -2") as caught:
        await house.client.service(Desk).book(-2)
    with pytest.raises(TaskFailed) as unknown:
        await house.client.task("Desk.burn")

    assert mended == "room -1 for anybody"
    assert works.booked == [-1, -1, -1, -2, -2, -2]
    assert caught.value.failure.type == "ValueError"
    assert unknown.value.failure.type == "TaskUnknown"


async def test_S12_a_task_called_before_a_node_exists_runs_when_one_comes_though_its_client_has_gone(
    house: House, url: str
) -> None:
    async with Client(url) as gone:
        await gone.dispatch(gone.service(Desk, id="b1").book, 7)

    await house.open(services=(works := Works(),))

    assert await result(house.client.get_task(house.client.service(Desk).book, id="b1")) == "room 7 for anybody"
    assert works.booked == [7]


async def test_S12_a_task_id_is_an_idempotency_key_while_the_task_runs_and_after_its_end(
    house: House, url: str
) -> None:
    await house.open(services=(works := Works(),))
    handles = [await house.client.dispatch(house.client.service(Desk, id="h1").hold) for _ in range(3)]
    assert await works.held() == "h1"

    async with Client(url) as other:
        waiting = asyncio.create_task(other.service(Desk, id="h1").hold())
        asked = asyncio.create_task(result(other.get_task("Desk.hold", id="h1")))
        await other.service(Desk).book(1)
        works.go.set()
        assert [await result(handle) for handle in handles] == ["held"] * 3
        assert [await waiting, await asked] == ["held"] * 2
    await house.restart()

    assert await house.client.service(Desk, id="h1").hold() == "held"
    assert works.holding.empty()


async def test_S12_an_outcome_is_kept_for_the_time_that_the_configuration_says(house: House) -> None:
    await house.open(services=(works := Works(),), retention=Retention(called_seconds=0.2))

    async with asyncio.timeout(DEADLINE):
        while len(works.booked) < 2:
            await house.client.service(Desk, id="b1").book(1)
            await house.until(await house.now() + 0.05)


async def test_S12_a_timeout_covers_no_node_a_queued_and_a_running_task(house: House) -> None:
    with pytest.raises(TaskTimedOut, match=r"0\.1 s"):
        await house.client.service(Desk, timeout=0.1, id="none").hold()
    await house.open(services=(works := Works(),))

    with pytest.raises(TaskTimedOut):
        await house.client.service(Desk, timeout=0.3, id="running").hold()

    for task_id in ("none", "running"):
        with pytest.raises(TaskTimedOut):
            await result(house.client.get_task("Desk.hold", id=task_id))
    assert await works.held() == "running"
    assert works.holding.empty()


async def test_S12_a_running_task_and_one_that_no_node_has_taken_are_cancelled(house: House) -> None:
    queued: TaskHandle[Any] = await house.client.service("Desk").dispatch("hold")
    await queued.cancel("not needed")
    await house.open(services=(works := Works(),))
    running = await house.client.dispatch(house.client.service(Desk).hold)
    while await works.held() != running.id:
        pass

    await house.client.cancel(running, "not needed")

    for handle in (queued, running):
        with pytest.raises(TaskCancelled, match="not needed") as caught:
            await result(handle)
        assert caught.value.where["reason"] == "not needed"


async def test_S12_S13_a_task_that_is_cancelled_while_its_service_is_paused_never_runs(house: House) -> None:
    await house.open(services=(works := Works(),))
    await house.client.pause_service(Desk)
    assert house.node is not None
    async with asyncio.timeout(DEADLINE):
        await house.node._pauses.until("Desk", paused=True)
    handle = await house.client.dispatch(house.client.service(Desk).book, 1)

    await handle.cancel("not needed")
    await house.client.resume_service(Desk)

    with pytest.raises(TaskCancelled, match="not needed"):
        await result(handle)
    assert await house.client.service(Desk).book(2) == "room 2 for anybody"
    assert works.booked == [2]


async def test_S12_waiting_may_end_before_the_task(house: House) -> None:
    await house.open(services=(works := Works(),))
    handle = await house.client.dispatch(house.client.service(Desk).hold)

    with pytest.raises(RequestTimedOut):
        await handle.result(0.01)
    works.go.set()

    assert await result(handle) == "held"


async def test_S12_code_without_an_event_loop_calls_services(house: House, url: str) -> None:
    await house.open(services=(Works(),))

    def script() -> list[str]:
        with BlockingClient(url) as client:
            handle = client.dispatch(client.service(Desk, id="s1").book, 1)
            found = client.get_task(client.service(Desk).book, id=handle.id)
            return [handle.result(DEADLINE), found.result(DEADLINE), client.task("Desk.book", {"room": 2})]

    assert await asyncio.to_thread(script) == ["room 1 for anybody", "room 1 for anybody", "room 2 for anybody"]


async def test_S12_interceptors_of_clients_are_around_calls(house: House, url: str) -> None:
    seen: list[tuple[str, str, bool]] = []

    class Notes(ClientInterceptor):
        async def call_task(self, details: TaskRequest, /) -> Any:
            seen.append((details.call.task.name, details.call.task_id, details.waits))
            return await details.proceed()

    await house.open(services=(Works(),))

    async with Client(url, interceptors=[Notes()]) as client:
        await client.service(Desk, id="i1").book(1)
        await result(await client.dispatch(client.service(Desk, id="i2").book, 2))

    assert seen == [("book", "i1", True), ("book", "i2", False)]
