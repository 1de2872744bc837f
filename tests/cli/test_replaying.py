"""`leveret history --export` and `leveret replay`: a journal leaves, and is repeated elsewhere."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import leveret, leveret_beside, node

URL = ("--url", "sqlite:///shop.db")


@pytest.fixture
async def journal(folder: Path) -> Path:
    """The exported journal of one order."""
    file = folder / "order.jsonl"
    async with node():
        await leveret_beside("start", "Order", "--args", '{"item": "hat"}', "--id", "o1", "--wait", *URL)
        exported = await leveret_beside("history", "Order", "o1", "--export", str(file), *URL)
    assert (exported.code, exported.out) == (0, "")
    return file


async def test_an_exported_journal_can_be_read_by_people(journal: Path) -> None:
    header, first, *others = [json.loads(line) for line in journal.read_text().splitlines()]

    assert header["leveret"] == "journal"
    assert (header["format"], header["workflow"], header["instance"]) == (1, "Order", "o1")
    assert (header["version"], header["records"]) == (1, 1 + len(others))
    assert first["events"][0]["arguments"] == {"item": "hat"}
    assert first["commands"] == [{"is": "Command", "kind": "task", "number": 1, "name": "Stock.reserve"}]
    assert others[-1]["ended"] == [{"is": "Completed", "value": "3 x hat"}]


async def test_code_that_has_not_changed_repeats_it(journal: Path) -> None:
    by_module = leveret("replay", "tests.cli.shop", str(journal), "--json")
    by_class = leveret("replay", "tests.cli.shop:Order", str(journal))

    assert by_module.code == 0
    (verdict,) = by_module.json
    assert verdict["same"]
    assert verdict["replayed"]["turns"] == len(journal.read_text().splitlines()) - 1
    assert verdict["replayed"]["commands"] == 1
    assert by_class.code == 0
    assert "the same" in by_class.out


async def test_code_that_has_changed_is_named_with_its_line(journal: Path, folder: Path) -> None:
    (folder / "changed_shop.py").write_text(
        "from leveret import workflow\n\n\n"
        "@workflow.define(name='Order')\n"
        "class Order:\n"
        "    async def run(self, item: str) -> str:\n"
        "        await workflow.timer(seconds=1)\n"
        "        return item\n"
    )

    ran = leveret("replay", "changed_shop", str(journal))

    assert ran.code == 1
    assert "not the same" in ran.out
    for word in ("turn 1", "task 'Stock.reserve' (number 1)", "asks for timer", "changed_shop.py:7 in run"):
        assert word in ran.err


async def test_interceptors_belong_to_the_code_by_option_and_by_configuration(journal: Path, folder: Path) -> None:
    (folder / "louder.py").write_text(
        "from dataclasses import replace\n"
        "from leveret.interceptors import WorkflowInterceptor\n\n\n"
        "class Louder(WorkflowInterceptor):\n"
        "    def task(self, details, /):\n"
        "        return replace(details.call, name='shout')\n"
    )

    by_option = leveret("replay", "tests.cli.shop", str(journal), "--interceptor", "louder:Louder")
    (folder / "leveret.toml").write_text('[node]\ninterceptors = ["louder:Louder"]\n')
    by_file = leveret("replay", "tests.cli.shop", str(journal))

    for ran in (by_option, by_file):
        assert ran.code == 1
        assert "asks for task 'Stock.shout'" in ran.err


async def test_a_version_that_the_code_does_not_have_is_said_so(journal: Path, folder: Path) -> None:
    (folder / "newer_shop.py").write_text(
        "from leveret import workflow\nfrom tests.cli.shop import Order\n\n\n"
        "@workflow.define(name='Order', version=2)\n"
        "class Newer(Order):\n"
        "    async def run(self, item: str) -> str:\n"
        "        return item\n"
        "    async def pay(self, item: str) -> str:\n"
        "        return item\n"
    )

    alone = leveret("replay", "newer_shop:Newer", str(journal))
    beside = leveret("replay", "newer_shop", str(journal))

    assert alone.code == 1
    assert "version 1 of the code; given is version 2" in alone.err
    assert beside.code == 0


async def test_what_is_no_journal_is_one_line_for_its_file_and_the_others_go_on(journal: Path, folder: Path) -> None:
    (folder / "nothing.jsonl").write_text('{"a": 1}\n')
    cut = folder / "cut.jsonl"
    cut.write_text("".join(journal.read_text().splitlines(keepends=True)[:-1]))

    ran = leveret("replay", "tests.cli.shop", "nothing.jsonl", "missing.jsonl", str(cut), str(journal))

    assert ran.code == 1
    assert "nothing.jsonl: this is not an exported journal" in ran.err
    assert "missing.jsonl: it cannot be read" in ran.err
    assert "not a whole exported journal" in ran.err
    assert ran.out.count("not the same") == 3


async def test_the_journal_of_nobody_is_not_exported(folder: Path) -> None:
    async with node():
        ran = await leveret_beside("history", "Order", "nobody", "--export", "x.jsonl", *URL)

    assert ran.code == 1
    assert "there is no journal of Order 'nobody'" in ran.err
    assert not (folder / "x.jsonl").exists()
