"""Commands as JSON, as other applications publish them; `docs/wire.md` has them all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import msgspec

from leveret.client.post import Post
from leveret.client.requests import Deadline
from leveret.contract import Duration
from leveret.errors import ArgumentMismatch
from leveret_broker.address import COMMANDS
from leveret_broker.codec import plain_data
from leveret_broker.command import RawCommand, body_limit, encode_command
from leveret_broker.errors import PayloadTooLarge
from leveret_broker.ids import new_id

ROUTING_KEY_LIMIT = 255
"""Bytes that AMQP allows."""


def command(
    post: Post,
    routing_key: str,
    body: Mapping[str, Any] | bytes | None,
    headers: Mapping[str, Any] | None,
    message_id: str | None,
) -> RawCommand:
    """Return a command to publish; raises `ArgumentMismatch`, `EncodeError` and `PayloadTooLarge`."""
    if not 0 < len(routing_key.encode()) <= ROUTING_KEY_LIMIT:
        raise ArgumentMismatch(f"the routing key {routing_key[:50]!r} must have 1 to {ROUTING_KEY_LIMIT} bytes")
    data = body if isinstance(body, bytes) else msgspec.json.encode(plain_data(dict(body or {})))
    limit = body_limit(post.codec.limit)
    if len(data) > limit:
        text = f"{routing_key}: the body has {len(data)} bytes, the limit is {limit}: pass a reference instead"
        raise PayloadTooLarge(text)
    return RawCommand(routing_key, data, {**(headers or {}), "message_id": message_id or new_id()})


async def publish(post: Post, raw: RawCommand) -> str:
    """Publish a command, wait until the broker holds it, and return its message id."""
    await post.confirmed(post.transport.publish(COMMANDS, encode_command(raw)))
    return raw.text("message_id")


async def request(post: Post, raw: RawCommand, timeout: Duration | None) -> dict[str, Any]:  # noqa: ASYNC109
    """Publish a command and return the reply; raises `RequestTimedOut`, `TransportClosed`."""
    name, deadline = new_id(), Deadline(timeout)
    data = encode_command(msgspec.structs.replace(raw, headers={**raw.headers, "reply_to": f"@{name}"}))
    with post.requests.expect(f"reply to {raw.routing_key}") as expecting:

        def hear(body: bytes) -> None:
            if not expecting.future.done():
                expecting.future.set_result(msgspec.json.decode(body, type=dict[str, Any]))

        def ask() -> None:
            post.transport.publish(COMMANDS, data).add_done_callback(expecting.sent)

        subscription = await expecting.within(deadline, post.transport.subscribe_replies(name, hear, ask))
        try:
            ask()
            return await expecting.answer(cast("type[dict[str, Any]]", dict), deadline)
        finally:
            await subscription.close()
