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


def _read(name: str, *before: str) -> Script:
    folder = resources.files(__package__ or __name__)
    text = "\n".join((folder / f"{part}.lua").read_text(encoding="utf-8") for part in ("common", *before, name))
    return Script(name, text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())


COMMIT = _read("commit")
TAKE_OVER = _read("take_over")
RELEASE = _read("release")
LOAD = _read("load")
ATTEMPT = _read("attempt")
DUE = _read("due")
EXPIRE = _read("expire")
INSTANCES = _read("instances")
HEARTBEAT = _read("heartbeat")
NODES = _read("nodes")
NOTE_ATTEMPT = _read("note_attempt")
REVOKE = _read("revoke", "lease_common")
HOLD = _read("hold", "lease_common")
RENEW = _read("renew", "lease_common")
REPLACE_LEASE = _read("replace_lease", "lease_common")
CLAIM_EXPIRED = _read("claim_expired", "lease_common")
FIND_LEASES = _read("find_leases", "lease_common")
LEASES = _read("leases", "lease_common")
DRAW = _read("draw")
ENTER = _read("enter")
STAY = _read("stay")
CALLED = _read("called")
MAILBOXES = _read("mailboxes")
BURY = _read("bury")
DEAD_LETTERS = _read("dead_letters")
EXHUME = _read("exhume")
