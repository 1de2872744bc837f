"""Each demo runs alone, and shows what its page says."""

from __future__ import annotations

import asyncio
import re
import shlex
import sys
from pathlib import Path

import pytest

from examples.codecs import demo as codecs
from examples.cron import demo as cron
from examples.grpc_service import demo as grpc_service
from examples.http_service import demo as http_service
from examples.interpreter import demo as interpreter
from examples.invoicing import demo as invoicing
from examples.location import demo as location
from examples.loyalty import demo as loyalty
from examples.loyalty.program import Balance
from examples.watching import demo as watching
from leveret import Client
from leveret_actors import Node
from leveret_actors.cli.discovery import discover

EXAMPLES = Path(__file__).parents[2] / "examples"


async def test_loyalty() -> None:
    assert await loyalty.main() == [
        201,
        "1000 of 201 points",
        201,
        Balance(201, "bronze"),
        201,
        Balance(201, "bronze"),
    ]


async def test_invoicing() -> None:
    ending, first, second, *others = await invoicing.main()

    assert ending == "left"
    assert [text.rpartition(" ")[2] for text in (first, second)] == ["paid", "paid"]
    assert len([text for text in others if text.startswith("visa paid")]) == 2


async def test_location() -> None:
    outcome, letters = await location.main()

    assert (outcome.state, outcome.host) == ("booked", "kim")
    assert letters[:2] == ["ann: tim asks for a place", "ann: tim still asks for a place"]


async def test_http_service() -> None:
    assert await http_service.main() == [
        "receipt 1",
        "requests 4, charges 1",
        "receipt 1",
        "requests 4, charges 1",
        "insufficient funds",
    ]


async def test_grpc_service() -> None:
    assert await grpc_service.main() == [
        "ann: room 1",
        "bob: room 2",
        "cid: no room is left",
        "requests 5, rooms 2",
    ]


async def test_codecs(tmp_path: Path) -> None:
    assert await codecs.main(tmp_path) == [
        "Ann Miller: 5123.45, paid True",
        "replayed: Payroll",
        "found in the file: []",
    ]


async def test_cron() -> None:
    refused, paused, started, *reports = await cron.main()

    assert refused == "refused: '0 3 * * MOO' in 'UTC': Bad day-of-week"
    assert (paused, started) == ("paused: True", "started 5")
    assert reports[0] == "sales-2040-01-01T03:00:00: report of sales"
    assert reports[-1] == "sales-2040-01-16T03:00:00: report of sales of the week"


async def test_interpreter() -> None:
    assert await interpreter.main() == ["hello ann", 3, 42]


async def test_watching() -> None:
    assert await watching.main() == ["Loyalty ann takes longer than 3600 s"]


PACKAGES = {path.parent.name: path.read_text() for path in sorted(EXAMPLES.glob("*/__init__.py"))}


@pytest.mark.parametrize("package", PACKAGES)
def test_each_example_says_how_to_run_its_demo(package: str) -> None:
    assert "make demo" in PACKAGES[package] or f"python -m examples.{package}.demo" in PACKAGES[package]


@pytest.mark.parametrize("package", [package for package, text in PACKAGES.items() if "leveret dev" in text])
async def test_what_an_example_says_to_type_starts_it(package: str, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'dev.db'}"
    dev, *commands = [shlex.split(line) for line in typed(PACKAGES[package])]
    offer = discover(dev[2:])

    async with Node(url, workflows=offer.workflows, services=offer.services), Client(url) as client:
        for _, *words in commands:
            command = [sys.executable, "-m", "leveret_actors.cli", *words, "--url", url]
            process = await asyncio.create_subprocess_exec(*command, cwd=EXAMPLES.parent)
            assert await process.wait() == 0
        start = commands[0]
        described = await client.describe(client.get(start[2], id=start[start.index("--id") + 1]), timeout=30)

    assert not offer.skipped
    assert described.data["status"] in {"running", "completed"}


def typed(page: str) -> list[str]:
    """The commands of an example's page."""
    return re.findall(r"^    (leveret .*)$", page.replace("\\\n", ""), re.MULTILINE)


def test_the_page_of_examples_lists_each() -> None:
    listed = re.findall(r"^\| `(\w+)` \|", (EXAMPLES.parent / "docs/examples.md").read_text(), re.MULTILINE)

    assert sorted(listed) == sorted(PACKAGES)
