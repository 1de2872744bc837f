"""`leveret permissions`: what it prints for each role, from options and from `leveret.toml`."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from leveret_actors.permissions import ROLES
from tests.cli.conftest import Ran, leveret

URL = ("--url", "amqp://admin:secret@rabbit?ns=shop&store=redis://redis")
TOML = """
url = "amqp://admin:secret@rabbit?ns=file&store=redis://redis"
[node]
workflows = ["not.there:Flow"]
[[bridge]]
name = "paid"
exchange = "till.events"
signal = "Order.paid"
id = "$.id"
"""
BASE = "mailbox|service|reply|control|events|commands|ingress|dead"
HOTEL = r"service\.(Hotel|a\.Car)(@(high|low))?$|mailbox\.@tag\.[0-9]+$|delay\.[0-9]+ms$|control\.|reply\."
REDIS = "resetkeys resetchannels ~{shop:* nocommands +@read +@write +@scripting +@connection +@transaction +time +wait \
+info +config|get +cluster|slots"
OPTIONS: dict[str, tuple[str, ...]] = {
    "service": ("--service", "Hotel", "--service", "a.Car"),
    "events": ("--group", "audit"),
}
PATTERNS: dict[str, tuple[str, str, str]] = {
    "node": (r"^shop\.", r"^shop\.|^amq\.default$", r"^shop\."),
    "service": (
        rf"^shop\.(({BASE})$|meta$|{HOTEL})",
        rf"^shop\.(({BASE})$|{HOTEL})|^amq\.default$",
        rf"^shop\.((mailbox|service|reply|control|commands|dead|meta)$|{HOTEL})",
    ),
    "client": (
        rf"^shop\.(({BASE})$|meta$|reply\.)",
        r"^shop\.((mailbox|service|control|commands|ingress|dead)$|reply\.)",
        r"^shop\.((reply|commands|dead|meta)$|reply\.)",
    ),
    "commands": ("^$", r"^shop\.(commands$)", "^$"),
    "events": (
        r"^shop\.(events\.audit(\..*)?$)",
        r"^shop\.(events\.audit(\..*)?$)",
        r"^shop\.(events$|events\.audit(\..*)?$)",
    ),
}


def permissions(role: str, *options: str) -> Ran:
    return leveret("permissions", "--role", role, "--user", "u", *OPTIONS.get(role, ()), *options)


def words(ran: Ran) -> list[list[str]]:
    """Return the printed commands as a shell reads them."""
    assert (ran.code, ran.err) == (0, "")
    return [shlex.split(line) for line in ran.out.splitlines()]


@pytest.mark.parametrize("role", ROLES)
def test_each_role_gets_its_patterns_and_nobody_a_password(role: str) -> None:
    ran = permissions(role, *URL)

    rabbit, *redis = words(ran)
    assert rabbit == ["rabbitmqctl", "set_permissions", "-p", "/", "u", *PATTERNS[role]]
    assert redis == ([["redis-cli", "ACL", "SETUSER", "u", *REDIS.split()]] if role in {"node", "service"} else [])
    assert "secret" not in ran.out


@pytest.mark.parametrize("role", ROLES)
def test_the_namespace_is_the_files_unless_an_option_says_otherwise(role: str) -> None:
    Path("leveret.toml").write_text(TOML)

    of_file, of_option = words(permissions(role)), words(permissions(role, *URL))

    bridged = "|^(till\\.events)$" if role == "node" else ""  # a node reads what its bridges name
    assert [one.replace(r"^shop\.", r"^file\.") for one in PATTERNS[role]] == [
        *of_file[0][5:7],
        of_file[0][7].removesuffix(bridged),
    ]
    assert of_file[0][7].endswith(bridged)
    assert of_option[0][5:] == [*PATTERNS[role][:2], PATTERNS[role][2] + bridged]


def test_without_file_and_url_it_is_the_default_namespace() -> None:
    assert words(permissions("commands"))[0][-3:] == ["^$", r"^leveret\.(commands$)", "^$"]


def test_a_virtual_host_can_be_named() -> None:
    assert words(permissions("commands", "--vhost", "tenant a", *URL))[0][2:4] == ["-p", "tenant a"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--role", "king"], "role 'king' is not one of node, service, client, commands, events"),
        (["--role", "service"], "name the services that the worker runs: --service Hotel"),
        (["--role", "service", "--service", "a b"], "service 'a b' is not usable as a name"),
        (["--role", "events"], "name the consumer of events, as its queues begin with it: --group audit"),
        (["--role", "events", "--group", "a|b"], "group 'a|b' is not usable as a name"),
        (["--role", "node", "--url", "amqp://x?ns=a|b"], "the namespace 'a|b' is not usable as a name"),
        (["--role", "node", "-c", "none.toml"], "none.toml: there is no such file"),
    ],
    ids=str,
)
def test_what_cannot_be_granted_is_said_in_a_line(arguments: list[str], said: str) -> None:
    ran = leveret("permissions", "--user", "u", *arguments)

    assert (ran.code, ran.out) == (1, "")
    assert said in ran.err
    assert len(ran.err.splitlines()) == 1
