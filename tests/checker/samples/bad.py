import asyncio
import datetime as dt
import os
import random
import socket
import subprocess
import threading
import time
import uuid
from datetime import datetime
from os import environ
from pathlib import Path
from time import sleep as nap

import httpx
import requests
from shop import Hotel

from leveret import workflow

CACHE = {}
SEEN: list[str] = []
COUNT = 0


class Base:
    def helper(self):
        return time.monotonic()  # clock


@workflow.define(name="Order")
class Order(Base):
    hotel = workflow.service(Hotel)
    decisions = workflow.Channel[str]()
    notes: workflow.Channel[str]

    async def run(self):
        time.time()  # clock
        datetime.now()  # clock
        dt.date.today()  # clock
        time.sleep(1)  # sleep
        nap(1)  # sleep
        random.randint(1, 6)  # random
        random.Random()  # random
        uuid.uuid4()  # uuid
        with open("file") as file:  # files
            file.read()
        Path("x").read_text()  # files
        socket.socket()  # network
        requests.get("http://x")  # network
        async with httpx.AsyncClient() as client:  # network
            await client.get("x")
        threading.Thread(target=print).start()  # thread
        subprocess.run(["ls"])  # process
        os.environ["HOME"]  # environment
        environ.get("HOME")  # environment
        os.getenv("HOME")  # environment
        return outside()

    async def operators(self):
        a = workflow.dispatch(self.hotel.book)
        b = workflow.timer(days=1)
        await a | b  # precedence
        return await a & b  # precedence

    async def forgotten(self):
        self.hotel.book("x")  # unawaited
        self.decisions.receive()  # unawaited
        self.notes.receive()  # unawaited
        self.operators()  # unawaited
        asyncio.sleep(1)  # unawaited
        workflow.timer(days=1)  # unawaited
        workflow.new(Order).run()  # unawaited

    async def ends(self):
        for one in asyncio.as_completed([self.hotel.book("x"), self.hotel.book("y")]):  # as-completed
            await one

    async def shared(self, name):
        global COUNT  # global-state
        COUNT += 1
        CACHE[name] = 1  # global-state
        CACHE[name] += 1  # global-state
        del CACHE[name]  # global-state
        SEEN.append(name)  # global-state

    async def nested(self):
        async def inner():
            return time.time()  # clock

        return await inner() + sum(map(lambda _: random.random(), [1]))  # random


def outside():
    return deeper()


def deeper():
    return [time.time()]  # clock


@workflow.define(name="Tallies")
class Tallies:
    hotel = workflow.service(Hotel)
    counter = 0
    guests: set[str]

    def __init__(self):
        self.waiting = set()

    async def run(self, names: frozenset[str]):
        Tallies.counter = 1  # global-state
        Tallies.counter += 1  # global-state
        type(self).counter = 1  # global-state
        self.__class__.counter, rest = 1, 2  # global-state
        for name in {"a", "b"}:  # set-order
            await self.hotel.book(name)
        for name in names:  # set-order
            workflow.dispatch(self.hotel.book, name)
        for name in self.guests | {rest}:  # set-order
            await self.hotel.book(name)
        mine = set(names)
        await asyncio.gather(*[self.hotel.book(name) for name in mine])  # set-order
        await asyncio.gather(*(self.hotel.book(name) for name in mine.union("x")))  # set-order
        return {name: workflow.task("Hotel.book", {}) for name in self.waiting}  # set-order
