"""`services list`, `pause` and `resume`."""

from __future__ import annotations

from tests.cli.conftest import leveret

URL = ("--url", "sqlite:///shop.db")


def test_services_are_paused_and_resumed_without_any_node() -> None:
    first = leveret("services", "pause", "Hotel", *URL)
    again = leveret("services", "pause", "Hotel", *URL)
    listed = leveret("services", "list", "--json", *URL)
    table = leveret("services", "list", *URL)
    doctor = leveret("doctor", "--json", *URL)
    back = leveret("services", "resume", "Hotel", "--json", *URL)
    none = leveret("services", "list", *URL)

    assert (first.code, again.code, back.code) == (0, 1, 0)
    assert "service Hotel is paused: its nodes obey within two seconds" in " ".join(first.out.split())
    assert "already" in again.out
    assert listed.json == [{"service": "Hotel", "paused": True, "waiting": 0, "priorities": {}, "nodes": []}]
    assert "paused" in table.out
    (verdict,) = [one for one in doctor.json if one["check"] == "services"]
    assert (verdict["state"], verdict["text"]) == ("warning", "paused: Hotel; their tasks wait")
    assert back.json == {"service": "Hotel", "paused": False, "changed": True}
    assert "no node runs a service, none is paused" in none.out
