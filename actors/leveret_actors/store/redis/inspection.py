"""What a Redis server must be, checked on every new connection: a restart or a failover may have changed it."""

from __future__ import annotations

from typing import Final

import msgspec

from leveret_actors.store.redis.settings import Settings
from leveret_actors.store.redis.wire import TryLater, Wire
from leveret_broker.errors import StoreRefused

OLDEST: Final = (6, 2)

_RELAX: Final = "or accept the loss of acknowledged work in a crash with &durability=relaxed in the store's URL"
_QUESTIONS: Final = (
    ("INFO",),
    ("CONFIG", "GET", "appendfsync"),
    ("CONFIG", "GET", "no-appendfsync-on-rewrite"),
)


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What a server says of itself."""

    info: dict[str, str]
    appendfsync: str | None
    """None: it does not let us ask."""
    skips_on_rewrite: bool

    @property
    def cluster(self) -> bool:
        """True for a server of a cluster."""
        return self.info.get("cluster_enabled") == "1"


async def inspect(wire: Wire, settings: Settings) -> Facts:
    """Ask a connected server what it is; raises StoreRefused when it cannot keep the promises."""
    info, fsync, rewrite = await wire.trip(_QUESTIONS)
    if isinstance(info, Exception):
        raise info
    facts = Facts(
        info=_fields(msgspec.convert(info, bytes)),
        appendfsync=_setting(fsync),
        skips_on_rewrite=_setting(rewrite) == "yes",
    )
    judge(facts, settings, wire.address)
    return facts


def judge(facts: Facts, settings: Settings, address: str) -> None:
    """Raise what is wrong with a server, if anything, with what to set."""
    info = facts.info
    version = info.get("redis_version", "0")
    if _numbers(version) < OLDEST:
        raise StoreRefused(f"Redis at {address} is version {version}: leveret needs 6.2 or later")
    if info.get("loading", "0") != "0":
        raise TryLater(f"Redis at {address} is loading its data")
    if info.get("role", "master") != "master":
        raise TryLater(f"Redis at {address} is a replica: the store needs the master", elsewhere=True)
    policy = info.get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        text = f"Redis at {address} would evict journals (maxmemory-policy {policy})"
        raise StoreRefused(f"{text}: CONFIG SET maxmemory-policy noeviction")
    if not settings.relaxed:
        _judge_disk(facts, address)


def _judge_disk(facts: Facts, address: str) -> None:
    if facts.info.get("aof_enabled") != "1":
        raise StoreRefused(f"Redis at {address} keeps no append-only file: CONFIG SET appendonly yes, {_RELAX}")
    if facts.appendfsync is None:
        text = f"Redis at {address} does not tell its appendfsync: ACL SETUSER <user> +config|get, {_RELAX}"
        raise StoreRefused(text)
    if facts.appendfsync != "always":
        text = f"Redis at {address} syncs its file too late (appendfsync {facts.appendfsync})"
        raise StoreRefused(f"{text}: CONFIG SET appendfsync always, {_RELAX}")
    if facts.skips_on_rewrite:
        text = f"Redis at {address} does not sync during a rewrite: CONFIG SET no-appendfsync-on-rewrite no, {_RELAX}"
        raise StoreRefused(text)


def _fields(info: bytes) -> dict[str, str]:
    lines = (line.partition(":") for line in info.decode(errors="replace").splitlines() if ":" in line)
    return {name: value for name, _, value in lines}


def _setting(reply: object) -> str | None:
    """Return the value of a CONFIG GET; None for one that was refused."""
    if isinstance(reply, Exception) or not reply:
        return None
    return msgspec.convert(reply, tuple[bytes, bytes])[1].decode()


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2] if part.isdecimal())
