"""A transport that records what is published, and answers as the test says."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from leveret_broker.address import Address, BridgeQueue, ListenerQueue, MailboxQueue, ServiceQueue
from leveret_broker.envelope import ClientCaller, Envelope, Message, decode, encode
from leveret_broker.transport import Delivery, QueueDepth, Subscription, Transport


def request_of(envelope: Envelope, field: str = "caller") -> str:
    """The request id under which the message wants its answer."""
    caller = getattr(envelope.message, field)
    assert isinstance(caller, ClientCaller)
    return caller.request


def always(message: Message, field: str = "caller") -> Callable[[Envelope], Any]:
    """A response: this message, to whoever asks."""
    return lambda envelope: (request_of(envelope, field), message)


class ScriptedSubscription(Subscription):
    def __init__(self, on_close: Callable[[], None], ends: asyncio.Queue[Exception]) -> None:
        self._on_close = on_close
        self._ends = ends

    async def take(self) -> list[Delivery]:
        raise await self._ends.get()

    def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        raise NotImplementedError

    async def close(self) -> None:
        self._on_close()


class ScriptedTransport(Transport):
    def __init__(self) -> None:
        self.sent: list[tuple[Address, Envelope]] = []
        self.confirming = True
        self.unconfirmed: list[asyncio.Future[None]] = []
        self.respond: Callable[[Envelope], Any] = lambda _: None
        self.depth: QueueDepth | None = QueueDepth(0, 3)
        self.opened = 0
        self.counts_asked: list[str] = []
        self.clients: list[str] = []
        """Whom answers are addressed to."""
        self.on_body: Callable[[bytes], None] | None = None
        self.listening_ends: asyncio.Queue[Exception] = asyncio.Queue()
        self.on_restored: Callable[[], None] = lambda: None

    def messages(self, kind: type[Any] = object) -> list[Any]:
        return [envelope.message for _, envelope in self.sent if isinstance(envelope.message, kind)]

    def answer(self, request: str, message: Message) -> None:
        if self.on_body is not None:
            self.on_body(encode(Envelope(request, "", message)))

    @property
    def connected(self) -> bool:
        return True

    async def open(self, deadline: float | None = None) -> None:
        self.opened += 1

    async def close(self) -> None:
        self.opened -= 1

    def publish(
        self, address: Address, body: bytes, *, delay: float = 0.0, reason: str = "", source: str = ""
    ) -> asyncio.Future[None]:
        loop = asyncio.get_running_loop()
        envelope = decode(body)
        self.sent.append((address, envelope))
        future: asyncio.Future[None] = loop.create_future()
        if self.confirming:
            future.set_result(None)
        else:
            self.unconfirmed.append(future)
        loop.call_soon(self._react, envelope)
        return future

    def _react(self, envelope: Envelope) -> None:
        answered = self.respond(envelope)
        if answered is not None:
            request, message = answered
            self.answer(request, message)

    async def flow(self) -> None: ...

    async def mailbox_count(self, kind: str, proposed: int) -> int:
        self.counts_asked.append(kind)
        return proposed

    async def subscribe_mailbox(self, queue: MailboxQueue) -> Subscription:
        raise NotImplementedError

    async def subscribe_service(self, queue: ServiceQueue, prefetch: int) -> Subscription:
        raise NotImplementedError

    async def subscribe_replies(
        self, client: str, on_body: Callable[[bytes], None], on_restored: Callable[[], None]
    ) -> Subscription:
        self.clients.append(client)
        self.on_body, self.on_restored = on_body, on_restored
        return ScriptedSubscription(lambda: setattr(self, "on_body", None), self.listening_ends)

    async def subscribe_control(self, on_body: Callable[[bytes], None]) -> Subscription:
        raise NotImplementedError

    async def subscribe_dead_letters(self) -> Subscription:
        raise NotImplementedError

    async def subscribe_events(self, queue: ListenerQueue, patterns: Sequence[str], prefetch: int) -> Subscription:
        raise NotImplementedError

    async def rebind_events(self, queue: ListenerQueue, bound: Sequence[str], unbound: Sequence[str]) -> None:
        raise NotImplementedError

    async def forget(self, queue: ListenerQueue | BridgeQueue) -> None:
        raise NotImplementedError

    async def subscribe_commands(self, limit: int) -> Subscription:
        raise NotImplementedError

    async def inspect(self, queue: MailboxQueue | ServiceQueue | ListenerQueue | BridgeQueue) -> QueueDepth | None:
        return self.depth
