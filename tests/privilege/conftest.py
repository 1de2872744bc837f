"""The users of a module's tests."""

from __future__ import annotations

import secrets

import pytest

from tests.privilege.users import Users
from tests.servers import RabbitServer, RedisServer


@pytest.fixture(scope="module")
def users(rabbit: RabbitServer, redis_server: RedisServer) -> Users:
    return Users(rabbit, redis_server, f"t{secrets.token_hex(5)}")
