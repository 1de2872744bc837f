"""E12 to E14, W12: cancelling is a state, and the order of acceptance decides."""

import asyncio

from leveret import service, workflow
from leveret.errors import TaskCancelled
from leveret_broker.address import CONTROL
from leveret_broker.envelope import Cancel, CancelTask
from leveret_broker.outcome import Cancelled
from tests.workflow.harness import Driver


@service.define(name="Rooms")
class Rooms:
    async def book(self) -> str:
        return "room"

    async def free(self) -> str:
        return "freed"


@workflow.define(name="Stay")
class Stay:
    rooms = workflow.service(Rooms, timeout=3600)
    go = workflow.Channel[int]()

    async def plain(self) -> str:
        return await self.rooms.book()

    async def timer(self) -> None:
        await workflow.timer(days=1)

    async def signal(self) -> int:
        return await self.go.receive()

    async def nothing(self) -> str:
        return "done"

    async def compensates(self) -> str:
        booked = workflow.dispatch(self.rooms.book)
        try:
            return await booked
        except asyncio.CancelledError:
            return f"{booked.status} {await self.rooms.free()}"

    async def stubborn(self) -> str:
        try:
            await self.rooms.book()
        finally:
            workflow.dispatch(self.rooms.free)
        return "booked"

    async def two(self) -> list[str]:
        both = [workflow.dispatch(self.rooms.book), workflow.dispatch(self.rooms.free)]
        results: list[str] = []
        for deferred in both:
            try:
                results.append(await deferred)
            except TaskCancelled:
                results.append(deferred.status)
        return results

    async def takes_back(self) -> str:
        workflow.dispatch(self.rooms.book).cancel()
        return await self.rooms.free()

    async def takes_back_later(self) -> str:
        booked = workflow.dispatch(self.rooms.book)
        await self.go.receive()
        booked.cancel()
        booked.cancel()
        return await self.rooms.free()


def test_W12_cancelled_before_it_ran_the_method_starts_and_finds_out_at_its_first_await() -> None:
    caught, plain, nothing = (Driver(Stay) for _ in range(3))

    for driver, method in ((caught, "compensates"), (plain, "plain"), (nothing, "nothing")):
        driver.turn(driver.start_envelope(method=method), driver.envelope(Cancel()))

    assert caught.task_names == ["free"]
    caught.end(2, "freed")
    assert caught.value == "cancelled freed"
    assert plain.status == "cancelled"
    assert not plain.tasks
    assert nothing.status == "cancelled"


def test_E12_cancelling_inside_a_task_wait_revokes_the_task() -> None:
    driver = Driver(Stay)
    driver.start(method="plain")

    turn = driver.cancel(reason="no need")

    assert driver.status == "cancelled"
    assert driver.state.reason == "no need"
    assert isinstance(driver.answers[0], Cancelled)
    assert driver.revoked == [driver.tasks[0].task_id]
    assert any(p.to == CONTROL and isinstance(p.envelope.message, CancelTask) for p in turn.posts)  # type: ignore[union-attr]
    assert not driver.store.timers


def test_E12_cancelling_inside_a_timer_or_a_signal_wait_removes_what_is_durable() -> None:
    for method in ("timer", "signal"):
        driver = Driver(Stay)
        driver.start(method=method, timeout=100_000.0)

        driver.cancel()

        assert driver.status == "cancelled"
        assert not driver.store.timers


def test_a_second_cancellation_does_not_interrupt_the_compensation() -> None:
    driver = Driver(Stay)
    driver.start(method="compensates")

    driver.cancel()
    driver.cancel()
    driver.end(2, "freed")

    assert driver.value == "cancelled freed"


def test_what_is_dispatched_on_the_way_out_still_runs() -> None:
    driver = Driver(Stay)
    driver.start(method="stubborn")

    driver.cancel()

    assert driver.status == "cancelled"
    assert driver.task_names == ["book", "free"]
    assert driver.revoked == [driver.tasks[0].task_id]


def test_E13_cancel_then_completion_in_one_batch_cancels_the_task() -> None:
    driver = Driver(Stay)
    driver.start(method="compensates")

    driver.turn(driver.envelope(Cancel()), driver.ended(1, "room"))
    driver.end(2, "freed")

    assert driver.value == "cancelled freed"


def test_E13_completion_then_cancel_in_one_batch_completes_the_task_and_cancels_the_method() -> None:
    driver = Driver(Stay)
    driver.start(method="compensates")

    driver.turn(driver.ended(1, "room"), driver.envelope(Cancel()))
    driver.end(2, "freed")

    assert driver.value == "completed freed"
    assert not driver.revoked


def test_E14_cancelling_one_task_leaves_the_others() -> None:
    driver = Driver(Stay)
    driver.start(method="two")

    driver.cancel(number=1)
    driver.end(2, "freed")

    assert driver.value == ["cancelled", "freed"]
    assert driver.revoked == [driver.tasks[0].task_id]


def test_R03_a_task_cancelled_in_its_turn_is_neither_sent_nor_journalled() -> None:
    driver = Driver(Stay)

    driver.start(method="takes_back")

    assert driver.task_names == ["free"]
    assert not driver.revoked
    assert [(c.number, c.name) for c in driver.records[0].commands] == [(2, "Rooms.free")]


def test_cancelling_twice_revokes_once_and_a_late_result_is_dropped() -> None:
    driver = Driver(Stay)
    driver.start(method="takes_back_later")

    driver.signal("go", 1)

    assert driver.revoked == [driver.tasks[0].task_id]
    assert driver.end(1, "room").write is None


def test_cancelling_nobody_or_a_closed_instance_does_nothing() -> None:
    driver = Driver(Stay)

    assert driver.cancel().write is None
    driver.start(method="nothing")
    assert driver.cancel().write is None

    assert driver.value == "done"
