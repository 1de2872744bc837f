"""Dead letters: those we send, and those the broker made."""

from __future__ import annotations

from typing import Any, Final, cast

from leveret_broker.command import encode_command
from leveret_broker.errors import DecodeError
from leveret_broker.parcel import unpack
from leveret_broker.rabbitmq.consumer import Arrived, Read
from leveret_broker.rabbitmq.inlet import Message
from leveret_broker.rabbitmq.json import buried_command, is_dead_command
from leveret_broker.rabbitmq.topology import Topology
from leveret_broker.transport import Delivery

REASON: Final = "leveret-reason"
SOURCE: Final = "leveret-source"
LONGEST_REASON: Final = 2000
"""Characters; the headers must fit into one frame."""


def dead_letter_headers(reason: str, source: str) -> dict[str, str]:
    """Return the headers of a dead letter that we send; texts of any kind, made fit for the wire."""
    return {REASON: _fit(reason), SOURCE: _fit(source)}


def dead_letter_reader(topology: Topology) -> Read:
    """Return the reader of the dead letters' queue."""

    def read(message: Message) -> Arrived:
        headers = message.headers
        bodies: tuple[bytes, ...] = (message.body,)
        if REASON in headers:
            reason, source = str(headers[REASON]), str(headers.get(SOURCE, ""))
            if is_dead_command(source):
                bodies = (encode_command(buried_command(message)),)
        else:
            death = _last_death(headers)
            queue = str(death.get("queue", ""))
            reason, source = str(death.get("reason", "no reason given")), topology.source_of(queue)
            if topology.is_mailbox(queue):
                bodies = _unpacked(message.body)
        return Arrived(Delivery(message.tag, bodies, message.redelivered, reason, source))

    return read


def _fit(text: str) -> str:
    return text[:LONGEST_REASON].encode("utf-8", "replace").decode()


def _last_death(headers: dict[str, Any]) -> dict[str, Any]:
    """Return the newest entry of `x-death`: the broker puts it first, behind it may be rungs of the delay ladder."""
    deaths = headers.get("x-death")
    if isinstance(deaths, list) and deaths and isinstance(deaths[0], dict):
        return cast("dict[str, Any]", deaths[0])
    return {}


def _unpacked(body: bytes) -> tuple[bytes, ...]:
    try:
        return unpack(body)
    except DecodeError:
        return (body,)
