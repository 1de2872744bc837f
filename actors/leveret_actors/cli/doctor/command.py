"""`leveret doctor`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import anyio
import typer
from rich.markup import escape

from leveret.url import Url
from leveret_actors.backends import backends
from leveret_actors.cli.doctor import store as store_checks
from leveret_actors.cli.doctor.broker import examine_broker
from leveret_actors.cli.doctor.verdict import Verdict, judged, skipped
from leveret_actors.cli.logs import log_to_terminal
from leveret_actors.cli.output import AsJson, print_json, say
from leveret_actors.cli.where import ConfigOption, UrlOption, choose_url, run
from leveret_actors.config import load
from leveret_actors.store.contract import Store
from leveret_broker.errors import ConfigurationError

CONFIGURATION: Final = "configuration"

_DETAILS: Final[tuple[tuple[str, Callable[[Store], Awaitable[Verdict]]], ...]] = (
    (store_checks.CLOCK, store_checks.examine_clock),
    (store_checks.NODES, store_checks.examine_nodes),
    (store_checks.SERVICES, store_checks.examine_services),
    (store_checks.LETTERS, store_checks.examine_letters),
)
_MARKS: Final = {"ok": "[green]✓[/]", "warning": "[yellow]![/]", "failed": "[red]✗[/]", "skipped": "[dim]-[/]"}


def doctor(url: UrlOption = None, config: ConfigOption = None, *, as_json: AsJson = False) -> None:
    """Check broker, store, clocks, nodes and dead letters, and say what to do; exit 1 if a check failed."""
    log_to_terminal("CRITICAL")  # what the connections say of failed attempts, the verdicts say as well
    verdicts = run(lambda: examine(url, config))
    if as_json:
        print_json(verdicts)
    else:
        for verdict in verdicts:
            say(f"{_MARKS[verdict.state]} [bold]{verdict.check}[/]: {escape(verdict.text)}")
            if verdict.advice:
                say(f"    → {escape(verdict.advice)}")
    if any(verdict.state == "failed" for verdict in verdicts):
        raise typer.Exit(1)


async def examine(option: str | None, file: Path | None) -> list[Verdict]:
    """Return all verdicts, in less than ten seconds."""
    try:
        url = Url.parse(choose_url(load(file), option))
    except ConfigurationError as error:
        return [Verdict(CONFIGURATION, "failed", str(error))]
    verdicts = [Verdict(CONFIGURATION, "ok", str(url))]
    broker: list[Verdict] = []
    stored: list[Verdict] = []

    async def ask_broker() -> None:
        broker.append(await examine_broker(url))

    async def ask_store() -> None:
        stored.extend(await _examine_store(url))

    async with anyio.create_task_group() as group:
        group.start_soon(ask_broker)
        group.start_soon(ask_store)
    return [*verdicts, *broker, *stored]


async def _examine_store(url: Url) -> list[Verdict]:
    if url.scheme == "sqlite" and not await anyio.Path(url.path).exists():
        return _without_store(skipped(store_checks.STORE, "there is no file yet"))
    try:
        transport, store = backends(url)
    except ConfigurationError as error:
        return _without_store(Verdict(store_checks.STORE, "warning", str(error), "enough for clients, not for nodes"))

    async def opened() -> Verdict:
        await store.open(store_checks.OPENING)
        return Verdict(store_checks.STORE, "ok", _described(url))

    first = await judged(store_checks.STORE, store_checks.OPENING + 0.5, opened, f"is the store of {url} up and right?")
    try:
        if first.state != "ok":
            return _without_store(first)
        rest = [
            await judged(name, store_checks.PATIENCE, lambda check=check: check(store))  # type: ignore[misc]
            for name, check in _DETAILS
        ]
        return [first, *rest]
    finally:
        with anyio.move_on_after(1):
            await store.close()
            await transport.close()


def _without_store(first: Verdict) -> list[Verdict]:
    return [first, *(skipped(name, "needs the store") for name, _ in _DETAILS)]


def _described(url: Url) -> str:
    if url.scheme in {"sqlite", "memory"}:
        return f"{url.scheme}, beside the broker"
    return f"{str(url).partition('store=')[2]} keeps what it is told, durability {url.durability}"


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(doctor)
