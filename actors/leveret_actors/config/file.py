"""`leveret.toml`: all that `Node()` and `Client()` take, and the one place where settings become their arguments.

Each key can be overridden by the environment: `LEVERET_URL`, `LEVERET_PAYLOAD_CODEC`, `LEVERET_<SECTION>__<KEY>`, as
in `LEVERET_NODE__CONCURRENCY=64`, `LEVERET_NODE__WORKFLOWS=shop.flows:Order,shop.flows:Refund` or
`LEVERET_SERVICES__Hotel__RETRY__ATTEMPTS=3`.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeAlias, TypedDict

import msgspec

from leveret.interceptors import ClientInterceptor, TaskInterceptor, WorkflowInterceptor
from leveret_actors.bridge.checking import check_all
from leveret_actors.bridge.rule import Bridge
from leveret_actors.config.override import apply_environment
from leveret_actors.config.problem import explain, table
from leveret_actors.config.reference import (
    find_client_interceptor,
    find_interceptor,
    find_listener,
    find_payload_codec,
    find_service,
    find_workflow,
)
from leveret_actors.config.section import Count, Seconds, Section
from leveret_actors.config.services import ServiceSection, service_settings
from leveret_actors.settings import EVERYTHING, LIFECYCLE, EventSettings, LeaseSettings, Retention, Settings
from leveret_broker.errors import ConfigurationError
from leveret_broker.payload_codec import PayloadCodec

FILE: Final = "leveret.toml"
"""Read from the working directory when no other file is named, by argument or by `LEVERET_CONFIG`."""

Level: TypeAlias = Literal["TRACE", "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]

_DEFAULT = Settings()
_KEPT = Retention()
_LEASES = LeaseSettings()


class RetentionSection(Section, frozen=True, kw_only=True):
    """`[retention]`: how long ended instances, and tasks that clients called, can be asked for."""

    closed_seconds: Seconds = _KEPT.closed_seconds
    closed_count: Annotated[int, msgspec.Meta(ge=0)] = _KEPT.closed_count
    failed_seconds: Seconds = _KEPT.failed_seconds
    called_seconds: Annotated[float, msgspec.Meta(gt=0)] = _KEPT.called_seconds
    """After the end of a task that a client called; meanwhile a second call under its id gets its outcome."""


class LeasesSection(Section, frozen=True, kw_only=True):
    """`[leases]`: when the store keeps a task in place of the broker."""

    after: Annotated[float, msgspec.Meta(gt=0)] = _LEASES.after
    """Seconds that an attempt runs before it gets a lease; below half of the broker's acknowledgement timeout."""
    seconds: Annotated[float, msgspec.Meta(gt=0)] = _LEASES.seconds
    """How long a lease lasts without being renewed; renewed three times meanwhile."""
    wait: Seconds = _LEASES.wait
    """Seconds that a task which was delivered before is held back, so that the lease of who runs it can arrive."""
    deaths: Count = _LEASES.deaths
    """Workers that may die, or fall silent, while they run a task under a lease; then it is a dead letter."""


class EventsSection(Section, frozen=True, kw_only=True):
    """`[events]`: which events are published, besides those that registered listeners want."""

    publish: Literal["none", "lifecycle", "all"] | list[str] = "none"
    """`lifecycle`: how runs stand; or patterns of routing keys, as `["workflow.#.taskFailed", "service.Hotel.#"]`."""


class NodeSection(Section, frozen=True, kw_only=True):
    """`[node]`: what a node hosts, and its numbers."""

    workflows: list[str] = []
    """`package.module:Class` each."""
    services: list[str] = []
    """`package.module:attribute` each: an object, a class without arguments, or a function that makes one.

    The function is called when the node starts; one under `@asynccontextmanager` closes it when the node stops."""
    listeners: list[str] = []
    """`package.module:function` each, under `@leveret.listener`."""
    interceptors: list[str] = []
    """`package.module:attribute` each: an object, or a class without arguments; the first one is outermost."""
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
    fold_after: Annotated[int, msgspec.Meta(ge=0)] = _DEFAULT.fold_after
    """Records of finished methods at a journal's end from which on one record takes their place; 0 is never."""
    ingress: bool | None = _DEFAULT.ingress
    """This node may turn what applications publish as JSON into commands; default: if it hosts workflows."""
    log_level: Level = "INFO"


class ClientSection(Section, frozen=True, kw_only=True):
    """`[client]`: for processes that call."""

    connect_timeout: Annotated[float, msgspec.Meta(gt=0)] = 30.0
    """Seconds to wait for the broker."""
    interceptors: list[str] = []
    """`package.module:attribute` each: an object, or a class without arguments; the first one is outermost."""


class Config(Section, frozen=True, kw_only=True):
    """A whole file, defaults filled in."""

    url: str | None = None
    payload_codec: str | None = None
    """`package.module:attribute`: one that wraps user data, several, or a function that makes them; the first writes.

    For nodes, clients and the command line."""
    client: ClientSection = ClientSection()
    node: NodeSection = NodeSection()
    retention: RetentionSection = RetentionSection()
    leases: LeasesSection = LeasesSection()
    events: EventsSection = EventsSection()
    services: dict[str, ServiceSection] = {}
    bridge: list[Bridge] = []
    """`[[bridge]]` each."""


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
    """What `Node` takes: `Node(**node_arguments(config))`."""

    url: str | None
    payload_codec: Sequence[PayloadCodec] | None
    workflows: list[type[Any]]
    services: list[object]
    listeners: list[Callable[..., Any]]
    interceptors: list[WorkflowInterceptor | TaskInterceptor]
    bridges: list[Bridge]
    name: str | None
    settings: Settings


class ClientArguments(TypedDict):
    """What `Client` takes: `Client(**client_arguments(config))`."""

    url: str | None
    payload_codec: Sequence[PayloadCodec] | None
    connect_timeout: float
    interceptors: list[ClientInterceptor]


def payload_codec(config: Config) -> Sequence[PayloadCodec] | None:
    """Return the payload codecs, imported, if there are any; raises `ConfigurationError`."""
    return None if config.payload_codec is None else find_payload_codec(config.payload_codec)


def client_arguments(config: Config) -> ClientArguments:
    """Return the arguments of a client, its interceptors imported."""
    return ClientArguments(
        url=config.url,
        payload_codec=payload_codec(config),
        connect_timeout=config.client.connect_timeout,
        interceptors=[find_client_interceptor(name) for name in config.client.interceptors],
    )


def node_arguments(config: Config) -> NodeArguments:
    """Import what a node is to host; raises `ConfigurationError` for what is not there or does not fit."""
    check_all(config.bridge)
    return NodeArguments(
        url=config.url,
        payload_codec=payload_codec(config),
        workflows=[find_workflow(name) for name in config.node.workflows],
        services=[find_service(name) for name in config.node.services],
        listeners=[find_listener(name) for name in config.node.listeners],
        interceptors=[find_interceptor(name) for name in config.node.interceptors],
        bridges=config.bridge,
        name=config.node.name,
        settings=settings(config),
    )


def with_node(
    config: Config,
    *,
    workflows: list[str] | None = None,
    services: list[str] | None = None,
    listeners: list[str] | None = None,
    name: str | None = None,
) -> Config:
    """Return a configuration whose node hosts something else, or has another name."""
    wanted = {"workflows": workflows, "services": services, "listeners": listeners, "name": name}
    changes = {key: value for key, value in wanted.items() if value is not None}
    return msgspec.structs.replace(config, node=msgspec.structs.replace(config.node, **changes))


def settings(config: Config) -> Settings:
    """Return the numbers of a node; exceptions that policies ignore are imported."""
    node = config.node
    return Settings(
        mailboxes=node.mailboxes,
        concurrency=node.concurrency,
        grace=node.grace,
        cache_actors=node.cache_actors,
        cache_bytes=node.cache_bytes,
        batch=node.batch,
        heartbeat=node.heartbeat,
        step_budget=node.step_budget,
        fold_after=node.fold_after,
        ingress=node.ingress,
        retention=Retention(**msgspec.structs.asdict(config.retention)),
        leases=LeaseSettings(**msgspec.structs.asdict(config.leases)),
        events=EventSettings(publish=_published(config.events.publish)),
        services={name: service_settings(section) for name, section in config.services.items()},
    )


def _published(what: str | list[str]) -> tuple[str, ...]:
    return tuple(what) if isinstance(what, list) else {"none": (), "lifecycle": LIFECYCLE, "all": EVERYTHING}[what]


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
