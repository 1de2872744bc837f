"""A plain AMQP publisher that knows nothing of leveret: `python -m tests.bridge.pika_publisher URL EXCHANGE KEY COUNT`.

It publishes payments of order 7 with confirms, each twice under one message id; the last one says so.
"""

from __future__ import annotations

import json
import sys

import pika  # type: ignore[import-untyped]


def main(url: str, exchange: str, key: str, count: str) -> None:
    """Publish, and wait for each confirmation."""
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        for number in range(int(count)):
            body = json.dumps({"order_id": 7, "n": number, "last": number == int(count) - 1})
            for _ in range(2):
                properties = pika.BasicProperties(
                    message_id=f"m{number}", content_type="application/json", delivery_mode=2
                )
                channel.basic_publish(exchange, key, body.encode(), properties, mandatory=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
