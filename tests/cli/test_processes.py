"""Commands as processes of their own: exit codes, signals, reloading."""

from __future__ import annotations

import builtins
import signal
from pathlib import Path

import pytest

from leveret_actors import cli
from tests.cli.conftest import process, read_until, serving

MODULE = """
from leveret import workflow

@workflow.define(name="Hello")
class Hello:
    async def run(self) -> str:
        return "{text}"
"""


def test_an_error_is_one_line_on_stderr_and_exit_code_1() -> None:
    ran = process("node", "-w", "nowhere:Order")

    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("error: there is no module 'nowhere'")
    assert "Traceback" not in ran.err


def test_with_debug_it_is_a_traceback() -> None:
    ran = process("--debug", "node", "-w", "nowhere:Order")

    assert ran.code == 1
    assert "Traceback" in ran.err


def test_a_node_with_nothing_to_host_says_what_to_name() -> None:
    assert "nothing to host" in process("node").err


def test_a_node_hosts_what_the_file_names_and_stops_on_sigterm() -> None:
    hosted = 'workflows = ["tests.cli.shop:Order"]\nservices = ["tests.cli.shop:Warehouse"]'
    Path("leveret.toml").write_text(f'url = "sqlite:///shop.db"\n[node]\n{hosted}')

    with serving(["node", "-c", "leveret.toml"], "serves") as node:
        ran = process("start", "Order", "--args", '{"item": "hat"}', "--wait")
        node.send_signal(signal.SIGTERM)
        code = node.wait(30)

    assert (ran.code, ran.json) == (0, "3 x hat")
    assert code == 0


FACTORY = """
from contextlib import asynccontextmanager
from tests.cli.shop import Warehouse

@asynccontextmanager
async def warehouse():
    with open("notes.txt", "a") as notes:
        notes.write("opened ")
        yield Warehouse()
        notes.write("closed")
"""


@pytest.mark.parametrize("named", ["by the file", "by an option"])
def test_a_service_that_a_function_makes_is_opened_and_closed_with_its_node(named: str) -> None:
    Path("making.py").write_text(FACTORY)
    hosted = 'workflows = ["tests.cli.shop:Order"]\nservices = ["making:warehouse"]' if named == "by the file" else ""
    Path("leveret.toml").write_text(f'url = "sqlite:///shop.db"\n[node]\n{hosted}')
    options = [] if hosted else ["-w", "tests.cli.shop:Order", "-s", "making:warehouse"]

    checked = process("config", "check", "-c", "leveret.toml")
    before = Path("notes.txt").exists()
    with serving(["node", "-c", "leveret.toml", *options], "serves") as node:
        ran = process("start", "Order", "--args", '{"item": "hat"}', "--wait")
        node.send_signal(signal.SIGTERM)
        code = node.wait(30)

    assert (checked.code, before) == (0, False)
    assert (ran.json, code) == ("3 x hat", 0)
    assert Path("notes.txt").read_text() == "opened closed"


def test_dev_hosts_a_module_from_the_working_directory_and_starts_anew_when_it_changes() -> None:
    Path("app.py").write_text(MODULE.format(text="one"))

    with serving(["dev", "app"], "serves workflows: Hello v1") as dev:
        first = process("start", "Hello", "--wait")
        Path("app.py").write_text(MODULE.format(text="two"))
        read_until(dev, "changed: app.py")
        read_until(dev, "serves workflows: Hello v1")
        second = process("start", "Hello", "--wait")

    assert (first.json, second.json) == ("one", "two")
    assert dev.returncode == 0


def test_a_dev_that_is_killed_leaves_no_node_behind() -> None:
    Path("app.py").write_text(MODULE.format(text="one"))
    with serving(["dev", "app"], "serves workflows: Hello v1") as dev:
        dev.kill()

        # The node writes to the same pipe: its last line, and then the end, which comes when nobody holds it any more.
        assert dev.stderr is not None
        assert "stopped" in dev.stderr.read()


def test_dev_says_so_when_the_other_commands_would_look_elsewhere() -> None:
    Path("app.py").write_text(MODULE.format(text="one"))
    Path("leveret.toml").write_text('url = "amqp://ann:secret@broker?ns=orders"')

    with serving(["dev", "app"], "the other commands here use amqp://ann:***@broker?ns=orders: give them"):
        pass


def test_dev_goes_on_when_the_code_is_broken_for_a_while() -> None:
    Path("app.py").write_text("def")

    with serving(["dev", "app"], "error: 'app' could not be imported: SyntaxError") as dev:
        Path("app.py").write_text(MODULE.format(text="fine"))
        read_until(dev, "serves workflows: Hello v1")


def test_without_the_extra_it_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = builtins.__import__

    def without_typer(name: str, *args: object, **kwargs: object) -> object:
        if name == "leveret_actors.cli.app":
            raise ModuleNotFoundError("No module named 'typer'", name="typer")
        return real(name, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", without_typer)

    with pytest.raises(SystemExit) as raised:
        cli.main()

    assert raised.value.code == 1
    assert "pip install 'leveret[cli]'" in capsys.readouterr().err
