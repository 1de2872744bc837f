"""`leveret describe`, `history` and `list`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.markup import escape

from leveret.client.verbs import PATIENCE
from leveret_actors.cli.calling import Workflow
from leveret_actors.cli.inspection import STATUSES, Row, event_text, fold_text, kinds_of, rows_of
from leveret_actors.cli.output import AsJson, complain, print_facts, print_json, print_rows, say, when
from leveret_actors.cli.tagged import Tagged, tagged
from leveret_actors.cli.where import ConfigOption, UrlOption, client, hosting, run
from leveret_actors.config import load, payload_codec
from leveret_actors.workflow.exported import Journal, of_records, write
from leveret_actors.workflow.journal import decode
from leveret_broker.codec import Codec
from leveret_broker.errors import ConfigurationError
from leveret_broker.payload_codec import PayloadCodecs

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
    timeout: Annotated[float, typer.Option(help="Most seconds to wait for a node.")] = PATIENCE,
    as_json: AsJson = False,
) -> None:
    """Show what an instance is, and what it waits for."""

    async def main() -> None:
        async with client(url, config) as opened:
            found = await opened.get(workflow, id=instance).describe(timeout)
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
            _export(export, of_records(workflow, instance, encoded), payload_codec(load(config)))
            return
        records = [decode(data) for data in encoded]
        if as_json:
            print_json(records)
            return
        rows: list[tuple[object, ...]] = []
        for record in records:
            happened = [event_text(event) for event in record.events] + fold_text(record)
            wanted = [f"→ {one.kind} {one.number} {one.name}".rstrip() for one in record.commands]
            ended = [] if record.completion is None else [f"■ {type(record.completion).__name__.lower()}"]
            rows.append((record.number, when(record.at), "\n".join([*happened, *wanted, *ended])))
        print_rows(("turn", "at", "what"), rows, nothing=f"there is no journal of {workflow} {instance!r}")

    run(main)


def _export(file: Path, journal: Journal, codec: PayloadCodecs) -> None:
    if not journal.records:
        raise ConfigurationError(f"there is no journal of {journal.workflow} {journal.instance!r}")
    try:
        file.write_text(write(journal, codec=Codec(codec)), encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be written: {error}") from error


def list_instances(
    workflow: Annotated[str | None, typer.Argument(help="Default: those of leveret.toml.", show_default=False)] = None,
    status: Annotated[str | None, typer.Option(help=f"One of {', '.join(STATUSES)}.", show_default=False)] = None,
    tag: Annotated[str | None, typer.Option(help="Only instances that carry it.", show_default=False)] = None,
    limit: Annotated[int, typer.Option(min=1, help="Most instances shown.")] = 50,
    url: UrlOption = None,
    config: ConfigOption = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List instances, as they stand in the store; of a tag also what is being sent to all that carry it."""
    if status is not None and status not in STATUSES:
        text = f"status {status!r} is not one of {', '.join(STATUSES)}"
        raise ConfigurationError(text)

    async def main() -> None:
        async with hosting(url, config) as (transport, store):
            kinds = await kinds_of(workflow, load(config), store)
            statuses = STATUSES if status is None else (status,)
            if tag is not None:
                if workflow is None:
                    raise ConfigurationError("say which workflow: leveret list WORKFLOW --tag TAG")
                _show_tag(await tagged(transport, store, workflow, tag, statuses, limit + 1), limit, as_json=as_json)
                return
            rows = [row for kind in kinds for row in await rows_of(transport, store, kind, statuses, limit + 1)]
        if as_json:
            print_json({"instances": rows[:limit], "more": len(rows) > limit})
        else:
            _show(rows, limit)

    run(main)


def _show(rows: list[Row], limit: int) -> None:
    table = [(row.workflow, row.id, row.status, when(row.updated), row.run) for row in rows[:limit]]
    print_rows(("workflow", "id", "status", "updated (UTC)", "run"), table, nothing="no instances")
    if len(rows) > limit:
        say(f"[dim]… and more: --limit {limit * 10}[/]")


def _show_tag(found: Tagged, limit: int, *, as_json: bool) -> None:
    if as_json:
        more = len(found.rows) > limit
        shown = {"instances": found.rows[:limit], "more": more, "carried_by": found.count}
        print_json({**shown, "under_way": found.under_way})
        return
    _show(found.rows, limit)
    say(f"carried by {found.count}")
    for one in found.under_way:
        say(escape(f"on its way: {one.what} {one.id}, sent to {one.sent}"))


def _readable(data: dict[str, Any]) -> dict[str, object]:
    """Return a description for people: times as dates, what is empty left out, and causes that the reason tells."""
    facts: dict[str, object] = {}
    reason = str(data.get("reason"))
    for name, value in data.items():
        if name == "times":
            facts |= {part: when(at) for part, at in msgspec.convert(value, dict[str, float]).items() if at}
        elif name == "pending":
            facts["waits for"] = "\n".join(_pending(one) for one in value)
        elif name == "methods":
            facts["methods"] = "\n".join(f"{one.get('id')}: {one.get('name')}, {one.get('status')}" for one in value)
        elif name == "retryable":
            facts["can be retried"] = "\n".join(_retryable(one, reason) for one in value)
        elif name == "failure" and isinstance(value, list):
            causes = msgspec.convert(value, list[dict[str, Any]])
            told = [f"{one.get('type')}: {one.get('message')}" for one in causes]
            facts["failure"] = "\n".join(one for one in told if one not in reason)
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


def _retryable(one: dict[str, Any], reason: str) -> str:
    failure = str(one.get("failure") or "")
    told = "" if failure in reason else failure
    return f"task {one.get('name')} {one.get('task_id')}: {one.get('status')} {told}".rstrip()


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command()(describe)
    app.command()(history)
    app.command("list")(list_instances)
