"""The seeded generator of orders.jsonl: `python -m examples.booking.orders > examples/booking/orders.jsonl`."""

from __future__ import annotations

import random
import sys
from pathlib import Path
from typing import Final

import msgspec

from examples.booking.model import Order, Trouble

FILE: Final = Path(__file__).with_name("orders.jsonl")
NAMES: Final = ("Ada", "Barbara", "Edsger", "Frances", "Grace", "Joe", "Leslie", "Niklaus", "Radia", "Tony")


def generate(count: int = 200, seed: int = 7) -> list[Order]:
    """Return the same orders for the same seed."""
    dice = random.Random(seed)
    return [_order(dice, number) for number in range(1, count + 1)]


def _order(dice: random.Random, number: int) -> Order:
    trouble: dict[str, Trouble] = {}
    for service in ("hotel", "car", "payment"):
        draw = dice.random()
        if draw < 0.12:
            trouble[service] = Trouble.FAILS
        elif draw < 0.18:
            trouble[service] = Trouble.STALLS
        elif draw < 0.25:
            trouble[service] = Trouble.REFUSES
    amount = dice.randrange(80_00, 2_000_00)
    approval = dice.choices(("yes", "no", "silent"), (8, 1, 1))[0] if amount > 1_200_00 else ""
    return Order(f"{number:04}", dice.choice(NAMES), dice.randint(1, 14), amount, approval, trouble)


def load(path: Path = FILE) -> list[Order]:
    """Return the orders of a file, one JSON object a line."""
    return [msgspec.json.decode(line, type=Order) for line in path.read_bytes().splitlines() if line.strip()]


if __name__ == "__main__":
    for order in generate():
        sys.stdout.write(msgspec.json.encode(order).decode() + "\n")
