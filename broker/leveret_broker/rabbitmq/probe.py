"""Asking a quorum queue whether it stands, before anything is consumed from it.

RabbitMQ answers who declares a queue as soon as its name is taken, though whoever took it may still be starting the
queue. A consumer that comes in between costs its connection (541, INTERNAL_ERROR, from `{badmatch,{error,noproc}}` in
`rabbit_quorum_queue:consume`; 3.10 to 4.0, mended in 4.1 by its pull request 13625), and with it all that this process
has taken and not yet acknowledged. A publish is only refused then, and sent again; its confirmation is the queue's own.
"""

from __future__ import annotations

from typing import Any, Final, TypeAlias

import msgspec

from leveret_broker.address import Address

HEADER: Final = "leveret-probe"
PROBE: Final = {HEADER: "1"}
"""Headers of a probe. Its body is empty; whoever gets it acknowledges it, and nobody hears of it."""


class Probe(msgspec.Struct, frozen=True):
    """The address of a probe."""

    queue: str
    """Its name on the broker."""


Target: TypeAlias = Address | Probe
"""What the publisher can send to."""


def is_probe(headers: dict[str, Any]) -> bool:
    """Tell whether a message with these headers is one."""
    return HEADER in headers
