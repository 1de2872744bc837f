"""What follows a failed attempt."""

import asyncio
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leveret import service
from leveret.retry import ErrorKind, Retry, RetryDetails
from leveret_actors.service.execution import slots
from leveret_actors.settings import ServiceSettings
from leveret_broker.address import Address
from leveret_broker.embedded.memory import MemoryTransport
from leveret_broker.envelope import Ended
from leveret_broker.errors import ConfigurationError
from leveret_broker.outcome import Completed, Failed
from tests.service.world import World

AT_ONCE = Retry(initial=0, attempts=3)


class CardRefused(Exception):
    pass


class Shop:
    """Fails until `good`."""

    def __init__(self, good: int = 1_000) -> None:
        self.good = good
        self.contexts: list[service.TaskContext] = []
        self.times: list[float] = []

    def _fail(self) -> str:
        context = service.context()
        self.contexts.append(context)
        self.times.append(time.time())
        context.meta["seen"] = f"{context.meta.get('seen', '')}{context.attempt}"
        if context.attempt < self.good:
            raise ValueError(f"attempt {context.attempt}")
        return context.meta["seen"]

    async def once(self) -> str:
        return self._fail()

    @service.task(retry=AT_ONCE)
    async def buy(self) -> str:
        return self._fail()

    @service.task(retry=Retry(initial=0, ignore=(CardRefused,)))
    async def pay(self) -> None:
        self.contexts.append(service.context())
        raise CardRefused("no")

    @service.task(retry=lambda details: 0.0 if "attempt 1" in str(details.error) else None)
    async def ask(self) -> str:
        return self._fail()

    @service.task(retry=Retry(initial=0.05, factor=1, jitter=0, attempts=3))
    async def wait(self) -> str:
        return self._fail()


@service.define(name="Classy", retry=Retry(initial=0, attempts=2))
class Classy(Shop):
    async def once(self) -> str:
        return self._fail()


async def test_S01_without_a_policy_the_first_failure_is_the_last(world: World) -> None:
    shop = Shop()
    await world.start(shop)

    await world.send("Shop.once")
    failure = await world.failure()

    assert (failure.type, failure.message, len(shop.contexts)) == ("ValueError", "attempt 1", 1)
    await world.empty("Shop")


async def test_S01_a_policy_ends_with_its_last_attempt(world: World) -> None:
    shop = Shop()
    await world.start(shop)

    await world.send("Shop.buy")
    failure = await world.failure()

    assert (failure.message, failure.where["attempt"]) == ("attempt 3", "3")
    assert [context.attempt for context in shop.contexts] == [1, 2, 3]
    await world.empty("Shop")


async def test_S01_ignored_exceptions_are_not_retried(world: World) -> None:
    shop = Shop()
    await world.start(shop)

    await world.send("Shop.pay")
    failure = await world.failure()

    assert "CardRefused" in failure.type
    assert len(shop.contexts) == 1


async def test_S01_a_callable_is_a_policy_and_sees_the_error(world: World) -> None:
    shop = Shop()
    await world.start(shop)

    await world.send("Shop.ask")
    failure = await world.failure()

    assert failure.message == "attempt 2"


async def test_S01_a_policy_sees_the_time_since_the_first_attempt_and_the_last_delay(world: World) -> None:
    seen: list[RetryDetails] = []

    def policy(details: RetryDetails) -> float | None:
        seen.append(details)
        return 0.05 if details.attempt < 3 else None

    shop = Shop()
    await world.start(shop, settings=ServiceSettings(retry=policy))

    await world.send("Shop.once")
    await world.failure()

    first, second, third = seen
    assert [one.last_delay for one in seen] == [0.0, 0.05, 0.05]
    assert 0 <= first.elapsed < second.elapsed < third.elapsed
    assert third.elapsed == pytest.approx(shop.times[2] - shop.times[0], abs=0.05)
    assert third.elapsed >= 0.08


class Declined(CardRefused):
    pass


@pytest.mark.parametrize(
    ("kinds", "retried"),
    [
        (("CardRefused",), True),
        ((f"{__name__}:CardRefused",), True),
        ((CardRefused, KeyError), True),
        ((Declined,), True),
        (("KeyError", KeyError), False),
        (("builtins:CardRefused",), False),
    ],
)
def test_S01_kinds_of_exceptions_are_named_by_class_or_name_and_mean_those_derived_from_them(
    kinds: tuple[ErrorKind, ...], retried: bool
) -> None:
    details = RetryDetails("Shop", "pay", "t", 1, Declined())

    assert (Retry(only=kinds)(details) is not None) is retried
    assert (Retry(ignore=kinds)(details) is not None) is not retried
    assert Retry(only=(Exception,), ignore=(Declined,))(details) is None


@pytest.mark.parametrize("kinds", [CardRefused, "CardRefused", [CardRefused], (3,), ("",), (int,)])
def test_S01_what_names_no_exceptions_is_refused(kinds: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"Retry\(only=\.\.\.\) takes a tuple"):
        Retry(only=kinds)


@given(
    initial=st.floats(0, 1e6),
    factor=st.floats(1, 1e3),
    maximum=st.floats(0, 1e6),
    jitter=st.floats(0, 1),
    attempt=st.integers(1, 10_000),
)
def test_S01_a_delay_is_never_over_the_cap_and_never_under_its_jitter(
    initial: float, factor: float, maximum: float, jitter: float, attempt: int
) -> None:
    policy = Retry(initial=initial, factor=factor, maximum=maximum, jitter=jitter, attempts=0)
    full = Retry(initial=initial, factor=factor, maximum=maximum, jitter=0, attempts=0)
    details = RetryDetails("Shop", "pay", "t", attempt, ValueError())

    delay, whole = policy(details), full(details)

    assert delay is not None
    assert whole is not None
    assert whole * (1 - jitter) <= delay <= whole <= maximum
    assert attempt > 1 or whole == min(initial, maximum)


@pytest.mark.parametrize("answer", [float("nan"), float("inf"), "soon", SystemExit(1)])
async def test_S01_a_broken_policy_gives_up_with_the_failure_of_the_task(world: World, answer: Any) -> None:
    def policy(details: RetryDetails) -> Any:
        if isinstance(answer, BaseException):
            raise answer
        return answer

    await world.start(Shop(), settings=ServiceSettings(retry=policy))

    await world.send("Shop.once")
    failure = await world.failure()

    assert failure.message == "attempt 1"
    await world.empty("Shop")


async def test_S01_a_delay_passes_before_the_next_attempt(world: World) -> None:
    shop = Shop(good=3)
    await world.start(shop)

    await world.send("Shop.wait")

    assert await world.value() == "123"
    assert shop.times[1] - shop.times[0] >= 0.04
    assert shop.times[2] - shop.times[1] >= 0.04


async def test_S01_a_delay_passes_even_when_the_ladder_is_shorter(
    memory_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish = MemoryTransport.publish

    def short(transport: MemoryTransport, address: Address, body: bytes, **options: Any) -> asyncio.Future[None]:
        options["delay"] = min(options.get("delay", 0.0), 0.01)
        return publish(transport, address, body, **options)

    monkeypatch.setattr(MemoryTransport, "publish", short)
    world = memory_world
    shop = Shop(good=2)
    await world.start(shop)

    await world.send("Shop.wait")

    assert await world.value() == "12"
    assert shop.times[1] - shop.times[0] >= 0.039
    await world.empty("Shop")


async def test_S01_a_task_that_comes_before_its_time_is_sent_up_the_ladder_again(world: World) -> None:
    shop = Shop(good=1)
    await world.start(shop)
    not_before = time.time() + 0.05

    await world.send("Shop.once", not_before=not_before)
    await world.value()

    assert shop.times[0] >= not_before - 0.011
    await world.empty("Shop")


async def test_S02_file_wins_over_registration_over_method_over_class_over_none(world: World) -> None:
    async def attempts(target: Shop, task: str, *said: ServiceSettings) -> int:
        file, registration = said or (None, None)
        worker = await world.start(target, settings=file, registration=registration)
        await world.send(task)
        attempt = int((await world.failure()).where["attempt"])
        await worker.stop()
        return attempt

    file = ServiceSettings(retry=Retry(initial=0, attempts=5))
    registration = ServiceSettings(retry=Retry(initial=0, attempts=4))

    assert await attempts(Shop(), "Shop.buy", file, registration) == 5
    assert await attempts(Shop(), "Shop.buy", ServiceSettings(), registration) == 4
    assert await attempts(Classy(), "Classy.buy") == 3
    assert await attempts(Classy(), "Classy.once") == 2
    assert await attempts(Shop(), "Shop.once") == 1


def test_S02_S08_the_files_concurrency_wins_over_the_registrations_the_codes_and_the_nodes() -> None:
    @service.define(concurrency=2)
    class Narrow:
        async def run(self) -> None: ...

    narrow, file, registration = (
        service.instance(Narrow()),
        ServiceSettings(concurrency=5),
        ServiceSettings(concurrency=4),
    )

    assert slots(narrow, [file, registration], 32) == 5
    assert slots(narrow, [ServiceSettings(), registration], 32) == 4
    assert slots(narrow, [], 32) == 2
    assert slots(service.instance(Shop()), [], 32) == 32


async def test_S03_the_context_tells_who_calls_and_meta_goes_on_to_the_next_attempt(world: World) -> None:
    shop = Shop(good=3)
    await world.start(shop)

    task = await world.send(
        "Shop.buy", sequence=1, tags=("a", "b"), meta={"tenant": "t1"}, workflow="Flow", instance="i1", run="run"
    )

    assert await world.value() == "123"
    first, second, _ = shop.contexts
    assert (first.service, first.task, first.task_id) == ("Shop", "buy", task.task_id)
    assert (first.workflow, first.instance, first.run, first.sequence) == ("Flow", "i1", "run", 1)
    assert (first.tags, first.last_failure) == (frozenset("ab"), None)
    assert second.meta == {"tenant": "t1", "seen": "12"}
    assert second.last_failure is not None
    assert second.last_failure.message == "attempt 1"


async def test_S03_meta_that_is_no_text_becomes_text_and_loses_no_task(world: World) -> None:
    class Sloppy:
        @service.task(retry=AT_ONCE)
        async def run(self) -> str:
            meta: Any = service.context().meta
            if not meta:
                meta["n"] = 7
                raise ValueError
            return str(meta["n"])

    await world.start(Sloppy())

    await world.send("Sloppy.run")

    assert await world.value() == "7"


async def test_S04_the_task_id_is_the_same_over_all_attempts(world: World) -> None:
    shop = Shop()
    await world.start(shop)

    task = await world.send("Shop.buy")
    await world.failure()

    assert {context.task_id for context in shop.contexts} == {task.task_id}


async def test_O04_an_attempt_slower_than_its_timeout_is_followed_by_one_that_is_fast_enough(world: World) -> None:
    class Slow:
        @service.task(retry=AT_ONCE, timeout=0.02)
        async def run(self) -> int:
            if service.context().attempt < 3:
                await asyncio.Event().wait()
            return service.context().attempt

    await world.start(Slow())

    await world.send("Slow.run")
    envelope = await world.ended()

    assert isinstance(envelope.message, Ended)
    assert isinstance(envelope.message.outcome, Completed)
    assert envelope.message.attempt == 3


async def test_O04_a_task_faster_than_its_timeout_knows_nothing_of_it(world: World) -> None:
    await world.start(Shop(good=1), settings=ServiceSettings(timeout=5))

    await world.send("Shop.once")

    assert not isinstance(await world.outcome(), Failed)
