"""`leveret start` and `signal`: workflows by name, without their code."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.markup import escape

from leveret.client import Client, Group, Handle
from leveret.start_options import StartOptions
from leveret_actors.cli.output import AsJson, print_json, say
from leveret_actors.cli.where import ConfigOption, UrlOption, client, run
from leveret_broker.errors import ConfigurationError

Workflow = Annotated[str, typer.Argument(help="Name of the workflow.")]
Id = Annotated[str | None, typer.Option("--id", help="Id of the instance.", show_default=False)]
Tag = Annotated[str | None, typer.Option("--tag", help="All instances with this tag.", show_default=False)]
Timeout = Annotated[float | None, typer.Option(help="Most seconds to wait.", show_default=False)]

ACCEPTED_WITHIN = 5.0
"""Seconds that a start waits for a node to say which instance it is, where that is open."""


def start(
    workflow: Workflow,
    method: Annotated[str, typer.Option(help="Name of the method.")] = "run",
    args: Annotated[str, typer.Option(help="JSON object: parameter names and values.")] = "{}",
    instance: Annotated[str | None, typer.Option("--id", help="Default: a new one.", show_default=False)] = None,
    tag: Annotated[list[str] | None, typer.Option(help="May be given several times.")] = None,
    unique_tag: Annotated[str | None, typer.Option(help="Start only if no other instance has it.")] = None,
    meta: Annotated[str, typer.Option(help="JSON object of texts.")] = "{}",
    timeout: Timeout = None,
    url: UrlOption = None,
    config: ConfigOption = None,
    *,
    fail: Annotated[bool, typer.Option("--fail", help="Refuse if there is such an instance already.")] = False,
    again: Annotated[bool, typer.Option("--again", help="Begin a new run of an instance that has ended.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for the result and print it as JSON.")] = False,
    as_json: AsJson = False,
) -> None:
    """Start an instance; no node need be up."""
    arguments = json_object("--args", args)
    options = StartOptions(tags=set(tag or ()), meta={k: str(v) for k, v in json_object("--meta", meta).items()})
    if instance is not None:
        options["id"] = instance
    if unique_tag is not None:
        options["unique_tag"] = unique_tag
    if fail:
        options["on_conflict"] = options["on_closed"] = "fail"
    if again:
        options["on_closed"] = "new"

    async def main() -> None:
        async with client(url, config) as opened:
            handle = await opened.new(workflow, **options).dispatch(method, arguments)
            if wait:
                print_json(await handle.result(timeout))
                return
            if unique_tag is not None:
                await handle.started(timeout or ACCEPTED_WITHIN)
            if as_json:
                print_json({"workflow": workflow, "id": handle.id, "run": handle.run})
            else:
                say(f"{escape(workflow)} [bold]{escape(handle.id)}[/]")

    run(main)


def send_signal(
    workflow: Workflow,
    channel: Annotated[str, typer.Argument(help="Name of the channel.")],
    value: Annotated[str, typer.Argument(help="The signal, as JSON.")],
    instance: Id = None,
    tag: Tag = None,
    message_id: Annotated[str | None, typer.Option(help="A second one with it is dropped.", show_default=False)] = None,
    url: UrlOption = None,
    config: ConfigOption = None,
) -> None:
    """Send a signal to an instance, or to all with a tag."""
    data = json_value("the signal", value)

    async def main() -> None:
        async with client(url, config) as opened:
            await target(opened, workflow, instance, tag).signal(channel, data, message_id=message_id)
        whom = f"all {workflow} with tag {tag!r}" if instance is None else f"{workflow} {instance!r}"
        # A signal to nobody is no error of its sender, so that this is all there is to say.
        say(escape(f"{channel} sent to {whom}; describe and dead-letters tell what became of it"))

    run(main)


def target(opened: Client, workflow: str, instance: str | None, tag: str | None) -> Handle[Any] | Group:
    """Return whom the options mean; raises `ConfigurationError` unless it is one of id and tag."""
    if instance is not None and tag is None:
        return opened.get(workflow, id=instance)
    if tag is not None and instance is None:
        return opened.all(workflow, tag=tag)
    text = "say which instances are meant: --id for one, or --tag for all that carry it"
    raise ConfigurationError(text)


def json_value(what: str, text: str) -> Any:
    """Return the value of a JSON text; `@file` reads it from a file."""
    try:
        data = Path(text[1:]).read_bytes() if text.startswith("@") else text
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, OSError) as error:
        message = f"{what} {text!r} is not JSON: {error}"
        raise ConfigurationError(message) from error


def json_object(what: str, text: str) -> dict[str, Any]:
    """Return a JSON object."""
    try:
        return msgspec.convert(json_value(what, text), dict[str, Any])
    except msgspec.ValidationError as error:
        message = f'{what} must be a JSON object, as in {{"name": "value"}}: {error}'
        raise ConfigurationError(message) from error


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command()(start)
    app.command("signal")(send_signal)
