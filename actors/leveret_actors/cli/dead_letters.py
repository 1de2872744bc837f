"""`leveret dead-letters`: what nobody could handle, to look at and to send again."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape

from leveret.client import Client
from leveret.client.verbs import PATIENCE
from leveret.errors import RequestTimedOut
from leveret_actors.cli.output import AsJson, complain, print_json, print_rows, say, when
from leveret_actors.cli.where import ConfigOption, UrlOption, hosting, run
from leveret_actors.router.resending import Resent, resend, what_it_is
from leveret_actors.store.contract import DeadLetter, Store
from leveret_broker.errors import ConfigurationError

PAGE = 100


def list_letters(
    limit: Annotated[int, typer.Option(min=1, help="Most letters shown.")] = 50,
    url: UrlOption = None,
    config: ConfigOption = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List dead letters, oldest first."""

    async def main() -> list[DeadLetter]:
        async with hosting(url, config) as (_, store):
            return await store.dead_letters("", limit)

    letters = run(main)
    if as_json:
        facts = [(one, {"source": one.source, "reason": one.reason, "what": what_it_is(one)}) for one in letters]
        print_json([{"id": one.id, "at": one.at, **fact} for one, fact in facts])
        return
    rows = [(one.id, when(one.at), what_it_is(one), one.source, one.reason) for one in letters]
    print_rows(("id", "at (UTC)", "what", "source", "reason"), rows, nothing="no dead letters")


def replay_letters(
    ids: Annotated[list[str] | None, typer.Argument(metavar="ID...", show_default=False)] = None,
    url: UrlOption = None,
    config: ConfigOption = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="All there are.")] = False,
    timeout: Annotated[float, typer.Option(help="Most seconds to wait for a node, per letter.")] = PATIENCE,
    as_json: AsJson = False,
) -> None:
    """Send dead letters again: a task through its workflow, anything else to where it was found."""
    if bool(ids) == every:
        text = "say which dead letters are meant: their ids, or --all"
        raise ConfigurationError(text)

    async def main() -> list[Resent]:
        async with hosting(url, config) as (transport, store), Client(transport=transport) as client:
            found = [one for one in await _letters(store) if every or one.id in (ids or ())]
            results = [Resent(one, sent=False, text="there is no such letter") for one in _missing(ids, found)]
            for letter in found:
                try:
                    results.append(await resend(letter, client, transport, store, timeout))
                except RequestTimedOut as error:
                    results.append(Resent(letter.id, sent=False, text=str(error)))
            return results

    results = run(main)
    if as_json:
        print_json(results)
    for one in () if as_json else results:
        (say if one.sent else complain)(f"{one.id} {'' if one.sent else '[bold red]not sent:[/] '}{escape(one.text)}")
    if not all(one.sent for one in results):
        raise typer.Exit(1)


async def _letters(store: Store) -> list[DeadLetter]:
    found: list[DeadLetter] = []
    while page := await store.dead_letters(found[-1].id if found else "", PAGE):
        found += page
    return found


def _missing(ids: list[str] | None, found: list[DeadLetter]) -> list[str]:
    there = {one.id for one in found}
    return [one for one in ids or () if one not in there]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    group = typer.Typer(help="What nobody could handle.", no_args_is_help=True)
    group.command("list")(list_letters)
    group.command("replay")(replay_letters)
    app.add_typer(group, name="dead-letters")
