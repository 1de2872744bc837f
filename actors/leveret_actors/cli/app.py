"""The commands, put together, and what happens to errors."""

from __future__ import annotations

import os
import sys
from typing import Annotated, Any

import typer
from rich.markup import escape
from typer.core import TyperGroup

from leveret_actors.cli import (
    asyncapi,
    bridges,
    calling,
    checking,
    dead_letters,
    dev,
    linting,
    listeners,
    looking,
    permissions,
    publishing,
    replaying,
    services,
    serving,
    tasks,
    verbs,
)
from leveret_actors.cli.doctor import command
from leveret_actors.cli.logs import log_to_terminal
from leveret_actors.cli.output import complain
from leveret_broker.errors import LeveretError


class Commands(TyperGroup):
    """Turns an error of leveret into one line and exit code 1, here for all commands."""

    def invoke(self, ctx: Any) -> Any:
        """Run a command."""
        try:
            return super().invoke(ctx)
        except LeveretError as error:
            if _debugging():
                raise
            complain(f"[bold red]error:[/] {escape(str(error) or type(error).__name__)}")
            raise typer.Exit(1) from None
        except KeyboardInterrupt:
            raise typer.Exit(130) from None


def _debugging() -> bool:
    return bool(os.environ.get("LEVERET_DEBUG"))


app = typer.Typer(
    name="leveret",
    cls=Commands,
    help="Durable workflows as actors on RabbitMQ.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def prepare(
    *, debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks, and every log record.")] = False
) -> None:
    """Prepare what all commands need: modules of the working directory can be named, and leveret's log is heard."""
    if debug:
        os.environ["LEVERET_DEBUG"] = "1"
    folder = os.getcwd()  # noqa: PTH109 - sys.path holds texts
    if folder not in sys.path:
        sys.path.insert(0, folder)
    log_to_terminal("DEBUG" if _debugging() else "WARNING")


dev.add_to(app)
serving.add_to(app)
calling.add_to(app)
publishing.add_to(app)
verbs.add_to(app)
dead_letters.add_to(app)
services.add_to(app)
permissions.add_to(app)
bridges.add_to(app)
listeners.add_to(app)
asyncapi.add_to(app)
tasks.add_to(app)
looking.add_to(app)
replaying.add_to(app)
command.add_to(app)
checking.add_to(app)
linting.add_to(app)
