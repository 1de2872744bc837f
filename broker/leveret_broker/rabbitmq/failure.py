"""What aiormq raises, in the words of our error tree."""

from __future__ import annotations

import contextlib
import ssl
import traceback
from collections.abc import Generator
from typing import Final

import aiormq.exceptions as amqp
from pamqp import commands

from leveret_broker.errors import BrokerRefused, BrokerUnavailable, TransportError

_REFUSALS = (
    amqp.ProbableAuthenticationError,
    amqp.AuthenticationError,
    amqp.IncompatibleProtocolError,
    amqp.ProtocolSyntaxError,
    amqp.ConnectionNotAllowed,
    amqp.ChannelAccessRefused,
)
"""What stays wrong however often it is tried."""

TLS_ALERT: Final = 0x15
"""First byte of a TLS alert; AMQP has no frame of this type."""


class NotThere(BrokerUnavailable):
    """Raised when a queue or exchange does not exist (any more)."""


def translate(error: BaseException, doing: str) -> TransportError:
    """Return the error to raise for a foreign one that came up while `doing`, which completes "while …"."""
    if isinstance(error, TransportError):
        return error
    if isinstance(error, amqp.ChannelPreconditionFailed):
        return BrokerRefused(
            f"while {doing}: {error}. A queue or exchange of this name exists with other arguments, made by another "
            "version or by hand: delete it when it is empty, or use another namespace"
        )
    if isinstance(error, amqp.ChannelNotFoundEntity):
        return NotThere(f"while {doing}: {error}")
    if isinstance(error.__cause__, ssl.SSLError) and not isinstance(error.__cause__, ssl.SSLEOFError):
        return BrokerRefused(
            f"while {doing}: {error.__cause__}; TLS failed: check amqp or amqps, the port, and the certificates"
        )
    if _answered_by_tls(error):
        return BrokerRefused(f"while {doing}: this port speaks TLS only: use amqps://, or the broker's plain port")
    if isinstance(error, amqp.ChannelAccessRefused):
        return BrokerRefused(
            f"while {doing}: {error}. The user lacks this permission: `leveret permissions` prints what each role needs"
        )
    if isinstance(error, _REFUSALS):
        return BrokerRefused(f"while {doing}: {_closing_text(error) or error}")
    return BrokerUnavailable(f"while {doing}: {describe(error)}")


def describe(error: BaseException | None) -> str:
    """Return one line about an error, or about the lack of one."""
    if error is None:
        return "closed"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return " ".join(str(part) for part in error.args) or type(error).__name__


@contextlib.contextmanager
def translated(doing: str) -> Generator[None]:
    """Raise what the block raises in our words; cancellation passes."""
    try:
        yield
    except (amqp.AMQPError, amqp.ChannelInvalidStateError, OSError, RuntimeError, TimeoutError) as error:
        raise translate(error, doing) from error


def _answered_by_tls(error: BaseException) -> bool:
    """Tell whether the broker answered with a TLS record, as a TLS port does to plain text: an alert, then the end.

    aiormq takes the record's head for that of a frame, and keeps its type only as a local of the raising function.
    """
    return any(frame.f_locals.get("frame_type") == TLS_ALERT for frame, _ in traceback.walk_tb(error.__traceback__))


def _closing_text(error: BaseException) -> str:
    """Return the broker's own words when it closed the connection instead of opening the vhost.

    aiormq 7.2 reports that as an unexpected frame and keeps the frame only as a local of the raising function.
    """
    for frame, _line in traceback.walk_tb(error.__traceback__):
        close = frame.f_locals.get("frame")
        if isinstance(close, commands.Connection.Close):
            return f"{close.reply_code} {close.reply_text}"
    return ""
