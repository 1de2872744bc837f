"""The root of the one error tree, and what the broker layer itself raises."""

from __future__ import annotations


class LeveretError(Exception):
    """Root of every error that leveret raises on purpose."""


class ConfigurationError(LeveretError):
    """Raised when a URL, a file, a name or a registration is wrong; the text says what to change."""


class TransportError(LeveretError):
    """Root of what goes wrong between this process and the broker."""


class BrokerUnavailable(TransportError):
    """Raised when the broker did not answer before the deadline; trying again later may help."""


class BrokerRefused(TransportError):
    """Raised when the broker answered and said no (user, password, vhost, TLS, arguments); trying again won't help."""


class TransportClosed(TransportError):
    """Raised by every waiting call when its transport is closed by its owner."""


class SubscriptionLost(TransportError):
    """Raised by `take` when the channel behind a subscription is gone: drop what is at hand and subscribe again."""


class PublishFailed(TransportError):
    """Raised through a publish future when the transport gave up on a body; the body may or may not have arrived."""


class StoreError(LeveretError):
    """Root of what goes wrong between a node and its store."""


class StoreUnavailable(StoreError):
    """Raised when the store did not answer before the deadline; the write may or may not have happened."""


class StoreRefused(StoreError):
    """Raised when the store cannot keep the promises (evicts, keeps nothing on disk, wrong password, wrong version)."""


class StaleEpoch(StoreError):
    """Raised by a commit whose epoch is no longer the queue's: this node has lost the queue."""


class PayloadError(LeveretError):
    """Root of what goes wrong between a value and its bytes."""


class EncodeError(PayloadError):
    """Raised when a value cannot be turned into bytes."""


class DecodeError(PayloadError):
    """Raised when bytes do not hold a value of the wanted type."""


class PayloadLocked(PayloadError):
    """Raised when a payload's codec is not here, or cannot do its work: nothing is wrong with the value.

    A process that has the codec and its key can read it.
    """

    def __init__(self, text: str, codec: int = 0) -> None:
        """Keep what went wrong, and the codec's id."""
        super().__init__(text, codec)
        self.text = text
        self.codec = codec

    def __str__(self) -> str:
        """Return the text."""
        return self.text


class PayloadTooLarge(PayloadError):
    """Raised at the caller when an encoded value is over the payload limit (1 MiB unless set otherwise)."""
