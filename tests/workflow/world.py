"""Several instances by hand: what one sends the others get; each turn is taken live and from a cold start."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable
from typing import Any

from leveret import workflow
from leveret_actors.actor import ActorAddress, Post
from leveret_broker.address import TAGS, MailboxQueue, ReplyQueue, ServiceQueue
from leveret_broker.envelope import (
    Answer,
    Cancel,
    ClientCaller,
    Ended,
    Envelope,
    Message,
    Signal,
    Start,
    Task,
    WorkflowCaller,
)
from leveret_broker.outcome import Completed, Failed, Failure, Outcome
from tests.workflow.harness import CODEC, Driver

Tasks = Callable[[Task], Any]


class World:
    """Instances that are made as they are addressed; `tasks` answers tasks, None keeps them waiting.

    With `twice` everything is delivered again at once.
    """

    def __init__(
        self, *classes: type[Any], tasks: Tasks | None = None, evict: bool = False, twice: bool = False
    ) -> None:
        self._classes = {workflow.definition_of(cls).name: cls for cls in classes}
        self._tasks = tasks
        self._evict = evict
        self._ids = itertools.count(1)
        self._copies = 2 if twice else 1
        self._posts: deque[Post] = deque()
        self.instances: dict[tuple[str, str], Driver] = {}
        self.waiting: list[tuple[str, Envelope]] = []
        """What went to types that have no code here."""
        self.to_tags: list[Envelope] = []
        self.answers: list[Outcome] = []

    def __getitem__(self, who: tuple[str, str]) -> Driver:
        return self.instances[who]

    def of(self, kind: str) -> list[Driver]:
        return [driver for (name, _), driver in self.instances.items() if name == kind]

    # -- from outside -----------------------------------------------------------------------------------------------

    def start(self, kind: str, key: str = "p", *, method: str = "run", **arguments: Any) -> Driver:
        options = {name: arguments.pop(name) for name in list(arguments) if name in Start.__struct_fields__}
        start = Start(method, CODEC.dump(arguments), ClientCaller("client", key), **options)
        return self.send(kind, key, start, message_id=f"start {key}")

    def signal(self, kind: str, key: str, channel: str, value: Any) -> Driver:
        return self.send(kind, key, Signal(channel, CODEC.dump(value)))

    def cancel(self, kind: str, key: str = "p") -> Driver:
        return self.send(kind, key, Cancel())

    def send(self, kind: str, key: str, message: Message, *, message_id: str | None = None) -> Driver:
        self._posts.append(Post(ActorAddress(kind, key), Envelope(message_id or f"m{next(self._ids)}", key, message)))
        self.settle()
        return self[kind, key]

    def advance(self, who: Driver, seconds: float) -> None:
        for turn in who.advance(seconds):
            self._posts.extend(turn.posts)
        self.settle()

    # -- between them -----------------------------------------------------------------------------------------------

    def settle(self) -> None:
        """Deliver until nothing is on its way."""
        while self._posts:
            post = self._posts.popleft()
            for _ in range(self._copies):
                self._deliver(post)

    def _deliver(self, post: Post) -> None:
        envelope, to = post.envelope, post.to
        assert isinstance(envelope, Envelope)
        message = envelope.message
        if isinstance(to, ServiceQueue) and isinstance(message, Task):
            self._work(message)
        elif isinstance(to, ReplyQueue) and isinstance(message, Answer):
            self.answers.append(message.outcome)
        elif isinstance(to, ActorAddress | MailboxQueue) and to.kind == TAGS:
            self.to_tags.append(envelope)
        elif isinstance(to, ActorAddress | MailboxQueue):
            self._tell(to.kind, envelope)

    def _tell(self, kind: str, envelope: Envelope) -> None:
        who = kind, envelope.actor
        if kind not in self._classes:
            self.waiting.append((kind, envelope))
            return
        if who not in self.instances:
            self.instances[who] = Driver(self._classes[kind], actor=envelope.actor, evict=self._evict)
        self._posts.extend(self[who].turn(envelope).posts)

    def _work(self, task: Task) -> None:
        result = None if self._tasks is None else self._tasks(task)
        if result is None or not isinstance(task.caller, WorkflowCaller):
            return
        outcome: Outcome
        if isinstance(result, Exception):
            attributes = CODEC.dump({"code": 7})
            where = {"service": task.service, "task": task.name, "task_id": task.task_id}
            outcome = Failed(Failure(type(result).__name__, str(result), "the traceback", attributes, where=where))
        else:
            outcome = Completed(CODEC.dump(result))
        message = Ended(task.caller.number, outcome, sequence=task.sequence)
        ended = Envelope(f"{task.task_id}.e{task.sequence}", task.caller.instance, message, task.run)
        self._tell(task.caller.queue.kind, ended)
