"""Ids: what they are made of, and which of them are derived so that a repetition makes the same one again."""

from __future__ import annotations

import hashlib
import re
import uuid
import zlib
from typing import NewType

from leveret_broker.errors import ConfigurationError

InstanceId = NewType("InstanceId", str)
"""The id of a workflow instance, chosen by the caller or made by `new_id`; unique per workflow type."""

RunId = NewType("RunId", str)
"""One life of an instance; 32 hex digits, derived by `run_of` from the start message."""

TaskId = NewType("TaskId", str)
"""`<run>.<command number>`: the same over retries and redeliveries, so services use it as idempotency key."""

MessageId = NewType("MessageId", str)
"""The id by which receivers drop duplicates; derived for what a turn sends, chosen or random for a client's."""

NodeId = NewType("NodeId", str)
"""One life of a node process: `<name>-<8 hex digits>`."""

ActorKey = NewType("ActorKey", str)
"""What is hashed to a mailbox queue: the instance id, or `<workflow>/<tag>` for a tag."""

ID_LIMIT = 200
"""Most characters of an instance id or a tag: they become parts of keys and log lines."""

_OURS = frozenset({"mailbox", "service", "delay", "bridge"})
"""Words after which the names of workflows, services, rungs and bridges follow in the names of queues."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,99}")


def new_id() -> str:
    """Return a random id of 32 hex digits."""
    return uuid.uuid4().hex


def run_of(workflow: str, instance: str, message_id: str) -> RunId:
    """Return the run that the start message `message_id` gives to an instance; the same message gives the same run."""
    text = f"{workflow}\0{instance}\0{message_id}"
    return RunId(hashlib.blake2b(text.encode(), digest_size=16).hexdigest())


def task_id(run: str, number: int) -> TaskId:
    """Return the id of the task that command `number` of `run` asks for."""
    return TaskId(f"{run}.{number}")


def child_id(run: str, number: int) -> InstanceId:
    """Return the id of the child that command `number` of `run` starts without naming it."""
    return InstanceId(f"{run}.{number}")


def sequence_key(identity: str, sequence: int) -> str:
    """Return what names one of a task's lives: an operator's retry has the same task id and the next sequence."""
    return f"{identity}+{sequence}" if sequence else identity


def lives_of(key: str) -> list[tuple[str, int]]:
    """Return what a `sequence_key` may name: (task id, sequence), the text as a whole first."""
    identity, plus, number = key.rpartition("+")
    further = [(identity, int(number))] if plus and number.isdecimal() and number.isascii() else []
    return [(key, 0), *further]


def letter_id(what: bytes, reason: str) -> str:
    """Return the id of a dead letter: the same for the same envelope (its id, or its body) and reason."""
    return hashlib.blake2b(what + b"\0" + reason.encode(), digest_size=16).hexdigest()


def message_digest(message_id: str) -> bytes:
    """Return the 8 bytes under which a journal remembers a message id."""
    return hashlib.blake2b(message_id.encode(), digest_size=8).digest()


def method_id(message_id: str) -> str:
    """Return the id of the method that the message `message_id` calls on an instance: 16 hex digits."""
    return message_digest(message_id).hex()


def queue_index(key: str, count: int) -> int:
    """Return which of `count` mailbox queues carries the actor `key`; every sender must agree on it."""
    return zlib.crc32(key.encode()) % count


def tag_key(workflow: str, tag: str) -> ActorKey:
    """Return the actor key of a tag."""
    return ActorKey(f"{workflow}/{tag}")


def _is_text(value: object) -> bool:
    """Tell a text that is not empty from what callers without types may pass."""
    return isinstance(value, str) and value != ""


def task_tag_key(service: str, tag: str) -> ActorKey:
    """Return the actor key of a tag on tasks of a service; no workflow can have this name."""
    return ActorKey(f"@{service}/{tag}")


def hold_key(kind: str, key: str) -> ActorKey:
    """Return the key of the actor that holds signals for another one, in the tags' mailboxes.

    Neither a workflow nor a service can have this name.
    """
    return ActorKey(f"!{kind}/{key}")


def is_hold_key(key: str) -> bool:
    """Tell whether an actor in the tags' mailboxes is one that holds signals."""
    return key.startswith("!")


def owner_of_task(workflow: str, instance: str) -> str:
    """Return whose task it is, as a tag keeps it."""
    return f"{workflow}/{instance}"


def check_name(what: str, name: str) -> str:
    """Return `name`, or raise ConfigurationError when it cannot be part of an exchange, queue or key."""
    if not _is_text(name) or not _NAME.fullmatch(name):
        text = f"{what} {name!r} is not usable as a name: use letters, digits, '_', '.', '-', at most 100 characters"
        raise ConfigurationError(text)
    return name


def check_namespace(name: str) -> str:
    """Return `name`, or raise ConfigurationError when it cannot be a namespace.

    The queues of `orders.service` would be among those of the services of `orders`.
    """
    check_name("the namespace", name)
    taken = _OURS.intersection(name.split(".")[1:])
    if taken:
        text = f"the namespace {name!r} may clash with another one: {min(taken)!r} may only be its first word"
        raise ConfigurationError(text)
    return name


def check_id(what: str, value: str) -> str:
    """Return `value`, or raise ConfigurationError when it is empty, too long or holds control characters."""
    if not _is_text(value) or len(value) > ID_LIMIT or not value.isprintable():
        text = f"{what} {value!r} is not usable: 1 to {ID_LIMIT} printable characters"
        raise ConfigurationError(text)
    return value
