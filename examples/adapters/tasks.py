"""Celery: a task that starts a workflow. `LEVERET_URL=amqp://localhost celery -A examples.adapters.tasks worker`."""

from __future__ import annotations

import os

from celery import Celery

from examples.adapters.shop import Order, tag_of
from leveret.sync import Client
from leveret_broker.errors import TransportError

app = Celery("shop", broker=os.environ.get("CELERY_URL", "amqp://localhost"))
client = Client()  # opens nothing yet: Celery forks its processes behind this line


@app.task(name="shop.place", acks_late=True, autoretry_for=(TransportError,), retry_backoff=True, max_retries=None)
def place(order: str, cents: int) -> str:
    """Start the workflow; returns when the broker has it. A task that comes again finds the order's id in use.

    The first task of a process opens its client, the others find it open; it ends with its process.
    """
    orders = client.open()
    stub = orders.new(Order, id=order, tags={tag_of(order)})
    return orders.dispatch(stub.run, cents).id
