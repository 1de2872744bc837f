"""How many mailbox queues a type has: the broker's word, held against the store's."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from leveret_actors.mailbox.directory import Directory
from leveret_actors.store.memory import MemoryStore
from leveret_broker.embedded.memory import MemoryTransport
from leveret_broker.errors import StoreRefused


@pytest.fixture
async def store() -> AsyncIterator[MemoryStore]:
    """A store that knows four queues of orders."""
    store = MemoryStore("directory")
    await store.open()
    await store.mailbox_count("Order", 4)
    yield store
    await store.close()


async def transport(name: str) -> MemoryTransport:
    """Connect to a broker that knows nothing."""
    opened = MemoryTransport(name, "t")
    await opened.open()
    return opened


async def test_a_broker_that_lost_its_data_is_told_again_what_the_store_knows(store: MemoryStore) -> None:
    broker = await transport("told again")

    queues = await Directory(broker, store, 8).queues("Order")

    assert len(queues) == 4
    assert await broker.mailbox_count("Order", 8) == 4


async def test_another_number_is_refused_before_anything_is_done(store: MemoryStore) -> None:
    broker = await transport("somebody else first")
    await broker.mailbox_count("Order", 8)

    with pytest.raises(StoreRefused, match="Order has 8 mailbox queues, the store has actors of 4"):
        await Directory(broker, store, 8).queues("Order")


async def test_the_first_word_on_a_type_is_noted_in_the_store(store: MemoryStore) -> None:
    broker = await transport("first word")
    await broker.mailbox_count("Trip", 3)

    await Directory(broker, store, 8).learn(["Trip"])

    assert await store.mailbox_count("Trip") == 3
