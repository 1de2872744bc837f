"""Private servers for tests: own folder, own loopback ports, gone with the process that started them.

All calls block. A test whose event loop must go on meanwhile says `await asyncio.to_thread(rabbit.restart)`.
"""

from tests.servers.cluster import RedisCluster
from tests.servers.home import ServerFailed, free_port
from tests.servers.rabbit import RabbitServer
from tests.servers.redis import RedisServer

__all__ = ["RabbitServer", "RedisCluster", "RedisServer", "ServerFailed", "free_port"]
