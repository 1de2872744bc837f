"""The house of the conformance tests: one file, or RabbitMQ and Redis; what was started replays at the end."""

from __future__ import annotations

from tests.conformance.conftest import house, url

__all__ = ["house", "url"]
