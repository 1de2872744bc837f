"""S · policies: what they say, and who wins when several speak of one task."""

from __future__ import annotations

from typing import Any

import pytest

from leveret import service, workflow
from leveret.errors import WorkflowFailed
from leveret.retry import Retry, RetryDetails
from leveret.service import ServiceSettings, TaskSettings
from tests.bench import delays
from tests.conformance.house import House

AT_ONCE: dict[str, Any] = {"initial": 0, "jitter": 0}


class Refused(Exception):
    pass


class VeryRefused(Refused):
    pass


def tries(attempts: int) -> Retry:
    """Return the policy of one layer: the number of attempts tells which one was asked."""
    return Retry(attempts=attempts, **AT_ONCE)


class Counts:
    """Counts the attempts of its two tasks, which fail always."""

    def __init__(self) -> None:
        self.attempts: dict[str, int] = {}

    def _fail(self) -> None:
        context = service.context()
        self.attempts[context.task] = context.attempt
        raise VeryRefused("no")


@service.define(name="Layered", retry=tries(2))
class Layered(Counts):
    @service.task(retry=tries(3))
    async def marked(self) -> None:
        self._fail()

    async def plain(self) -> None:
        self._fail()


@service.define(name="Bare")
class Bare(Counts):
    async def marked(self) -> None:
        self._fail()

    async def plain(self) -> None:
        self._fail()


@workflow.define
class Asks:
    async def run(self, name: str) -> Any:
        return await workflow.task(name)


NOTHING = ServiceSettings()
FILE = ServiceSettings(retry=tries(6))
FILE_TASK = ServiceSettings(retry=tries(6), tasks={"marked": TaskSettings(retry=tries(7))})
REGISTRATION = {"retry": tries(4)}
REGISTRATION_TASK = {"retry": tries(4), "tasks": {"marked": service.task_settings(retry=tries(5))}}


@pytest.mark.parametrize(
    ("kind", "task", "file", "registration", "wins"),
    [
        (Layered, "marked", FILE_TASK, REGISTRATION_TASK, 7),
        (Layered, "marked", FILE, REGISTRATION_TASK, 6),
        (Layered, "marked", NOTHING, REGISTRATION_TASK, 5),
        (Layered, "plain", NOTHING, REGISTRATION_TASK, 4),
        (Layered, "marked", NOTHING, REGISTRATION, 4),
        (Layered, "marked", FILE, {}, 6),
        (Layered, "plain", FILE, {}, 6),
        (Bare, "plain", FILE, {}, 6),
        (Bare, "plain", FILE_TASK, {}, 6),
        (Bare, "plain", NOTHING, REGISTRATION, 4),
        (Layered, "marked", NOTHING, {}, 3),
        (Layered, "plain", NOTHING, {}, 2),
        (Bare, "plain", NOTHING, {}, 1),
    ],
)
async def test_S02_file_wins_over_registration_over_method_over_class_over_none(
    house: House, kind: type[Counts], task: str, file: ServiceSettings, registration: dict[str, Any], wins: int
) -> None:
    target = kind()
    name = kind.__name__
    await house.open(Asks, services=(service.configured(target, **registration),), configured={name: file})

    with pytest.raises(WorkflowFailed, match="Refused: no"):
        await house.call(Asks, f"{name}.{task}")

    assert target.attempts[task] == wins


@service.define(name="Picky")
class Picky:
    def __init__(self) -> None:
        self.details: list[RetryDetails] = []
        self.attempts: list[int] = []

    @service.task(retry=Retry(attempts=3, only=("Refused",), **AT_ONCE))
    async def only(self) -> None:
        self.attempts.append(service.context().attempt)
        raise VeryRefused("no")

    @service.task(retry=Retry(attempts=3, only=(OSError,), **AT_ONCE))
    async def only_others(self) -> None:
        self.attempts.append(service.context().attempt)
        raise VeryRefused("no")


@pytest.mark.parametrize(("task", "attempts"), [("only", [1, 2, 3]), ("only_others", [1])])
async def test_S01_a_policy_for_some_exceptions_retries_no_others(house: House, task: str, attempts: list[int]) -> None:
    picky = Picky()
    await house.open(Asks, services=(picky,))

    with pytest.raises(WorkflowFailed, match="VeryRefused: no"):
        await house.call(Asks, f"Picky.{task}")

    assert picky.attempts == attempts


async def test_S01_a_callable_sees_attempt_exception_time_and_the_last_delay(house: House) -> None:
    picky = Picky()

    def policy(details: RetryDetails) -> float | None:
        picky.details.append(details)
        return 0.02 * details.attempt if details.attempt < 3 else None

    await house.open(Asks, services=(service.configured(picky, retry=policy),))

    with pytest.raises(WorkflowFailed, match="VeryRefused: no"):
        await house.call(Asks, "Picky.only")

    assert [one.attempt for one in picky.details] == [1, 2, 3]
    assert [one.last_delay for one in picky.details] == [0.0, 0.02, 0.04]
    assert all(type(one.error) is VeryRefused for one in picky.details)
    assert picky.details[0].elapsed < picky.details[1].elapsed < picky.details[2].elapsed


async def test_S01_delays_are_right_within_a_fifth_and_a_tenth_of_a_second(url: str) -> None:
    found = await delays.measure(url, (0.02, 0.1, 0.3, 0.7, 1.3), each=2)

    assert [(row.delay, row.took) for row in found if not row.good] == []


@pytest.mark.slow
async def test_S01_so_are_longer_ones_up_to_a_minute(url: str) -> None:
    found = await delays.measure(url, (3.7, 14.0, 29.0, 60.0), each=2)

    assert [(row.delay, row.took) for row in found if not row.good] == []
