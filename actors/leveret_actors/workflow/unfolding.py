"""From a folded record back to what its turns left."""

from __future__ import annotations

from typing import cast

from leveret_actors.workflow import attributes
from leveret_actors.workflow.instance import Instance, Stuck
from leveret_actors.workflow.journal import Folded
from leveret_broker.errors import DecodeError, PayloadLocked


def unfold(instance: Instance, number: int, at: float, folded: Folded) -> None:
    """Be as after the folded turns, the last of which was turn `number`, without repeating them; raises `Stuck`."""
    instance.tail.adopt(number, folded)
    try:
        leave(instance, folded)
    except Stuck as stuck:
        raise Stuck(f"replay of turns {number - folded.turns + 1} to {number}, which are folded: {stuck}") from stuck
    instance.loop.clock = max(at, instance.loop.clock)
    instance.loop.skip(folded.created)
    instance.operations.last = folded.last
    instance.tail.settle()


def leave(instance: Instance, folded: Folded) -> None:
    """Set the attributes as the folded methods left them; raises `Stuck` where the code cannot take them."""
    definition = instance.definition
    if instance.attributes() is None:
        raise Stuck(f"the object of {definition.name} keeps what it has elsewhere than in its attributes")
    try:
        found = attributes.read(definition.cls, folded.attributes, instance.codec)
    except (DecodeError, PayloadLocked) as error:
        raise Stuck(str(error)) from error
    there = cast("dict[str, object]", vars(instance.subject))
    for name in folded.removed:
        there.pop(name, None)
    there.update(found)
