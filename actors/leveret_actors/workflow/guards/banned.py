"""What workflow code may not call, and what it is told to use."""

from __future__ import annotations

import datetime as dt
import os
import random
import secrets
import time
import uuid
from types import ModuleType
from typing import Final

NOW: Final = "use workflow.now()"
SLEEP: Final = "use asyncio.sleep() or workflow.timer()"
RANDOM: Final = "use workflow.random()"
UUID: Final = "use workflow.uuid()"
BYTES: Final = "use workflow.random().randbytes(), or a task of a service for secrets"
SERVICE: Final = "put it into a task of a service; workflow.inline() is for something short"
THREAD: Final = "use asyncio tasks, or a task of a service"

_CLOCKS = ("time", "monotonic", "perf_counter", "process_time", "thread_time")
_RANDOMS = (name for name in random.__all__ if name not in {"Random", "SystemRandom", "getstate"})

FUNCTIONS: Final[dict[ModuleType, dict[str, str]]] = {
    time: {name: NOW for clock in _CLOCKS for name in (clock, f"{clock}_ns")} | {"sleep": SLEEP},
    random: dict.fromkeys(_RANDOMS, RANDOM),
    uuid: dict.fromkeys(("uuid1", "uuid4", "uuid6", "uuid7"), UUID),
    os: dict.fromkeys(("urandom", "getrandom"), BYTES),
    secrets: dict.fromkeys(("choice", "randbelow", "randbits", "token_bytes", "token_hex", "token_urlsafe"), BYTES),
    dt: {},
}
"""By module: functions that are refused."""

WITHOUT_TIME: Final = {"localtime": 1, "gmtime": 1, "ctime": 1, "asctime": 1, "strftime": 2}
"""Functions of `time` that take the time of the call when they get fewer arguments."""

CLASSES: Final[dict[type, tuple[str, ...]]] = {
    dt.datetime: ("now", "utcnow", "today"),
    dt.date: ("today",),
}
"""Classes with class methods that are refused, by `NOW`."""

EVENTS: Final[dict[str, str]] = dict.fromkeys(
    (
        "open", "os.chmod", "os.chown", "os.link", "os.listdir", "os.mkdir", "os.remove", "os.rename", "os.rmdir",
        "os.scandir", "os.symlink", "os.truncate", "os.utime", "sqlite3.connect",
        "socket.bind", "socket.connect", "socket.getaddrinfo", "socket.gethostbyaddr", "socket.gethostbyname",
        "socket.gethostname", "socket.getnameinfo", "socket.sendmsg", "socket.sendto", "socket.__new__",
        "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.system", "subprocess.Popen",
    ),
    SERVICE,
) | {"_thread.start_new_thread": THREAD, "time.sleep": SLEEP}  # fmt: skip
"""Audit events (https://docs.python.org/3/library/audit_events.html) that are refused."""
