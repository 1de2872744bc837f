"""`leveret publish`: a command as JSON, as other applications publish it."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from rich.markup import escape

from leveret_actors.cli.calling import json_object
from leveret_actors.cli.output import print_json, say
from leveret_actors.cli.where import ConfigOption, UrlOption, client, run
from leveret_broker.errors import ConfigurationError


def publish(
    routing_key: Annotated[
        str, typer.Argument(help="start.<Workflow>, signal.<Workflow>.<channel>, call..., cancel...")
    ],
    body: Annotated[str, typer.Argument(help="JSON object; @file reads it from there, - from standard input.")] = "{}",
    message_id: Annotated[
        str | None, typer.Option(help="A second one with it has no effect.", show_default=False)
    ] = None,
    header: Annotated[list[str] | None, typer.Option(help="NAME=VALUE, as tag=order:1; several times.")] = None,
    wait: Annotated[
        float | None, typer.Option(help="Wait so many seconds for the reply, and print it.", show_default=False)
    ] = None,
    url: UrlOption = None,
    config: ConfigOption = None,
) -> None:
    """Publish a command to workflows by JSON; what is wrong with it shows in `leveret dead-letters`."""
    data = json_object("the body", sys.stdin.read() if body == "-" else body)
    headers = dict(map(_header, header or ()))

    async def main() -> None:
        async with client(url, config) as opened:
            if wait is None:
                say(escape(await opened.publish(routing_key, data, message_id=message_id, headers=headers)))
                return
            reply = await opened.request(routing_key, data, message_id=message_id, headers=headers, timeout=wait)
        print_json(reply)
        if reply["status"] == "refused":
            raise typer.Exit(1)

    run(main)


def _header(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise ConfigurationError(f"--header {text!r}: write NAME=VALUE")
    return name, value


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(publish)
