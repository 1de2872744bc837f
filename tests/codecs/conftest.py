"""One file, or RabbitMQ and Redis."""

from tests.conformance.conftest import url

__all__ = ["url"]
