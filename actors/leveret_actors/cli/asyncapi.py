"""`leveret asyncapi` and `leveret schemas`: what other applications read of commands and events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, get_args, get_type_hints

import msgspec
import typer
from rich.markup import escape

from leveret import service, workflow
from leveret.definition import ServiceDefinition
from leveret.service.configuring import unwrapped
from leveret.url import Url
from leveret_actors.asyncapi import About, document, wire_schemas
from leveret_actors.cli.discovery import Offer, discover
from leveret_actors.cli.output import complain, print_json, say
from leveret_actors.cli.where import ConfigOption, UrlOption, choose_url
from leveret_actors.config import Config, load, node_arguments, settings
from leveret_actors.service import is_factory
from leveret_broker.errors import ConfigurationError

Modules = Annotated[
    list[str] | None,
    typer.Argument(
        help="package.module, or package.module:Class; default: what leveret.toml hosts.",
        metavar="[MODULE]...",
        show_default=False,
    ),
]


def asyncapi(
    modules: Modules = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File to write; default: standard output.", show_default=False)
    ] = None,
    title: Annotated[str, typer.Option(help="Default: the namespace.", show_default=False)] = "",
    api_version: Annotated[str, typer.Option(help="Of your application, for `info.version`.")] = "1.0.0",
    url: UrlOption = None,
    config: ConfigOption = None,
) -> None:
    """Write an AsyncAPI 3.0 document, in JSON, of the commands that workflows take and the events that they tell.

    JSON is YAML too: it goes wherever a YAML document does. Nothing connects to a server.
    """
    loaded = load(config)
    offer = discover(modules) if modules else _configured(loaded)
    about = About(
        url=Url.parse(choose_url(loaded, url)),
        title=title,
        version=api_version,
        published=settings(loaded).events.publish,
    )
    workflows = [workflow.definition_of(cls) for cls in offer.workflows]
    described = document(about, workflows, _services([*offer.services, *offer.needy]))
    for note in described.notes:
        complain(f"[dim]{escape(note)}[/]")
    if output is None:
        print_json(described.document)
    else:
        _write(output, described.document)
        channels = len(described.document["channels"])
        complain(f"[dim]{escape(str(output))}: {channels} channels of namespace {about.url.namespace}[/]")


def schemas(folder: Annotated[Path, typer.Argument(help="Made if it is not there.", show_default=False)]) -> None:
    """Write the JSON Schemas of all commands, replies and events, whatever the workflow, one file each.

    They belong to this version of leveret; what a workflow takes is in the document of `leveret asyncapi`.
    """
    for name, schema in wire_schemas().items():
        _write(folder / f"{name}.json", schema)
        say(escape(str(folder / f"{name}.json")))


def _configured(config: Config) -> Offer:
    """Return what the file's node hosts."""
    if not (config.node.workflows or config.node.services):
        text = "nothing to describe: name modules, or workflows and services in leveret.toml ([node])"
        raise ConfigurationError(text)
    arguments = node_arguments(config)
    return Offer(workflows=arguments["workflows"], services=arguments["services"])


def _services(targets: Iterable[object]) -> list[ServiceDefinition]:
    """Return what is known of services, of one that a function makes by what the function says that it returns."""
    found: dict[str, ServiceDefinition] = {}
    for registered in targets:
        target: Any = unwrapped(registered)[0]
        cls = _made_by(target) if is_factory(target) else target if isinstance(target, type) else type(target)
        if cls is None:
            name = getattr(target, "__qualname__", repr(target))
            complain(f"[dim]{escape(name)} says not which class of service it returns: its service is left out[/]")
            continue
        definition = service.definition_of(cls)
        found[definition.name] = definition
    return list(found.values())


def _made_by(factory: Any) -> type[Any] | None:
    """Return the class of `-> Hotels` or `-> AsyncIterator[Hotels]`."""
    with suppress(Exception):
        said = get_type_hints(getattr(factory, "__wrapped__", factory)).get("return")
        for one in (said, *get_args(said)):
            if isinstance(one, type) and one is not type(None) and not get_args(one):
                return one
    return None


def _write(file: Path, data: Mapping[str, Any]) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(msgspec.json.format(msgspec.json.encode(data), indent=2) + b"\n")
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be written: {error.strerror}") from error


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command()(asyncapi)
    app.command()(schemas)
