"""C: signals to one instance."""

from leveret import workflow
from leveret_broker.address import DEAD_LETTERS
from tests.workflow.harness import Driver


@workflow.define(name="Inlets")
class Inlets:
    numbers = workflow.Channel[int]()
    other = workflow.Channel[int]()
    now = workflow.Channel[int](buffered=False)
    things = workflow.Channel[int | str]()

    async def one(self) -> int:
        return await self.numbers.receive()

    async def sum(self) -> list[int]:
        got: list[int] = []
        async for number in self.numbers:
            if number < 0:
                break
            got.append(number)
        return got

    async def late(self) -> int:
        await workflow.timer(seconds=10)
        return await self.numbers.receive()

    async def late_now(self) -> int:
        await workflow.timer(seconds=10)
        return await self.now.receive()

    async def text_then_number(self) -> tuple[str, int]:
        text = await self.things.receive(str)
        return text, await self.things.receive(int)

    async def big(self) -> list[int]:
        big = await self.numbers.receive(where=lambda n: n > 10)
        return [big, *await self.numbers.receive(2)]

    async def broken(self) -> str:
        try:
            await self.numbers.receive(where=lambda n: 1 // n > 0)
        except ZeroDivisionError:
            return f"zero, then {await self.numbers.receive()}"
        return "none"


def test_C01_C03_only_a_signal_to_the_channel_resumes() -> None:
    driver = Driver(Inlets)
    driver.start(method="one")

    driver.signal("other", 1)
    assert driver.status == "running"
    driver.signal("numbers", 2)

    assert driver.value == 2


def test_C04_a_buffered_channel_keeps_what_comes_early() -> None:
    driver = Driver(Inlets)
    driver.start(method="late")

    driver.signal("numbers", 7)
    driver.advance(10)

    assert driver.value == 7


def test_C04_an_unbuffered_channel_discards_what_nobody_receives() -> None:
    driver = Driver(Inlets)
    driver.start(method="late_now")

    driver.signal("now", 7)
    driver.advance(10)
    assert driver.status == "running"
    driver.signal("now", 8)

    assert driver.value == 8


def test_C05_a_receiver_by_type_leaves_the_others() -> None:
    driver = Driver(Inlets)
    driver.start(method="text_then_number")

    driver.signal("things", 1)
    driver.signal("things", "a")

    assert driver.value == ["a", 1]


def test_C06_C09_predicates_and_counts_take_only_theirs() -> None:
    driver = Driver(Inlets)
    driver.start(method="big")

    for number in (1, 2, 30, 3):
        driver.signal("numbers", number)

    assert driver.value == [30, 1, 2]


def test_a_predicate_that_raises_fails_its_receive_and_leaves_the_signal() -> None:
    driver = Driver(Inlets)
    driver.start(method="broken")

    driver.signal("numbers", 0)

    assert driver.value == "zero, then 0"


def test_C08_signals_of_one_batch_come_in_order_of_acceptance() -> None:
    driver = Driver(Inlets)
    driver.start(method="sum")

    driver.turn(*(driver.signal_envelope("numbers", n) for n in (3, 1)), driver.signal_envelope("numbers", 2))
    driver.signal("numbers", -1)

    assert driver.value == [3, 1, 2]


def test_C11_what_cannot_be_decoded_is_dead_lettered_and_the_instance_lives() -> None:
    driver = Driver(Inlets)
    driver.start(method="sum")

    bad = driver.signal_envelope("numbers", "no number")
    unknown = driver.signal_envelope("nowhere", 1)
    turn = driver.turn(driver.signal_envelope("numbers", 1), bad, unknown, driver.signal_envelope("numbers", -1))

    assert [post.envelope for post in turn.posts if post.to == DEAD_LETTERS] == [bad, unknown]
    assert driver.value == [1]


def test_C12_a_signal_to_nobody_or_to_a_closed_instance_is_discarded() -> None:
    driver = Driver(Inlets)

    assert driver.signal("numbers", 1).write is None
    driver.start(method="one")
    driver.signal("numbers", 2)
    assert driver.signal("numbers", 3).write is None

    assert driver.value == 2


def test_C13_the_same_message_twice_is_one_signal() -> None:
    driver = Driver(Inlets)
    driver.start(method="sum")
    twice = driver.signal_envelope("numbers", 1)

    driver.turn(twice, twice)
    assert driver.turn(twice).write is None
    driver.signal("numbers", -1)

    assert driver.value == [1]


def test_a_patient_signal_waits_for_its_instance() -> None:
    driver = Driver(Inlets)

    early = driver.signal_envelope("numbers", 5, patient=True)
    driver.turn(early)
    assert driver.status == "awaited"
    driver.turn(early)
    driver.clock += 59
    driver.start(method="one")

    assert driver.value == 5
    assert not driver.timers


def test_a_patient_signal_gives_up_after_a_minute() -> None:
    driver = Driver(Inlets)

    driver.signal("numbers", 5, patient=True)
    driver.advance(30)
    driver.signal("numbers", 6, patient=True)
    driver.advance(40)
    driver.start(method="one")
    assert driver.value == 6

    nobody = Driver(Inlets)
    nobody.signal("numbers", 5, patient=True)
    nobody.advance(60)
    assert not nobody.store.there


def test_a_signal_in_the_batch_of_the_start_is_not_lost() -> None:
    driver = Driver(Inlets)

    driver.turn(driver.start_envelope(method="one"), driver.signal_envelope("numbers", 4))

    assert driver.value == 4
