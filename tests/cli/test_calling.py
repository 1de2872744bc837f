"""`start`, `signal`, `cancel`, `describe`, `history` and `list` of workflows by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import leveret, leveret_beside, node

URL = ("--url", "sqlite:///shop.db")


async def test_a_started_workflow_answers_with_its_result() -> None:
    async with node():
        ran = await leveret_beside("start", "Order", "--args", '{"item": "hat"}', "--wait", *URL)

    assert (ran.code, ran.json) == (0, "3 x hat")


async def test_an_ended_instance_is_started_again_when_asked_to() -> None:
    hat = ("start", "Order", "--args", '{"item": "hat"}', "--id", "o1", "--json", *URL)
    async with node():
        first = await leveret_beside(*hat)
        await leveret_beside("start", "Order", "--args", '{"item": "hat"}', "--id", "o1", "--wait", *URL)

        same = await leveret_beside("start", "Order", "--args", '{"item": "cap"}', "--id", "o1", "--wait", *URL)
        other = await leveret_beside(
            "start", "Order", "--args", '{"item": "cap"}', "--id", "o1", "--again", "--wait", *URL
        )

    assert first.code == 0
    assert "hat" in str(same.json)
    assert "cap" in str(other.json)


async def test_a_failure_is_one_line_and_exit_code_1() -> None:
    async with node():
        ran = await leveret_beside("start", "Order", "--args", '{"item": "nothing"}', "--wait", *URL)

    assert ran.code == 1
    assert ran.err.startswith("error: ")
    assert "Traceback" not in ran.err
    assert len(ran.err.strip().splitlines()) == 1


async def test_an_instance_is_signalled_by_tag_and_looked_at() -> None:
    async with node():
        started = await leveret_beside(
            "start", "Order", "--method", "pay", "--args", '{"item": "hat"}', "--id", "o1", "--tag", "t:1", *URL
        )
        waiting = await leveret_beside("describe", "Order", "o1", "--json", *URL)
        table = await leveret_beside("describe", "Order", "o1", *URL)
        sent = await leveret_beside("signal", "Order", "paid", "5", "--tag", "t:1", *URL)
        result = await leveret_beside("start", "Order", "--method", "pay", "--id", "o1", "--wait", *URL)
        journal = await leveret_beside("history", "Order", "o1", *URL)
        listed = await leveret_beside("list", "Order", "--status", "completed", "--json", *URL)

    assert (started.code, started.out.split()) == (0, ["Order", "o1"])
    assert (waiting.json["status"], waiting.json["tags"]) == ("running", ["t:1"])
    assert "receive paid" in table.out
    assert result.json == "5 for hat"
    assert "paid sent to all Order with tag 't:1'" in sent.out
    assert "signal accepted channel=paid" in journal.out
    assert [row["id"] for row in listed.json["instances"]] == ["o1"]


async def test_instances_are_listed_by_tag() -> None:
    async with node():
        for instance, tag in (("o1", "a"), ("o2", "a"), ("o3", "b")):
            order = ("--method", "pay", "--args", '{"item": "hat"}', "--id", instance, "--tag", tag)
            await leveret_beside("start", "Order", *order, *URL)
            await leveret_beside("describe", "Order", instance, *URL)
        listed = await leveret_beside("list", "Order", "--tag", "a", "--limit", "1", "--json", *URL)
        table = await leveret_beside("list", "Order", "--tag", "a", *URL)
        failed = await leveret_beside("list", "Order", "--tag", "a", "--status", "failed", *URL)

    assert [(row["id"], row["status"]) for row in listed.json["instances"]] == [("o1", "running")]
    assert (listed.json["more"], listed.json["carried_by"], listed.json["under_way"]) == (True, 2, [])
    assert "o2" in table.out
    assert "carried by 2" in table.out
    assert "no instances" in failed.out


async def test_a_cancelled_instance_is_listed_as_cancelled() -> None:
    async with node():
        await leveret_beside("start", "Order", "--method", "pay", "--args", '{"item": "hat"}', "--id", "o1", *URL)
        await leveret_beside("cancel", "Order", "--id", "o1", "--reason", "test", *URL)
        ran = await leveret_beside("start", "Order", "--method", "pay", "--id", "o1", "--wait", *URL)
        listed = await leveret_beside("list", "Order", "--json", *URL)

    assert ran.code == 1
    assert "cancelled" in ran.err
    assert [row["status"] for row in listed.json["instances"]] == ["cancelled"]


async def test_W08_a_taken_unique_tag_names_the_instance_that_has_it() -> None:
    arguments = (
        "start",
        "Order",
        "--method",
        "pay",
        "--args",
        '{"item": "hat"}',
        "--unique-tag",
        "u:1",
        "--json",
        *URL,
    )
    async with node():
        first = await leveret_beside(*arguments)
        second = await leveret_beside(*arguments)
        third = await leveret_beside(*arguments, "--fail")

    assert first.json["id"] == second.json["id"]
    assert third.code == 1
    assert "already been started" in third.err


async def test_an_instance_that_does_not_exist_is_said_so() -> None:
    async with node():
        described = await leveret_beside("describe", "Order", "nobody", *URL)
        as_json = await leveret_beside("describe", "Order", "nobody", "--json", *URL)

    assert (described.code, as_json.code) == (1, 1)
    assert "there is no Order 'nobody'" in described.err
    assert as_json.json == {"found": False}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("start", "Order", "--args", "[1]"), "--args must be a JSON object"),
        (("start", "Order", "--args", "{"), "is not JSON"),
        (("signal", "Order", "paid", "1"), "--id for one, or --tag"),
        (("cancel", "Order", "--id", "a", "--tag", "b"), "--id for one, or --tag"),
        (("signal", "Order", "paid", "yes", "--id", "a"), "is not JSON"),
        (("list", "Order", "--status", "happy"), "one of running"),
        (("list",), "say which workflow"),
        (("list", "--tag", "t:1", *URL), "say which workflow"),
        (("start", "Order", "--url", "http://x"), "must begin with one of amqp"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_1(arguments: tuple[str, ...], said: str) -> None:
    ran = leveret(*arguments)

    assert ran.code == 1
    assert said in ran.err
    assert len(ran.err.strip().splitlines()) == 1


def test_listing_a_workflow_that_nobody_uses_makes_nothing() -> None:
    ran = leveret("list", "Nothing", *URL)

    assert (ran.code, ran.out.strip()) == (0, "no instances")
    assert "carried by 0" in leveret("list", "Nothing", "--tag", "t", *URL).out


def test_a_signal_may_come_from_a_file() -> None:
    Path("value.json").write_text("{")

    ran = leveret("signal", "Order", "paid", "@value.json", "--id", "a", *URL)

    assert "is not JSON" in ran.err
