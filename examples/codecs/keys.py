"""The payload codecs of a process, from its environment.

`PAYLOAD_KEYS` has `id:key` for each key in hexadecimal digits, the one that writes first: `2:9f…,1:04…`. To change the
key, give every process the new one behind the old one; then put it first; then wait until nothing is left that the old
one wrote (the longest retention, and the longest life of an instance), and take that away.
"""

from __future__ import annotations

import os
from typing import Final

from examples.codecs.encrypting import Encrypted

VARIABLE: Final = "PAYLOAD_KEYS"


def payload_codecs() -> list[Encrypted]:
    """Return a codec for each key; raises `KeyError` where there is none: without it nothing would be encrypted."""
    pairs = [pair.split(":") for pair in os.environ[VARIABLE].split(",")]
    return [Encrypted(int(number), bytes.fromhex(key)) for number, key in pairs]
