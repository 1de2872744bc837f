"""The service: one function around one HTTP call."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

from examples.http_service.circuit import Circuit
from examples.http_service.payments import Declined, Later, Payments, Unavailable, patience
from leveret import service


class HttpPayments(Payments):
    """Charges by `POST /charges`."""

    def __init__(self, http: httpx.AsyncClient, circuit: Circuit) -> None:
        """Share one client and one circuit among all tasks."""
        self._http = http
        self._circuit = circuit

    @service.task(retry=patience, timeout=30)
    async def charge(self, account: str, cents: int) -> str:
        """Charge an account; the bank knows all attempts by the id of the task."""
        headers = {"Idempotency-Key": service.context().task_id}
        async with self._circuit.call():
            try:
                answer = await self._http.post("/charges", json={"account": account, "cents": cents}, headers=headers)
            except httpx.TransportError as error:  # refused, reset, or a timeout: it may have charged all the same
                raise Unavailable(repr(error)) from error
            if answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR and "Retry-After" not in answer.headers:
                raise Unavailable(f"status {answer.status_code}")
        if "Retry-After" in answer.headers:  # with 429 and 503
            raise Later(seconds_of(answer.headers["Retry-After"]))
        if answer.is_error:
            raise Declined(answer.json()["reason"])
        return str(answer.json()["receipt"])


def seconds_of(retry_after: str) -> float:
    """Return what `Retry-After` says: a number of seconds, or a date."""
    try:
        return float(retry_after)
    except ValueError:
        return max(0.0, (parsedate_to_datetime(retry_after) - datetime.now(UTC)).total_seconds())


def payments(url: str, timeout: float = 5.0) -> Callable[[], AbstractAsyncContextManager[HttpPayments]]:
    """Return what opens the service with its node, and closes its HTTP client behind the last task."""

    @asynccontextmanager
    async def opened() -> AsyncGenerator[HttpPayments]:
        async with httpx.AsyncClient(base_url=url, timeout=timeout) as http:
            yield HttpPayments(http, Circuit())

    return opened
