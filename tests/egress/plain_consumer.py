"""A plain AMQP client in a process of its own: binds a queue, says so, prints each event as a line.

`python -m tests.egress.plain_consumer URL EXCHANGE KEY COUNT`
"""

from __future__ import annotations

import json
import sys

import pika  # type: ignore[import-untyped]


def main(url: str, exchange: str, key: str, count: str) -> None:
    """Print content type, routing key and body of so many messages."""
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        channel = connection.channel()
        queue = channel.queue_declare("", exclusive=True).method.queue
        channel.queue_bind(queue, exchange, routing_key=key)
        print("bound", flush=True)
        left = int(count)
        for method, properties, body in channel.consume(queue, auto_ack=True):
            assert method is not None
            assert properties is not None
            assert body is not None
            print(json.dumps([properties.content_type, method.routing_key, body.decode()]), flush=True)
            left -= 1
            if not left:
                break


if __name__ == "__main__":
    main(*sys.argv[1:])
