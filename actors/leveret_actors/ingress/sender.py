"""Sends commands: many at a time, nothing awaited for a single one, in order for each receiver."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from loguru import logger

from leveret_actors.actor import ActorAddress, Post
from leveret_actors.ingress.command import Command, CommandRefused
from leveret_actors.ingress.contracts import Contracts
from leveret_actors.ingress.letters import Letters, kinds_of, letters_for
from leveret_actors.mailbox.directory import Directory
from leveret_actors.store.contract import Store
from leveret_broker.address import ServiceQueue
from leveret_broker.envelope import encode
from leveret_broker.transport import Transport


class Sender:
    """Turns commands into envelopes, and publishes those.

        futures = await sender.send(commands)   # in order; a refused one has a failed future, the others go out
        await asyncio.gather(*futures, return_exceptions=True)   # the broker holds them

    Calls must not overlap where order matters. Sending the same commands again does no harm. A name is *unknown*, and
    what is for it refused, when this node does not have the workflow and none of the namespace ever had it; a service,
    when it has no queue.
    """

    def __init__(
        self,
        transport: Transport,
        store: Store,
        directory: Directory,
        contracts: Contracts,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._transport = transport
        self._store = store
        self._directory = directory
        self._contracts = contracts
        self._clock = clock
        self._known: set[str] = set()
        """Services that have a queue."""

    async def send(self, commands: Sequence[Command]) -> list[asyncio.Future[None]]:
        """Publish commands, and return for each a future that is done when the broker holds all of it.

        It fails with `CommandRefused`, or as those of `Transport.publish` do. Raises `BrokerUnavailable`,
        `StoreUnavailable` and `StoreRefused` before anything is published.
        """
        unknown = await self._unknown_of(commands)
        letters = [self._letters(command, unknown) for command in commands]
        await self._directory.learn(sorted(kinds_of(one for one in letters if isinstance(one, Letters))))
        await self._transport.flow()
        return await self._publish(letters)

    async def knows(self, workflow: str) -> bool:
        """Tell whether a workflow is not unknown."""
        wanted = f"workflow {workflow}"
        return self._knows(wanted) or await self._exists(wanted)

    def _letters(self, command: Command, unknown: dict[str, CommandRefused]) -> Letters | CommandRefused:
        try:
            return unknown.get(_wanted(command)) or _encoded(letters_for(command, self._contracts, self._clock()))
        except CommandRefused as refused:
            return refused
        except Exception as error:  # it would come again, and keep all others from being sent
            logger.exception("a command cannot be sent")
            return CommandRefused("internal", repr(error))

    async def _publish(self, letters: Sequence[Letters | CommandRefused]) -> list[asyncio.Future[None]]:
        """Publish in order; a start waits for its joins, and what is for the same receiver waits behind it."""
        joins: list[asyncio.Future[None]] = []
        sent: list[list[asyncio.Future[None]]] = []
        late: dict[int, Letters] = {}
        waiting: set[ActorAddress] = set()
        for number, one in enumerate(letters):
            sent.append([])
            if isinstance(one, CommandRefused):
                continue
            joins += [self._post(join) for join in one.joins]
            receivers = {post.to for post in one.posts if isinstance(post.to, ActorAddress)}
            if one.joins or receivers & waiting:
                waiting |= receivers
                late[number] = one
            else:
                sent[number] = [self._post(post) for post in one.posts]
        if joins:
            await asyncio.gather(*joins)
        for number, one in late.items():
            sent[number] = [self._post(post) for post in one.posts]
        return [_refused(one) if isinstance(one, CommandRefused) else _all(sent[at]) for at, one in enumerate(letters)]

    def _post(self, post: Post) -> asyncio.Future[None]:
        assert isinstance(post.envelope, bytes)
        return self._transport.publish(self._directory.resolve(post.to), post.envelope)

    # -- names --------------------------------------------------------------------------------------------------------

    async def _unknown_of(self, commands: Sequence[Command]) -> dict[str, CommandRefused]:
        """Return a refusal for each name that nobody knows."""
        wanted = list(dict.fromkeys(name for one in commands if not self._knows(name := _wanted(one))))
        found = await asyncio.gather(*[self._exists(name) for name in wanted])
        return {name: _nobody(name) for name, there in zip(wanted, found, strict=True) if not there}

    def _knows(self, wanted: str) -> bool:
        verb, _, name = wanted.partition(" ")
        if verb == "service":
            return name in self._known
        return self._contracts.knows(name) or self._directory.knows(name)

    async def _exists(self, wanted: str) -> bool:
        """Ask; what is not there is asked for with each batch: it may be there now, and somebody replays the letter."""
        kind, _, name = wanted.partition(" ")
        if kind != "service":
            return bool(await self._store.mailbox_count(name))
        there = await self._transport.inspect(ServiceQueue(name)) is not None
        if there:
            self._known.add(name)
        return there


def _encoded(letters: Letters) -> Letters:
    """Return the same with all envelopes as bytes."""
    posts, joins = (
        tuple(
            one if isinstance(one.envelope, bytes) else replace(one, envelope=encode(one.envelope)) for one in several
        )
        for several in (letters.posts, letters.joins)
    )
    return Letters(posts, joins)


def _wanted(command: Command) -> str:
    """Return what must be known of a command."""
    return f"{'service' if command.verb in {'complete', 'fail'} else 'workflow'} {command.name}"


def _nobody(wanted: str) -> CommandRefused:
    kind, _, name = wanted.partition(" ")
    text = f"no node of this namespace has ever had a {kind} {name!r}; replay the command once one has"
    return CommandRefused(f"unknown_{kind}", text)


def _refused(error: CommandRefused) -> asyncio.Future[None]:
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    future.set_exception(error)
    future.exception()  # seen: nobody has to look at it
    return future


def _all(futures: Sequence[asyncio.Future[None]]) -> asyncio.Future[None]:
    """Return a future for all of these."""
    if len(futures) == 1:
        return futures[0]
    gathered = asyncio.ensure_future(_wait(futures))
    gathered.add_done_callback(lambda done: done.cancelled() or done.exception())
    return gathered


async def _wait(futures: Sequence[asyncio.Future[None]]) -> None:
    await asyncio.gather(*futures)
