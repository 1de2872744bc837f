"""Many tasks, a third of whose attempts fail, on workers that are killed."""

import pytest

from tests.servers import RabbitServer, RedisServer
from tests.soak.soaking import Soaked, soak


async def soaked(rabbit: RabbitServer, redis_server: RedisServer, namespace: str, tasks: int, pause: float) -> Soaked:
    url = f"{rabbit.url}?store={redis_server.url}&ns={namespace}"
    with RedisServer() as receiver:
        return await soak(url, receiver.url, tasks=tasks, workers=2, pause=pause, seconds=1800)


def assert_all_ended_in_one_way_and_booked_what_completed(found: Soaked) -> None:
    assert found.counts == found.expected
    assert found.effects == found.expected["completed"]
    assert found.letters == found.expected["dead-lettered"]
    assert found.left == 0
    assert found.kills


@pytest.mark.timeout(300)
async def test_S09_each_of_a_thousand_tasks_ends_in_one_way_while_workers_are_killed(
    rabbit: RabbitServer, redis_server: RedisServer, namespace: str
) -> None:
    found = await soaked(rabbit, redis_server, namespace, 1000, pause=2.0)

    assert_all_ended_in_one_way_and_booked_what_completed(found)


@pytest.mark.slow
@pytest.mark.timeout(1800)
async def test_S09_each_of_twenty_thousand_tasks_ends_in_one_way_while_workers_are_killed(
    rabbit: RabbitServer, redis_server: RedisServer, namespace: str
) -> None:
    found = await soaked(rabbit, redis_server, namespace, 20_000, pause=3.0)

    assert_all_ended_in_one_way_and_booked_what_completed(found)
