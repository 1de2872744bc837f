"""What all instances of one workflow type share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from leveret.definition import WorkflowDefinition
from leveret.interceptors import WorkflowInterceptor
from leveret_actors.voice import Voice
from leveret_actors.workflow.guards import guard
from leveret_actors.workflow.instance import Instance
from leveret_actors.workflow.live import Live, Seen
from leveret_actors.workflow.replay import definition_for
from leveret_broker.codec import Codec


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSettings:
    """Times are seconds."""

    retention: float = 86_400.0
    """How long a closed instance keeps result and journal."""
    failed_retention: float = 30 * 86_400.0
    """How long a failed instance waits for a retry."""
    patience: float = 60.0
    """How long a patient signal waits for an instance to be started."""
    parked: int = 1000
    """Most patient signals that wait for one instance."""
    revoke_for: float = 86_400.0
    """How long nodes remember a cancelled task that has not turned up."""
    remember: int = 10_000
    """Most message ids that an instance remembers, to drop second deliveries."""
    remember_for: float = 86_400.0
    """How long an instance remembers a message id."""
    long_entries: int = 10_000
    """Events and commands from which on a journal counts as long."""
    long_bytes: int = 10 * 1024 * 1024
    """Bytes from which on a journal counts as long."""
    fold_after: int = 500
    """Records of finished methods at a journal's end from which on one record takes their place; 0 is never."""
    steps: int = 100_000
    """Most callbacks that one turn may run before the code counts as stuck."""


@dataclass(frozen=True, slots=True)
class House:
    """One workflow type on one node."""

    kind: str
    definitions: Mapping[int, WorkflowDefinition]
    """By version."""
    codec: Codec
    settings: EngineSettings
    voice: Voice | None = None
    """Says what happens; None says nothing."""
    interceptors: tuple[WorkflowInterceptor, ...] = ()

    def __post_init__(self) -> None:
        """Guard the code against what a replay could not repeat."""
        for definition in self.definitions.values():
            guard(definition.cls)

    def seen(self) -> Seen:
        """Return an empty memory for message ids."""
        return Seen(self.settings.remember, self.settings.remember_for)

    def instance(self, key: str, live: Live) -> Instance:
        """Return an instance as it is before its first turn; raises `Stuck` when its code is not here."""
        assert live.begun is not None
        definition = definition_for(self.definitions, live.state.version or live.begun.version)
        return Instance(key, definition, live.begun, self.codec, self.settings.steps, self.interceptors)
