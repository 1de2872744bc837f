"""What a registration may say of a service."""

from __future__ import annotations

from typing import Any

import pytest

from leveret import ConfigurationError, service
from leveret.retry import Retry
from leveret.service import ServiceSettings, TaskSettings


class Stock:
    async def reserve(self, item: str) -> int:
        return len(item)


def test_a_service_is_registered_with_settings_of_its_own() -> None:
    policy = Retry(attempts=2)
    stock = Stock()
    wanted = service.configured(
        stock, retry=policy, timeout=3, concurrency=2, rate=5, tasks={"reserve": service.task_settings(grace=0)}
    )

    instance = service.instance(wanted)

    assert instance.target is stock
    assert instance.settings == ServiceSettings(
        retry=policy, timeout=3.0, concurrency=2, rate=service.Rate(5), tasks={"reserve": TaskSettings(grace=0.0)}
    )
    assert service.instance(Stock).settings is None


def test_settings_of_a_task_that_is_not_there_are_refused() -> None:
    wanted = service.configured(Stock, tasks={"reserv": service.task_settings(timeout=3)})

    with pytest.raises(
        ConfigurationError, match="its registration speaks of reserv of service Stock, which has reserve"
    ):
        service.instance(wanted)


def test_a_service_is_configured_once() -> None:
    with pytest.raises(ConfigurationError, match="configured already"):
        service.configured(service.configured(Stock, timeout=3), concurrency=2)


@pytest.mark.parametrize("said", [{"concurrency": 0}, {"timeout": -1}, {"rate": 0}, {"grace": float("inf")}])
def test_numbers_that_cannot_be_are_refused(said: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        service.configured(Stock, **said)
