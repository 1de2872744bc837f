"""The stream, and what it implies by rules that do not look at its order. Knows nothing of leveret."""

from __future__ import annotations

import json
import random
from collections import Counter
from dataclasses import dataclass
from typing import Any, Final, Literal

By = Literal["tag", "id"]
HISTORIES: Final = (
    (45, ("started", "paid", "shipped"), True),
    (15, ("started", "cancelled"), True),
    (15, ("started", "paid", "cancelled"), True),
    (10, ("started", "paid", "shipped", "cancelled"), True),
    (10, ("started", "paid"), False),
    (5, ("started",), False),
)
"""Share in percent, what happens to such orders, and whether that is all."""
DUPLICATES: Final = 0.05
GARBAGE: Final = 0.02
NOT_JSON, UNKNOWN, NOBODY, MISFIT, NO_JSON_TYPE = "not_json", "unknown_workflow", "target", "arguments", "content_type"
KINDS: Final = (NOT_JSON, UNKNOWN, NOBODY, MISFIT, NO_JSON_TYPE)
"""Garbage, by the reason for which it is refused."""


@dataclass(frozen=True)
class Message:
    """What is published."""

    key: str
    """Its `message_id`."""
    order: str
    what: str
    """A step of an order's history, or a kind of garbage."""
    routing_key: str
    body: str
    content_type: str = "application/json"

    @property
    def line(self) -> str:
        """As the publishers read it: routing key, body, properties, headers."""
        properties = {"message_id": self.key, "content_type": self.content_type, "delivery_mode": 2}
        return json.dumps([self.routing_key, self.body, properties, {}])


@dataclass(frozen=True)
class Story:
    """All that is published, in this order."""

    messages: list[Message]

    @property
    def garbage(self) -> Counter[str]:
        """How many of each kind."""
        return Counter(one.what for one in self.messages if one.what in KINDS)

    def happened(self) -> dict[str, set[str]]:
        """Return what happened to each order."""
        found: dict[str, set[str]] = {}
        for one in self.messages:
            if one.what not in KINDS:
                found.setdefault(one.order, set()).add(one.what)
        return found

    def states(self) -> dict[str, str]:
        """Return the state of each order: completed if paid and shipped, else cancelled if that, else open."""
        return {
            order: "completed" if {"paid", "shipped"} <= steps else "cancelled" if "cancelled" in steps else "open"
            for order, steps in self.happened().items()
        }

    def signals(self) -> Counter[str]:
        """Return how many of each step there are, duplicates left out."""
        return Counter(step for steps in self.happened().values() for step in steps)


def story(count: int, by: By = "tag", seed: int = 1) -> Story:
    """Return `count` messages; orders are meant by unique tag, or by id."""
    chance = random.Random(seed)
    garbage, duplicates = round(count * GARBAGE), round(count * DUPLICATES)
    events: list[Message] = []
    for number in range(count):
        history = _history(number, by, chance)
        if len(events) + len(history) > count - garbage - duplicates:
            break
        events += history
    again = [chance.choice(events) for _ in range(count - garbage - len(events))]
    spoilt = [_spoil(chance.choice(events), KINDS[number % len(KINDS)], number) for number in range(garbage)]
    messages = events + again + spoilt
    chance.shuffle(messages)
    return Story(messages)


def _history(number: int, by: By, chance: random.Random) -> list[Message]:
    messages: list[Message] = []
    _, steps, whole = chance.choices(HISTORIES, [share for share, _, _ in HISTORIES])[0]
    order = f"o{number}"
    whom = {"unique_tag": f"order:{order}"} if by == "tag" else {"id": order}
    for place, step in enumerate(steps, 1):
        value: dict[str, Any] = {"number": place, "last": whole and place == len(steps)}
        if step == "paid":
            value["amount"] = f"{chance.randrange(1, 100)}.95"
        body = json.dumps({**whom, "value": value, "start": {"meta": {"order": order}}})
        messages.append(Message(f"{order}-{place}", order, step, f"signal.Order.{step}", body))
    return messages


def _spoil(good: Message, kind: str, number: int) -> Message:
    """Make garbage of what would have an effect: none of it may."""
    body, key, routing_key = json.loads(good.body), f"g{number}", good.routing_key
    text, content_type = good.body, good.content_type
    if kind == NOT_JSON:
        text = text[:-1]
    elif kind == UNKNOWN:
        routing_key = routing_key.replace("Order", "Odor")
    elif kind == NOBODY:
        text = json.dumps({"value": body["value"]})
    elif kind == MISFIT:
        text = json.dumps({**body, "value": {**body["value"], "number": "second"}})
    else:
        content_type = "text/csv"
    return Message(key, good.order, kind, routing_key, text, content_type)
