"""What a Redis URL asks for."""

from __future__ import annotations

from typing import Final, Literal
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit

import msgspec

from leveret_broker.errors import ConfigurationError

Durability = Literal["strict", "relaxed"]

SCHEMES: Final = {
    "redis": "redis",
    "rediss": "rediss",
    "redis+cluster": "redis",
    "rediss+cluster": "rediss",
    "redis+sentinel": "redis",
    "rediss+sentinel": "rediss",
}
"""The schemes that are understood, and what the connection itself speaks."""

PORT: Final = 6379
SENTINEL_PORT: Final = 26379


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Where the store is and what it promises."""

    scheme: str
    """`redis` or `rediss` (TLS)."""
    hosts: tuple[tuple[str, int], ...]
    """The server; of a cluster, those to ask first; of a sentinel URL, the sentinels."""
    user: str
    """`user:password@` as it stood in the URL, or empty. Never logged."""
    path: str
    """Number of the database, or empty."""
    query: str
    """Settings of the connection, left for redis-py."""
    master: str = ""
    """The name the sentinels know the server by; empty without sentinels."""
    cluster: bool = False
    """The URL says that it is a cluster; when it does not, the first server is asked."""
    relaxed: bool = False
    replicas: int = 0
    """How many replicas must have a write before it counts."""

    @property
    def address(self) -> str:
        """Return the hosts, for log lines and errors."""
        return ",".join(f"{host}:{port}" for host, port in self.hosts)

    def url(self, host: str, port: int) -> str:
        """Return the URL of one server in the form redis-py takes."""
        name = f"[{host}]" if ":" in host else host
        return f"{self.scheme}://{self.user}{name}:{port}/{self.path}{self.query and '?' + self.query}"


def parse(url: str, durability: Durability = "strict") -> Settings:
    """Return what `url` asks for; raises ConfigurationError. `durability` in the URL wins over the argument."""
    try:
        parts = urlsplit(url)
        scheme = SCHEMES[parts.scheme]
    except (ValueError, KeyError):
        wanted = ", ".join(f"{name}://" for name in SCHEMES)
        raise ConfigurationError(f"the store's URL does not start with one of {wanted}") from None
    sentinel = parts.scheme.endswith("+sentinel")
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    master, path = "", parts.path.strip("/")
    if sentinel:
        master, _, path = path.partition("/")
        if not master:
            raise ConfigurationError("a sentinel URL names the master: redis+sentinel://host:26379/mymaster")
    cluster = _flag(query.pop("cluster", "false"), "cluster") or parts.scheme.endswith("+cluster")
    if cluster and path not in {"", "0"}:
        raise ConfigurationError(f"a Redis cluster has database 0 only; take /{path} out of the store's URL")
    return Settings(
        scheme=scheme,
        hosts=_hosts(parts, SENTINEL_PORT if sentinel else PORT),
        user=parts.netloc.rpartition("@")[0] + "@" if "@" in parts.netloc else "",
        path=path,
        master=master,
        cluster=cluster,
        relaxed=_durability(query.pop("durability", durability)) == "relaxed",
        replicas=_count(query.pop("replicas", "0")),
        query=urlencode(query),
    )


def _hosts(parts: SplitResult, default: int) -> tuple[tuple[str, int], ...]:
    found: list[tuple[str, int]] = []
    for place in (parts.netloc.rpartition("@")[2] or "localhost").split(","):
        try:
            one = urlsplit(f"//{place}")
            found.append((one.hostname or "localhost", one.port or default))
        except ValueError:
            raise ConfigurationError(f"{place!r} in the store's URL is not a host and port") from None
    return tuple(found)


def _flag(value: str, name: str) -> bool:
    if value.lower() in {"true", "1", "yes"}:
        return True
    if value.lower() in {"false", "0", "no"}:
        return False
    raise ConfigurationError(f"{name}={value} in the store's URL: say true or false")


def _durability(value: str) -> Durability:
    if value == "strict":
        return "strict"
    if value == "relaxed":
        return "relaxed"
    raise ConfigurationError(f"durability={value}: say strict or relaxed")


def _count(value: str) -> int:
    if not value.isdecimal():
        raise ConfigurationError(f"replicas={value} in the store's URL: say how many replicas must have each write")
    return int(value)
