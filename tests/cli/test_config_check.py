"""`leveret config check`."""

from pathlib import Path

from tests.cli.conftest import leveret

FILE = """
url = "amqp://user:secret@host?store=redis://:secret@host"
[node]
workflows = ["tests.cli.shop:Order"]
[services.Stock]
timeout = 3
"""


def test_it_shows_what_is_in_force_with_origin_and_without_passwords() -> None:
    Path("leveret.toml").write_text(FILE)

    ran = leveret("config", "check", "--json")

    assert ran.code == 0
    assert "secret" not in ran.out
    assert ran.json["node.workflows"] == {"value": ["tests.cli.shop:Order"], "from": "leveret.toml"}
    assert ran.json["services.Stock.timeout"] == {"value": 3.0, "from": "leveret.toml"}
    assert ran.json["node.concurrency"] == {"value": 32, "from": "default"}


def test_it_fails_for_a_workflow_that_is_not_there() -> None:
    Path("leveret.toml").write_text(FILE.replace("Order", "Ordr"))

    assert leveret("config", "check").code == 1
    assert leveret("config", "check", "--no-import").code == 0


def test_it_fails_for_a_key_that_is_no_setting() -> None:
    Path("leveret.toml").write_text("[node]\ncolour = 'blue'")

    ran = leveret("config", "check")

    assert ran.code == 1
    assert ran.err.startswith("error: leveret.toml: node.colour is not a setting; allowed here: batch")
