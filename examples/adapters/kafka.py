"""aiokafka: payments from a topic of Kafka. `LEVERET_URL=amqp://localhost python -m examples.adapters.kafka`."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from typing import Protocol, TypeAlias

import msgspec
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from loguru import logger

from examples.adapters.shop import Order, Payment, tag_of
from leveret import Client

Record: TypeAlias = "ConsumerRecord[bytes | None, bytes | None]"


class Consumer(Protocol):
    """What `relay` needs of an `AIOKafkaConsumer`."""

    async def getmany(self, *, timeout_ms: int, max_records: int) -> Mapping[TopicPartition, Sequence[Record]]: ...
    async def commit(self, offsets: dict[TopicPartition, int]) -> None: ...


async def relay(consumer: Consumer, client: Client) -> None:
    """Turn records into signals for ever.

    The offsets of a batch are committed once the broker holds all its signals; what raises before comes again from
    Kafka, with the same `message_id`, and what had arrived does nothing.
    """
    while True:
        batches = await consumer.getmany(timeout_ms=1_000, max_records=500)
        async with asyncio.TaskGroup() as signals:  # sent in the order in which they are listed
            for records in batches.values():
                for record in records:
                    signals.create_task(signal(client, record))
        if batches:
            await consumer.commit({partition: records[-1].offset + 1 for partition, records in batches.items()})


async def signal(client: Client, record: Record) -> None:
    """Signal the order's workflow; returns when the broker holds the signal."""
    place = f"{record.topic}/{record.partition}/{record.offset}"
    try:
        payment = msgspec.json.decode(record.value or b"", type=Payment)
    except msgspec.DecodeError as error:  # it would be the same the next time: Kafka keeps it, the log says where
        logger.warning("skipped {}: {}", place, error)
        return
    await client.all(Order, tag=tag_of(payment.order), message_id=place).payments.send(payment)


def payments(servers: str) -> AIOKafkaConsumer:
    """Return the consumer: `relay` says what is done, never a timer."""
    return AIOKafkaConsumer(
        "payments",
        bootstrap_servers=servers,
        group_id="leveret",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )


async def main() -> None:
    servers = os.environ.get("KAFKA_SERVERS", "localhost:9092")
    async with Client() as client, payments(servers) as consumer:
        await relay(consumer, client)


if __name__ == "__main__":
    asyncio.run(main())
