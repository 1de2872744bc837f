"""`leveret node`: host what the configuration names."""

from __future__ import annotations

from typing import Annotated

import typer

from leveret_actors.cli.logs import log_to_terminal
from leveret_actors.cli.where import ConfigOption, UrlOption, choose_url, run
from leveret_actors.config import Config, load, node_arguments, with_node
from leveret_actors.node import Node
from leveret_broker.errors import ConfigurationError


def node(
    workflow: Annotated[list[str] | None, typer.Option("--workflow", "-w", help="package.module:Class")] = None,
    service: Annotated[
        list[str] | None,
        typer.Option("--service", "-s", help="package.module:object, a class, or a function that makes one"),
    ] = None,
    listener: Annotated[list[str] | None, typer.Option("--listener", "-l", help="package.module:function")] = None,
    name: Annotated[str | None, typer.Option(help="Default: the host's name.", show_default=False)] = None,
    config: ConfigOption = None,
    url: UrlOption = None,
) -> None:
    """Host workflows, services and listeners until SIGTERM or Ctrl-C.

    What is given here stands in place of all that is in the file.
    """
    chosen = load(config)
    if workflow or service or listener:
        chosen = with_node(chosen, workflows=workflow or [], services=service or [], listeners=listener or [])
    if name:
        chosen = with_node(chosen, name=name)
    log_to_terminal(chosen.node.log_level)
    run(lambda: serve(chosen, url))


async def serve(config: Config, url: str | None) -> None:
    """Serve until told to stop; raises `ConfigurationError` when there is nothing to host."""
    arguments = node_arguments(config)
    if not any(arguments[what] for what in ("workflows", "services", "listeners", "bridges")):
        text = "nothing to host: name workflows, services or listeners in leveret.toml ([node]), or by options"
        raise ConfigurationError(text)
    arguments["url"] = choose_url(config, url)
    await Node(**arguments).run()


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(node)
