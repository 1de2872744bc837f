"""pika: payments from an application that has no leveret. `python -m examples.adapters.publisher 7 500 payment-1`.

What it sends is JSON to an exchange: `docs/wire.md` is the contract. AMQP_URL and LEVERET_NAMESPACE say where.
"""

from __future__ import annotations

import json
import os
import sys

import pika  # type: ignore[import-untyped]
from pika.adapters.blocking_connection import BlockingChannel  # type: ignore[import-untyped]


def publish(channel: BlockingChannel, namespace: str, order: str, cents: int, message_id: str) -> None:
    """Signal the order's workflow by its tag; returns when the broker holds the signal.

    A second one with the same `message_id` does nothing: after an error, publish it again. The channel must confirm.
    Raises what pika raises; `ChannelClosedByBroker` or `UnroutableError` until a node of the namespace was there once.
    """
    body = {"tag": f"order:{order}", "value": {"order": order, "cents": cents}}
    properties = pika.BasicProperties(message_id=message_id, content_type="application/json", delivery_mode=2)
    channel.basic_publish(
        f"{namespace}.commands", "signal.ShopOrder.payments", json.dumps(body).encode(), properties, mandatory=True
    )


def main(order: str, cents: str, message_id: str) -> None:
    url = pika.URLParameters(os.environ.get("AMQP_URL", "amqp://localhost"))
    with pika.BlockingConnection(url) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        publish(channel, os.environ.get("LEVERET_NAMESPACE", "leveret"), order, int(cents), message_id)


if __name__ == "__main__":
    main(*sys.argv[1:])
