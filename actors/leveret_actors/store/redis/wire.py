"""One connection to a Redis server. Only this file knows redis-py, its loose types, and its errors."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Iterable, Sequence
from typing import Any, Final, NamedTuple, Protocol, TypeAlias

from redis import exceptions as foreign
from redis.asyncio import Sentinel
from redis.asyncio.connection import ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.crc import key_slot

from leveret_actors.store.redis.settings import Settings
from leveret_broker.errors import ConfigurationError, StoreRefused, StoreUnavailable

Argument: TypeAlias = str | bytes | int | float
Arguments: TypeAlias = Sequence[Argument]


class TryLater(StoreUnavailable):
    """Raised when the same call may succeed soon: nobody answered, or a server that cannot right now."""

    def __init__(self, text: str, *, elsewhere: bool = False) -> None:
        super().__init__(text)
        self.elsewhere = elsewhere
        """Another server may answer: connections and routes are to be found anew."""


class UnknownScript(StoreUnavailable):
    """Raised when a server does not have a script that was called by its digest."""


class _Meaning(NamedTuple):
    """What foreign errors mean: those of these classes, or with one of these words in their text."""

    text: str
    classes: tuple[type[Exception], ...]
    words: tuple[str, ...]
    elsewhere: bool = False


_REFUSED: Final = (
    _Meaning(
        "Redis wants a password: put it into the store's URL",
        (foreign.AuthenticationWrongNumberOfArgsError,),
        ("NOAUTH", "Authentication required"),
    ),
    _Meaning(
        "Redis has no password set: take it out of the store's URL, or set one",
        (),
        ("without any password configured",),
    ),
    _Meaning(
        "Redis refuses user or password of the store's URL",
        (foreign.AuthenticationError,),
        ("WRONGPASS", "invalid username-password"),
    ),
    _Meaning(
        "the Redis user of the store's URL may not do what leveret needs",
        (foreign.NoPermissionError, foreign.AuthorizationError),
        ("NOPERM", "no permissions"),
    ),
    _Meaning(
        "the certificate of Redis is not trusted: set ssl_ca_certs in the store's URL",
        (),
        ("CERTIFICATE_VERIFY_FAILED",),
    ),
    _Meaning(
        "Redis does not have the database of the store's URL", (), ("Invalid Database", "DB index is out of range")
    ),
    _Meaning("a key of this namespace was not written by leveret: choose another namespace", (), ("WRONGTYPE",)),
)
_LATER: Final = (
    _Meaning("Redis is full: raise maxmemory", (foreign.OutOfMemoryError,), ("OOM ", "> 'maxmemory'")),
    _Meaning("Redis cannot write to its disk", (), ("MISCONF",)),
    _Meaning("Redis has too few replicas (min-replicas-to-write)", (), ("NOREPLICAS",)),
    _Meaning("Redis is busy with somebody's script", (), ("BUSY ",)),
    _Meaning(
        "the Redis cluster is changing",
        (foreign.MovedError, foreign.ClusterDownError, foreign.MasterDownError),
        (" MOVED ", "CLUSTERDOWN", "MASTERDOWN"),
        elsewhere=True,
    ),
    _Meaning(
        "Redis is moving this slot to another server",
        (foreign.AskError, foreign.TryAgainError),
        (" ASK ", "TRYAGAIN", "non local key"),
    ),
    _Meaning(
        "this Redis has become a replica", (foreign.ReadOnlyError,), ("READONLY", "read only replica"), elsewhere=True
    ),
    _Meaning("Redis is loading its data", (foreign.BusyLoadingError,), ("LOADING",), elsewhere=True),
)
_SILENT: Final = (foreign.ConnectionError, foreign.TimeoutError, OSError, TimeoutError, EOFError)


def translate(error: BaseException, address: str) -> Exception:
    """Return what an error of redis-py, asyncio or the network means here."""
    if isinstance(error, (StoreUnavailable, StoreRefused, ConfigurationError)):
        return error
    if isinstance(error, foreign.NoScriptError):
        return UnknownScript(str(error))
    text = str(error) or type(error).__name__
    for meaning in (*_REFUSED, *_LATER):
        if isinstance(error, meaning.classes) or any(word in f" {text}" for word in meaning.words):
            full = f"{meaning.text} ({address}: {text})"
            return StoreRefused(full) if meaning in _REFUSED else TryLater(full, elsewhere=meaning.elsewhere)
    if isinstance(error, _SILENT):
        return TryLater(f"Redis at {address} does not answer: {text}", elsewhere=True)
    return StoreRefused(f"Redis at {address} cannot do what leveret asks: {text}")


def slot_of(key: str) -> int:
    """Return the cluster slot of a key."""
    return key_slot(key.encode())


class _Connection(Protocol):
    """What is used of redis-py's connections."""

    def connect(self) -> Awaitable[None]: ...
    def disconnect(self, nowait: bool = False) -> Awaitable[None]: ...
    def pack_commands(self, commands: Iterable[Arguments]) -> list[bytes]: ...
    def send_packed_command(self, command: list[bytes], check_health: bool = True) -> Awaitable[None]: ...
    def read_response(self) -> Awaitable[object]: ...


_pool: Final[Any] = ConnectionPool
_sentinel: Final[Any] = Sentinel


class Wire:
    """One connection, used by one trip at a time."""

    def __init__(self, connection: _Connection, address: str) -> None:
        self.address = address
        self._connection = connection

    async def connect(self) -> None:
        """Connect and log in."""
        try:
            await self._connection.connect()
        except (foreign.RedisError, OSError, EOFError) as error:
            raise translate(error, self.address) from error

    async def trip(self, commands: Sequence[Arguments]) -> list[object]:
        """Send all commands, then read all replies; one that Redis refused has its translated error as reply.

        After an error or a cancellation replies may be under way: close the wire.
        """
        connection = self._connection
        try:
            await connection.send_packed_command(connection.pack_commands(commands), check_health=False)
            return [await self._reply() for _ in commands]
        except (foreign.RedisError, OSError, EOFError) as error:
            raise translate(error, self.address) from error

    async def close(self, *, linger: bool = False) -> None:
        """Drop the connection; `linger` waits until it is gone, which may take seconds when nobody reads it."""
        with contextlib.suppress(foreign.RedisError, OSError):
            await self._connection.disconnect(nowait=not linger)

    async def _reply(self) -> object:
        try:
            return await self._connection.read_response()
        except foreign.ResponseError as error:
            return translate(error, self.address)


class Dialer:
    """Makes the wires to the servers of one URL."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._sentinel: Any = None
        self._master: Any = None
        """Kept because its connections hold it weakly."""

    def wire(self, host: str, port: int) -> Wire:
        """Return a wire to this server, not yet connected; with sentinels to whatever server they name then."""
        settings = self._settings
        try:
            if settings.master:
                return Wire(self._by_sentinel(), f"{settings.master} (sentinels {settings.address})")
            pool = _pool.from_url(settings.url(host, port), **_options())
            return Wire(pool.make_connection(), f"{host}:{port}")
        except (TypeError, ValueError) as error:
            raise ConfigurationError(f"the store's URL asks for what redis-py does not know: {error}") from error

    async def close(self) -> None:
        """Drop the connections to the sentinels."""
        if self._sentinel is not None:
            for one in self._sentinel.sentinels:
                await one.aclose()
            await self._master.aclose()
        self._sentinel = self._master = None

    def _by_sentinel(self) -> _Connection:
        settings = self._settings
        if self._sentinel is None:
            host, port = settings.hosts[0]
            options = _pool.from_url(settings.url(host, port)).connection_kwargs
            options = {key: value for key, value in options.items() if key not in {"host", "port"}}
            timeouts = {"socket_timeout": 2, "socket_connect_timeout": 2}
            self._sentinel = _sentinel(settings.hosts, sentinel_kwargs=timeouts)
            self._master = self._sentinel.master_for(
                settings.master, **{**options, **_options(), "ssl": settings.scheme == "rediss"}
            )
        connection: _Connection = self._master.connection_pool.make_connection()
        return connection


def _options() -> dict[str, Any]:
    """Return what every connection has: RESP2, no repetitions and no deadlines of its own: ours stand above it."""
    return {
        "protocol": 2,
        "retry": Retry(NoBackoff(), 0),
        "socket_timeout": None,
        "socket_connect_timeout": 5,
        "socket_keepalive": True,
    }
