import asyncio
import os
import random
import time
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import requests
from shop import Hotel

from leveret import service, workflow

LIMITS = {"a": 1}
NOW = time.time()


@service.define
class Clock:
    async def now(self) -> float:
        return time.time()


@workflow.define
class Order:
    hotel = workflow.service(Hotel)
    decisions = workflow.Channel[str]()

    def __init__(self):
        self.points = []

    async def run(self, time, deadline: datetime):
        LIMITS.get("a")
        self.points.append(time.time())
        random.Random(1)
        uuid.uuid5(uuid.NAMESPACE_URL, "x")
        workflow.dispatch(self.hotel.book, "x")
        home = workflow.inline(lambda: os.environ["HOME"])
        text = workflow.inline(read_text)
        with workflow.unsafe():
            Path("x").read_text()
        try:
            await self.hotel.book("x")
        except requests.RequestException:
            pass
        a, b = workflow.dispatch(self.hotel.book, "y"), workflow.timer(days=1)
        await (a | b)
        flags = (await a) | 4
        tasks = [asyncio.create_task(self.other()), asyncio.create_task(self.other())]
        for task in asyncio.as_completed(tasks):
            await task
        async for decision in self.decisions:
            print(decision)
        print(datetime(2030, 1, 1, tzinfo=UTC) + timedelta(days=1), deadline)
        await asyncio.sleep(1)
        return home, text, flags

    async def other(self):
        time.time()  # leveret: allow clock - only measured, never used
        os.getenv("X")  # leveret: allow sleep, environment


def read_text():
    return Path("x").read_text()


def not_reached():
    return time.time()


def open(name):  # a function of the module, whatever the builtin does
    return name


@workflow.define
class Careful:
    hotel = workflow.service(Hotel)
    guests: set[str]

    async def run(self, names: set[str], numbers: set[int]):
        def input(text):
            return text

        for name in sorted(names):
            await self.hotel.book(open(input(name)))
        for number in {1, 2}:
            await self.hotel.book(number)
        for number in numbers:
            await self.hotel.book(number)
        for name in names:
            self.guests.add(name)
        names = [*names]
        self.total = sum(len(name) for name in self.guests)
