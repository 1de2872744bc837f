"""`leveret check`: what workflow code may not do, found without running it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.markup import escape

from leveret_actors.checker import check, files
from leveret_actors.cli.output import AsJson, complain, print_json, say

Modules = Annotated[
    list[str], typer.Argument(help="package.module, a package, a file or a folder", metavar="MODULE...")
]


def check_modules(modules: Modules, *, as_json: AsJson = False) -> None:
    """Find what workflow code may not do (clocks, files, `await a | b`, calls not awaited, …), without importing it.

    Prints `file:line:column code text`; exit 1 when something is found. A comment `# leveret: allow CODE` in a line
    says that it is meant.
    """
    paths = list(dict.fromkeys(path for module in modules for path in files(module)))
    found = [finding for path in paths for finding in check(_short(path))]
    if as_json:
        print_json([msgspec.to_builtins(finding) for finding in found])
    else:
        for finding in found:
            say(escape(str(finding)))
        complain(f"[dim]files checked: {len(paths)}, findings: {len(found)}[/]")
    if found:
        raise typer.Exit(1)


def _short(path: Path) -> Path:
    here = Path.cwd()
    return path.relative_to(here) if path.is_absolute() and path.is_relative_to(here) else path


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("check")(check_modules)
