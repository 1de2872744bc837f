"""`leveret permissions`: what each role needs on RabbitMQ and Redis."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from leveret.url import Url
from leveret_actors.cli.where import ConfigOption, UrlOption, choose_url
from leveret_actors.config import load
from leveret_actors.permissions import ROLES, commands
from leveret_broker.errors import ConfigurationError


def permissions(
    role: Annotated[str, typer.Option(help=f"One of {', '.join(ROLES)}.")],
    user: Annotated[str, typer.Option(help="Of RabbitMQ, and of Redis.", show_default=False)],
    service: Annotated[list[str] | None, typer.Option(help="That the worker runs.", show_default=False)] = None,
    group: Annotated[str, typer.Option(help="Of a consumer of events: its queues begin with it.")] = "",
    vhost: Annotated[str, typer.Option(help="Of RabbitMQ.")] = "/",
    url: UrlOption = None,
    config: ConfigOption = None,
) -> None:
    """Print the commands that let a user do what a role needs; nothing is changed."""
    if role not in ROLES:
        raise ConfigurationError(f"role {role!r} is not one of {', '.join(ROLES)}")
    chosen: Any = role
    loaded = load(config)
    namespace = Url.parse(choose_url(loaded, url)).namespace
    foreign = sorted({bridge.queue or bridge.exchange for bridge in loaded.bridge})
    for line in commands(chosen, namespace, user, vhost, service or (), group, foreign):
        typer.echo(line)


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(permissions)
