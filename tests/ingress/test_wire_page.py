"""The examples of the page on commands are commands, and its replies are replies."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from leveret import workflow
from leveret_actors.ingress import Contracts, parse
from leveret_actors.ingress.bodies import (
    CallBody,
    CancelBody,
    CompleteBody,
    FailBody,
    SignalBody,
    StartBody,
)
from leveret_actors.ingress.letters import letters_for
from leveret_actors.ingress.replies import ReplyBody
from leveret_broker.codec import Codec
from leveret_broker.command import RawCommand

PAGE = (Path(__file__).parents[2] / "docs/wire.md").read_text()
COMMANDS = re.findall(r"^`([a-z]+\.[\w.]+)`:\n\n```json\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
REPLIES = re.findall(r"^```json\n(\{\"status\".*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def contracts() -> Contracts:
    """Return the contracts of a node that has the page's workflow."""
    (code,) = re.findall(r"^```python\n# orders.py\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    namespace: dict[str, Any] = {"__name__": "orders"}
    exec(code, namespace)
    return Contracts({"Order": {1: workflow.definition_of(namespace["Order"])}}, Codec())


@pytest.mark.parametrize(("routing_key", "body"), COMMANDS, ids=[f"{key}-{at}" for at, (key, _) in enumerate(COMMANDS)])
def test_each_example_is_a_command(routing_key: str, body: str) -> None:
    command = parse(RawCommand(routing_key, body.encode()), "m1")

    assert letters_for(command, contracts(), 0.0).posts


@pytest.mark.parametrize("reply", REPLIES, ids=[str(at) for at in range(len(REPLIES))])
def test_each_reply_is_one(reply: str) -> None:
    body = msgspec.json.decode(reply, type=ReplyBody)

    assert json.loads(msgspec.json.encode(body)) == json.loads(reply)


def test_the_page_shows_each_verb_and_each_status() -> None:
    assert {key.partition(".")[0] for key, _ in COMMANDS} == {"start", "signal", "call", "cancel", "complete", "fail"}
    assert len(REPLIES) >= 5
    for kind in (StartBody, SignalBody, CallBody, CancelBody, CompleteBody, FailBody):
        for field in msgspec.structs.fields(kind):
            assert f"`{field.encode_name}`" in PAGE or f'"{field.encode_name}"' in PAGE, (kind, field.name)
