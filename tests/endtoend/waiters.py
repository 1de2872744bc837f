"""What a node hosts to wait."""

from tests.bench.hello import Waiter

WORKFLOWS = [Waiter]
SERVICES: list[type[object]] = []
