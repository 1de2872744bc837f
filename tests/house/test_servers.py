"""The private servers keep their promises, so that a failing test blames the code."""

import signal
import socket
import subprocess
import sys
from pathlib import Path

import aio_pika
import pytest

from tests.servers import RabbitServer, RedisCluster, RedisServer
from tests.servers.home import wait_until


async def put(server: RabbitServer, queue: str, body: bytes) -> None:
    async with await aio_pika.connect(server.url) as connection, connection.channel() as channel:
        await channel.declare_queue(queue, durable=True, arguments={"x-queue-type": "quorum"})
        message = aio_pika.Message(body, delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
        await channel.default_exchange.publish(message, queue)


async def take(server: RabbitServer, queue: str) -> bytes:
    async with await aio_pika.connect(server.url) as connection, connection.channel() as channel:
        message = await (await channel.get_queue(queue)).get(timeout=10)
        await message.ack()
        return message.body


@pytest.mark.kills_servers
async def test_a_confirmed_message_survives_signal_9(own_rabbit: RabbitServer, namespace: str) -> None:
    await put(own_rabbit, namespace, b"first")
    own_rabbit.settle()
    await put(own_rabbit, namespace, b"second")

    own_rabbit.kill()
    own_rabbit.start()

    assert await take(own_rabbit, namespace) == b"first"
    assert await take(own_rabbit, namespace) == b"second"


@pytest.mark.slow
@pytest.mark.kills_servers
async def test_a_queue_declared_just_before_signal_9_can_be_used_afterwards(
    own_rabbit: RabbitServer, namespace: str
) -> None:
    await put(own_rabbit, namespace, b"may be lost")

    own_rabbit.kill()
    own_rabbit.start()

    await put(own_rabbit, namespace, b"is there")
    assert await take(own_rabbit, namespace) in {b"may be lost", b"is there"}


@pytest.mark.slow
@pytest.mark.kills_servers
async def test_a_restarted_rabbit_keeps_port_and_data(own_rabbit: RabbitServer, namespace: str) -> None:
    url = own_rabbit.url
    await put(own_rabbit, namespace, b"still here")

    own_rabbit.restart()

    assert own_rabbit.url == url
    assert await take(own_rabbit, namespace) == b"still here"


async def test_rabbitmqctl_speaks_to_the_private_node(rabbit: RabbitServer, namespace: str) -> None:
    await put(rabbit, namespace, b"1")

    assert namespace in rabbit.ctl("list_queues", "name")


def test_a_private_rabbit_is_not_the_one_of_the_machine(rabbit: RabbitServer) -> None:
    listening = rabbit.ctl("eval", "[P || {listener, _, amqp, _, _, P, _} <- rabbit_networking:active_listeners()].")

    assert rabbit.port != 5672
    assert listening.strip() == f"[{rabbit.port}]"


@pytest.mark.kills_servers
def test_an_acknowledged_write_survives_signal_9(own_redis: RedisServer, namespace: str) -> None:
    own_redis.cli("set", namespace, "still here")

    own_redis.kill()
    own_redis.start()

    assert own_redis.cli("get", namespace).strip() == "still here"


def test_a_cluster_spreads_its_keys_over_three_masters() -> None:
    with RedisCluster() as cluster:
        for key in "abcdef":
            cluster.nodes[0].cli("-c", "set", key, key)

        assert all(int(node.cli("dbsize")) > 0 for node in cluster.nodes)


def test_servers_end_and_their_folder_goes_when_the_test_run_is_killed() -> None:
    script = (
        "from tests.servers import RedisServer as R; r = R().start(); print(r._home.path, r.port, flush=True); input()"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as run:
        assert run.stdout is not None
        folder, port = run.stdout.readline().decode().split()

        run.send_signal(signal.SIGKILL)

        wait_until(lambda: not Path(folder).exists(), 10, "the guard cleans up")
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", int(port)), 1)
