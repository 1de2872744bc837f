"""The command line reads what it has the payload codec for, and says so of all else."""

from __future__ import annotations

from pathlib import Path

import pytest

from examples.codecs.keys import VARIABLE, payload_codecs
from leveret import Client, TaskFailed
from leveret_actors import Node
from tests.cli.conftest import leveret, leveret_beside
from tests.cli.test_dead_letters import letters
from tests.codecs.secretive import Collected, Vault

URL = ("--url", "sqlite:///shop.db")
KEY = f"7:{'ab' * 32}"
NAMED = 'payload_codec = "examples.codecs.keys:payload_codecs"\n'


@pytest.fixture
def named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A file of configuration that names the codec."""
    monkeypatch.setenv(VARIABLE, KEY)
    (folder / "keys.toml").write_text(NAMED)
    return "keys.toml"


async def test_describe_and_history_read_with_the_codec_and_else_say_that_it_is_encoded(
    folder: Path, named: str
) -> None:
    codec = payload_codecs()
    async with Node(URL[1], workflows=[Collected], payload_codec=codec):
        async with Client(URL[1], payload_codec=codec) as client:
            await client.dispatch(client.new(Collected, id="i").run, "open sesame")
        await leveret_beside("signal", "Collected", "words", '"plain"', "--id", "i", *URL, "-c", named)
        reads = await leveret_beside("describe", "Collected", "i", *URL, "-c", named)
        blind = await leveret_beside("describe", "Collected", "i", *URL)
        for name, option in (("reads", ["-c", named]), ("blind", [])):
            await leveret_beside("history", "Collected", "i", "--export", name, *URL, *option)

    assert "word of the day" in reads.out
    assert "word of the day" not in blind.out
    assert "encoded by payload codec 7" in blind.out
    assert "open sesame" in (folder / "reads").read_text()
    assert "open sesame" not in (folder / "blind").read_text()
    assert leveret("replay", "tests.codecs.secretive:Collected", "blind", "-c", named).code == 0
    assert leveret("replay", "tests.codecs.secretive:Collected", "blind").code == 1


async def test_a_dead_letter_is_read_with_the_codec_and_else_is_encoded(folder: Path, named: str) -> None:
    codec = payload_codecs()
    async with Node(URL[1], services=[Vault()], payload_codec=codec), Client(URL[1], payload_codec=codec) as client:
        with pytest.raises(TaskFailed, match="there is no task"):
            await client.task("Vault.nothing", {"word": "open sesame"})
        (letter,) = (await letters(1)).json

    reads = await leveret_beside("dead-letters", "show", letter["id"], *URL, "-c", named)
    blind = await leveret_beside("dead-letters", "show", letter["id"], *URL)

    assert "open sesame" in reads.out
    assert "encoded by payload codec 7" in blind.out


def test_the_environment_names_the_codec_too(named: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEVERET_PAYLOAD_CODEC", "tests.cli.shop:Order")

    checked = leveret("config", "check", "-c", named)

    assert checked.code == 1
    assert "tests.cli.shop:Order" in checked.err
