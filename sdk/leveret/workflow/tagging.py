"""Tags that the running workflow adds and removes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from leveret.calls import TagCall
from leveret.combination import AllRound, CombinedSource
from leveret.deferred import Deferred
from leveret.labels import checked_tag
from leveret.runtime import current
from leveret.source import OperationSource


def add_tags(*tags: str) -> Deferred[None]:
    """Have this instance carry these tags from now on: `await workflow.add_tags("vip", f"order:{number}")`.

    `workflow.info().tags` has them at once; when the deferred completes, so has everybody: whatever is sent by one of
    them from then on reaches this instance. They are asked for whether the deferred is awaited or not, and cancelling
    it takes nothing back. They stay until they are removed or the instance ends, over `continue_as_new` too. A tag that
    it carries already is no error. Raises `ArgumentMismatch` for what is no tag, and for more than 100 in all.
    """
    return _change(tags, remove=False)


def remove_tags(*tags: str) -> Deferred[None]:
    """Take tags off this instance, those of its start as well; one that it does not carry is no error.

    What was sent by one of them before it is off still comes. The unique tag stays until the instance ends:
    `ArgumentMismatch`.
    """
    return _change(tags, remove=True)


def _change(tags: Sequence[str], *, remove: bool) -> Deferred[None]:
    runtime = current()
    owner = "remove_tags()" if remove else "add_tags()"
    checked = dict.fromkeys(checked_tag(owner, tag) for tag in tags)
    operations = runtime.change_tags([TagCall(tag, remove) for tag in checked])
    parts: list[Deferred[None]] = [Deferred(OperationSource(operation)) for operation in operations]
    if len(parts) == 1:
        return parts[0]
    return Deferred(CombinedSource(partial(AllRound, [part.source for part in parts], _nothing)), parts)


def _nothing(_: Sequence[None]) -> None:
    """Be the result, however many tags there were."""
