"""Locks of files beside the database: the kernel frees them when their process dies, however it dies.

`flock` belongs to an open file description, so two subscriptions of one process exclude each other as well, and
nothing here ever touches the database file itself (closing any descriptor of that drops SQLite's own locks).
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import struct
import weakref
from pathlib import Path
from typing import Final
from urllib.parse import quote

_MARK: Final = struct.Struct("<q")
_LONGEST_NAME: Final = 200


class FileLock:
    """An exclusive lock on a file; the file stays when the lock goes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        self.held = False
        _open_locks.add(self)

    def acquire(self) -> bool:
        """Try to get the lock, without waiting; True when it is (or was already) held."""
        if not self.held:
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                return False
            self.held = True
        return True

    def release(self) -> None:
        """Give the lock up."""
        if self.held:
            self.held = False
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def close(self) -> None:
        """Give the lock up and the descriptor back; a second call does nothing."""
        if self._descriptor >= 0:
            self.release()
            self.abandon()

    def abandon(self) -> None:
        """Close the descriptor without unlocking: in a forked child, whose parent keeps the lock."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
            self.held = False

    def mark(self) -> int:
        """Return the number in the file; 0 when there is none."""
        data = os.pread(self._descriptor, _MARK.size, 0)
        return int(_MARK.unpack(data)[0]) if len(data) == _MARK.size else 0

    def set_mark(self, number: int) -> None:
        """Write a number into the file: the kernel keeps it when this process is killed, not when the power fails."""
        os.pwrite(self._descriptor, _MARK.pack(number), 0)


class MailboxLock:
    """Ownership of a mailbox, with a place for one runner-up, so that who waits comes before who comes back."""

    def __init__(self, folder: Path, name: str) -> None:
        self._owner = FileLock(folder / f"{name}.owner")
        self._next = FileLock(folder / f"{name}.next")

    def acquire(self) -> bool:
        """Try to become the owner, or else at least the runner-up."""
        if self._owner.held:
            return True
        if not self._next.acquire() or not self._owner.acquire():
            return False
        self._next.release()
        return True

    def delivered(self) -> int:
        """Return the highest number that an owner was given."""
        return self._owner.mark()

    def set_delivered(self, number: int) -> None:
        """Note the highest number that this owner was given."""
        self._owner.set_mark(number)

    def close(self) -> None:
        """Let go of both places."""
        self._owner.close()
        self._next.close()


def file_name(*parts: str) -> str:
    """Return a file name for these words, readable where they are short."""
    name = ".".join(quote(part, safe="$") for part in parts)
    if len(name) <= _LONGEST_NAME:
        return name
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=16).hexdigest()


def is_dead(path: Path) -> bool:
    """Tell whether the process that held this lock is gone, and if so remove the file."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink(missing_ok=True)
    except OSError:
        return False
    else:
        return True
    finally:
        os.close(descriptor)


_open_locks: weakref.WeakSet[FileLock] = weakref.WeakSet()


def _abandon_all() -> None:
    for lock in tuple(_open_locks):
        lock.abandon()


os.register_at_fork(after_in_child=_abandon_all)
