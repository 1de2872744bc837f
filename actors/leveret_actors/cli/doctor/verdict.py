"""What a check says, and the deadline that each has."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Literal, TypeAlias

import anyio
import msgspec

from leveret.url import redact
from leveret_broker.errors import LeveretError

State: TypeAlias = Literal["ok", "warning", "failed", "skipped"]


class Verdict(msgspec.Struct, frozen=True):
    """The outcome of one check."""

    check: str
    state: State
    text: str
    advice: str = ""
    """What to do about it."""


async def judged(check: str, seconds: float, examine: Callable[[], Awaitable[Verdict]], advice: str = "") -> Verdict:
    """Return what `examine` finds; its error, or that it took too long, is a failure with this advice."""
    try:
        with anyio.fail_after(seconds):
            return await examine()
    except TimeoutError:
        return Verdict(check, "failed", f"no answer within {seconds:g} s", advice)
    except LeveretError as error:
        return Verdict(check, "failed", redact(str(error)), advice)
    except Exception as error:
        return Verdict(check, "failed", redact(f"{type(error).__name__}: {error}"), advice)


def skipped(check: str, why: str) -> Verdict:
    """Return that a check makes no sense now."""
    return Verdict(check, "skipped", why)
