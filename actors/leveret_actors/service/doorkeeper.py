"""Limits for each key, over all nodes: who asks the store for a seat, who waits for one, who goes back to the queue."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from loguru import logger

from leveret.per_key import PerKey
from leveret.service.contexts import context_of
from leveret_actors.service.job import Job
from leveret_actors.service.room import Room
from leveret_actors.settings import LeaseSettings
from leveret_actors.store.contract import Store
from leveret_actors.store.restraints import Entered, Seat
from leveret_broker.codec import Codec
from leveret_broker.errors import StoreError

ASK: Final = 0.25
"""Seconds until the store is asked again for a seat that workers elsewhere have."""
AWAY: Final = 1.0
"""Seconds until a store that did not answer is asked again."""
ASIDE: Final = 16
"""Tasks that may wait for their keys in a worker with fewer slots than that."""
CLOSE_SECONDS: Final = 5.0


class Doorkeeper:
    """Lets a task begin when its key has a seat and a token.

    A task that has a slot asks (`ask`), and all who do ask in one trip; `answered` is told with the job and whether it
    may begin. One whose key is known to have no place waits aside, without a slot, and does not hold up those behind
    it; `come_back` puts it before the others when it may be its turn. At most `room` tasks wait so: one more, and the
    longest line gives its last one back to the broker (`give_back`, with a delay), as do those that have waited for
    `settings.after`. `refuse` gets those for which the key's function raises.
    A seat is renewed while its task runs; those of a dead worker are free after `settings.seconds`.
    """

    def __init__(
        self,
        store: Store,
        limits: PerKey,
        *,
        service: str,
        codec: Codec,
        slots: int,
        settings: LeaseSettings,
        answered: Callable[[Job, bool], None],
        come_back: Callable[[Job], None],
        give_back: Callable[[Job, float], None],
        refuse: Callable[[Job, BaseException], None],
    ) -> None:
        self._store = store
        self._limits = limits
        self._service = service
        self._codec = codec
        self._settings = settings
        self._answered = answered
        self._come_back = come_back
        self._give_back = give_back
        self._refuse = refuse
        self.room = max(slots, ASIDE)
        """How many may wait aside."""
        self._rooms: dict[str, Room] = {}
        self._busy: dict[str, Room] = {}
        """Those for which somebody waits."""
        self._aside = 0
        self._asking: dict[Job, Room] = {}
        self._inside: dict[Job, tuple[Room, float]] = {}
        """Who has a seat, and since when."""
        self._leaving: list[Seat] = []
        self._renewed = 0.0
        self._wake = asyncio.Event()
        self._working: asyncio.Task[None] | None = None

    def greet(self, job: Job) -> bool:
        """Find out the key of a job; one for which that fails is refused."""
        try:
            key = self._limits.key_of(context_of(job.task, self._codec))
        except BaseException as error:  # a user's function: an exit would end the loop
            self._refuse(job, error)
            return False
        job.room = "" if key is None else f"{self._service}:{key}"
        return True

    def lets_ask(self, job: Job) -> bool:
        """Tell whether a job may ask; else it waits aside from now on."""
        room = self._room(job.room) if job.room else None
        if room is None or room.is_open(self._now()):
            return True
        self._wait(room, job)
        return False

    def ask(self, job: Job) -> None:
        """Ask for a job that has a slot."""
        room = self._room(job.room)
        room.inside += 1
        self._asking[job] = room
        if self._working is None:
            self._renewed = self._now()
            self._working = asyncio.create_task(self._work(), name=f"keys of {self._service}")
        self._wake.set()

    def left(self, job: Job) -> None:
        """Give up the seat of a job that runs no more; a second call does nothing."""
        found = self._inside.pop(job, None)
        if found is not None:
            room, since = found
            self._leave(room, job, self._now() - since)

    def joins(self, job: Job) -> None:
        """Forget a job that has its seat in common with one that runs: it was delivered twice."""
        room, _ = self._inside.pop(job)
        room.inside -= 1

    def clear(self) -> None:
        """Forget who waits, and who asks: their deliveries go back."""
        for room in self._busy.values():
            room.waiting.clear()
        self._busy.clear()
        self._aside = 0
        asking, self._asking = self._asking, {}
        for job, room in asking.items():
            self._leave(room, job, 0.0)
            self._answered(job, False)

    async def close(self) -> None:
        """Give up all seats."""
        self.clear()
        for job in tuple(self._inside):
            self.left(job)
        if self._working is None:
            return
        self._working.cancel()
        await asyncio.wait({self._working})
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._store.enter((), self._leaving, self._settings.seconds)
        except (StoreError, TimeoutError) as error:
            logger.warning("service {} leaves its seats to time: {}", self._service, error)

    # -- below --------------------------------------------------------------------------------------------------------

    async def _work(self) -> None:
        while True:
            try:
                async with asyncio.timeout(self._patience()):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()
            try:
                await self._trip()
                await self._renew()
            except StoreError as error:
                logger.warning("service {} waits for the store, it has limits for each key: {}", self._service, error)
                await asyncio.sleep(AWAY)
                self._wake.set()
            except Exception:
                logger.exception("service {} stumbled over its limits for each key, trying again", self._service)
                await asyncio.sleep(AWAY)
                self._wake.set()
            self._open()

    def _patience(self) -> float | None:
        """Return the seconds until there is something to do of itself."""
        now = self._now()
        until = [room.closed_until for room in self._busy.values() if room.closed_until > now]
        if self._inside:
            until.append(self._renewed + self._settings.seconds / 3)
        if self._aside:
            until.append(now + self._settings.after / 4)
        return max(0.0, min(until) - now) if until else None

    async def _trip(self) -> None:
        asking = dict(self._asking)
        leaving, self._leaving = self._leaving, []
        if not asking and not leaving:
            return
        entries = [room.entry(job) for job, room in asking.items()]
        try:
            found = await self._store.enter(entries, leaving, self._settings.seconds)
        except BaseException as error:
            self._leaving = leaving + self._leaving
            for job, room in asking.items() if isinstance(error, StoreError) else ():
                self._told(job, room, Entered(inside=False, wait=AWAY))
            raise
        for (job, room), one in zip(asking.items(), found, strict=True):
            self._told(job, room, one)

    def _told(self, job: Job, room: Room, told: Entered) -> None:
        if self._asking.pop(job, None) is None:  # its delivery went back meanwhile, its seat goes with the next trip
            return
        now = self._now()
        if told.inside:
            self._inside[job] = room, now
        else:
            room.inside -= 1
            room.closed_until = now + (told.wait or ASK)
            self._wait(room, job)
        self._answered(job, told.inside)

    def _leave(self, room: Room, job: Job, seconds: float) -> None:
        room.left(seconds)
        seat = room.seat(job)
        if seat is not None:
            self._leaving.append(seat)
            self._wake.set()
        self._bring(room, 1)

    async def _renew(self) -> None:
        now = self._now()
        if now < self._renewed + self._settings.seconds / 3:
            return
        seats = [room.seat(job) for job, (room, _) in self._inside.items()]
        await self._store.stay([seat for seat in seats if seat is not None], self._settings.seconds)
        self._renewed = now
        self._rooms = {name: room for name, room in self._rooms.items() if not room.is_empty}

    def _open(self) -> None:
        """Let those try again whose time has come, and give back those that have waited for too long."""
        now = self._now()
        for room in tuple(self._busy.values()):
            while room.waiting and now - room.waiting[0].since > self._settings.after:
                self._give_back(self._called(room), room.later(now))
            if room.is_open(now):
                self._bring(room, room.chances)

    def _bring(self, room: Room, count: int) -> None:
        now = self._now()
        for _ in range(min(count, len(room.waiting))):
            if not room.is_open(now):
                break
            self._come_back(self._called(room))
        if room.is_empty:
            room.has_nobody_waiting()
            if now >= room.closed_until:
                self._rooms.pop(room.name, None)

    def _called(self, room: Room) -> Job:
        """Take out the first who waits."""
        self._aside -= 1
        job = room.waiting.popleft()
        if not room.waiting:
            del self._busy[room.name]
        return job

    def _wait(self, room: Room, job: Job) -> None:
        room.waiting.append(job)
        self._busy[room.name] = room
        self._aside += 1
        if self._aside > self.room:
            longest = max(self._busy.values(), key=lambda one: len(one.waiting))
            last = longest.waiting.pop()
            self._aside -= 1
            if not longest.waiting:
                del self._busy[longest.name]
            self._give_back(last, longest.later(self._now()))
        self._wake.set()

    def _room(self, name: str) -> Room:
        room = self._rooms.get(name)
        if room is None:
            room = self._rooms[name] = Room(name, self._limits)
        return room

    def _now(self) -> float:
        return asyncio.get_running_loop().time()
