"""The Lua scripts beside this file."""

from __future__ import annotations

import hashlib
from importlib import resources

import msgspec


class Script(msgspec.Struct, frozen=True):
    """A script as it is sent: by its digest, or whole to a server that does not know it yet."""

    name: str
    text: str
    digest: str


def _read(name: str) -> Script:
    folder = resources.files(__package__ or __name__)
    common, own = ((folder / f"{part}.lua").read_text(encoding="utf-8") for part in ("common", name))
    text = f"{common}\n{own}"
    return Script(name, text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())


COMMIT = _read("commit")
TAKE_OVER = _read("take_over")
LOAD = _read("load")
ATTEMPT = _read("attempt")
DUE = _read("due")
EXPIRE = _read("expire")
INSTANCES = _read("instances")
HEARTBEAT = _read("heartbeat")
NODES = _read("nodes")
NOTE_ATTEMPT = _read("note_attempt")
REVOKE = _read("revoke")
BURY = _read("bury")
DEAD_LETTERS = _read("dead_letters")
EXHUME = _read("exhume")
