"""`leveret cancel`, `retry-tasks`, `retry-workflow-task` and `complete-timers`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from leveret.client import Group, Handle
from leveret.client.verbs import PATIENCE
from leveret_actors.cli.calling import Id, Tag, Workflow, target
from leveret_actors.cli.output import AsJson, complain, print_json, say
from leveret_actors.cli.where import ConfigOption, UrlOption, client, run
from leveret_broker.envelope import Cancel, ClientCaller, Done
from leveret_broker.errors import ConfigurationError

Method = Annotated[str, typer.Option(help="Only of the method with this id.")]
Wait = Annotated[float, typer.Option("--timeout", help="Most seconds to wait for a node.")]


def cancel(
    workflow: Workflow,
    instance: Id = None,
    tag: Tag = None,
    reason: Annotated[str, typer.Option(help="Kept in the journal.")] = "",
    task: Annotated[str | None, typer.Option(help="Only this task, by its id.", show_default=False)] = None,
    url: UrlOption = None,
    config: ConfigOption = None,
    *,
    force: Annotated[bool, typer.Option("--force", help="End it without running its code.")] = False,
    timeout: Wait = PATIENCE,
    as_json: AsJson = False,
) -> None:
    """Ask an instance, or all with a tag, to cancel."""

    def make(who: ClientCaller | None) -> Cancel:
        return Cancel(reason=reason, force=force, caller=who)

    async def verb(whom: Handle[Any] | Group) -> Done:
        if task is None:
            return await whom.ask(make, timeout)
        if isinstance(whom, Group):
            text = "a task is of one instance: name that with --id"
            raise ConfigurationError(text)
        return await whom.cancel_task(task, reason, timeout)

    _carry_out(workflow, instance, tag, url, config, verb, as_json=as_json)


def retry_tasks(
    workflow: Workflow,
    task: Annotated[list[str] | None, typer.Argument(metavar="TASK_ID...", show_default=False)] = None,
    instance: Id = None,
    tag: Tag = None,
    status: Annotated[list[str] | None, typer.Option(help="failed, timed_out or cancelled; several times.")] = None,
    service: Annotated[list[str] | None, typer.Option(help="Only of this service; several times.")] = None,
    url: UrlOption = None,
    config: ConfigOption = None,
    *,
    timeout: Wait = PATIENCE,
    as_json: AsJson = False,
) -> None:
    """Send tasks that ended without a value again; resumes an instance that failed by one."""

    async def verb(whom: Handle[Any] | Group) -> Done:
        return await whom.retry_tasks(*(task or ()), status=status or (), service=service or (), timeout=timeout)

    _carry_out(workflow, instance, tag, url, config, verb, as_json=as_json)


def retry_workflow_task(
    workflow: Workflow,
    instance: Id = None,
    tag: Tag = None,
    url: UrlOption = None,
    config: ConfigOption = None,
    *,
    timeout: Wait = PATIENCE,
    as_json: AsJson = False,
) -> None:
    """Run again what failed in the workflow's own code, or is blocked, once the code is mended."""

    async def verb(whom: Handle[Any] | Group) -> Done:
        return await whom.retry_workflow_task(timeout)

    _carry_out(workflow, instance, tag, url, config, verb, as_json=as_json)


def complete_timers(
    workflow: Workflow,
    instance: Id = None,
    tag: Tag = None,
    method: Method = "",
    url: UrlOption = None,
    config: ConfigOption = None,
    *,
    timeout: Wait = PATIENCE,
    as_json: AsJson = False,
) -> None:
    """Fire the pending timers of an instance, or of all with a tag, now."""

    async def verb(whom: Handle[Any] | Group) -> Done:
        return await whom.complete_timers(method, timeout)

    _carry_out(workflow, instance, tag, url, config, verb, as_json=as_json)


def _carry_out(
    workflow: str,
    instance: str | None,
    tag: str | None,
    url: str | None,
    config: Path | None,
    verb: Callable[[Handle[Any] | Group], Awaitable[Done]],
    *,
    as_json: bool,
) -> None:
    """Carry a verb out and print what it did; exit 1 when that is nothing."""

    async def main() -> Done:
        async with client(url, config) as opened:
            return await verb(target(opened, workflow, instance, tag))

    done = run(main)
    if as_json:
        print_json({"found": done.found, "count": done.count, "text": done.text, "status": done.status})
    elif done.count:
        say(escape(done.text))
    else:
        complain(f"[bold red]error:[/] {escape(done.text)}")
    if not done.count:
        raise typer.Exit(1)


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command()(cancel)
    app.command("retry-tasks")(retry_tasks)
    app.command("retry-workflow-task")(retry_workflow_task)
    app.command("complete-timers")(complete_timers)
