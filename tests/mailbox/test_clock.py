"""The store's clock is set while a node runs."""

from __future__ import annotations

import pytest

from leveret_actors.mailbox.tenure import Tenure
from leveret_actors.store.contract import TakenOver
from leveret_actors.store.memory import MemoryStore
from leveret_broker.address import MailboxQueue
from leveret_broker.embedded.memory import MemoryTransport

QUEUE = MailboxQueue("Tally", 0)


async def test_a_store_whose_clock_was_set_back_is_believed() -> None:
    tenure = Tenure(TakenOver(1, 1000.0, (), (), 0.0, ""), MemoryTransport("clock", "t"), MemoryStore("clock").bury)

    tenure.heard(4600.0)
    assert tenure.now() == pytest.approx(4600.0, abs=1.0)
    tenure.heard(1001.0)
    assert tenure.now() == pytest.approx(1001.0, abs=1.0)
