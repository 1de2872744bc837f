"""What must not stand in workflow code, one line a method; `leveret check` finds each without running it."""

from __future__ import annotations

import random
import socket
import threading
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from leveret import workflow
from leveret.errors import NotReplayable


@workflow.define
class Careless:
    """Each method gives what was refused and the advice."""

    async def thread(self) -> list[str]:
        return refused(lambda: threading.Thread(target=print).start())  # thread

    async def file(self) -> list[str]:
        return refused(lambda: open("/etc/hostname"))  # files # noqa: PTH123

    async def connection(self) -> list[str]:
        return refused(lambda: socket.create_connection(("127.0.0.1", 9)))  # network

    async def seconds(self) -> list[str]:
        return refused(lambda: time.time())  # clock # noqa: PLW0108

    async def date(self) -> list[str]:
        return refused(lambda: datetime.now(UTC))  # clock

    async def identity(self) -> list[str]:
        return refused(lambda: uuid.uuid4())  # uuid # noqa: PLW0108

    async def number(self) -> list[str]:
        return refused(lambda: random.random())  # random # noqa: PLW0108


def refused(act: Callable[[], Any]) -> list[str]:
    try:
        act()
    except NotReplayable as error:
        return [error.what, error.advice]
    return ["went through", ""]
