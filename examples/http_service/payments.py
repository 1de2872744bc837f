"""Charging accounts: the contract, how it fails, and when it is tried again."""

from __future__ import annotations

from typing import Protocol

from leveret import Retry, RetryDetails, service


class Declined(Exception):
    """The bank said no; asking again does not help."""


class Unavailable(Exception):
    """The bank did not answer, or answered that something is wrong with it."""


class Later(Exception):
    """The bank, or the circuit breaker before it, said when to ask again."""

    def __init__(self, seconds: float) -> None:
        """Keep for how long to leave it alone."""
        super().__init__(f"not before {seconds:.3g} s have passed")
        self.seconds = seconds


@service.define(name="Payments")
class Payments(Protocol):
    """What callers know."""

    async def charge(self, account: str, cents: int) -> str:
        """Charge an account and return the number of the receipt; once, whatever happens on the way."""
        ...


usual = Retry(initial=0.05, maximum=30, attempts=10, ignore=(Declined,))


def patience(details: RetryDetails) -> float | None:
    """Wait for as long as the bank said; else longer each time."""
    delay = usual(details)
    return delay if delay is None or not isinstance(details.error, Later) else details.error.seconds
