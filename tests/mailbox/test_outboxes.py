"""What becomes of an outbox that the transport gives up."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from leveret_actors.mailbox import tenure
from leveret_broker.address import Address
from leveret_broker.envelope import Wake, decode, encode
from leveret_broker.errors import PublishFailed
from tests.mailbox.tally import signal
from tests.mailbox.test_loop import ECHO, TALLY, hosting, settled


@pytest.mark.timeout(20)
async def test_a_body_that_was_refused_is_sent_again_once_the_broker_takes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tenure, "FIRST_PAUSE", 0.001)
    refused: list[bytes] = []
    async with hosting("refused") as (host, _, _):
        publish = host.transport.publish

        def refuse(address: Address, body: bytes, **options: Any) -> asyncio.Future[None]:
            if address != ECHO or isinstance(decode(body).message, Wake) or len(refused) == 3:
                return publish(address, body, **options)
            refused.append(body)
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            future.set_exception(PublishFailed("the queue exists with other arguments"))
            return future

        monkeypatch.setattr(host.transport, "publish", refuse)
        await publish(TALLY, encode(signal("m", "a")))

        assert await settled(host, 1) == ["m!"]

    assert len(refused) == 3
