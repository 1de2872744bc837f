"""Is the broker there, new enough, and does it let us do what we must?"""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import aiormq
from aiormq.abc import AbstractChannel, AbstractConnection

from leveret.url import Url
from leveret_actors.cli.doctor.verdict import Verdict, judged
from leveret_broker.errors import BrokerRefused
from leveret_broker.ids import new_id

CHECK: Final = "broker"
PATIENCE: Final = 4.0
OLDEST: Final = (3, 10)


async def examine_broker(url: Url) -> Verdict:
    """Return whether the broker of this URL can be used."""
    if url.scheme == "memory":
        return Verdict(CHECK, "warning", "memory://: everything is gone when the process ends", "use it for tests only")
    if url.scheme == "sqlite":
        return _examine_file(Path(url.path))
    advice = f"is RabbitMQ up, and are host, port, vhost, user and password of {url} right?"
    return await judged(CHECK, PATIENCE, lambda: _examine_rabbit(url), advice)


def _examine_file(file: Path) -> Verdict:
    if file.exists():
        return Verdict(CHECK, "ok", f"SQLite {sqlite3.sqlite_version}, {file}")
    if not file.absolute().parent.is_dir():
        text = f"there is no folder {file.absolute().parent}"
        return Verdict(CHECK, "failed", text, "make it, or name another file in the URL")
    return Verdict(CHECK, "warning", f"{file} does not exist yet", "the first client or node makes it")


async def _examine_rabbit(url: Url) -> Verdict:
    try:
        connection = await aiormq.connect(url.broker)
    except aiormq.exceptions.AMQPConnectionError as error:
        raise BrokerRefused(f"no connection to {url}: {str(error) or type(error).__name__}") from error
    try:
        version = _version(connection)
        if _numbers(version) < OLDEST:
            return Verdict(CHECK, "failed", f"RabbitMQ {version} is too old", "leveret needs 3.10 or later")
        return await _try_rights(connection, url, version)
    finally:
        await connection.close()


async def _try_rights(connection: AbstractConnection, url: Url, version: str) -> Verdict:
    """Declare, publish and read under the namespace, and leave nothing behind."""
    name = f"{url.namespace}.doctor.{new_id()[:8]}"
    channel = await connection.channel()
    try:
        await _use(channel, name)
    except aiormq.exceptions.ChannelAccessRefused as error:
        parts = urlsplit(url.broker)
        user, vhost = parts.username or "guest", unquote(parts.path[1:]) or "/"
        rights = f"'^{re.escape(url.namespace)}\\..*'"
        command = f"rabbitmqctl set_permissions -p {vhost} {user} {rights} {rights} {rights}"
        return Verdict(CHECK, "failed", f"user {user!r} lacks rights on {url.namespace}.*: {error}", command)
    return Verdict(CHECK, "ok", f"RabbitMQ {version}, {url}: may declare, write and read {url.namespace}.*")


async def _use(channel: AbstractChannel, name: str) -> None:
    await channel.exchange_declare(name, exchange_type="fanout", auto_delete=True)
    await channel.queue_declare(name, exclusive=True)
    await channel.queue_bind(name, name)
    await channel.basic_publish(b"", exchange=name)
    await channel.basic_get(name, no_ack=True)
    await channel.queue_delete(name)


def _version(connection: AbstractConnection) -> str:
    properties: Any = getattr(connection, "server_properties", None) or {}
    version = properties.get("version", "0")
    return version.decode() if isinstance(version, bytes) else str(version)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:2])
