"""`leveret dev`: a node for developing, in one file, started anew whenever code changes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Annotated, Final

import typer
import watchfiles
from rich.markup import escape

from leveret.url import redact
from leveret_actors.cli.discovery import discover
from leveret_actors.cli.logs import log_to_terminal
from leveret_actors.cli.output import complain
from leveret_actors.cli.where import DEV_FILE, dev_url, run
from leveret_actors.config import load
from leveret_actors.node import Node

GRACE: Final = 10.0
"""Seconds that the node gets to finish before it is killed."""

Modules = Annotated[list[str], typer.Argument(help="package.module, or package.module:attribute", metavar="MODULE...")]
Url = Annotated[str | None, typer.Option("--url", help=f"Default: sqlite:///{DEV_FILE}", show_default=False)]


def dev(
    modules: Modules,
    url: Url = None,
    *,
    reload: Annotated[bool, typer.Option(help="Start anew when a Python file here changes.")] = True,
) -> None:
    """Host what modules define, without servers: workflows, and services made from objects or plain classes."""
    if url is None:
        DEV_FILE.parent.mkdir(exist_ok=True)
        url = dev_url()
    complain(f"[bold]leveret dev[/] on {escape(url)}; for clients elsewhere: LEVERET_URL={escape(url)}")
    elsewhere = load(None).url
    if elsewhere is not None and elsewhere != url:
        # Whoever then starts something, and sees nothing happen, looks for the mistake in the workflow.
        text = f"by leveret.toml or LEVERET_URL the other commands here use {redact(elsewhere)}: give them --url {url}"
        complain(f"[yellow]mind:[/] {escape(text)}")
    if not reload:
        serve(modules, url)
        return
    Reloader([sys.executable, "-m", "leveret_actors.cli", "dev-serve", *modules, "--url", url]).run()


def serve(
    modules: Modules, url: Annotated[str, typer.Option("--url")], tie: Annotated[int, typer.Option("--tie")] = -1
) -> None:
    """Host without reloading; what `dev` starts, and starts anew. `tie` is a file descriptor, see `end_with_parent`."""
    log_to_terminal("INFO")
    if tie >= 0:
        threading.Thread(target=end_with_parent, args=(tie,), daemon=True).start()

    async def main() -> None:
        offer = discover(modules)
        for text in offer.skipped:
            complain(f"[yellow]left out:[/] {escape(text)}")
        await Node(url, workflows=offer.workflows, services=offer.services, listeners=offer.listeners).run()

    run(main)


def end_with_parent(tie: int) -> None:
    """Stop this process once the other end of the pipe `tie` is closed: its parent was killed and cannot say so."""
    os.read(tie, 1)
    os.kill(os.getpid(), signal.SIGTERM)


class Reloader:
    """Keeps one child running, and replaces it when a Python file changes. One that ended waits for the next change."""

    def __init__(self, command: list[str], folder: Path | None = None) -> None:
        """Watch `folder`, by default the working directory."""
        self._command = command
        self._folder = folder or Path.cwd()
        self._stop = threading.Event()
        self._child: subprocess.Popen[bytes] | None = None
        self._tie, self._held = os.pipe()
        """A pipe that the child reads, and only this process holds open."""

    def run(self) -> None:
        """Watch until SIGTERM or Ctrl-C; then end the child."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        self._start()
        try:
            changes = watchfiles.watch(
                self._folder,
                watch_filter=watchfiles.PythonFilter(),
                stop_event=self._stop,
                raise_interrupt=False,
            )
            for batch in changes:
                names = sorted({Path(path).name for _, path in batch})
                complain(f"[bold]changed:[/] {escape(', '.join(names))}; starting anew")
                self._end()
                self._start()
        finally:
            self._end()

    def _on_signal(self, *_: object) -> None:
        self._stop.set()

    def _start(self) -> None:
        # A session of its own: Ctrl-C reaches the child through us, once.
        tied = [*self._command, "--tie", str(self._tie)]
        self._child = subprocess.Popen(tied, start_new_session=True, pass_fds=(self._tie,))  # noqa: S603 - our own command

    def _end(self) -> None:
        """Let the child hand over what it has; kill it if it takes too long."""
        child, self._child = self._child, None
        if child is None or child.poll() is not None:
            return
        child.terminate()
        try:
            child.wait(GRACE)
        except subprocess.TimeoutExpired:
            complain(f"[yellow]the node did not stop within {GRACE:g} s and is killed[/]")
            child.kill()
            child.wait()


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command()(dev)
    app.command("dev-serve", hidden=True)(serve)
