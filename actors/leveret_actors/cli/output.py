"""What commands print: tables for people, JSON for programs."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.table import Table

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def say(text: str) -> None:
    """Print a line, with rich's markup, to standard output."""
    _console().print(text, soft_wrap=True, highlight=False)


def complain(text: str) -> None:
    """Print a line, with rich's markup, to standard error."""
    _console(stderr=True).print(text, soft_wrap=True, highlight=False)


def print_json(value: object) -> None:
    """Print a value as indented JSON."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value, enc_hook=_plain), indent=2).decode() + "\n")


def print_rows(columns: Sequence[str], rows: Sequence[Sequence[object]], *, nothing: str) -> None:
    """Print a table, or `nothing` when there are no rows."""
    if not rows:
        say(f"[dim]{nothing}[/]")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(cell(value) for value in row))
    _console().print(table)


def print_facts(facts: Mapping[str, object]) -> None:
    """Print names and values below each other."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, value in facts.items():
        table.add_row(name, cell(value))
    _console().print(table)


def cell(value: object) -> Any:
    """Return what a table shows of a value; texts are not markup."""
    from rich.text import Text

    if isinstance(value, str):
        return Text(value)
    if value is None or value in ({}, [], ()):
        return Text("-", style="dim")
    return Text(msgspec.json.encode(value, enc_hook=_plain).decode())


def when(seconds: float) -> str:
    """Return a Unix time as people read it, in UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S") if seconds else "-"


def _plain(value: object) -> object:
    return repr(value)


def _console(*, stderr: bool = False) -> Console:
    # Made anew each time: tests exchange the streams. Without a terminal nothing is cut at 80 columns.
    stream = sys.stderr if stderr else sys.stdout
    return Console(file=stream, width=None if stream.isatty() else 240)
