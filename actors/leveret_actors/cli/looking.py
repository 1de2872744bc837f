"""`leveret describe`, `history` and `list`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.markup import escape

from leveret_actors.cli.calling import Workflow
from leveret_actors.cli.inspection import STATUSES, event_text, kinds_of, rows_of
from leveret_actors.cli.output import AsJson, complain, print_facts, print_json, print_rows, say, when
from leveret_actors.cli.where import ConfigOption, UrlOption, client, hosting, run
from leveret_actors.config import load
from leveret_actors.workflow.exported import Journal, of_records, write
from leveret_actors.workflow.journal import decode
from leveret_broker.errors import ConfigurationError

Export = Annotated[
    Path | None,
    typer.Option(help="Write it here: JSON lines, the user's values included.", metavar="FILE", show_default=False),
]
Instance = Annotated[str, typer.Argument(help="Id of the instance.", metavar="ID")]


def describe(
    workflow: Workflow,
    instance: Instance,
    url: UrlOption = None,
    config: ConfigOption = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Show what an instance is, and what it waits for."""

    async def main() -> None:
        async with client(url, config) as opened:
            found = await opened.get(workflow, id=instance).describe()
        if as_json:
            print_json({"found": found.found, **found.data})
        elif found.found:
            print_facts(_readable(found.data))
        if found.found:
            return
        reason = found.data.get("reason")
        if not as_json:
            complain(f"[bold red]error:[/] {escape(str(reason or f'there is no {workflow} {instance!r}'))}")
        raise typer.Exit(1)

    run(main)


def history(
    workflow: Workflow,
    instance: Instance,
    url: UrlOption = None,
    config: ConfigOption = None,
    export: Export = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Show the journal of an instance, turn by turn; or write it to a file for `leveret replay`."""

    async def main() -> None:
        async with client(url, config) as opened:
            encoded = [data async for data in opened.get(workflow, id=instance).history()]
        if export is not None:
            _export(export, of_records(workflow, instance, encoded))
            return
        records = [decode(data) for data in encoded]
        if as_json:
            print_json(records)
            return
        rows: list[tuple[object, ...]] = []
        for record in records:
            happened = [event_text(event) for event in record.events]
            wanted = [f"→ {one.kind} {one.number} {one.name}".rstrip() for one in record.commands]
            ended = [] if record.completion is None else [f"■ {type(record.completion).__name__.lower()}"]
            rows.append((record.number, when(record.at), "\n".join([*happened, *wanted, *ended])))
        print_rows(("turn", "at", "what"), rows, nothing=f"there is no journal of {workflow} {instance!r}")

    run(main)


def _export(file: Path, journal: Journal) -> None:
    if not journal.records:
        raise ConfigurationError(f"there is no journal of {journal.workflow} {journal.instance!r}")
    try:
        file.write_text(write(journal), encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be written: {error}") from error


def list_instances(
    workflow: Annotated[str | None, typer.Argument(help="Default: those of leveret.toml.", show_default=False)] = None,
    status: Annotated[str | None, typer.Option(help=f"One of {', '.join(STATUSES)}.", show_default=False)] = None,
    limit: Annotated[int, typer.Option(min=1, help="Most instances shown.")] = 50,
    url: UrlOption = None,
    config: ConfigOption = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List instances, as they stand in the store."""
    if status is not None and status not in STATUSES:
        text = f"status {status!r} is not one of {', '.join(STATUSES)}"
        raise ConfigurationError(text)

    async def main() -> None:
        async with hosting(url, config) as (transport, store):
            kinds = await kinds_of(workflow, load(config), store)
            statuses = STATUSES if status is None else (status,)
            rows = [row for kind in kinds for row in await rows_of(transport, store, kind, statuses, limit + 1)]
        shown = rows[:limit]
        if as_json:
            print_json({"instances": shown, "more": len(rows) > limit})
            return
        table = [(row.workflow, row.id, row.status, when(row.updated), row.run) for row in shown]
        print_rows(("workflow", "id", "status", "updated (UTC)", "run"), table, nothing="no instances")
        if len(rows) > limit:
            say(f"[dim]… and more: --limit {limit * 10}[/]")

    run(main)


def _readable(data: dict[str, Any]) -> dict[str, object]:
    """Return a description for people: times as dates, what is empty left out."""
    facts: dict[str, object] = {}
    for name, value in data.items():
        if name == "times":
            facts |= {part: when(at) for part, at in msgspec.convert(value, dict[str, float]).items() if at}
        elif name == "pending":
            facts["waits for"] = "\n".join(_pending(one) for one in value)
        elif name == "methods":
            facts["methods"] = "\n".join(f"{one.get('id')}: {one.get('name')}, {one.get('status')}" for one in value)
        elif name == "retryable":
            facts["can be retried"] = "\n".join(_retryable(one) for one in value)
        elif name == "failure":
            facts["failure"] = "\n".join(f"{one.get('type')}: {one.get('message')}" for one in value)
        elif name == "versions":
            continue
        elif name == "tags":
            facts["tags"] = ", ".join(value)
        else:
            facts[name] = value
    return {name: value for name, value in facts.items() if value not in ("", None, {}, [], 0)}


def _pending(one: dict[str, Any]) -> str:
    due = one.get("due")
    until = f", until {when(float(due))}" if due else ""
    return f"{one.get('kind')} {one.get('name') or ''}".rstrip() + f" (command {one.get('number')}){until}"


def _retryable(one: dict[str, Any]) -> str:
    return f"task {one.get('name')} {one.get('task_id')}: {one.get('status')} {one.get('failure') or ''}".rstrip()


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command()(describe)
    app.command()(history)
    app.command("list")(list_instances)
