"""What operators do with dead letters, in Python."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from leveret.url import Url
from leveret_actors import DeadLetters, dead_letters
from leveret_actors.backends import backends
from leveret_actors.store.contract import DeadLetter, Store
from leveret_broker.address import MailboxQueue, ServiceQueue
from leveret_broker.codec import Codec
from leveret_broker.envelope import Envelope, Signal, Task, WorkflowCaller, decode, encode
from leveret_broker.outcome import Failure


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'letters.db'}"


@pytest.fixture
async def store(url: str) -> AsyncGenerator[Store]:
    _, store = backends(Url.parse(url))
    await store.open()
    yield store
    await store.close()


def task(number: int, service: str = "Mail") -> bytes:
    arguments = Codec().dump({"to": "Ann"})
    failure = Failure(type="OSError", message="no route")
    message = Task(f"run.{number}", service, "send", arguments, attempt=3, deaths=5, last_failure=failure)
    return encode(Envelope(message.task_id, "", message))


async def bury(store: Store, ident: str, body: bytes, *, age: float = 0.0, **fields: str) -> None:
    letter = {"source": "Mail", "reason": "5 workers died"} | fields
    await store.bury([DeadLetter(id=ident, at=await store.clock() - age, body=body, **letter)])


async def test_S10_a_dead_letter_tells_what_it_was_and_why_it_died(url: str, store: Store) -> None:
    await bury(store, "a", task(1))

    async with DeadLetters(url) as letters:
        (letter,) = [one async for one in letters.list("a")]

    assert (letter.service, letter.task, letter.task_id) == ("Mail", "send", "run.1")
    assert (letter.attempt, letter.arguments, letter.reason) == (3, {"to": "Ann"}, "5 workers died")
    assert letter.last_failure is not None
    assert letter.last_failure.message == "no route"


async def test_S10_letters_that_nobody_can_read_are_listed_too(url: str, store: Store) -> None:
    await bury(store, "a", b"\x00")
    await bury(store, "b", encode(Envelope("s", "i1", Signal("words", Codec().dump(1)))))

    async with DeadLetters(url) as letters:
        found = [one async for one in letters.list()]

    assert [one.what for one in found] == ["not an envelope", "signal words for 'i1'"]
    assert [one.arguments for one in found] == [None, None]


@pytest.mark.parametrize(
    ("which", "ids"),
    [
        ({}, "abc"),
        ({"service": "Mail"}, "ac"),
        ({"service": "Booking"}, "b"),
        ({"reason": "WORKERS"}, "ab"),
        ({"older": 50}, "a"),
        ({"newer": 50.0}, "bc"),
        ({"service": "Mail", "newer": 50}, "c"),
        ({"limit": 2}, "ab"),
        ({"limit": 1, "newer": 50}, "b"),
    ],
)
async def test_S10_letters_are_found_by_service_reason_and_age(
    url: str, store: Store, which: dict[str, Any], ids: str
) -> None:
    await bury(store, "a", task(1), age=100.0)
    await bury(store, "b", b"\x00", source="Booking.3", age=10.0)
    await bury(store, "c", task(2), reason="there is no task Mail.send")

    async with DeadLetters(url) as letters:
        found = [one.id async for one in letters.list(**which)]

    assert "".join(found) == ids


async def test_S10_letters_that_are_dropped_while_they_are_listed_hide_none_and_repeat_none(
    url: str, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dead_letters, "PAGE", 2)
    for ident in "abcde":
        await bury(store, ident, b"\x00")

    found = list[str]()
    async with DeadLetters(url) as letters:
        async for one in letters.list():
            found.append(one.id)
            if one.id == "b":
                await letters.drop("b")

    assert found == list("abcde")


async def test_S10_a_letter_whose_workflow_no_node_runs_stays(url: str, store: Store) -> None:
    caller = WorkflowCaller(MailboxQueue("Flow", 0), "i1", "5f0c", 1, "Flow")
    message = Task("5f0c.1", "Mail", "send", Codec().dump({}), caller, workflow="Flow", instance="i1", run="5f0c")
    await bury(store, "a", encode(Envelope("5f0c.1", "", message)))

    async with DeadLetters(url) as letters:
        (resent,) = [one async for one in letters.replay("a", timeout=0.05)]
        left = [one.id async for one in letters.list()]

    assert (resent.sent, left) == (False, ["a"])
    assert "no answer" in resent.text


async def test_S10_all_letters_of_a_service_are_sent_again_as_new_lives(url: str, store: Store) -> None:
    for number in range(250):
        await bury(store, f"m{number:03}", task(number))
    await bury(store, "other", task(300, "Post"), source="Post")
    transport, _ = backends(Url.parse(url))
    await transport.open()
    taking = await transport.subscribe_service(ServiceQueue("Mail"), 1000)

    async with DeadLetters(url) as letters:
        results = [one async for one in letters.replay(service="Mail")]
        left = [one.id async for one in letters.list()]
    sent = [decode(body).message for one in await taking.take() for body in one.bodies]
    await taking.close()
    await transport.close()

    assert len(results) == len(sent) == 250
    assert all(one.sent for one in results)
    assert left == ["other"]
    assert {(one.sequence, one.attempt, one.deaths) for one in sent if isinstance(one, Task)} == {(1, 1, 0)}


async def test_S10_dropped_letters_are_gone(url: str, store: Store) -> None:
    for ident in "abc":
        await bury(store, ident, b"\x00")

    async with DeadLetters(url) as letters:
        dropped = await letters.drop("a", "b", "unknown")
        left = [one.id async for one in letters.list()]

    assert (dropped, left) == (2, ["c"])
