"""A small trip, and a user for each role."""

from __future__ import annotations

import shlex

import aiormq
import pytest
from aiormq.exceptions import ChannelAccessRefused

from leveret import service, workflow
from leveret_actors.permissions import Role, commands
from leveret_actors.settings import EVERYTHING, EventSettings, Settings
from tests.servers import RabbitServer, RedisServer

SETTINGS = Settings(mailboxes=1, heartbeat=0.2, events=EventSettings(publish=EVERYTHING))
PASSWORD = "secret"
ROLES: tuple[tuple[Role, dict[str, object]], ...] = (
    ("node", {}),
    ("service", {"services": ["Hotel"]}),
    ("client", {}),
    ("commands", {}),
    ("events", {"group": "audit"}),
)


@service.define
class Hotel:
    async def book(self, room: str) -> str:
        return f"{room} is booked"


@service.define
class Car:
    async def book(self, room: str) -> str:
        return room


@workflow.define
class Trip:
    hotel = workflow.service(Hotel)

    async def run(self, room: str) -> str:
        return await self.hotel.book(room)


class Users:
    """One user for each role in one namespace; they are made by what the command prints."""

    def __init__(self, rabbit: RabbitServer, redis: RedisServer, namespace: str) -> None:
        self.rabbit, self.redis, self.namespace = rabbit, redis, namespace
        calls: list[str] = []
        for role, more in ROLES:
            name = f"{namespace}-{role}"
            calls.append(
                f"rabbit_auth_backend_internal:add_user(<<{_erl(name)}>>, <<{_erl(PASSWORD)}>>, <<{_erl('t')}>>)"
            )
            for line in commands(role, namespace, name, **more):  # type: ignore[arg-type]
                words = shlex.split(line)
                if words[0] == "rabbitmqctl":
                    _, _, _, vhost, user, *patterns = words
                    given = ", ".join(f"<<{_erl(one)}>>" for one in (user, vhost, *patterns, "t"))
                    calls.append(f"rabbit_auth_backend_internal:set_permissions({given})")
                else:
                    redis.cli(*words[1:], "on", f">{PASSWORD}")
        rabbit.ctl("eval", ", ".join(calls) + ".")

    def url(self, role: Role, namespace: str = "") -> str:
        user = f"{self.namespace}-{role}:{PASSWORD}@127.0.0.1"
        store = f"&store=redis://{user}:{self.redis.port}" if role in {"node", "service"} else ""
        return f"amqp://{user}:{self.rabbit.port}/?ns={namespace or self.namespace}{store}"


def _erl(text: str) -> str:
    escaped = text.replace("\\", "\\\\")
    return f'"{escaped}"'


async def refused(url: str, method: str, *args: object, **kwargs: object) -> str:
    """Return what the broker says to a call of a channel."""
    connection = await aiormq.connect(url.partition("?")[0])
    try:
        channel = await connection.channel()
        with pytest.raises(ChannelAccessRefused) as caught:
            await getattr(channel, method)(*args, **kwargs)
        return str(caught.value)
    finally:
        await connection.close()
