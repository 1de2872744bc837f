"""The README is short, leads with code, and its code runs."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "README.md").read_text()
FIRST_CODE_BY = 30
LONGEST = 90

BEFORE = """
import asyncio, os, signal
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import Enum
from typing import Protocol
from leveret import Client, TaskFailed, service, workflow
from leveret_actors import Node

@dataclass
class HotelCart:
    nights: int

@dataclass
class Cart:
    hotel: HotelCart
    car: str

@dataclass
class Reservation:
    of: str

class Decision(Enum):
    yes = "yes"

@dataclass
class Receipt:
    hotel: Reservation
    car: Reservation
    why: str = ""

    def confirmed(self, by: str) -> "Receipt":
        return replace(self, why=by)

@service.define(name="CarBooking")
class CarBooking(Protocol):
    async def book(self, cart: str) -> Reservation: ...
    async def cancel(self, reservation: Reservation) -> None: ...
"""
"""What the README leaves out, before its first block."""

BETWEEN = """
class Hotels(HotelBooking):
    def __init__(self, http: object) -> None: ...
    async def book(self, cart: HotelCart) -> Reservation:
        return Reservation(f"room for {cart.nights} nights")
    async def cancel(self, reservation: Reservation) -> None:
        print("undone:", reservation.of)

class Cars(CarBooking):
    def __init__(self, http: object) -> None: ...
    async def book(self, cart: str) -> Reservation:
        if cart == "none left":
            raise LookupError(cart)
        return Reservation(cart)
    async def cancel(self, reservation: Reservation) -> None:
        print("undone:", reservation.of)

http, cart = None, Cart(HotelCart(2), "small car")
"""
"""And after it: services for the contracts."""

AFTER = """
async def compensated() -> None:
    async with Client("sqlite:///orders.db") as client:
        try:
            await client.new(BookingWorkflow).book(Cart(HotelCart(3), "none left"))
        except Exception as error:
            print(type(error).__name__)

async def main() -> None:
    node = asyncio.create_task(host())
    await call()
    await compensated()
    os.kill(os.getpid(), signal.SIGTERM)
    await node

asyncio.run(main())
"""


def python_blocks() -> list[str]:
    return re.findall(r"^```python\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


def function(name: str, block: str) -> str:
    return f"async def {name}() -> None:\n" + "".join(f"    {line}\n" for line in block.splitlines())


def test_it_is_at_most_90_lines() -> None:
    assert len(TEXT.splitlines()) <= LONGEST


def test_it_shows_code_by_line_30() -> None:
    before, found, _ = TEXT.partition("```python\n")

    assert found
    assert len(before.splitlines()) < FIRST_CODE_BY


@pytest.mark.timeout(60)
def test_its_python_runs(tmp_path: Path) -> None:
    written, called, hosted = python_blocks()
    program = [BEFORE, written, BETWEEN, function("call", called), function("host", hosted), AFTER]
    (tmp_path / "readme.py").write_text("\n".join(program))

    done = subprocess.run(
        [sys.executable, "readme.py"], cwd=tmp_path, capture_output=True, text=True, timeout=50, check=False
    )

    assert done.returncode == 0, done.stderr
    receipt, *rest = done.stdout.splitlines()
    assert receipt.startswith("Receipt(hotel=Reservation(of='room for 2 nights'), car=Reservation(of='small car')")
    assert "why='decided'" in receipt
    assert rest == ["undone: room for 3 nights", "WorkflowFailed"]


def test_its_commands_are_targets_of_the_makefile() -> None:
    makefile = (ROOT / "Makefile").read_text()

    commands = re.findall(r"^make ([a-z-]+)", TEXT, re.MULTILINE)

    assert {"demo", "test"} <= set(commands)
    assert [name for name in commands if f"\n{name}:" not in makefile] == []
