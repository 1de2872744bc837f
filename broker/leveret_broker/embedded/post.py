"""The rows behind the embedded transport: queues, parcels, tasks, consumers, and mail for listeners.

Everything here runs inside a writer's transaction, so that the store can make it part of a commit. Numbers are given
under the write lock, so their order is the order of the commits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

from leveret_broker.address import (
    COMMAND_QUEUE,
    DEAD_LETTERS,
    LISTENER,
    NORMAL,
    Address,
    CommandExchange,
    DeadLetterQueue,
    EventTopic,
    ListenerQueue,
    MailboxQueue,
    ServiceQueue,
    service_of,
)
from leveret_broker.embedded.queue import OVERDELIVERED, QueueAddress, listener_of
from leveret_broker.embedded.worker import Transaction
from leveret_broker.parcel import fits, pack
from leveret_broker.priorities import Fallback
from leveret_broker.topics import matches
from leveret_broker.transport import DELIVERY_LIMIT

VERSION: Final = 1
SCHEMA: Final = """
CREATE TABLE queues (
    id INTEGER PRIMARY KEY, namespace TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL,
    last INTEGER NOT NULL DEFAULT 0, UNIQUE (namespace, kind, name));
CREATE TABLE counts (namespace TEXT, kind TEXT, count INTEGER NOT NULL, PRIMARY KEY (namespace, kind)) WITHOUT ROWID;
CREATE TABLE parcels (
    queue INTEGER, number INTEGER, bodies BLOB NOT NULL, PRIMARY KEY (queue, number)) WITHOUT ROWID;
CREATE TABLE tasks (
    queue INTEGER, number INTEGER, body BLOB NOT NULL, ready REAL NOT NULL, reason TEXT NOT NULL, source TEXT NOT NULL,
    claim INTEGER NOT NULL DEFAULT 0, deliveries INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (queue, number)) WITHOUT ROWID;
CREATE INDEX tasks_free ON tasks (queue, ready) WHERE claim = 0;
CREATE INDEX tasks_claimed ON tasks (claim) WHERE claim <> 0;
CREATE TABLE consumers (
    id INTEGER PRIMARY KEY AUTOINCREMENT, namespace TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL,
    process TEXT NOT NULL);
CREATE INDEX consumers_named ON consumers (namespace, kind, name);
CREATE TABLE mail (id INTEGER PRIMARY KEY AUTOINCREMENT, consumer INTEGER NOT NULL, body BLOB NOT NULL);
CREATE INDEX mail_of ON mail (consumer)
"""

EVENTS_VERSION: Final = 1
EVENTS_SCHEMA: Final = """
CREATE TABLE bindings (
    namespace TEXT, listeners TEXT, pattern TEXT, PRIMARY KEY (namespace, listeners, pattern)) WITHOUT ROWID
"""

REPLIES: Final = "r"
CONTROL_KIND: Final = "c"


Bindings: TypeAlias = dict[ListenerQueue, list[str]]


class Posted(NamedTuple):
    """One body on its way."""

    address: Address
    body: bytes
    delay: float = 0.0
    reason: str = ""
    source: str = ""


class Post:
    """What one process knows about the rows: ids of queues, and its own listeners."""

    def __init__(self) -> None:
        self.listeners: dict[int, Callable[[list[bytes]], None]] = {}
        """By consumer: called after the commit, instead of a way through the mail table."""
        self._ids: dict[tuple[str, QueueAddress], int] = {}
        self._fallback = Fallback()

    # -- queues -------------------------------------------------------------------------------------------------------

    def find(self, transaction: Transaction, namespace: str, address: QueueAddress) -> int | None:
        """Return a queue's id, None when nobody declared it."""
        found = self._ids.get((namespace, address))
        if found is not None:
            return found
        rows = transaction.rows(
            "SELECT id FROM queues WHERE namespace = ? AND kind = ? AND name = ?",
            (namespace, kind_of(address), str(address) if not isinstance(address, DeadLetterQueue) else ""),
        )
        if not rows:
            return None
        found = int(rows[0][0])
        transaction.after.append(lambda: self._ids.__setitem__((namespace, address), found))  # unless rolled back
        return found

    def declare(self, transaction: Transaction, namespace: str, address: QueueAddress) -> int:
        """Return a queue's id, declaring it if need be."""
        found = self.find(transaction, namespace, address)
        if found is None:
            name = "" if isinstance(address, DeadLetterQueue) else str(address)
            cursor = transaction.execute(
                "INSERT INTO queues (namespace, kind, name) VALUES (?, ?, ?)", (namespace, kind_of(address), name)
            )
            found = cursor.lastrowid
            assert found is not None
        return found

    # -- bodies -------------------------------------------------------------------------------------------------------

    def enqueue(self, transaction: Transaction, namespace: str, items: Iterable[Posted], clock: float) -> None:
        """Put bodies where they go; those for one mailbox stay in order. Receivers wake after the commit."""
        groups: dict[Address, list[Posted]] = {}
        bindings: Bindings | None = None
        for item in items:
            if isinstance(item.address, EventTopic):
                bindings = self.bindings(transaction, namespace) if bindings is None else bindings
                for queue in _bound(bindings, item.address.key):
                    groups.setdefault(queue, []).append(item)
            else:
                groups.setdefault(item.address, []).append(item)
        for address, group in groups.items():
            if isinstance(address, MailboxQueue):
                self._add_parcels(transaction, namespace, address, group)
            elif isinstance(address, ServiceQueue | DeadLetterQueue | ListenerQueue):
                self._add_tasks(transaction, namespace, address, group, clock)
            elif isinstance(address, CommandExchange):
                self._add_parcels(transaction, namespace, COMMAND_QUEUE, group)
            elif not isinstance(address, EventTopic):
                name = listener_of(address)
                self._add_mail(transaction, (namespace, REPLIES if name else CONTROL_KIND, name), group)

    def _add_parcels(
        self, transaction: Transaction, namespace: str, address: MailboxQueue, items: Sequence[Posted]
    ) -> None:
        parcels: list[list[bytes]] = []
        size = 0
        for item in items:
            if not parcels or not fits(len(parcels[-1]), size, item.body):
                parcels.append([])
                size = 0
            parcels[-1].append(item.body)
            size += len(item.body)
        queue = self.declare(transaction, namespace, address)
        first = _take_numbers(transaction, queue, len(parcels))
        rows = [(queue, first + offset, pack(bodies)) for offset, bodies in enumerate(parcels)]
        transaction.many("INSERT INTO parcels", rows)
        transaction.topics.append(topic_of(queue))

    def _add_tasks(
        self, transaction: Transaction, namespace: str, address: QueueAddress, items: Sequence[Posted], clock: float
    ) -> None:
        if isinstance(address, ServiceQueue) and address.priority != NORMAL:
            address = address if self.find(transaction, namespace, address) else self._fallback.of(address)
        queue = self.declare(transaction, namespace, address)
        first = _take_numbers(transaction, queue, len(items))
        ordered = isinstance(address, ListenerQueue)  # by number then, whatever the clock does
        rows = [
            (queue, first + offset, item.body, 0.0 if ordered else clock + item.delay, item.reason, item.source)
            for offset, item in enumerate(items)
        ]
        transaction.many("INSERT INTO tasks (queue, number, body, ready, reason, source)", rows)
        transaction.topics.append(topic_of(queue))

    def _add_mail(self, transaction: Transaction, consumer: tuple[str, str, str], items: Sequence[Posted]) -> None:
        rows = transaction.rows("SELECT id FROM consumers WHERE namespace = ? AND kind = ? AND name = ?", consumer)
        bodies = [item.body for item in items]
        for (identity,) in rows:
            hear = self.listeners.get(identity)
            if hear is not None:
                transaction.after.append(_calling(hear, bodies))
            else:
                transaction.many("INSERT INTO mail (consumer, body)", [(identity, body) for body in bodies])
                transaction.topics.append(mail_topic_of(identity))

    # -- events -------------------------------------------------------------------------------------------------------

    @staticmethod
    def bindings(transaction: Transaction, namespace: str) -> Bindings:
        """Return the patterns of each listener group."""
        found: Bindings = {}
        rows = transaction.rows("SELECT listeners, pattern FROM bindings WHERE namespace = ?", (namespace,))
        for group, pattern in rows:
            found.setdefault(ListenerQueue(group), []).append(pattern)
        return found

    @staticmethod
    def bind(
        transaction: Transaction,
        namespace: str,
        queue: ListenerQueue,
        patterns: Iterable[str],
        unbound: Iterable[str] = (),
    ) -> None:
        """Have events whose keys match go to a queue as well, and no more for those that are `unbound`."""
        rows = [(namespace, queue.group, pattern) for pattern in patterns]
        transaction.many("INSERT OR IGNORE INTO bindings (namespace, listeners, pattern)", rows)
        gone = "DELETE FROM bindings WHERE namespace = ? AND listeners = ? AND pattern = ?"
        for pattern in unbound:
            transaction.execute(gone, (namespace, queue.group, pattern))

    @staticmethod
    def is_bound(transaction: Transaction, queue: int) -> bool:
        """Tell whether a listener group has this queue: one that was forgotten has no bindings."""
        return bool(transaction.rows(_BOUND, (LISTENER, queue)))

    def forget(self, transaction: Transaction, namespace: str, queue: ListenerQueue) -> None:
        """Remove a queue of events, its bindings and what is in it."""
        transaction.execute("DELETE FROM bindings WHERE namespace = ? AND listeners = ?", (namespace, queue.group))
        number = self.find(transaction, namespace, queue)
        if number is not None:
            transaction.execute("DELETE FROM tasks WHERE queue = ?", (number,))
            transaction.topics.append(topic_of(number))

    # -- consumers ----------------------------------------------------------------------------------------------------

    @staticmethod
    def add_consumer(transaction: Transaction, namespace: str, kind: str, name: str, process: str) -> int:
        """Note that somebody listens or takes; returns its id."""
        cursor = transaction.execute(
            "INSERT INTO consumers (namespace, kind, name, process) VALUES (?, ?, ?, ?)",
            (namespace, kind, name, process),
        )
        assert cursor.lastrowid is not None
        return cursor.lastrowid

    def remove_consumer(self, transaction: Transaction, consumer: int) -> None:
        """Forget a consumer; what it had claimed and not acknowledged goes back, or to the dead letters."""
        for queue, number, body, deliveries, kind, namespace, name in transaction.rows(_CLAIMED, (consumer,)):
            transaction.topics.append(topic_of(queue))
            if kind in {"s", "l"} and deliveries > DELIVERY_LIMIT:
                transaction.execute("DELETE FROM tasks WHERE queue = ? AND number = ?", (queue, number))
                letter = Posted(DEAD_LETTERS, body, 0.0, OVERDELIVERED, service_of(name))
                self.enqueue(transaction, namespace, [letter], 0.0)
        transaction.execute("UPDATE tasks SET claim = 0 WHERE claim = ?", (consumer,))
        transaction.execute("DELETE FROM mail WHERE consumer = ?", (consumer,))
        transaction.execute("DELETE FROM consumers WHERE id = ?", (consumer,))

    def inherit(self, transaction: Transaction, queue: int) -> None:
        """Give back what dead consumers had claimed of a queue that has one consumer at a time."""
        rows = transaction.rows("SELECT DISTINCT claim FROM tasks WHERE queue = ? AND claim <> 0", (queue,))
        for (consumer,) in rows:
            self.remove_consumer(transaction, consumer)

    @staticmethod
    def processes(transaction: Transaction) -> list[str]:
        """Return the processes that have consumers."""
        return [name for (name,) in transaction.rows("SELECT DISTINCT process FROM consumers")]

    def remove_processes(self, transaction: Transaction, names: Sequence[str]) -> None:
        """Forget all consumers of processes that are gone."""
        for name in names:
            for (consumer,) in transaction.rows("SELECT id FROM consumers WHERE process = ?", (name,)):
                self.remove_consumer(transaction, consumer)


_BOUND: Final = """
SELECT 1 FROM queues q JOIN bindings b ON b.namespace = q.namespace AND ? || b.listeners = q.name WHERE q.id = ? LIMIT 1
"""
_CLAIMED: Final = """
SELECT t.queue, t.number, t.body, t.deliveries, q.kind, q.namespace, q.name
FROM tasks t JOIN queues q ON q.id = t.queue WHERE t.claim = ? AND t.claim <> 0
"""


def acknowledge_parcels(transaction: Transaction, queue: int, numbers: Sequence[int]) -> None:
    """Remove these parcels of a mailbox."""
    for start in range(0, len(numbers), 500):
        part = numbers[start : start + 500]
        marks = ", ".join("?" * len(part))
        transaction.execute(f"DELETE FROM parcels WHERE queue = ? AND number IN ({marks})", (queue, *part))  # noqa: S608


def kind_of(address: QueueAddress) -> str:
    """Return the letter under which a queue's kind is stored."""
    if isinstance(address, MailboxQueue):
        return "m"
    if isinstance(address, ListenerQueue):
        return "l"
    return "s" if isinstance(address, ServiceQueue) else "d"


def _bound(bindings: Bindings, key: str) -> list[ListenerQueue]:
    """Return the queues to which an event goes."""
    return [queue for queue, patterns in bindings.items() if any(matches(pattern, key) for pattern in patterns)]


def topic_of(queue: int) -> str:
    """Return what the waiters of a queue are woken by."""
    return f"q{queue}"


def mail_topic_of(consumer: int) -> str:
    """Return what a listener in another process is woken by."""
    return f"c{consumer}"


def _take_numbers(transaction: Transaction, queue: int, count: int) -> int:
    """Return the first of `count` numbers that nothing in this queue ever had."""
    rows: list[Any] = transaction.rows("UPDATE queues SET last = last + ? WHERE id = ? RETURNING last", (count, queue))
    return int(rows[0][0]) - count + 1


def _calling(hear: Callable[[list[bytes]], None], bodies: list[bytes]) -> Callable[[], None]:
    return lambda: hear(bodies)
