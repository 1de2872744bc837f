"""`leveret services`: which there are, who runs them, what waits; pausing and resuming them."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.markup import escape

from leveret_actors.cli.output import AsJson, print_json, print_rows, say
from leveret_actors.cli.where import ConfigOption, UrlOption, hosting, run
from leveret_broker.address import PRIORITIES, ServiceQueue
from leveret_broker.ids import check_name
from leveret_broker.transport import Transport

Name = Annotated[str, typer.Argument(metavar="SERVICE", show_default=False)]


def list_services(url: UrlOption = None, config: ConfigOption = None, *, as_json: AsJson = False) -> None:
    """List the services that nodes run or that are paused, with what waits in their queues."""

    async def main() -> list[dict[str, Any]]:
        async with hosting(url, config) as (transport, store):
            paused = await store.paused()
            nodes: dict[str, list[str]] = {name: [] for name in paused}
            for row in await store.nodes():
                for name in filter(None, row.info.get("services", "").split(",")):
                    nodes.setdefault(name, []).append(row.node)
            found: list[dict[str, Any]] = []
            for name in sorted(nodes):
                queues = await _waiting(transport, name)
                waiting = {"waiting": sum(queues.values()), "priorities": queues if len(queues) > 1 else {}}
                found.append({"service": name, "paused": name in paused, **waiting, "nodes": nodes[name]})
            return found

    rows = run(main)
    if as_json:
        print_json(rows)
        return
    lines = [
        (row["service"], "paused" if row["paused"] else "runs" if row["nodes"] else "no node", _told(row),
         ", ".join(row["nodes"]))
        for row in rows
    ]  # fmt: skip
    print_rows(("service", "state", "waiting", "nodes"), lines, nothing="no node runs a service, none is paused")


async def _waiting(transport: Transport, service: str) -> dict[str, int]:
    """Return how many tasks wait, by priority, in the queues that there are."""
    depths = {priority: await transport.inspect(ServiceQueue(service, priority)) for priority in PRIORITIES}
    return {priority: depth.messages for priority, depth in depths.items() if depth is not None}


def _told(row: dict[str, Any]) -> str:
    parts = ", ".join(f"{count} {priority}" for priority, count in row["priorities"].items())
    return f"{row['waiting']}" + (f" ({parts})" if parts else "")


def pause_service(name: Name, url: UrlOption = None, config: ConfigOption = None, *, as_json: AsJson = False) -> None:
    """Have all nodes begin no task of a service any more; what runs ends, what waits stays in the queue."""
    _change(name, url, config, paused=True, as_json=as_json)


def resume_service(name: Name, url: UrlOption = None, config: ConfigOption = None, *, as_json: AsJson = False) -> None:
    """Have the nodes go on with a service."""
    _change(name, url, config, paused=False, as_json=as_json)


def _change(name: str, url: UrlOption, config: ConfigOption, *, paused: bool, as_json: bool) -> None:
    check_name("service", name)

    async def main() -> bool:
        async with hosting(url, config) as (_, store):
            return await store.pause(name, paused=paused)

    changed = run(main)
    if as_json:
        print_json({"service": name, "paused": paused, "changed": changed})
    else:
        does = "is paused" if paused else "goes on"
        text = (
            f"{does}: its nodes obey within two seconds"
            if changed
            else f"was {'paused already' if paused else 'not paused'}"
        )
        say(escape(f"service {name} {text}"))
    if not changed:
        raise typer.Exit(1)


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    group = typer.Typer(help="Services: who runs them, what waits; pausing them.", no_args_is_help=True)
    group.command("list")(list_services)
    group.command("pause")(pause_service)
    group.command("resume")(resume_service)
    app.add_typer(group, name="services")
