"""Workflows that do what they may not, one way per method."""

# What linters advise against as well:
# ruff: noqa: DTZ001, DTZ002, DTZ003, DTZ005, DTZ011, ICN001, PLW0108, PTH123, PTH208

from __future__ import annotations

import asyncio
import datetime as dates
import os
import random
import secrets
import subprocess
import sys
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from random import randint
from typing import Any, TypedDict
from uuid import uuid4
from zoneinfo import ZoneInfo

import loguru

from leveret import workflow
from leveret.errors import NotReplayable
from tests.guards import outsider

WAYS: dict[str, tuple[Any, str]] = {
    "time.time": (lambda: time.time(), "workflow.now()"),
    "time.monotonic_ns": (lambda: time.monotonic_ns(), "workflow.now()"),
    "time.sleep": (lambda: time.sleep(0), "asyncio.sleep()"),
    "time.strftime": (lambda: time.strftime("%Y"), "workflow.now()"),
    "time.localtime": (lambda: time.localtime(), "workflow.now()"),
    "datetime.now": (lambda: datetime.now(), "workflow.now()"),
    "datetime.utcnow": (lambda: datetime.utcnow(), "workflow.now()"),  # pyright: ignore[reportDeprecated]
    "datetime.today": (lambda: datetime.today(), "workflow.now()"),
    "date.today": (lambda: date.today(), "workflow.now()"),
    "module datetime": (lambda: dates.datetime.now(dates.UTC), "workflow.now()"),
    "module date": (lambda: dates.date.today(), "workflow.now()"),
    "random.random": (lambda: random.random(), "workflow.random()"),
    "random.shuffle": (lambda: random.shuffle([1, 2]), "workflow.random()"),
    "randint": (lambda: randint(1, 6), "workflow.random()"),
    "uuid.uuid1": (lambda: uuid.uuid1(), "workflow.uuid()"),
    "uuid4": (lambda: uuid4(), "workflow.uuid()"),
    "os.urandom": (lambda: os.urandom(4), "workflow.random().randbytes()"),
    "secrets.token_hex": (lambda: secrets.token_hex(), "workflow.random().randbytes()"),
    "open": (lambda: open(os.devnull).close(), "a task of a service"),
    "read_text": (lambda: Path(__file__).read_text(), "a task of a service"),
    "listdir": (lambda: os.listdir("."), "a task of a service"),
    "socket": (lambda: outsider.connect(), "a task of a service"),
    "file elsewhere": (lambda: outsider.read(__file__), "a task of a service"),
    "subprocess": (lambda: subprocess.run([sys.executable, "-V"], check=True), "a task of a service"),
    "os.system": (lambda: os.system("true"), "a task of a service"),  # pyright: ignore[reportDeprecated]
    "thread": (lambda: threading.Thread(target=print).start(), "asyncio tasks"),
    "executor": (lambda: ThreadPoolExecutor(1).submit(print), "asyncio tasks"),
}  # fmt: skip


@dataclass
class Appointment:
    at: datetime
    until: datetime | None = None


class Plan(TypedDict):
    day: date


@workflow.define(name="Careless")
class Careless:
    async def run(self, way: str) -> str:
        WAYS[way][0]()
        return "it went through"

    async def caught(self, way: str) -> str:
        try:
            WAYS[way][0]()
        except NotReplayable as error:
            return error.line
        return "it went through"

    async def unsafe(self, way: str) -> str:
        with workflow.unsafe():
            WAYS[way][0]()
            await asyncio.sleep(0)
            WAYS[way][0]()
        with suppress(NotReplayable):
            WAYS[way][0]()
            return "the guards stayed off"
        return "it went through"

    async def inline(self) -> list[str]:
        return [workflow.inline(lambda: time.strftime("%Y")), workflow.inline(lambda: Path(__file__).read_text())[:3]]


@workflow.define(name="Careful")
class Careful:
    async def run(self, appointment: Appointment, plan: Plan) -> Appointment:
        assert isinstance(appointment.at, datetime)
        assert isinstance(plan["day"], date)
        assert not isinstance("text", datetime)
        match appointment.at:
            case datetime(year=year):
                assert year == appointment.at.year
        at = datetime(2030, 1, 1, tzinfo=dates.UTC) + timedelta(days=1)
        assert type(at) is dates.datetime(2030, 1, 1).__class__
        assert datetime.fromisoformat(at.isoformat()) == at
        assert time.gmtime(0).tm_year == 1970
        assert random.Random(1).random() == random.Random(1).random()
        assert uuid.uuid5(uuid.NAMESPACE_URL, "x") == uuid.uuid5(uuid.NAMESPACE_URL, "x")
        return Appointment(at, max(at, workflow.now()).astimezone(ZoneInfo("Europe/Paris")).astimezone(dates.UTC))

    async def imports(self) -> int:
        sys.modules.pop("tests.guards.imported", None)
        from tests.guards import imported

        return imported.LINES

    async def logs(self) -> str:
        try:
            raise ValueError("a traceback")
        except ValueError:
            loguru.logger.exception("with the lines of files")
        return "logged"
