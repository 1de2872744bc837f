"""Services paused and resumed by a client."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from leveret.client.post import Post, letter
from leveret.client.requests import Deadline
from leveret.contract import Duration
from leveret.service.defining import definition_of
from leveret_broker.address import CONTROL
from leveret_broker.envelope import Done, PauseService
from leveret_broker.ids import check_name

AGAIN: Final = 0.5
"""Seconds until the request is sent once more: a node that just starts does not hear it yet."""


async def pause(post: Post, service: str | type[Any], timeout: Duration, *, paused: bool) -> Done:  # noqa: ASYNC109
    """Have a node write down that a service is paused, or is not; nothing keeps the request, so it is repeated."""
    name = check_name("service", service) if isinstance(service, str) else definition_of(service).name
    with post.requests.expect(f"{'pause' if paused else 'resume'} of service {name}") as expecting:
        deadline = Deadline(timeout)
        question = letter("", PauseService(name, paused, expecting.caller))
        while not expecting.future.done() and deadline.left() != 0:
            post.ask(expecting, CONTROL, question)
            left = deadline.left()
            await asyncio.wait([expecting.future], timeout=AGAIN if left is None else min(AGAIN, left))
        return await expecting.answer(Done, deadline)
