"""The one URL, which names broker, store and namespace."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias
from urllib.parse import SplitResult, parse_qsl, unquote, urlencode, urlsplit, urlunsplit

from leveret_broker.codec import PAYLOAD_LIMIT
from leveret_broker.errors import ConfigurationError
from leveret_broker.ids import check_namespace

VARIABLE: Final = "LEVERET_URL"
"""The environment variable that is read where no URL is given."""
DEFAULT_URL: Final = "sqlite:///leveret.db"
"""What is used where the variable is not set either: a file in the working directory."""

Durability: TypeAlias = Literal["strict", "relaxed"]

_OURS: Final = ("ns", "store", "durability", "replicas", "payload_limit")
_AMQP: Final = ("heartbeat", "connection_timeout", "name", "auth", "cafile", "capath", "cadata", "certfile", "keyfile",
                "no_verify_ssl")  # fmt: skip
_SCHEMES: Final = ("amqp", "amqps", "sqlite", "memory")
_STORES: Final = ("redis", "rediss", "unix")
_PASSWORD: Final = re.compile(r"(?<=://)([^/?#@:]*):\S*@")
"""Rather too much than too little: a password may hold what should have been percent-encoded."""


@dataclass(frozen=True, slots=True)
class Url:
    """A parsed URL. Its text forms show no password."""

    scheme: str
    """`amqp`, `amqps`, `sqlite` or `memory`."""
    broker: str = field(default="", repr=False)
    """For `amqp` and `amqps`: the URL of the broker, without leveret's own options."""
    store: str = field(default="", repr=False)
    """For `amqp` and `amqps`: the URL of the store; empty when there is none, which is enough for clients."""
    path: str = ""
    """For `sqlite`: the file. For `memory`: the hub's name."""
    namespace: str = "leveret"
    durability: Durability = "strict"
    """`strict`: the store must fsync each commit. `relaxed`: it need not, and may lose the last second."""
    replicas: int = 0
    """Replicas of the store that must have a commit before it counts."""
    payload_limit: int = PAYLOAD_LIMIT
    """Bytes."""

    @classmethod
    def parse(cls, text: str | None = None) -> Url:
        """Read a URL; None is `LEVERET_URL`, or the default. Raises `ConfigurationError`.

        `amqp://user:password@host:5672/vhost?store=redis://host:6379/0&ns=orders`, `sqlite:///orders.db` (relative),
        `sqlite:////var/lib/orders.db` (absolute), `memory://name`. A store URL with an `&` of its own is
        percent-encoded.
        """
        text = text or os.environ.get(VARIABLE) or DEFAULT_URL
        try:
            parts = urlsplit(text)
            _ = parts.port
        except ValueError:
            text = f"the URL {redact(text)!r} cannot be read: the port must be a number, a password percent-encoded"
            raise ConfigurationError(text) from None
        if parts.scheme not in _SCHEMES:
            raise ConfigurationError(f"the URL {redact(text)!r} must begin with one of {_list(_SCHEMES)}, and ://")
        options = _options(parts)
        amqp = parts.scheme in {"amqp", "amqps"}
        return cls(
            scheme=parts.scheme,
            broker=_broker(parts, options) if amqp else "",
            store=_store(options.get("store", "")),
            path="" if amqp else _path(parts),
            namespace=check_namespace(options.get("ns", "leveret")),
            durability=_durability(options.get("durability", "strict")),
            replicas=_number("replicas", options.get("replicas", "0"), 0),
            payload_limit=_number("payload_limit", options.get("payload_limit", str(PAYLOAD_LIMIT)), 1),
        )

    def __str__(self) -> str:
        """Return the URL without its passwords and options."""
        if self.broker:
            base = redact(self.broker).partition("?")[0]
            return f"{base}?ns={self.namespace}" + (f"&store={redact(self.store)}" if self.store else "")
        slashes = "/" if self.scheme == "sqlite" else ""
        return f"{self.scheme}://{slashes}{self.path}?ns={self.namespace}"


def redact(text: str) -> str:
    """Return a text with the passwords of all URLs in it replaced."""
    return _PASSWORD.sub(r"\1:***@", unquote(text) if "%3A%2F%2F" in text.upper() else text)


def _options(parts: SplitResult) -> dict[str, str]:
    known = _OURS + _AMQP if parts.scheme in {"amqp", "amqps"} else tuple(name for name in _OURS if name != "store")
    try:
        pairs = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    except ValueError:
        raise ConfigurationError("the URL's options must be name=value, joined by '&'") from None
    options = dict(pairs)
    for name, _ in pairs:
        if name not in known:
            raise ConfigurationError(f"the URL's option {name!r} is not known: there are {_list(known)}")
    if len(options) < len(pairs):
        raise ConfigurationError("an option of the URL is given twice")
    return options


def _broker(parts: SplitResult, options: dict[str, str]) -> str:
    if not parts.hostname:
        raise ConfigurationError(f"the URL {parts.scheme}://… names no host")
    query = urlencode({name: value for name, value in options.items() if name in _AMQP})
    return urlunsplit((parts.scheme, parts.netloc, parts.path, query, ""))


def _store(text: str) -> str:
    if text and urlsplit(text).scheme not in _STORES:
        raise ConfigurationError(f"the store {redact(text)!r} must begin with one of {_list(_STORES)}, and ://")
    return text


def _path(parts: SplitResult) -> str:
    if parts.scheme == "memory":
        return unquote(parts.netloc + parts.path).strip("/")
    path = unquote(parts.path)
    if parts.netloc or len(path) < 2 or path.endswith("/"):
        raise ConfigurationError("sqlite:///file.db is a relative path, sqlite:////path/file.db an absolute one")
    return path[1:]


def _number(name: str, value: str, least: int) -> int:
    if not value.isdecimal() or int(value) < least:
        raise ConfigurationError(f"the URL's option {name} must be a whole number from {least} on, not {value!r}")
    return int(value)


def _durability(value: str) -> Durability:
    match value:
        case "strict":
            return "strict"
        case "relaxed":
            return "relaxed"
        case _:
            raise ConfigurationError(f"the URL's option durability must be strict or relaxed, not {value!r}")


def _list(names: tuple[str, ...]) -> str:
    return ", ".join(names)
