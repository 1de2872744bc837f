"""What the broker refuses: who waits is told, with a reason, and a verb helps; or the node ends."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from leveret import Client, WorkflowFailed, events, listener, service, workflow
from leveret.url import Url
from leveret_actors import Node, node
from leveret_actors.backends import backends
from leveret_actors.mailbox import tenure
from leveret_actors.settings import Settings
from leveret_actors.store.contract import DeadLetter
from leveret_broker.address import Address, EventTopic, MailboxQueue, ServiceQueue
from leveret_broker.embedded.memory import MemoryTransport
from leveret_broker.envelope import Ended, Signal, Start, decode
from leveret_broker.errors import BrokerRefused, BrokerUnavailable, PublishFailed

pytestmark = pytest.mark.timeout(20)

REASON = "not sent: PRECONDITION_FAILED"


class Broker:
    """Does not take some bodies, for as long as a test wants."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        """Begin with one that takes everything."""
        self.refuses: Any = lambda _address, _message: False
        publish = MemoryTransport.publish

        def reluctant(transport: Any, address: Address, body: bytes, **rest: Any) -> asyncio.Future[None]:
            if isinstance(address, EventTopic) or not self.refuses(address, decode(body).message):
                return publish(transport, address, body, **rest)
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            future.set_exception(PublishFailed("PRECONDITION_FAILED"))
            return future

        patch.setattr(MemoryTransport, "publish", reluctant)
        patch.setattr(tenure, "FIRST_PAUSE", 0.001)
        patch.setattr(tenure, "TRIES", 3)


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> Broker:
    return Broker(monkeypatch)


@service.define
class Desk:
    async def say(self, word: str) -> str:
        return word


@workflow.define
class Inner:
    words = workflow.Channel[str]()

    async def run(self, word: str) -> str:
        return word


@workflow.define
class Outer:
    desk = workflow.service(Desk)

    async def run(self) -> str:
        return await self.desk.say("hi")

    async def parent(self) -> str:
        return await workflow.new(Inner).run("hi")

    async def shout(self) -> str:
        await workflow.get(Inner, id="nobody").words.send("hi")
        return "sent"


async def letters(url: str, count: int) -> list[DeadLetter]:
    """Wait until so many dead letters are kept."""
    _, store = backends(Url.parse(url))
    await store.open()
    while len(found := await store.dead_letters("", 10)) != count:
        await asyncio.sleep(0)
    await store.close()
    return found


async def test_a_task_that_the_broker_does_not_take_fails_with_the_reason_and_can_be_retried(broker: Broker) -> None:
    url = "memory://unsendable-task"
    broker.refuses = lambda address, _: isinstance(address, ServiceQueue)
    async with Node(url, workflows=[Outer], services=[Desk()]), Client(url) as client:
        handle = await client.dispatch(client.new(Outer, id="o").run)
        with pytest.raises(WorkflowFailed) as caught:
            await handle.result(10)
        described: dict[str, Any] = (await handle.describe()).data
        (letter,) = await letters(url, 1)

        broker.refuses = lambda *_: False
        await handle.retry_tasks()

        assert await handle.result(10) == "hi"
        assert await letters(url, 0) == []

    assert REASON in str(caught.value)
    assert [link["type"] for link in described["failure"]] == ["leveret.errors.TaskFailed", "NotSent"]
    assert (letter.source, letter.reason) == ("Desk", REASON)


async def test_a_child_whose_start_the_broker_does_not_take_fails(broker: Broker) -> None:
    url = "memory://unsendable-child"
    broker.refuses = lambda address, message: isinstance(message, Start) and address.kind == "Inner"
    async with Node(url, workflows=[Outer, Inner]), Client(url) as client:
        with pytest.raises(WorkflowFailed, match=REASON):
            await (await client.dispatch(client.new(Outer).parent)).result(10)


async def test_a_result_that_the_broker_does_not_take_fails_for_the_parent(broker: Broker) -> None:
    url = "memory://unsendable-result"

    def too_large(address: Address, message: object) -> bool:
        return isinstance(message, Ended) and "NotSent" not in repr(message) and isinstance(address, MailboxQueue)

    broker.refuses = too_large
    async with Node(url, workflows=[Outer, Inner]), Client(url) as client:
        with pytest.raises(WorkflowFailed, match=REASON):
            await (await client.dispatch(client.new(Outer).parent)).result(10)


async def test_a_signal_that_the_broker_does_not_take_is_a_dead_letter(broker: Broker) -> None:
    url = "memory://unsendable-signal"
    broker.refuses = lambda _, message: isinstance(message, Signal)
    async with Node(url, workflows=[Outer, Inner]), Client(url) as client:
        assert await client.new(Outer).shout() == "sent"
        (letter,) = await letters(url, 1)

    assert letter.source.startswith("Inner.")
    assert letter.reason == REASON


@pytest.mark.parametrize("takes", ["subscribe_service", "subscribe_dead_letters", "subscribe_mailbox"])
async def test_what_the_broker_refuses_to_hand_out_ends_the_node(monkeypatch: pytest.MonkeyPatch, takes: str) -> None:
    async def refused(*_: object) -> None:
        raise BrokerRefused("ACCESS_REFUSED")

    monkeypatch.setattr(MemoryTransport, takes, refused)

    with pytest.raises(BrokerRefused):
        await Node(f"memory://refused-{takes}", workflows=[Inner], services=[Desk()]).run()


async def test_a_node_that_starts_waits_for_a_broker_that_is_lost_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    count = MemoryTransport.mailbox_count

    async def lost(transport: MemoryTransport, kind: str, proposed: int) -> int:
        asked.append(kind)
        if len(asked) < 4:
            raise BrokerUnavailable("the stream did not answer in time")
        return await count(transport, kind, proposed)

    monkeypatch.setattr(MemoryTransport, "mailbox_count", lost)
    url = "memory://lost-meanwhile"
    async with Node(url, workflows=[Inner], settings=Settings(mailboxes=1)):
        pass

    assert asked[:4] == ["@tag"] * 4


async def test_a_node_with_a_listener_that_starts_waits_for_a_broker_that_is_lost_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[object] = []
    subscribe = MemoryTransport.subscribe_events

    async def lost(transport: MemoryTransport, *what: Any) -> Any:
        asked.append(what)
        if len(asked) < 3:
            raise BrokerUnavailable("no leader of the queue answered in time")
        return await subscribe(transport, *what)

    monkeypatch.setattr(MemoryTransport, "subscribe_events", lost)
    monkeypatch.setattr(node, "PAUSE", 0.001)

    @listener(types=["failed"])
    def hear(_: events.Event) -> None: ...

    async with Node("memory://listener-meanwhile", listeners=[hear]):
        pass

    assert len(asked) == 3
