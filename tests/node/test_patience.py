"""What ends is begun again, and what cannot be mended is raised."""

import asyncio
from collections.abc import Iterator

import pytest
from loguru import logger

from leveret_actors import patience
from leveret_actors.patience import Patience
from leveret_broker.errors import (
    BrokerRefused,
    LeveretError,
    StaleEpoch,
    StoreUnavailable,
    SubscriptionLost,
    TransportClosed,
)


class Job:
    """Fails in the ways it is given, then is told to stop."""

    def __init__(self, *errors: Exception) -> None:
        self.over = asyncio.Event()
        self._errors = list(errors)

    async def __call__(self) -> None:
        if self._errors:
            raise self._errors.pop(0)
        self.over.set()


@pytest.fixture
def said() -> Iterator[list[str]]:
    lines: list[str] = []
    logger.enable("leveret_actors")
    sink = logger.add(lines.append, level="ERROR", format="{message}")
    yield lines
    logger.remove(sink)


@pytest.fixture
def waited(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    attempts: list[int] = []

    def no_time(attempt: int, **_: float) -> float:
        attempts.append(attempt)
        return 0.0

    monkeypatch.setattr(patience, "pause", no_time)
    return attempts


async def test_what_was_lost_begins_again_at_once_and_what_failed_after_longer_and_longer(waited: list[int]) -> None:
    job = Job(SubscriptionLost("gone"), StoreUnavailable("no"), StaleEpoch(), RuntimeError("a bug"))

    await Patience("it").persist(job, job.over)

    assert waited == [1, 2]


async def test_a_reward_makes_the_next_failure_the_first(waited: list[int]) -> None:
    patient = Patience("it")

    await patient.rest()
    patient.rewarded()
    await patient.rest()

    assert waited == [1, 1]


@pytest.mark.parametrize("error", [TransportClosed("over"), BrokerRefused("no")])
async def test_a_final_error_is_raised(error: LeveretError) -> None:
    job = Job(error)

    with pytest.raises(type(error)):
        await Patience("it").persist(job, job.over)


async def test_it_stops_in_the_middle_of_a_pause() -> None:
    job = Job(StoreUnavailable("no"))
    patient = Patience("it", first=3600, longest=3600)

    running = asyncio.create_task(patient.persist(job, job.over))
    await asyncio.sleep(0)
    job.over.set()
    async with asyncio.timeout(10):
        await running

    assert job.over.is_set()


@pytest.mark.usefixtures("waited")
async def test_the_same_is_said_once_and_a_bug_with_its_stack_each_time(said: list[str]) -> None:
    errors = [StoreUnavailable("a"), StoreUnavailable("a"), StoreUnavailable("b"), RuntimeError("bug")]
    job = Job(*errors, RuntimeError("bug"))

    await Patience("it").persist(job, job.over)

    assert [line.splitlines()[0] for line in said[:2]] == ["it: a", "it: b"]
    assert len(said) == 4
    assert all("Traceback" in line for line in said[2:])
