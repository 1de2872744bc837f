"""`leveret config check`: what is in force, and whether it can be."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import msgspec
import typer
from rich.markup import escape

from leveret.url import Url, redact
from leveret.workflow import definition_of
from leveret_actors.bridge import Crossing
from leveret_actors.bridge.checking import check_against, versions_of
from leveret_actors.cli.output import AsJson, complain, print_json, print_rows, say
from leveret_actors.cli.where import ConfigOption
from leveret_actors.config import Loaded, node_arguments, trace
from leveret_actors.config.file import NodeArguments
from leveret_actors.config.problem import table


def check(
    config: ConfigOption = None,
    *,
    load: Annotated[bool, typer.Option("--import/--no-import", help="Import workflows and services too.")] = True,
    as_json: AsJson = False,
) -> None:
    """Print the settings in force and where each comes from, passwords masked; exit 1 for what cannot work."""
    loaded = trace(config)
    rows = [(".".join(path), _masked(value), loaded.origins.get(path, "default")) for path, value in _settings(loaded)]
    if as_json:
        print_json({key: {"value": value, "from": origin} for key, value, origin in rows})
    else:
        print_rows(("setting", "value", "from"), rows, nothing="no settings")
    Url.parse(loaded.config.url)
    notes: list[str] = []
    if load:
        notes = check_code(node_arguments(loaded.config))
    if not as_json:
        say("[green]This configuration can be used.[/]")
    for note in () if as_json else notes:
        complain(f"[dim]{escape(note)}[/]")
    if loaded.file is None and not as_json:
        complain(f"[dim]{escape('There is no leveret.toml here; these are defaults and the environment.')}[/]")


def check_code(arguments: NodeArguments) -> list[str]:
    """Compile the bridges and hold them against the workflows; return what cannot be said, raise what is wrong."""
    versions = versions_of([definition_of(cls) for cls in arguments["workflows"]])
    return [note for bridge in arguments["bridges"] if (note := check_against(Crossing(bridge).bridge, versions))]


def _settings(loaded: Loaded) -> Iterator[tuple[tuple[str, ...], Any]]:
    yield from _leaves(msgspec.to_builtins(loaded.config), ())


def _leaves(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    below = table(value)
    if below:
        for key, part in below.items():
            yield from _leaves(part, (*path, key))
    elif value not in ({}, None) or path == ("url",):
        yield path, value


def _masked(value: Any) -> Any:
    return redact(value) if isinstance(value, str) else value


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    group = typer.Typer(help="leveret.toml and what overrides it.", no_args_is_help=True)
    group.command()(check)

    @group.callback()
    def _group() -> None:
        pass

    app.add_typer(group, name="config")
