"""Which leveret a command talks to: URL and configuration, from options, environment and file."""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

import anyio
import typer

from leveret.client import Client
from leveret.url import Url
from leveret_actors.backends import backends
from leveret_actors.cli.output import complain
from leveret_actors.config import Config, client_arguments, load
from leveret_actors.store.contract import Store
from leveret_broker.transport import Transport

T = TypeVar("T")

DEV_FILE: Final = Path(".leveret/dev.db")
PATIENCE: Final = 5.0
"""Seconds that a command waits for broker and store."""

UrlOption = Annotated[
    str | None,
    typer.Option("--url", help="Broker, store and namespace; default: LEVERET_URL, leveret.toml.", show_default=False),
]
ConfigOption = Annotated[
    Path | None,
    typer.Option("-c", "--config", help="Default: LEVERET_CONFIG, ./leveret.toml.", show_default=False),
]


def dev_url() -> str:
    """Return the URL that `leveret dev` uses by default."""
    return f"sqlite:///{DEV_FILE}"


def choose_url(config: Config, option: str | None) -> str | None:
    """Return the option, what is configured, or the file of `leveret dev` if there is one; None: leveret's default."""
    chosen = option or config.url
    if chosen is None and DEV_FILE.exists():
        if sys.stderr.isatty():
            complain(f"[dim]using {dev_url()} (of `leveret dev`); --url names another[/]")
        return dev_url()
    return chosen


def run(main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a command's async part."""
    return anyio.run(main)


@asynccontextmanager
async def client(url: str | None, file: Path | None) -> AsyncGenerator[Client]:
    """Open a client; raises `BrokerUnavailable` after a few seconds."""
    config = load(file)
    arguments = client_arguments(config)
    arguments["url"], arguments["connect_timeout"] = choose_url(config, url), PATIENCE
    async with Client(**arguments) as opened:
        yield opened


@asynccontextmanager
async def hosting(url: str | None, file: Path | None) -> AsyncGenerator[tuple[Transport, Store]]:
    """Open what a node opens; raises `BrokerUnavailable` or `StoreUnavailable` after a few seconds."""
    transport, store = backends(Url.parse(choose_url(load(file), url)))
    try:
        await store.open(PATIENCE)
        await transport.open(PATIENCE)
        yield transport, store
    finally:
        await transport.close()
        await store.close()
