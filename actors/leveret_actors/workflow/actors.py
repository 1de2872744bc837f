"""A workflow type as a kind of actors: what the mailbox loop drives."""

from __future__ import annotations

from collections.abc import Mapping

from leveret.definition import WorkflowDefinition
from leveret.interceptors import WorkflowInterceptor
from leveret_actors.actor import Actors, Inbox, Turn
from leveret_actors.voice import Voice
from leveret_actors.workflow.decide import decide
from leveret_actors.workflow.handlers.read_history import page_size
from leveret_actors.workflow.house import EngineSettings, House
from leveret_actors.workflow.live import Live
from leveret_actors.workflow.past import ReadJournal, needs_journal, whole_journal
from leveret_broker.address import MailboxQueue
from leveret_broker.codec import Codec
from leveret_broker.envelope import ReadHistory


class WorkflowActors(Actors):
    """The instances of one workflow type."""

    def __init__(
        self,
        kind: str,
        definitions: Mapping[int, WorkflowDefinition],
        codec: Codec,
        *,
        settings: EngineSettings | None = None,
        read_journal: ReadJournal | None = None,
        voice: Voice | None = None,
        interceptors: tuple[WorkflowInterceptor, ...] = (),
    ) -> None:
        """Run instances of `kind` by the code in `definitions`, keyed by version.

        `read_journal` serves history of instances whose journal is not at hand; `voice` publishes what happens.
        """
        self.kind = kind
        self._house = House(kind, definitions, codec, settings or EngineSettings(), voice, interceptors)
        self._read_journal = read_journal

    async def prepare(self, queue: MailboxQueue, inboxes: list[Inbox]) -> None:
        """Read what of the journals is asked for."""
        if self._read_journal is None:
            return
        for inbox in inboxes:
            for envelope in inbox.envelopes:
                message = envelope.message
                if isinstance(message, ReadHistory):
                    inbox.prepared = inbox.prepared or {}
                    inbox.prepared[envelope.id] = await self._read_journal(
                        queue, inbox.actor, message.after, page_size(message) + 1
                    )
                elif needs_journal(inbox, envelope):
                    inbox.prepared = inbox.prepared or {}
                    inbox.prepared[envelope.id] = await whole_journal(self._read_journal, queue, inbox.actor)

    def decide(self, queue: MailboxQueue, inbox: Inbox, clock: float) -> Turn:
        """Take a turn."""
        return decide(self._house, queue, inbox, clock)

    def drop(self, live: Live) -> None:
        """Forget a cached instance: its code is torn down, nothing is sent."""
        if live.instance is not None:
            live.instance.close()
            live.instance = None
