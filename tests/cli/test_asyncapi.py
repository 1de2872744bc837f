"""`leveret asyncapi` and `leveret schemas`."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from tests.asyncapi.official import wrong_in_document
from tests.cli.conftest import ROOT, leveret, process

TOML = """
url = "amqp://me:secret@rabbit?ns=shop&store=redis://redis"
[node]
workflows = ["tests.asyncapi.shop:Sale"]
services = ["tests.cli.shop:Warehouse", "tests.asyncapi.shop:clerks", "tests.asyncapi.shop:anybody"]
[events]
publish = ["workflow.#.taskFailed"]
"""


def test_what_modules_define_is_described_wherever_services_get_their_arguments() -> None:
    ran = leveret(
        "asyncapi", "tests.asyncapi.shop", "tests.cli.shop:Order", "--title", "Sales", "--api-version", "2.1.0"
    )

    assert ran.code == 0
    assert wrong_in_document(ran.json) == []
    assert (ran.json["info"]["title"], ran.json["info"]["version"]) == ("Sales", "2.1.0")
    assert {"start.Sale", "start.Order", "complete.Desk", "service.Vault"} <= set(ran.json["channels"])
    assert "tests.asyncapi.shop.Sku has no JSON Schema" in ran.err


def test_without_modules_it_is_what_the_file_hosts() -> None:
    Path("leveret.toml").write_text(TOML)

    ran = leveret("asyncapi", "-o", "made/shop.json")

    found = json.loads(Path("made/shop.json").read_text())
    assert (ran.code, ran.out) == (0, "")
    assert "made/shop.json: 15 channels of namespace shop" in ran.err
    assert "anybody says not which class of service it returns" in ran.err
    assert wrong_in_document(found) == []
    assert "settings: taskFailed;" in found["channels"]["workflow.Sale"]["description"]
    assert {"service.Stock", "complete.Desk"} <= set(found["channels"])
    assert found["servers"]["broker"]["host"] == "rabbit:5672"
    assert "secret" not in json.dumps(found)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["shop.flows"], "there is no module 'shop'"),
        (["json"], "no workflow (@workflow.define), service (@service.define) or listener in there"),
        (["tests.cli.shop:Nothing"], "has no Nothing; it defines Order"),
        ([], "nothing to describe: name modules, or workflows and services in leveret.toml"),
        (["tests.cli.shop", "--url", "http://x"], "must begin with one of amqp"),
        (["tests.cli.shop", "-c", "none.toml"], "none.toml: there is no such file"),
        (["tests.cli.shop", "-o", "taken"], "taken cannot be written: Is a directory"),
    ],
    ids=str,
)
def test_what_cannot_be_described_is_said_in_a_line(arguments: list[str], said: str) -> None:
    Path("taken").mkdir()

    ran = leveret("asyncapi", *arguments)

    assert (ran.code, ran.out) == (1, "")
    assert said in ran.err
    assert len(ran.err.splitlines()) == 1


def test_what_the_page_shows_is_what_happens() -> None:
    page = (ROOT / "docs/wire.md").read_text()
    [(command, said)] = re.findall(r"^\$ leveret (asyncapi .*)\n(.*)$", page, re.MULTILINE)

    ran = leveret(*shlex.split(command))

    assert (ran.code, ran.err) == (0, f"{said}\n")
    assert json.loads(Path("booking.json").read_text())["info"]["title"] == "booking"


def test_a_module_of_the_working_directory_is_found(folder: Path) -> None:
    (folder / "flows.py").write_text(
        "from leveret import workflow\n@workflow.define\nclass Flow:\n    async def run(self) -> None: ...\n"
    )

    ran = process("asyncapi", "flows")

    assert ran.code == 0, ran.err
    assert "start.Flow" in ran.json["channels"]


def test_the_schemas_are_written_into_a_folder() -> None:
    ran = leveret("schemas", "made/here")

    names = {"start", "signal", "call", "cancel", "complete", "fail", "reply", "event"}
    assert ran.code == 0
    assert {Path(line).stem for line in ran.out.splitlines()} == names
    assert {file.stem for file in Path("made/here").glob("*.json")} == names
