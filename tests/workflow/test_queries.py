"""P06: read-only methods, on running, failed and closed instances."""

import asyncio
from typing import Any

import pytest

from leveret import ConfigurationError, workflow
from leveret_broker.envelope import ClientCaller, Query
from leveret_broker.outcome import Completed, Failed, Outcome, Unknown
from tests.workflow.harness import CODEC, Driver


@workflow.define(name="Tank")
class Tank:
    fill = workflow.Channel[int]()

    def __init__(self) -> None:
        self.level = 0
        self.notes: list[str] = []

    async def run(self, until: int) -> int:
        async for amount in self.fill:
            self.level += amount
            if amount < 0:
                raise ValueError("negative")
            if self.level >= until:
                break
        return self.level

    async def hold(self) -> None:
        self.lock = asyncio.Lock()
        await self.fill.receive()

    @workflow.query
    def current(self, factor: int = 1) -> int:
        return self.level * factor

    @workflow.query
    def drains(self) -> int:
        self.notes.append("drained")
        return self.level

    @workflow.query
    def waits(self) -> object:
        return asyncio.sleep(1)

    @workflow.query
    def sets_timer(self) -> str:
        try:
            workflow.timer(1)
        except Exception:
            return "swallowed"
        return "set"

    @workflow.query
    def draws(self) -> float:
        return workflow.random().random()

    @workflow.query
    def breaks(self) -> float:
        return 1 / self.level


def ask(driver: Driver, method: str, **arguments: Any) -> Outcome:
    turn = driver.send(Query(method, CODEC.dump(arguments), ClientCaller("client", "q")))
    assert turn.write is None
    return driver.answers[-1]


def value(outcome: Outcome) -> Any:
    assert isinstance(outcome, Completed), outcome
    return CODEC.load(outcome.value)


def failure(outcome: Outcome) -> str:
    assert isinstance(outcome, Failed), outcome
    return f"{outcome.failure.type}: {outcome.failure.message}"


def test_P06_a_query_answers_on_a_running_a_failed_and_a_completed_instance_and_writes_nothing() -> None:
    running, failed, completed = Driver(Tank), Driver(Tank), Driver(Tank)
    for driver, amount in ((running, 3), (failed, -3), (completed, 30)):
        driver.start(until=10)
        driver.signal("fill", amount)

    assert [driver.status for driver in (running, failed, completed)] == ["running", "failed", "completed"]
    assert [value(ask(driver, "current", factor=2)) for driver in (running, failed, completed)] == [6, -6, 60]
    assert running.live is not None


def test_P06_a_query_sees_what_came_before_it_in_its_batch() -> None:
    driver = Driver(Tank)
    driver.start(until=10)
    question = driver.envelope(Query("current", CODEC.dump({}), ClientCaller("client", "q")))

    driver.turn(driver.signal_envelope("fill", 3), question)
    driver.turn(driver.signal_envelope("fill", 30), question)

    assert [value(outcome) for outcome in driver.answers if value(outcome) in {3, 33}] == [3, 33, 33]


@pytest.mark.parametrize(
    ("method", "text"),
    [
        ("drains", "changed properties"),
        ("waits", "something to await"),
        ("sets_timer", "cannot set a timer"),
        ("draws", "cannot draw a random number"),
        ("breaks", "ZeroDivisionError"),
        ("nothing", "is no query"),
        ("run", "is no query"),
    ],
)
def test_P06_what_a_query_must_not_do_fails_the_query_and_not_the_instance(method: str, text: str) -> None:
    driver = Driver(Tank)
    driver.start(until=1)

    outcome = ask(driver, method)
    driver.signal("fill", 5)

    assert text in failure(outcome)
    assert (driver.status, driver.value) == ("completed", 5)


def test_P06_arguments_that_do_not_fit_fail_the_query() -> None:
    driver = Driver(Tank)
    driver.start(until=1)

    assert "Tank.current(): the arguments do not fit" in failure(ask(driver, "current", factor="many"))


def test_P06_an_instance_whose_properties_cannot_be_compared_is_replayed_after_a_query() -> None:
    driver = Driver(Tank)
    driver.start(method="hold")

    answered = value(ask(driver, "current"))
    kept = driver.live
    driver.signal("fill", 1)

    assert (answered, kept) == (0, None)
    assert driver.status == "completed"


def test_P06_a_query_of_nobody_says_so() -> None:
    driver = Driver(Tank)

    assert isinstance(ask(driver, "current"), Unknown)


def test_P06_an_async_query_is_refused_at_its_definition() -> None:
    async def later() -> None: ...

    with pytest.raises(ConfigurationError, match="plain function"):
        workflow.query(later)
