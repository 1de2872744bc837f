"""dramatiq: an empty actor, its result in Redis. Run by a Python that has dramatiq."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Any

from tests.rivals.meter import note

dramatiq: Any = import_module("dramatiq")
rabbitmq: Any = import_module("dramatiq.brokers.rabbitmq")
results: Any = import_module("dramatiq.results")
backends: Any = import_module("dramatiq.results.backends")

broker: Any = rabbitmq.RabbitmqBroker(url=os.environ["BROKER"], confirm_delivery=True)
broker.add_middleware(results.Results(backend=backends.RedisBackend(url=os.environ["STORE"])))
dramatiq.set_broker(broker)


def _empty() -> None:
    note()


empty: Any = dramatiq.actor(store_results=True, actor_name="empty")(_empty)

if __name__ == "__main__":
    for _ in range(int(sys.argv[1])):
        empty.send()
