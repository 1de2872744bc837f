"""What a caller learns of a task."""

from typing import Any

from leveret import service
from leveret.retry import Retry
from leveret_broker.address import ServiceQueue
from leveret_broker.codec import Codec
from leveret_broker.envelope import Ended
from leveret_broker.outcome import Completed
from tests.service.world import World


class Unspeakable(Exception):
    def __init__(self) -> None:
        super().__init__("x")
        self.handle = object()

    def __str__(self) -> str:
        raise RuntimeError("no text")


class Hotel:
    def __init__(self) -> None:
        self.calls = 0

    async def book(self, nights: int) -> str:
        self.calls += 1
        return f"{nights} nights"

    @service.task(retry=Retry(initial=0, attempts=5))
    async def break_down(self) -> None:
        self.calls += 1
        raise SystemExit(3)

    async def speak(self) -> None:
        raise Unspeakable

    @service.task(retry=Retry(initial=0, attempts=5))
    async def give(self, size: int) -> Any:
        self.calls += 1
        return "x" * size if size else object()


async def test_the_value_comes_back_under_the_number_of_the_command_and_an_id_that_names_the_end(world: World) -> None:
    await world.start(Hotel)

    task = await world.send("Hotel.book", {"nights": 3}, sequence=2)
    envelope = await world.ended()

    assert (envelope.id, envelope.actor, envelope.run) == (f"{task.task_id}.end.2", "i1", "run")
    assert isinstance(envelope.message, Ended)
    assert (envelope.message.number, envelope.message.attempt, envelope.message.worker) == (1, 1, "w1")
    assert isinstance(envelope.message.outcome, Completed)
    assert world.codec.load(envelope.message.outcome.value) == "3 nights"
    await world.empty("Hotel")


async def test_a_task_nobody_waits_for_is_run_and_acknowledged(world: World) -> None:
    hotel = Hotel()
    await world.start(hotel)

    await world.send("Hotel.book", {"nights": 1}, caller=None)
    await world.empty("Hotel")

    assert hotel.calls == 1


async def test_a_failure_tells_where_it_happened(world: World) -> None:
    await world.start(Hotel)

    task = await world.send("Hotel.speak")
    failure = await world.failure()

    expected = {"service": "Hotel", "task": "speak", "task_id": task.task_id, "worker": "w1", "attempt": "1"}
    assert failure.where.items() >= expected.items()


async def test_E10_an_exception_that_cannot_be_read_or_encoded_is_reported_as_text(world: World) -> None:
    await world.start(Hotel)

    await world.send("Hotel.speak")
    failure = await world.failure()

    assert "Unspeakable" in failure.type
    assert failure.message
    await world.empty("Hotel")


async def test_E11_a_result_that_cannot_be_encoded_fails_at_once_and_is_not_retried(world: World) -> None:
    hotel = Hotel()
    await world.start(hotel)

    await world.send("Hotel.give", {"size": 0})
    failure = await world.failure()

    assert "the result of Hotel.give cannot be sent" in failure.message
    assert hotel.calls == 1
    await world.empty("Hotel")


async def test_E11_a_result_over_the_payload_limit_fails_at_once_and_is_not_retried(world: World) -> None:
    hotel = Hotel()
    await world.start(hotel, codec=Codec(limit=1000))

    await world.send("Hotel.give", {"size": 2000})
    failure = await world.failure()

    assert "the limit is 1000" in failure.message
    assert hotel.calls == 1


async def test_arguments_that_do_not_fit_fail_at_once_and_name_the_task(world: World) -> None:
    hotel = Hotel()
    await world.start(hotel)

    await world.send("Hotel.break_down", {"nights": "many"})
    failure = await world.failure()

    assert "Hotel.break_down" in failure.message
    assert hotel.calls == 0
    await world.empty("Hotel")


async def test_SystemExit_in_a_task_is_a_failure_of_the_task_and_the_worker_goes_on(world: World) -> None:
    hotel = Hotel()
    await world.start(hotel)

    await world.send("Hotel.break_down")
    failure = await world.failure()
    await world.send("Hotel.book", {"nights": 1})

    assert failure.type == "SystemExit"
    assert hotel.calls == 5
    assert await world.value() == "1 nights"


async def test_an_unreadable_envelope_is_dead_lettered_alone_with_its_bytes_and_a_reason(world: World) -> None:
    await world.start(Hotel)
    await world.route_dead_letters()

    await world.publish("Hotel", b"garbage")
    await world.send("Hotel.book", {"nights": 2})
    letter = await world.letter()

    assert await world.value() == "2 nights"
    assert (letter.body, letter.source) == (b"garbage", str(ServiceQueue("Hotel")))
    assert "not an envelope" in letter.reason
    await world.empty("Hotel")


async def test_an_unknown_task_is_dead_lettered_and_the_caller_learns_what_the_service_has(world: World) -> None:
    await world.start(Hotel)
    await world.route_dead_letters()

    await world.send("Hotel.burn")
    letter = await world.letter()
    failure = await world.failure()

    assert failure.type == "TaskUnknown"
    assert "Hotel.burn" in failure.message
    assert "book, break_down, give, speak" in failure.message
    assert "Hotel.burn" in letter.reason
    await world.empty("Hotel")
