"""What the page on bridges shows is what happens; and the command line says what is wrong."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.cli.conftest import leveret

PAGE = Path(__file__).parents[2] / "docs/bridges.md"
RULES = """
[[bridge]]
name = "paid"
exchange = "shop.events"
signal = "Order.paid"
id = "$.id"
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LEVERET_URL", raising=False)


def parts() -> dict[str, str]:
    titles = re.split(r"^## (.+)$", PAGE.read_text(), flags=re.MULTILINE)[1:]
    return {title: text for title, text in zip(titles[::2], titles[1::2], strict=True) if "```toml" in text}


def block(kind: str, text: str) -> str:
    [found] = re.findall(rf"^```{kind}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return str(found)


@pytest.mark.parametrize("title", list(parts()))
def test_each_rule_makes_of_its_sample_what_the_page_says(title: str) -> None:
    text = parts()[title]
    Path("leveret.toml").write_text(block("toml", text))
    Path("sample.json").write_text(block("json", text))

    ran = leveret(*shlex.split(block("sh", text))[1:])

    assert ran.code == 0
    assert ran.out == block("text", text)


def test_a_sample_that_does_not_match_says_why_and_fails() -> None:
    Path("leveret.toml").write_text(RULES)
    Path("sample.json").write_text("{}")

    ran = leveret("bridge", "test", "paid", "sample.json")

    assert ran.code == 1
    assert "a dead letter: bridge 'paid': id: $.id selects nothing" in ran.out


def test_a_rule_may_be_in_a_file_of_its_own() -> None:
    Path("rules.toml").write_text(RULES)
    Path("sample.json").write_text('{"id": "o1"}')

    ran = leveret("bridge", "test", "rules.toml", "sample.json", "--message-id", "m", "--json")

    assert ran.code == 0
    assert ran.json[0]["command"]["whom"]["id"] == "o1"


def test_the_list_has_every_bridge() -> None:
    Path("leveret.toml").write_text(RULES)

    ran = leveret("bridge", "list")

    assert all(word in ran.out for word in ("paid", "exchange shop.events", "signal Order.paid", "$.id", "drop"))


def test_the_permissions_of_a_node_let_it_read_what_its_bridges_name() -> None:
    Path("leveret.toml").write_text(RULES + '[[bridge]]\nname = "q"\nqueue = "work"\ncancel = "Order"\nid = "$.id"\n')

    ran = leveret("permissions", "--role", "node", "--user", "n", "--url", "amqp://localhost?ns=shop")

    assert ran.out.splitlines()[0].endswith(r" '^shop\.|^(shop\.events|work)$'")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        pytest.param('id = "$.id"', 'id = "$.id["', "bridge 'paid': id: the path", id="path"),
        pytest.param("Order.paid", "Order.payed", "Order has no channel 'payed'; it has paid", id="channel"),
        pytest.param("exchange", "exchang", "bridge.paid.exchang is not a setting", id="key"),
        pytest.param('"shop.events"', "3", "bridge.paid.exchange: Expected `str`, got `int`", id="type"),
    ],
)
def test_config_check_finds_what_is_wrong_with_a_rule(old: str, new: str, said: str) -> None:
    Path("leveret.toml").write_text('[node]\nworkflows = ["tests.cli.shop:Order"]\n' + RULES.replace(old, new))

    ran = leveret("config", "check")

    assert ran.code == 1
    assert said in ran.err
