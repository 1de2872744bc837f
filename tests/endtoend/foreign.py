"""Another application, with plain `pika`: `python -m tests.endtoend.foreign URL EXCHANGE FILE [REPLIES COUNT]`.

Publishes the messages of a file, one JSON array per line: routing key, body, properties, headers. Then prints the
first COUNT messages of its queue REPLIES, one JSON array per line: correlation id, content type, body.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pika  # type: ignore[import-untyped]


def main(url: str, exchange: str, file: str, replies: str = "", count: str = "0") -> None:
    connection = pika.BlockingConnection(pika.URLParameters(url))
    channel: Any = connection.channel()
    if replies:
        channel.queue_declare(replies, durable=True)
    for line in Path(file).read_text().splitlines():
        routing_key, body, properties, headers = json.loads(line)
        channel.basic_publish(
            exchange, routing_key, body.encode("latin-1"), pika.BasicProperties(**properties, headers=headers)
        )
    if int(count):
        for number, (method, properties, body) in enumerate(channel.consume(replies), 1):
            print(json.dumps([properties.correlation_id, properties.content_type, json.loads(body)]), flush=True)
            channel.basic_ack(method.delivery_tag)
            if number == int(count):
                break
    connection.close()
    print("published", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
