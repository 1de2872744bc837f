"""`leveret bridge`: which rules there are, what a message would become, and what is left of a rule taken out."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import typer
from rich.markup import escape

from leveret.definition import WorkflowDefinition
from leveret.workflow import definition_of
from leveret_actors.bridge import Bridge, Crossing, Passed, Unfit
from leveret_actors.bridge.checking import check_against, check_all, versions_of
from leveret_actors.bridge.removing import remove
from leveret_actors.cli.output import AsJson, complain, print_json, print_rows, say
from leveret_actors.cli.where import ConfigOption, UrlOption, hosting, run
from leveret_actors.config import Config, load, node_arguments
from leveret_actors.ingress.command import Command, CommandRefused, Whom
from leveret_actors.ingress.contracts import Contracts
from leveret_actors.ingress.letters import letters_for
from leveret_broker.codec import Codec
from leveret_broker.command import RawCommand
from leveret_broker.errors import ConfigurationError

RULE: Final = "A bridge of leveret.toml, or a TOML file with [[bridge]] in it."
SAMPLE: Final = "A file with a message's body; - is standard input."

Headers = Annotated[list[str] | None, typer.Option("--header", "-H", help="NAME=VALUE", show_default=False)]
Importing = Annotated[bool, typer.Option("--import/--no-import", help="Hold it against the workflows' code too.")]


def list_bridges(config: ConfigOption = None, *, as_json: AsJson = False) -> None:
    """List the bridges of leveret.toml."""
    bridges = load(config).bridge
    check_all(bridges)
    if as_json:
        print_json(bridges)
        return
    rows = [
        (one.name, one.source, one.effect, one.id or one.tag or one.unique_tag,
         one.on_no_match if one.verb == "signal" else "")
        for one in bridges
    ]  # fmt: skip
    print_rows(("bridge", "from", "becomes", "for", "on no match"), rows, nothing="leveret.toml has no [[bridge]]")


def remove_bridge(
    rule: Annotated[str, typer.Argument(metavar="RULE", show_default=False)],
    url: UrlOption = None,
    config: ConfigOption = None,
    *,
    force: Annotated[bool, typer.Option("--force", help="Though messages wait, which go with it.")] = False,
) -> None:
    """Delete the queue of a bridge that was taken out of leveret.toml: it stays bound otherwise, and fills."""
    if not force and any(one.name == rule for one in load(config).bridge):
        raise ConfigurationError(
            f"the bridge {rule!r} is still in leveret.toml: take it out first, and restart its nodes"
        )

    async def main() -> int:
        async with hosting(url, config) as (transport, _):
            return await remove(transport, rule, force=force)

    dropped = run(main)
    say(f"the queue of the bridge {escape(rule)} is deleted, with {dropped} messages")


def try_sample(
    rule: Annotated[str, typer.Argument(metavar="RULE", help=RULE, show_default=False)],
    sample: Annotated[str, typer.Argument(metavar="SAMPLE", help=SAMPLE, show_default=False)],
    key: Annotated[str | None, typer.Option(help="Routing key; default: one that fits.", show_default=False)] = None,
    header: Headers = None,
    message_id: Annotated[str, typer.Option(help="AMQP's.", show_default=False)] = "",
    content_type: Annotated[str, typer.Option(help="AMQP's.", show_default=False)] = "",
    config: ConfigOption = None,
    *,
    importing: Importing = True,
    as_json: AsJson = False,
) -> None:
    """Show what a message would become, or why it would not; exit 1 then. Nothing is sent."""
    chosen = load(config)
    bridges = _rules(rule, chosen)
    properties = {"message_id": message_id, "content_type": content_type}
    headers: dict[str, Any] = dict(_header(text) for text in header or ()) | {k: v for k, v in properties.items() if v}
    body = sys.stdin.buffer.read() if sample == "-" else _read(Path(sample))
    definitions = [definition_of(cls) for cls in node_arguments(chosen)["workflows"]] if importing else []
    verdicts: list[Verdict] = []
    for bridge in bridges:
        routing_key = _fitting(bridge) if key is None else key
        verdicts.append(_judge(bridge, RawCommand(routing_key, body, headers), definitions))
    if as_json:
        print_json(verdicts)
    else:
        for verdict in verdicts:
            _tell(verdict)
    if not all(verdict.matches for verdict in verdicts):
        raise typer.Exit(1)


class Verdict(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of a sample."""

    bridge: str
    matches: bool
    text: str
    command: Command | None = None
    note: str = ""


def _judge(bridge: Bridge, raw: RawCommand, definitions: list[WorkflowDefinition]) -> Verdict:
    crossing = Crossing(bridge)
    versions = versions_of(definitions)
    note = check_against(bridge, versions)
    try:
        command = crossing.judge(raw)
        if isinstance(command, Passed):
            return Verdict(bridge.name, matches=False, text=f"passed over: {command.reason}")
        letters_for(command, Contracts(versions, Codec()), 0.0)
    except (Unfit, CommandRefused) as error:
        return Verdict(bridge.name, matches=False, text=f"a dead letter: {error}", note=note)
    again = crossing.judge(raw)
    if isinstance(again, Command) and again.key != command.key:
        note = "there is no message id: a repetition would count as another one (message_id = ...)"
    whom = repr(command.opening.plan.id) if command.opening and command.verb == "start" else command.whom
    return Verdict(bridge.name, matches=True, text=f"{bridge.effect}, {whom}", command=command, note=note)


def _tell(verdict: Verdict) -> None:
    colour = "green" if verdict.matches else "yellow"
    say(f"[bold]{escape(verdict.bridge)}[/] [{colour}]{escape(verdict.text)}[/]")
    if verdict.command is not None:
        say(escape(json.dumps(_shown(verdict.command), indent=2, ensure_ascii=False)))
    if verdict.note:
        complain(f"[dim]{escape(verdict.note)}[/]")


def _shown(command: Command) -> dict[str, Any]:
    """Return what a command says, without what it leaves open."""
    shown: dict[str, Any] = {"verb": command.verb, "workflow": command.name, "name": command.member, "key": command.key}
    shown |= _said(command.whom)
    if command.opening is not None:
        opening = command.opening
        plan = {name: value for name, value in dataclasses.asdict(opening.plan).items() if value and name != "workflow"}
        shown["start"] = plan | {"method": opening.method, "arguments": opening.arguments}
    if command.verb in {"signal", "call"}:
        shown["value" if command.verb == "signal" else "arguments"] = command.value
    return {name: value for name, value in shown.items() if value != ""}


def _said(whom: Whom) -> dict[str, str]:
    return {name: value for name, value in msgspec.structs.asdict(whom).items() if value}


def _rules(rule: str, config: Config) -> list[Bridge]:
    named = [one for one in config.bridge if one.name == rule]
    if named:
        return named
    if Path(rule).is_file():
        found = load(rule, {}).bridge
        check_all(found)
        if found:
            return found
        raise ConfigurationError(f"{rule} has no [[bridge]]")
    known = ", ".join(one.name for one in config.bridge) or "none"
    raise ConfigurationError(f"{rule!r} is neither a file nor a bridge of leveret.toml, which has {known}")


def _fitting(bridge: Bridge) -> str:
    """Return a routing key that the first binding key lets through."""
    return bridge.keys[0].replace("*", "any").replace(".#", "").replace("#.", "").replace("#", "any")


def _header(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise ConfigurationError(f"--header {text!r}: write NAME=VALUE")
    return name, value


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be read: {error.strerror}") from error


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    group = typer.Typer(help="Rules that bind exchanges and queues of others to workflows.", no_args_is_help=True)
    group.command("list")(list_bridges)
    group.command("test")(try_sample)
    group.command("remove")(remove_bridge)
    app.add_typer(group, name="bridge")
