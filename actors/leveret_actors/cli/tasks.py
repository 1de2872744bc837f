"""`leveret tasks`: tasks that the store keeps (long ones and delegated ones), to look at, to complete and to fail."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.markup import escape

from leveret.client import Client
from leveret.client.verbs import PATIENCE
from leveret.describing import plain
from leveret_actors.cli.output import AsJson, complain, print_facts, print_json, print_rows, say, when
from leveret_actors.cli.where import ConfigOption, UrlOption, client, hosting, run
from leveret_actors.config import load, payload_codec
from leveret_actors.store.leases import Lease
from leveret_broker.codec import Codec
from leveret_broker.envelope import Done, Task, decode
from leveret_broker.errors import ConfigurationError

PAGE = 500

Service = Annotated[str, typer.Argument(help="Name of the service.")]
TaskName = Annotated[
    str, typer.Argument(metavar="TASK_ID", help="As `service.context()` or `leveret describe` has it.")
]
OneTask = Annotated[
    str | None, typer.Argument(metavar="[TASK_ID]", help="As `leveret describe` has it.", show_default=False)
]
Tag = Annotated[str | None, typer.Option("--tag", help="All tasks of the service with this tag.", show_default=False)]
Sequence = Annotated[int | None, typer.Option(help="Only this life of the task.", show_default=False)]
Wait = Annotated[float, typer.Option("--timeout", help="Most seconds to wait for a worker.")]


def list_tasks(
    service: Annotated[str | None, typer.Option(help="Only of this service.", show_default=False)] = None,
    status: Annotated[str | None, typer.Option(help="running, delegated, completed, …", show_default=False)] = None,
    limit: Annotated[int, typer.Option(min=1, help="Most tasks shown.")] = 100,
    url: UrlOption = None,
    config: ConfigOption = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List the tasks that have a lease: long ones, delegated ones, and such that ended within a day."""

    def is_wanted(lease: Lease) -> bool:
        return service in {None, lease.service} and status in {None, lease.status}

    async def main() -> list[Lease]:
        found: list[Lease] = []
        after = ""
        async with hosting(url, config) as (_, store):
            while len(found) < limit and (page := await store.leases(after, PAGE)):
                found += filter(is_wanted, page)
                after = page[-1].task
        return found[:limit]

    leases, codec = run(main), Codec(payload_codec(load(config)))
    if as_json:
        print_json([_facts(lease, codec) for lease in leases])
        return
    rows = [
        (
            one.task,
            f"{one.service}.{one.name}",
            one.status,
            one.attempt,
            one.holder,
            _progress(one, codec),
            when(one.until),
        )
        for one in leases
    ]
    columns = ("task", "function", "status", "attempt", "worker", "progress", "until (UTC)")
    print_rows(columns, rows, nothing="no tasks")


def show_task(task: TaskName, url: UrlOption = None, config: ConfigOption = None, *, as_json: AsJson = False) -> None:
    """Show one of them, with its arguments, its caller and how far it has come."""

    async def main() -> Lease | None:
        async with hosting(url, config) as (_, store):
            return (await store.find_leases([task]))[0]

    lease = run(main)
    if lease is None:
        complain(
            f"[bold red]error:[/] {escape(f'no task {task} has a lease: it waits in its queue, is short, or over')}"
        )
        raise typer.Exit(1)
    codec = Codec(payload_codec(load(config)))
    facts = {**_facts(lease, codec), **_of_body(lease, codec)}
    if as_json:
        print_json(facts)
    else:
        times = {name: when(at) for name in ("until", "deadline") if isinstance(at := facts.get(name), float)}
        print_facts({name: value for name, value in {**facts, **times}.items() if value not in ("", None, {}, [])})


def complete(
    service: Service,
    task: OneTask = None,
    tag: Tag = None,
    result: Annotated[str, typer.Option(help="JSON.")] = "null",
    sequence: Sequence = None,
    url: UrlOption = None,
    config: ConfigOption = None,
    *,
    timeout: Wait = PATIENCE,
    as_json: AsJson = False,
) -> None:
    """Complete a delegated task, or all with a tag."""
    one_of(task, tag)
    try:
        value = msgspec.json.decode(result)
    except msgspec.DecodeError as error:
        text = f"--result {result!r} is not JSON: {error}"
        raise ConfigurationError(text) from error

    async def verb(opened: Client) -> Done:
        if tag is not None:
            return await opened.tasks(service, tag=tag).complete(value, timeout)
        return await opened.complete_task(service, task or "", value, sequence=sequence, timeout=timeout)

    _carry_out(verb, url, config, as_json=as_json)


def fail(
    service: Service,
    error: Annotated[str, typer.Option(help="Why, in words.")],
    task: OneTask = None,
    tag: Tag = None,
    sequence: Sequence = None,
    url: UrlOption = None,
    config: ConfigOption = None,
    *,
    retry: Annotated[bool, typer.Option("--retry", help="Have its policy decide whether it runs again.")] = False,
    timeout: Wait = PATIENCE,
    as_json: AsJson = False,
) -> None:
    """Fail a delegated task, or all with a tag."""
    one_of(task, tag)

    async def verb(opened: Client) -> Done:
        if tag is not None:
            return await opened.tasks(service, tag=tag).fail(error, retry=retry, timeout=timeout)
        return await opened.fail_task(service, task or "", error, retry=retry, sequence=sequence, timeout=timeout)

    _carry_out(verb, url, config, as_json=as_json)


def cancel(
    service: Service,
    tag: Annotated[str, typer.Option(help="All tasks of the service with this tag.")],
    reason: Annotated[str, typer.Option(help="Kept in the journals.")] = "",
    url: UrlOption = None,
    config: ConfigOption = None,
    *,
    timeout: Wait = PATIENCE,
    as_json: AsJson = False,
) -> None:
    """Cancel the open tasks with a tag; one by its id: `leveret cancel --task`."""

    async def verb(opened: Client) -> Done:
        return await opened.tasks(service, tag=tag).cancel(reason, timeout)

    _carry_out(verb, url, config, as_json=as_json)


def retry_tagged(
    service: Service,
    tag: Annotated[str, typer.Option(help="All tasks of the service with this tag.")],
    status: Annotated[list[str] | None, typer.Option(help="failed, timed_out or cancelled; several times.")] = None,
    url: UrlOption = None,
    config: ConfigOption = None,
    *,
    timeout: Wait = PATIENCE,
    as_json: AsJson = False,
) -> None:
    """Send the tasks with a tag again that ended without a value; one by its id: `leveret retry-tasks`."""

    async def verb(opened: Client) -> Done:
        return await opened.tasks(service, tag=tag).retry(status or (), timeout)

    _carry_out(verb, url, config, as_json=as_json)


def one_of(task: str | None, tag: str | None) -> None:
    """Refuse a command that names neither a task nor a tag, or both."""
    if (task is None) == (tag is None):
        text = "say which task is meant: its id, or --tag for all that carry one"
        raise ConfigurationError(text)


def _carry_out(
    verb: Callable[[Client], Awaitable[Done]], url: str | None, config: Path | None, *, as_json: bool
) -> None:
    """Carry a verb out and print what it did; exit 1 when that is nothing."""

    async def main() -> Done:
        async with client(url, config) as opened:
            return await verb(opened)

    done = run(main)
    if as_json:
        print_json({"found": done.found, "count": done.count, "text": done.text})
    elif done.count:
        say(escape(done.text))
    else:
        complain(f"[bold red]error:[/] {escape(done.text)}")
    if not done.count:
        raise typer.Exit(1)


def _facts(lease: Lease, codec: Codec) -> dict[str, object]:
    return {
        "task": lease.task,
        "service": lease.service,
        "name": lease.name,
        "status": lease.status,
        "sequence": lease.sequence,
        "attempt": lease.attempt,
        "deaths": lease.deaths,
        "worker": lease.holder,
        "until": lease.until,
        "progress": _progress(lease, codec),
    }


def _of_body(lease: Lease, codec: Codec) -> dict[str, object]:
    """Return what the envelope of a task that is not over says of it."""
    if not lease.body:
        return {}
    task = decode(lease.body).message
    if not isinstance(task, Task):
        return {}
    return {
        "workflow": task.workflow,
        "instance": task.instance,
        "tags": list(task.tags),
        "meta": task.meta,
        "deadline": task.deadline,
        "arguments": plain(task.arguments, codec),
    }


def _progress(lease: Lease, codec: Codec) -> Any:
    return plain(lease.progress, codec) if lease.progress else None


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    group = typer.Typer(help="Tasks that the store keeps: long ones and delegated ones.", no_args_is_help=True)
    group.command("list")(list_tasks)
    group.command("show")(show_task)
    group.command("complete")(complete)
    group.command("fail")(fail)
    group.command("cancel")(cancel)
    group.command("retry")(retry_tagged)
    app.add_typer(group, name="tasks")
