"""What operators do with dead letters: look at them, send them again, drop them. The command line does it by this."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import timedelta
from types import TracebackType
from typing import Any, Final, Self

import msgspec

from leveret.client import Client
from leveret.client.verbs import PATIENCE
from leveret.contract import Duration, seconds
from leveret.describing import plain
from leveret.errors import RequestTimedOut
from leveret.failure import as_readable
from leveret_actors.operating import Operating
from leveret_actors.router.dead_letters import readable
from leveret_actors.router.resending import Resent, buried_command, resend, what_it_is
from leveret_actors.store.contract import DeadLetter
from leveret_broker.codec import Codec, make_codec
from leveret_broker.envelope import Task
from leveret_broker.outcome import Failure
from leveret_broker.payload_codec import PayloadCodecs

PAGE: Final = 100


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """A dead letter, as far as it can be read."""

    id: str
    at: float
    """Unix time at which it was given up."""
    source: str
    """The service, or the mailbox queue, where it was found."""
    reason: str
    what: str
    """In a few words."""
    service: str = ""
    """Of a task; empty for anything else, as what follows is."""
    task: str = ""
    """Name of the function."""
    task_id: str = ""
    workflow: str = ""
    instance: str = ""
    attempt: int = 0
    arguments: Any = None
    """As plain data; a text that says so if they cannot be read without a payload codec."""
    last_failure: Failure | None = None
    body: str = ""
    """Of a command: its JSON, or what came in place of it."""
    headers: dict[str, Any] = {}
    """Of a command: those that count, properties among them."""


class Which(msgspec.Struct, frozen=True, kw_only=True):
    """Selects dead letters; what is left out selects all."""

    ids: frozenset[str] = frozenset()
    service: str | None = None
    """Where it was found: a service, or the name of a workflow for letters of its mailbox queues."""
    reason: str | None = None
    """A part of the reason, in any case."""
    older: Duration | None = None
    """Given up longer ago than this."""
    newer: Duration | None = None
    """Given up since."""

    def selects(self, letter: DeadLetter, now: float) -> bool:
        """Tell whether it is meant."""
        age = now - letter.at
        return (
            (not self.ids or letter.id in self.ids)
            and self.service in {None, letter.source, letter.source.rpartition(".")[0]}
            and (self.reason is None or self.reason.casefold() in letter.reason.casefold())
            and (self.older is None or age > seconds("older", self.older))
            and (self.newer is None or age <= seconds("newer", self.newer))
        )


class DeadLetters(Operating):
    """The dead letters of a namespace: `async with DeadLetters("amqp://...?store=redis://...") as letters:`.

    Needs broker and store, as a node does. Each method takes ids and filters; without any it means all.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        payload_codec: Codec | PayloadCodecs = None,
        connect_timeout: Duration | None = 30.0,
    ) -> None:
        """Prepare; nothing is opened yet.

        Arguments:
            url: broker, store and namespace; default: `LEVERET_URL`, else `sqlite:///leveret.db`.
            payload_codec: those of the nodes, to read arguments and failures.
            connect_timeout: how long to wait for broker and store, a timedelta or seconds; None is for ever.

        Raises `ConfigurationError` for a URL that cannot be used, or names no store.
        """
        super().__init__(url, connect_timeout)
        self._codec = make_codec(payload_codec, self._url.payload_limit)
        self._client = Client(transport=self._transport, payload_codec=self._codec)

    async def __aenter__(self) -> Self:
        """Connect; raises `BrokerUnavailable`, `BrokerRefused`, `StoreUnavailable` or `StoreRefused`."""
        await super().__aenter__()
        try:
            await self._client.__aenter__()
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        await self._client.__aexit__(kind, error, trace)
        await super().__aexit__(kind, error, trace)

    async def list(self, *ids: str, limit: int | None = None, **which: Any) -> AsyncGenerator[Letter]:
        """Give the letters, oldest first, at most `limit`; filters are the fields of `Which`."""
        count = 0
        async for letter in self._chosen(Which(ids=frozenset(ids), **which)):
            if limit is not None and count >= limit:
                return
            count += 1
            yield _letter(letter, self._codec)

    async def replay(
        self,
        *ids: str,
        timeout: Duration = timedelta(seconds=PATIENCE),  # noqa: ASYNC109 - it bounds the wait for one answer
        **which: Any,
    ) -> AsyncGenerator[Resent]:
        """Send them again, oldest first, and give what became of each.

        A task that a workflow waits for goes through its instance (`retry_tasks`), which it resumes; `timeout` is for
        the answer of that. Anything else goes to where it was found. What cannot be sent stays.
        """
        for letter in [one async for one in self._chosen(Which(ids=frozenset(ids), **which))]:
            try:
                yield await resend(letter, self._client, self._transport, self._store, timeout)
            except RequestTimedOut as error:
                yield Resent(letter.id, sent=False, text=str(error))

    async def drop(self, *ids: str, **which: Any) -> int:
        """Remove them for good, and return how many there were."""
        found = [letter.id async for letter in self._chosen(Which(ids=frozenset(ids), **which))]
        return sum([await self._store.exhume(found[start : start + PAGE]) for start in range(0, len(found), PAGE)])

    async def _chosen(self, which: Which) -> AsyncGenerator[DeadLetter]:
        now, after = await self._store.clock(), ""
        seen = set[str]()
        while page := await self._store.dead_letters(after, PAGE):
            new = [letter for letter in page if letter.id not in seen]  # the pages begin anew if `after` has gone
            seen.update(letter.id for letter in new)
            after = page[-1].id
            for letter in new:
                if which.selects(letter, now):
                    yield letter


def _letter(letter: DeadLetter, codec: Codec) -> Letter:
    envelope = readable(letter.body)
    known = Letter(id=letter.id, at=letter.at, source=letter.source, reason=letter.reason, what=what_it_is(letter))
    command = buried_command(letter)
    if command is not None:
        return msgspec.structs.replace(known, body=command.body.decode(errors="replace"), headers=command.headers)
    if envelope is None or not isinstance(envelope.message, Task):
        return known
    task = envelope.message
    return msgspec.structs.replace(
        known,
        service=task.service,
        task=task.name,
        task_id=task.task_id,
        workflow=task.workflow,
        instance=task.instance,
        attempt=task.attempt,
        arguments=plain(task.arguments, codec),
        last_failure=None if task.last_failure is None else as_readable(task.last_failure, codec),
    )
