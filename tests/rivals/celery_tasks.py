"""Celery: an empty task, acknowledged late, its result in Redis. Run by a Python that has Celery."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Any

from tests.rivals.meter import note

celery: Any = import_module("celery")
kombu: Any = import_module("kombu")

queue = kombu.Queue("celery", durable=True, queue_arguments={"x-queue-type": os.environ["QUEUE_TYPE"]})
app: Any = celery.Celery("rival", broker=os.environ["BROKER"], backend=os.environ["STORE"])
app.conf.update(
    task_acks_late=True,
    worker_prefetch_multiplier=1,
    task_queues=[queue],
    task_default_queue="celery",
    broker_transport_options={"confirm_publish": True},
)


def _empty() -> None:
    note()


empty: Any = app.task(name="empty")(_empty)

if __name__ == "__main__":
    for _ in range(int(sys.argv[1])):
        empty.delay()
