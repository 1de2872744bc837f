"""Payloads that take less room."""

from __future__ import annotations

import zlib
from typing import Final

SMALL: Final = 1024
"""Bytes below which nothing is gained."""
LARGEST: Final = 64 * 1024 * 1024
"""Bytes that one payload may become: a few kilobytes could be made to fill the memory."""


class Compressed:
    """zlib, level 1: as it is for what is small, or does not get smaller."""

    def __init__(self, id: int) -> None:  # noqa: A002 - as the contract says it
        self.id = id

    def encode(self, data: bytes) -> bytes:
        """Return it compressed, or `data` itself, which is stored without the codec's id."""
        if len(data) < SMALL:
            return data
        smaller = zlib.compress(data, 1)
        return smaller if len(smaller) < len(data) else data

    def decode(self, data: bytes) -> bytes:
        """Return what was compressed."""
        decompress = zlib.decompressobj()
        whole = decompress.decompress(data, LARGEST)
        if not decompress.eof:
            text = f"the payload is over {LARGEST} bytes, or cut off"
            raise ValueError(text)
        return whole
