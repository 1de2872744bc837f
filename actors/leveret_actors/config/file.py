"""`leveret.toml`: all that `Node()` and `Client()` take, and the one place where settings become their arguments.

Each key can be overridden by the environment: `LEVERET_URL` for the URL, `LEVERET_<SECTION>__<KEY>` for the others, as
in `LEVERET_NODE__CONCURRENCY=64`, `LEVERET_NODE__WORKFLOWS=shop.flows:Order,shop.flows:Refund` or
`LEVERET_SERVICES__Hotel__RETRY__ATTEMPTS=3`.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeAlias, TypedDict

import msgspec

from leveret.retry import Retry
from leveret_actors.config.override import apply_environment
from leveret_actors.config.problem import explain, table
from leveret_actors.config.reference import find_exception, find_service, find_workflow
from leveret_actors.settings import Retention, ServiceSettings, Settings
from leveret_broker.errors import ConfigurationError

FILE: Final = "leveret.toml"
"""Read from the working directory when no other file is named, by argument or by `LEVERET_CONFIG`."""

Count: TypeAlias = Annotated[int, msgspec.Meta(ge=1)]
Seconds: TypeAlias = Annotated[float, msgspec.Meta(ge=0)]
Level: TypeAlias = Literal["TRACE", "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]

_DEFAULT = Settings()
_KEPT = Retention()
_RETRY = Retry()


class _Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class RetrySection(_Section, frozen=True, kw_only=True):
    """`[services.<Name>.retry]`: stands in place of any policy in the code; see `leveret.Retry`."""

    initial: Seconds = float(_RETRY.initial)  # type: ignore[arg-type]
    factor: Annotated[float, msgspec.Meta(ge=1)] = _RETRY.factor
    maximum: Seconds = float(_RETRY.maximum)  # type: ignore[arg-type]
    attempts: Annotated[int, msgspec.Meta(ge=0)] = _RETRY.attempts
    jitter: Annotated[float, msgspec.Meta(ge=0, le=1)] = _RETRY.jitter
    ignore: list[str] = []
    """Exceptions that are never retried: `package.module:Class`, or the name of a builtin one."""


class ServiceSection(_Section, frozen=True, kw_only=True):
    """`[services.<Name>]`: stronger than the code of the service and than its registration."""

    retry: RetrySection | None = None
    timeout: Seconds | None = None
    """Seconds of one attempt; 0 is none."""
    concurrency: Count | None = None
    """Most tasks at once in one node."""


class RetentionSection(_Section, frozen=True, kw_only=True):
    """`[retention]`: how long ended instances can be asked for."""

    closed_seconds: Seconds = _KEPT.closed_seconds
    closed_count: Annotated[int, msgspec.Meta(ge=0)] = _KEPT.closed_count
    failed_seconds: Seconds = _KEPT.failed_seconds


class NodeSection(_Section, frozen=True, kw_only=True):
    """`[node]`: what a node hosts, and its numbers."""

    workflows: list[str] = []
    """`package.module:Class` each."""
    services: list[str] = []
    """`package.module:attribute` each: an object, a class without arguments, or a function that makes one."""
    name: str | None = None
    """Default: the host's name."""
    concurrency: Count = _DEFAULT.concurrency
    """Most tasks of one service at once."""
    grace: Seconds = _DEFAULT.grace
    """Seconds that running tasks get when the node stops."""
    mailboxes: Annotated[int, msgspec.Meta(ge=1, le=256)] = _DEFAULT.mailboxes
    """Mailbox queues per workflow type; the first process of a namespace that uses a type settles it for good."""
    cache_actors: Count = _DEFAULT.cache_actors
    cache_bytes: Count = _DEFAULT.cache_bytes
    batch: Count = _DEFAULT.batch
    heartbeat: Annotated[float, msgspec.Meta(gt=0)] = _DEFAULT.heartbeat
    step_budget: Seconds = _DEFAULT.step_budget
    """Seconds that workflow code may take for one step before it is reported, with its stack; 0 is no limit."""
    log_level: Level = "INFO"


class ClientSection(_Section, frozen=True, kw_only=True):
    """`[client]`: for processes that call."""

    connect_timeout: Annotated[float, msgspec.Meta(gt=0)] = 30.0
    """Seconds to wait for the broker."""


class Config(_Section, frozen=True, kw_only=True):
    """A whole file, defaults filled in."""

    url: str | None = None
    client: ClientSection = ClientSection()
    node: NodeSection = NodeSection()
    retention: RetentionSection = RetentionSection()
    services: dict[str, ServiceSection] = {}


class Loaded(msgspec.Struct, frozen=True):
    """A configuration and where it comes from."""

    config: Config
    file: Path | None
    """None: there is no file."""
    origins: dict[tuple[str, ...], str]
    """Where each value that is not a default comes from: the file's name, or the variable's."""


def load(path: str | os.PathLike[str] | None = None, environment: Mapping[str, str] | None = None) -> Config:
    """Return what is in force: the file, overridden by the environment.

    Without `path` it is the file that `LEVERET_CONFIG` names, else `leveret.toml` here, if there is one. Raises
    `ConfigurationError` that names file (or variable), key, and what is allowed.
    """
    return trace(path, environment).config


def trace(path: str | os.PathLike[str] | None = None, environment: Mapping[str, str] | None = None) -> Loaded:
    """Return the same, with the origin of each value."""
    variables = os.environ if environment is None else environment
    file = _file(path, variables)
    data: dict[str, Any] = {} if file is None else _read(file)
    origins = {} if file is None else dict.fromkeys(_leaves(data), str(file))
    origins |= apply_environment(data, Config, variables)
    return Loaded(msgspec.convert(data, Config), file, origins)


class NodeArguments(TypedDict):
    """What `Node` takes: `Node(**await node_arguments(config))`."""

    url: str | None
    workflows: list[type[Any]]
    services: list[object]
    name: str | None
    settings: Settings


class ClientArguments(TypedDict):
    """What `Client` takes: `Client(**client_arguments(config))`."""

    url: str | None
    connect_timeout: float


def client_arguments(config: Config) -> ClientArguments:
    """Return the arguments of a client."""
    return ClientArguments(url=config.url, connect_timeout=config.client.connect_timeout)


async def node_arguments(config: Config) -> NodeArguments:
    """Import and make what a node is to host; raises `ConfigurationError` for what is not there or does not fit."""
    return NodeArguments(
        url=config.url,
        workflows=[find_workflow(name) for name in config.node.workflows],
        services=[await find_service(name) for name in config.node.services],
        name=config.node.name,
        settings=settings(config),
    )


def with_node(
    config: Config,
    *,
    workflows: list[str] | None = None,
    services: list[str] | None = None,
    name: str | None = None,
) -> Config:
    """Return a configuration whose node hosts something else, or has another name."""
    wanted = {"workflows": workflows, "services": services, "name": name}
    changes = {key: value for key, value in wanted.items() if value is not None}
    return msgspec.structs.replace(config, node=msgspec.structs.replace(config.node, **changes))


def settings(config: Config) -> Settings:
    """Return the numbers of a node; exceptions that policies ignore are imported."""
    node, kept = config.node, config.retention
    return Settings(
        mailboxes=node.mailboxes,
        concurrency=node.concurrency,
        grace=node.grace,
        cache_actors=node.cache_actors,
        cache_bytes=node.cache_bytes,
        batch=node.batch,
        heartbeat=node.heartbeat,
        step_budget=node.step_budget,
        retention=Retention(
            closed_seconds=kept.closed_seconds, closed_count=kept.closed_count, failed_seconds=kept.failed_seconds
        ),
        services={name: _service(section) for name, section in config.services.items()},
    )


def _service(section: ServiceSection) -> ServiceSettings:
    wanted = section.retry
    retry = None
    if wanted is not None:
        retry = Retry(
            initial=wanted.initial,
            factor=wanted.factor,
            maximum=wanted.maximum,
            attempts=wanted.attempts,
            jitter=wanted.jitter,
            ignore=tuple(find_exception(name) for name in wanted.ignore),
        )
    return ServiceSettings(retry=retry, timeout=section.timeout, concurrency=section.concurrency)


def _file(path: str | os.PathLike[str] | None, variables: Mapping[str, str]) -> Path | None:
    named = path or variables.get("LEVERET_CONFIG")
    if named:
        return Path(named)
    return Path(FILE) if Path(FILE).is_file() else None


def _read(file: Path) -> dict[str, Any]:
    try:
        data = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        text = f"{file}: there is no such file"
        raise ConfigurationError(text) from None
    except (OSError, UnicodeDecodeError) as error:
        text = f"{file}: cannot be read: {error}"
        raise ConfigurationError(text) from error
    except tomllib.TOMLDecodeError as error:
        text = f"{file}: not TOML: {error}"
        raise ConfigurationError(text) from error
    try:
        msgspec.convert(data, Config)
    except msgspec.ValidationError as error:
        text = f"{file}: {explain(error, Config, data)}"
        raise ConfigurationError(text) from error
    return data


def _leaves(data: Mapping[str, Any], above: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    for key, value in data.items():
        below = table(value)
        found += _leaves(below, (*above, key)) if below else [(*above, key)]
    return found
