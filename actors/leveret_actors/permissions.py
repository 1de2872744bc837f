"""What each role needs on the servers, as the commands that grant it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, get_args

from leveret_broker.errors import ConfigurationError
from leveret_broker.ids import check_name, check_namespace

Role: TypeAlias = Literal["node", "service", "client", "commands", "events"]
ROLES: Final[tuple[Role, ...]] = get_args(Role)

NOTHING: Final = "^$"
_BASE: Final = "(mailbox|service|reply|control|events|commands|ingress|dead)$"
"""What every process of ours declares before anything else."""
_SCRIPTS: Final = "+@read +@write +@scripting +@connection +@transaction +time +wait +info +config|get +cluster|slots"


@dataclass(frozen=True, slots=True)
class Grants:
    """Patterns for RabbitMQ, of what a user may declare and delete, publish to and bind, and consume."""

    configure: str
    write: str
    read: str


def grants(
    role: Role, namespace: str, services: Sequence[str] = (), group: str = "", foreign: Sequence[str] = ()
) -> Grants:
    """Return what a role needs.

    `services` are those that a worker runs, `group` is that of a consumer of events, `foreign` are the exchanges and
    queues that a node's bridges read.
    """
    check_namespace(namespace)
    match role:
        case "node":
            # The namespace record is appended by way of the default exchange.
            own = _any(namespace, "")
            others = f"|^({'|'.join(map(re.escape, foreign))})$" if foreign else ""
            return Grants(own, f"{own}|^amq\\.default$", own + others)
        case "service":
            return _of_service(namespace, services)
        case "client":
            return Grants(
                _any(namespace, _BASE, "meta$", "reply\\."),
                _any(namespace, "(mailbox|service|control|commands|ingress|dead)$", "reply\\."),
                _any(namespace, "(reply|commands|dead|meta)$", "reply\\."),
            )
        case "commands":
            return Grants(NOTHING, _any(namespace, "commands$"), NOTHING)
        case "events":
            if not group:
                raise ConfigurationError("name the consumer of events, as its queues begin with it: --group audit")
            own = f"events\\.{re.escape(check_name('group', group))}(\\..*)?$"
            return Grants(_any(namespace, own), _any(namespace, own), _any(namespace, "events$", own))


def _of_service(namespace: str, services: Sequence[str]) -> Grants:
    if not services:
        raise ConfigurationError("name the services that the worker runs: --service Hotel")
    names = "|".join(re.escape(check_name("service", name)) for name in services)
    own = (
        f"service\\.({names})(@(high|low))?$",
        "mailbox\\.@tag\\.[0-9]+$",
        "delay\\.[0-9]+ms$",
        "control\\.",
        "reply\\.",
    )
    return Grants(
        _any(namespace, _BASE, "meta$", *own),
        f"{_any(namespace, _BASE, *own)}|^amq\\.default$",
        _any(namespace, "(mailbox|service|reply|control|commands|dead|meta)$", *own),
    )


def _any(namespace: str, *parts: str) -> str:
    head = f"^{re.escape(namespace)}\\."
    return f"{head}({'|'.join(parts)})" if any(parts) else head


def commands(
    role: Role,
    namespace: str,
    user: str,
    vhost: str = "/",
    services: Sequence[str] = (),
    group: str = "",
    foreign: Sequence[str] = (),
) -> list[str]:
    """Return the lines for a shell that give a user what a role needs, and nothing else."""
    found = grants(role, namespace, services, group, foreign)
    lines = [f"rabbitmqctl set_permissions -p '{vhost}' '{user}' '{found.configure}' '{found.write}' '{found.read}'"]
    if role in {"node", "service"}:
        lines.append(f"redis-cli ACL SETUSER '{user}' {' '.join(map(_quoted, acl(namespace)))}")
    return lines


def acl(namespace: str) -> list[str]:
    """Return the rules of a user of Redis who reaches the keys of one namespace."""
    return ["resetkeys", "resetchannels", f"~{{{check_namespace(namespace)}:*", "nocommands", *_SCRIPTS.split()]


def _quoted(rule: str) -> str:
    return f"'{rule}'" if set(rule) & set("~*{|&>") else rule
