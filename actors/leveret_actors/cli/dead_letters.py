"""`leveret dead-letters`: what nobody could handle, to look at, to send again, or to drop."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.markup import escape

from leveret.client.verbs import PATIENCE
from leveret_actors.cli.output import AsJson, complain, print_facts, print_json, print_rows, say, when
from leveret_actors.cli.where import PATIENCE as CONNECTS
from leveret_actors.cli.where import ConfigOption, UrlOption, choose_url, run
from leveret_actors.config import load, payload_codec
from leveret_actors.dead_letters import DeadLetters, Letter
from leveret_actors.router.resending import Resent
from leveret_broker.errors import ConfigurationError

Ids = Annotated[list[str] | None, typer.Argument(metavar="ID...", show_default=False)]
Service = Annotated[
    str | None, typer.Option(help="Found there: a service, or a workflow's mailboxes.", show_default=False)
]
Reason = Annotated[str | None, typer.Option(help="A part of the reason.", show_default=False)]
Older = Annotated[float | None, typer.Option(help="Given up more seconds ago.", show_default=False)]
Newer = Annotated[float | None, typer.Option(help="Given up in so many seconds.", show_default=False)]
Every = Annotated[bool, typer.Option("--all", help="All there are.")]


def list_letters(
    limit: Annotated[int, typer.Option(min=1, help="Most letters shown.")] = 50,
    service: Service = None,
    reason: Reason = None,
    older: Older = None,
    newer: Newer = None,
    url: UrlOption = None,
    config: ConfigOption = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List dead letters, oldest first."""
    which = _filters(service=service, reason=reason, older=older, newer=newer)

    async def main() -> list[Letter]:
        async with _letters(config, url) as letters:
            return [letter async for letter in letters.list(limit=limit, **which)]

    found = run(main)
    if as_json:
        print_json(found)
        return
    rows = [(one.id, when(one.at), one.what, one.source, one.reason) for one in found]
    print_rows(("id", "at (UTC)", "what", "source", "reason"), rows, nothing="no dead letters")


def show_letter(
    letter: Annotated[str, typer.Argument(metavar="ID", show_default=False)],
    url: UrlOption = None,
    config: ConfigOption = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Show all that is known of a dead letter: its arguments and its last failure too."""

    async def main() -> list[Letter]:
        async with _letters(config, url) as letters:
            return [one async for one in letters.list(letter)]

    found = run(main)
    if not found:
        text = f"there is no dead letter {letter}; `leveret dead-letters list` shows which there are"
        raise ConfigurationError(text)
    if as_json:
        print_json(found[0])
        return
    facts = msgspec.structs.asdict(found[0])
    print_facts({name: when(found[0].at) if name == "at" else value for name, value in facts.items() if value})


def replay_letters(
    ids: Ids = None,
    service: Service = None,
    reason: Reason = None,
    older: Older = None,
    newer: Newer = None,
    url: UrlOption = None,
    config: ConfigOption = None,
    *,
    every: Every = False,
    timeout: Annotated[float, typer.Option(help="Most seconds to wait for a node, per letter.")] = PATIENCE,
    as_json: AsJson = False,
) -> None:
    """Send dead letters again: a task through its workflow, anything else to where it was found."""
    which = _filters(service=service, reason=reason, older=older, newer=newer)
    _say_which(ids, which, every=every)

    async def main() -> list[Resent]:
        async with _letters(config, url) as letters:
            return [one async for one in letters.replay(*ids or (), timeout=timeout, **which)]

    results = run(main)
    found = {one.id for one in results}
    missing = [one for one in ids or () if one not in found]
    results += [Resent(one, sent=False, text="there is no such letter") for one in missing]
    if as_json:
        print_json(results)
    for one in () if as_json else results:
        (say if one.sent else complain)(f"{one.id} {'' if one.sent else '[bold red]not sent:[/] '}{escape(one.text)}")
    if not all(one.sent for one in results):
        raise typer.Exit(1)


def drop_letters(
    ids: Ids = None,
    service: Service = None,
    reason: Reason = None,
    older: Older = None,
    newer: Newer = None,
    url: UrlOption = None,
    config: ConfigOption = None,
    *,
    every: Every = False,
    as_json: AsJson = False,
) -> None:
    """Remove dead letters for good; who waited for a task was told of its failure when it became one."""
    which = _filters(service=service, reason=reason, older=older, newer=newer)
    _say_which(ids, which, every=every)

    async def main() -> int:
        async with _letters(config, url) as letters:
            return await letters.drop(*ids or (), **which)

    count = run(main)
    if as_json:
        print_json({"dropped": count})
    else:
        say(f"{count} dropped")
    if count < len(set(ids or ())):
        raise typer.Exit(1)


def _letters(file: Path | None, url: str | None) -> DeadLetters:
    config = load(file)
    return DeadLetters(choose_url(config, url), payload_codec=payload_codec(config), connect_timeout=CONNECTS)


def _filters(**options: Any) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


def _say_which(ids: list[str] | None, which: dict[str, Any], *, every: bool) -> None:
    if bool(ids or which) == every:
        text = "say which dead letters are meant: their ids, a filter as --service, or --all"
        raise ConfigurationError(text)


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    group = typer.Typer(help="What nobody could handle.", no_args_is_help=True)
    group.command("list")(list_letters)
    group.command("show")(show_letter)
    group.command("replay")(replay_letters)
    group.command("drop")(drop_letters)
    app.add_typer(group, name="dead-letters")
