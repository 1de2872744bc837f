"""`leveret_actors.testing.replay` and exported journals."""

import json
from pathlib import Path

import pytest

from leveret import ConfigurationError, workflow
from leveret_actors.testing import Replayed, ReplayMismatch, replay
from leveret_actors.workflow.exported import of_records, parse, read, write
from leveret_broker.errors import DecodeError
from tests.workflow.harness import Driver


@workflow.define(name="Wait")
class Wait:
    go = workflow.Channel[object]()

    async def run(self, seconds: float) -> str:
        await workflow.timer(seconds=seconds)
        await self.go.receive()
        return workflow.info().id


@workflow.define(name="Wait", version=2)
class NewerWait(Wait):
    async def run(self, seconds: float) -> str:
        await self.go.receive()
        return "newer"


@workflow.define(name="Wait")
class ChangedWait(Wait):
    async def run(self, seconds: float) -> str:
        await self.go.receive()
        return "changed"


@workflow.define(name="Other")
class Other:
    async def run(self) -> None: ...


def waited(*code: type[Wait]) -> list[bytes]:
    driver = Driver(*code, actor="w1")
    driver.start(seconds=5.0)
    driver.advance(6)
    driver.signal("go", b"bytes")
    assert driver.status == "completed"
    return driver.store.journal


def test_the_result_counts_turns_and_commands() -> None:
    replayed = replay(Wait, waited(Wait))

    assert (replayed.workflow, replayed.instance, replayed.version) == ("Wait", "", 1)
    assert (replayed.turns, replayed.commands, replayed.mismatch) == (3, 2, "")
    assert len(replayed.run) == 32


def test_the_journal_says_which_version_it_needs() -> None:
    older, newer = waited(Wait), waited(Wait, NewerWait)

    versions = [
        replay([NewerWait, Other, Wait], of_records("Wait", "w1", journal)).version for journal in (older, newer)
    ]

    assert versions == [1, 2]


def test_a_mismatch_is_raised_or_returned() -> None:
    journal = waited(Wait)

    with pytest.raises(ReplayMismatch, match="timer"):
        replay(ChangedWait, journal)
    assert "the journal has timer" in replay(ChangedWait, journal, check=False).mismatch
    assert "version 1 of the code; given is version 2" in replay(NewerWait, journal, check=False).mismatch
    assert "no start" in replay(Wait, [], check=False).mismatch


def test_code_of_another_workflow_is_a_mistake() -> None:
    journal = of_records("Wait", "w1", waited(Wait))

    with pytest.raises(ConfigurationError, match="workflow Wait; given is the code of Other"):
        replay(Other, journal)
    with pytest.raises(ConfigurationError, match="records alone"):
        replay([Wait, Other], journal.records)


def test_an_exported_journal_comes_back_as_it_was(tmp_path: Path) -> None:
    exported = of_records("Wait", "w1", waited(Wait))
    file = tmp_path / "w1.jsonl"
    file.write_text(write(exported))

    assert read(file) == exported
    assert replay(Wait, file) == replay(Wait, str(file)) == Replayed("Wait", "w1", exported.run, 1, 3, 2)


def test_readers_ignore_what_they_do_not_know_and_refuse_a_newer_format() -> None:
    first, *others = write(of_records("Wait", "w1", waited(Wait))).splitlines()
    header = json.loads(first)

    longer = "\n".join([json.dumps(header | {"more": 1}), *others])
    newer = "\n".join([json.dumps(header | {"format": 2}), *others])

    assert parse(longer).instance == "w1"
    with pytest.raises(DecodeError, match="format 2"):
        parse(newer)
    for text in ("", "{}", "nonsense", f"{first}\n{{}}"):
        with pytest.raises(DecodeError, match="not a"):
            parse(text)
