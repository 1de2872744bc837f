"""`bridge remove`."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import leveret

URL = ("--url", "sqlite:///shop.db")
RULE = """[[bridge]]
name = "paid"
exchange = "shop.events"
signal = "Order.paid"
tag = "{$.order}"
"""


def test_a_bridge_is_removed_only_once_it_is_out_of_the_file(folder: Path) -> None:
    (folder / "leveret.toml").write_text(RULE)
    refused = leveret("bridge", "remove", "paid", *URL)
    (folder / "leveret.toml").write_text("")
    nothing = leveret("bridge", "remove", "paid", *URL)

    assert (refused.code, "still in leveret.toml: take it out first" in refused.err) == (1, True)
    assert (nothing.code, "there is no queue of a bridge 'paid'" in nothing.err) == (1, True)
