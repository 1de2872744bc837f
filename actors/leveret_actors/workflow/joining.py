"""The joins of a new run and the leaves at its end."""

from __future__ import annotations

from collections.abc import Iterable

from leveret_actors.actor import ActorAddress, Post
from leveret_actors.workflow.journal import Begun
from leveret_actors.workflow.state import State
from leveret_broker.address import TAGS
from leveret_broker.envelope import Envelope, Start, TagJoin, TagLeave
from leveret_broker.ids import tag_key
from leveret_broker.messages.tag import FOR_GOOD


def tags_of(carrier: Begun | Start | State) -> tuple[str, ...]:
    """Return the tags, the unique one last, each once."""
    return tuple(dict.fromkeys((*carrier.tags, *filter(None, (carrier.unique_tag,)))))


def join_tags(kind: str, instance: str, begun: Begun, at: float) -> Iterable[Post]:
    """Yield the firm joins of a new run."""
    for index, tag in enumerate(tags_of(begun)):
        yield to_tag(kind, tag, f"{begun.run}.j{index}", TagJoin(instance, begun.run, firm=True), at)


def leave_tags(
    kind: str, instance: str, run: str, carrier: Start | State, at: float, number: int = FOR_GOOD
) -> Iterable[Post]:
    """Yield the leaves of a run that has ended, or never began though its start had joined."""
    for index, tag in enumerate(tags_of(carrier)):
        yield to_tag(kind, tag, f"{run}.l{index}", TagLeave(instance, run, number), at)


def to_tag(kind: str, tag: str, message_id: str, message: TagJoin | TagLeave, at: float) -> Post:
    """Return a message to a tag of a workflow."""
    key = tag_key(kind, tag)
    return Post(ActorAddress(TAGS, key), Envelope(message_id, key, message, sent=at))
