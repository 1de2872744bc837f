"""`leveret listeners`: which groups hear events, and how to forget one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from leveret_actors.cli.output import AsJson, print_json, print_rows, say
from leveret_actors.cli.where import PATIENCE, ConfigOption, UrlOption, choose_url, run
from leveret_actors.config import load
from leveret_actors.listener_groups import ListenerGroup, ListenerGroups


def list_groups(url: UrlOption = None, config: ConfigOption = None, *, as_json: AsJson = False) -> None:
    """List the listener groups: what waits for each, how many nodes run it, what it wants."""

    async def main() -> list[ListenerGroup]:
        async with _groups(config, url) as groups:
            return await groups.list()

    found = run(main)
    if as_json:
        print_json(found)
        return
    rows = [(one.group, one.waiting, one.consumers, ", ".join(one.patterns)) for one in found]
    print_rows(("group", "waiting", "nodes", "wants"), rows, nothing="nobody listens")


def forget_group(
    group: Annotated[str, typer.Argument(metavar="GROUP", show_default=False)],
    url: UrlOption = None,
    config: ConfigOption = None,
    *,
    force: Annotated[bool, typer.Option("--force", help="Though nodes run it, which make it anew.")] = False,
    as_json: AsJson = False,
) -> None:
    """Forget a listener group for good: its queue goes, with the events that wait in it."""

    async def main() -> int:
        async with _groups(config, url) as groups:
            return await groups.forget(group, force=force)

    dropped = run(main)
    if as_json:
        print_json({"forgotten": group, "dropped": dropped})
    else:
        say(f"{escape(group)} is forgotten, with {dropped} events")


def _groups(file: Path | None, url: str | None) -> ListenerGroups:
    return ListenerGroups(choose_url(load(file), url), connect_timeout=PATIENCE)


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    group = typer.Typer(help="Groups that hear events.", no_args_is_help=True)
    group.command("list")(list_groups)
    group.command("forget")(forget_group)
    app.add_typer(group, name="listeners")
