"""`leveret replay`: exported journals against today's code, for a pipeline."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.markup import escape

from leveret_actors.cli.discovery import workflows_of
from leveret_actors.cli.output import AsJson, complain, print_json, print_rows
from leveret_actors.cli.where import ConfigOption
from leveret_actors.config import load, payload_codec
from leveret_actors.config.reference import find_interceptor
from leveret_actors.testing import Replayed, replay
from leveret_broker.errors import LeveretError


class Verdict(msgspec.Struct, frozen=True):
    """One file."""

    file: str
    same: bool
    replayed: Replayed | None
    error: str
    """What is wrong with the file, or why today's code does not repeat it."""


def command(
    code: Annotated[str, typer.Argument(help="Module, or module:Class.", metavar="MODULE[:CLASS]")],
    journals: Annotated[list[Path], typer.Argument(help="Files of `leveret history --export`.", metavar="JOURNAL...")],
    *,
    interceptors: Annotated[
        list[str] | None,
        typer.Option(
            "--interceptor",
            help="package.module:attribute, as of the node; default: those of leveret.toml.",
            show_default=False,
        ),
    ] = None,
    file: ConfigOption = None,
    as_json: AsJson = False,
) -> None:
    """Repeat exported journals by the code of now; exit 1 if it does not do the same."""
    classes = workflows_of(code)
    config = load(file)
    around = [find_interceptor(name) for name in interceptors or config.node.interceptors]
    codecs = payload_codec(config)
    verdicts: list[Verdict] = []
    for journal in journals:
        try:
            found = replay(classes, journal, check=False, payload_codec=codecs, interceptors=around)
        except LeveretError as error:
            verdicts.append(Verdict(str(journal), same=False, replayed=None, error=str(error)))
        else:
            verdicts.append(Verdict(str(journal), same=not found.mismatch, replayed=found, error=found.mismatch))
    if as_json:
        print_json(verdicts)
    else:
        _show(verdicts)
    if not all(verdict.same for verdict in verdicts):
        raise typer.Exit(1)


def _show(verdicts: list[Verdict]) -> None:
    rows: list[tuple[object, ...]] = []
    for verdict in verdicts:
        found = verdict.replayed
        told = ("", "", "", "", "") if found is None else (
            found.workflow, found.instance, f"v{found.version}", found.turns, found.commands
        )  # fmt: skip
        rows.append((verdict.file, *told, "the same" if verdict.same else "not the same"))
    print_rows(("journal", "workflow", "id", "version", "turns", "commands", "replay"), rows, nothing="no journals")
    for verdict in verdicts:
        if verdict.error:
            complain(f"[bold red]{escape(verdict.file)}[/]: {escape(verdict.error)}")


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("replay")(command)
