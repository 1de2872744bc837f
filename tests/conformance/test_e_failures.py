"""E · failures: of tasks, of the code itself, and what callers learn of them."""

from __future__ import annotations

from typing import Any, NoReturn

import pytest

from leveret import service, workflow
from leveret.errors import TaskFailed, WorkflowFailed
from leveret.failure import attributes_of
from leveret.retry import Retry
from leveret_broker.outcome import Failure
from tests.conformance.bench import Bench, SteeredBench
from tests.conformance.house import DEADLINE, House


class CardRefused(Exception):
    def __init__(self, code: int) -> None:
        super().__init__(f"refused with {code}")
        self.code = code
        self.details = {"bank": "B", "codes": [code, code + 1]}
        self.socket = object()  # cannot be encoded: left out
        self._secret = "x"


class Mute(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


class Till:
    """Fails in every way; counts attempts."""

    def __init__(self) -> None:
        self.attempts = 0

    @service.task(retry=Retry(initial=0.01, attempts=3))
    async def pay(self, code: int) -> int:
        self.attempts += 1
        try:
            raise ConnectionError("bank away")
        except ConnectionError as error:
            raise CardRefused(code) from error

    async def mumble(self) -> None:
        raise Mute

    @service.task(retry=Retry(attempts=0))
    async def give_socket(self) -> Any:
        self.attempts += 1
        return object()

    @service.task(retry=Retry(attempts=0))
    async def give_too_much(self) -> bytes:
        self.attempts += 1
        return b"x" * 2_000_000


def interrupt(_: str) -> NoReturn:
    raise KeyboardInterrupt


@workflow.define
class Fragile:
    """One failure a method."""

    till = workflow.service(Till)
    bench = workflow.service(Bench)
    go = workflow.Channel[str]()

    def __init__(self) -> None:
        self.steps: list[str] = []

    async def uncaught(self) -> int:
        return await self.till.pay(7)

    async def caught(self) -> dict[str, Any]:
        try:
            await self.till.pay(7)
        except TaskFailed as error:
            return {**as_data(error.failure), "id": error.failure.where["task_id"], "run": workflow.info().run}
        return {}

    async def goes_on(self) -> list[str]:
        self.steps.append("before")
        try:
            await self.bench.fail("x")
        except TaskFailed as error:
            self.steps.append(error.failure.message)
        self.steps.append(await self.bench.say("after"))
        return self.steps

    async def unwatched(self) -> str:
        failed = workflow.dispatch(self.bench.fail, "x")
        word = await self.bench.say("fine")
        await self.go.receive()
        return f"{word} {failed.status}"

    async def breaks(self) -> None:
        await self.go.receive()
        raise CardRefused(9)

    async def mute(self) -> None:
        raise Mute

    async def mute_task(self) -> list[str]:
        try:
            await self.till.mumble()
        except TaskFailed as error:
            return [error.failure.type, error.failure.message]
        return []

    async def exits(self) -> None:
        raise SystemExit(3)

    async def interrupts(self) -> str:
        return await self.go.receive(where=interrupt)

    async def gives_socket(self) -> Any:
        return await self.till.give_socket()

    async def gives_too_much(self) -> Any:
        return await self.till.give_too_much()

    async def returns_socket(self) -> Any:
        return object()


def as_data(failure: Failure) -> dict[str, Any]:
    assert failure.cause is not None
    return {
        "type": failure.type,
        "message": failure.message,
        "attributes": attributes_of(failure),
        "where": {key: failure.where[key] for key in ("service", "task", "attempt")},
        "worker": bool(failure.where["worker"]),
        "traceback": "raise CardRefused(code) from error" in failure.traceback,
        "cause": [failure.cause.type, failure.cause.message],
    }


async def failure_of(house: House, method: str) -> Failure:
    handle = await house.start(Fragile, method=method)
    with pytest.raises(WorkflowFailed) as caught:
        await handle.result(DEADLINE)
    return caught.value.failure


async def test_E01_E04_a_task_out_of_retries_tells_everything_of_its_failure(house: House) -> None:
    till = Till()
    await house.open(Fragile, services=(till,))

    told = await house.call(Fragile, method="caught")

    assert told.pop("id") == f"{told.pop('run')}.1"
    assert told == {
        "type": f"{__name__}.CardRefused",
        "message": "refused with 7",
        "attributes": {"code": 7, "details": {"bank": "B", "codes": [7, 8]}},
        "where": {"service": "Till", "task": "pay", "attempt": "3"},
        "worker": True,
        "traceback": True,
        "cause": ["ConnectionError", "bank away"],
    }
    assert till.attempts == 3


async def test_E01_one_that_escapes_reaches_the_client_with_the_whole_chain(house: House) -> None:
    await house.open(Fragile, services=(Till(),))

    failure = await failure_of(house, "uncaught")

    assert failure.type == "leveret.errors.TaskFailed"
    assert failure.where["workflow"] == "Fragile"
    assert failure.cause is not None
    assert as_data(failure.cause)["attributes"] == {"code": 7, "details": {"bank": "B", "codes": [7, 8]}}
    assert as_data(failure.cause)["cause"] == ["ConnectionError", "bank away"]


async def test_E02_a_caught_failure_lets_the_workflow_go_on_with_its_properties(house: House) -> None:
    await house.open(Fragile, services=(SteeredBench(),))

    assert await house.call(Fragile, method="goes_on") == ["before", "no room for x", "after"]


async def test_E03_a_failure_that_nobody_awaits_has_no_effect(house: House) -> None:
    bench = SteeredBench()
    await house.open(Fragile, services=(bench,))
    handle = await house.start(Fragile, method="unwatched", id="f")
    await house.described(handle, lambda row: [command["kind"] for command in row["pending"]] == ["receive"])

    await house.client.get(Fragile, id="f").go.send("on")

    assert await handle.result(DEADLINE) == "fine failed"


async def test_E05_a_plain_exception_fails_the_instance_which_is_kept_with_its_cause(house: House) -> None:
    await house.open(Fragile)
    handle = await house.start(Fragile, method="breaks", id="f", tags={"t"})
    waiting = house.client.get(Fragile, id="f")
    await waiting.go.send("now")

    with pytest.raises(WorkflowFailed, match="CardRefused: refused with 9") as caught:
        await handle.result(DEADLINE)
    await house.restart()

    assert attributes_of(caught.value.failure)["code"] == 9
    row = await house.describe(handle)
    assert (row["status"], row["reason"]) == ("failed", f"{__name__}.CardRefused: refused with 9")
    with pytest.raises(WorkflowFailed):
        await handle.result(DEADLINE)
    assert [member.id async for member in house.client.members(house.client.all(Fragile, tag="t"))] == ["f"]


async def test_E10_an_exception_without_a_readable_text_is_still_reported(house: House) -> None:
    await house.open(Fragile, services=(Till(),))

    mute, exits = [await failure_of(house, method) for method in ("mute", "exits")]
    task = await house.call(Fragile, method="mute_task")

    assert (mute.type, mute.message) == (f"{__name__}.Mute", "<str() of the exception raised RuntimeError>")
    assert (exits.type, exits.message) == ("SystemExit", "3")
    assert task == [mute.type, mute.message]


async def test_E10_what_would_end_a_process_ends_only_what_waits_for_it(house: House) -> None:
    await house.open(Fragile)
    interrupted = await house.start(Fragile, method="interrupts")
    other = await house.start(Fragile, method="breaks")
    for handle in (interrupted, other):
        await house.waiting(handle, "receive")

    for handle in (interrupted, other):
        await house.client.get(Fragile, id=handle.id).go.send("go")

    for handle, reason in ((interrupted, "raised KeyboardInterrupt"), (other, "refused with 9")):
        assert reason in (await house.status(handle, "failed"))["reason"]


@pytest.mark.parametrize(
    ("method", "text"), [("gives_socket", "type object cannot be encoded"), ("gives_too_much", "the limit is 1048576")]
)
async def test_E11_a_result_that_cannot_be_sent_fails_the_task_at_once(house: House, method: str, text: str) -> None:
    till = Till()
    await house.open(Fragile, services=(till,))

    failure = await failure_of(house, method)

    assert failure.cause is not None
    assert text in failure.cause.message
    assert f"Till.{method.replace('gives', 'give')}" in failure.cause.message
    assert till.attempts == 1


async def test_E11_a_result_of_a_workflow_that_cannot_be_sent_fails_it_with_a_clear_text(house: House) -> None:
    await house.open(Fragile)

    failure = await failure_of(house, "returns_socket")

    assert "Fragile.returns_socket" in failure.message
    assert "object" in failure.message
