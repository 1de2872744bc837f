"""Another application, with plain `pika`: `python -m tests.endtoend.foreign URL EXCHANGE FILE …`.

Publishes the messages of a file, one JSON array per line: routing key, body, properties, headers. What may follow:
REPLIES COUNT has it print the first COUNT messages of its queue REPLIES, a JSON array per line: correlation id, content
type, body. STAMPS RATE has it publish RATE messages a second if that is not 0, and write down when it published each.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pika  # type: ignore[import-untyped]

from tests.stream.pace import Pace


def main(
    url: str, exchange: str, file: str, replies: str = "", count: str = "0", stamps: str = "", rate: str = "0"
) -> None:
    connection = pika.BlockingConnection(pika.URLParameters(url))
    channel: Any = connection.channel()
    if replies:
        channel.queue_declare(replies, durable=True)
    pace = Pace(float(rate))
    for line in Path(file).read_text().splitlines():
        routing_key, body, properties, headers = json.loads(line)
        if (left := pace.left) > 0:
            connection.sleep(left)
        pace.stamp()
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
    if stamps:
        pace.write(stamps)
    print("published", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
