"""What operators do with listener groups: look which there are, and forget one. The command line does it by this."""

from __future__ import annotations

import msgspec

from leveret.contract import Duration
from leveret_actors.operating import Operating
from leveret_broker.address import ListenerQueue
from leveret_broker.errors import ConfigurationError


class ListenerGroup(msgspec.Struct, frozen=True):
    """A listener group, as store and broker know it."""

    group: str
    patterns: tuple[str, ...]
    """Routing keys that its queue is bound to; all nodes publish what fits."""
    waiting: int | None
    """Events in its queue that nobody has taken; None when there is no such queue."""
    consumers: int
    """Nodes that run it: one has its events, the others stand by."""


class ListenerGroups(Operating):
    """The listener groups of a namespace: `async with ListenerGroups("amqp://...?store=redis://...") as groups:`.

    Needs broker and store, as a node does.
    """

    def __init__(self, url: str | None = None, *, connect_timeout: Duration | None = 30.0) -> None:
        """Prepare; nothing is opened yet.

        Arguments:
            url: broker, store and namespace; default: `LEVERET_URL`, else `sqlite:///leveret.db`.
            connect_timeout: how long to wait for broker and store, a timedelta or seconds; None is for ever.

        Raises `ConfigurationError` for a URL that cannot be used, or names no store.
        """
        super().__init__(url, connect_timeout)

    async def list(self) -> list[ListenerGroup]:
        """Return the groups by name."""
        known = await self._store.listeners()
        return [await self._look(group, patterns) for group, patterns in sorted(known.items())]

    async def forget(self, group: str, *, force: bool = False) -> int:
        """Forget a group: its queue goes, nothing is published for it alone any more.

        Returns how many events were dropped that waited in its queue. Refuses a group that a node runs, which would
        only make it anew, unless `force` says so. Raises `ConfigurationError` then, and where there is no such group.
        """
        known = await self._store.listeners()
        found = await self._look(group, known.get(group, ()))
        if group not in known and found.waiting is None:
            listing = ", ".join(sorted(known)) or "none"
            raise ConfigurationError(f"there is no listener group {group!r}; there are: {listing}")
        if found.consumers and not force:
            text = (
                f"the listener group {group!r} is run by {found.consumers} nodes: stop them, or take it out of them. "
            )
            text += "By force (--force) its queue goes all the same, with what waits in it; they make it anew"
            raise ConfigurationError(text)
        await self._store.forget_listener(group)
        await self._transport.forget(ListenerQueue(group))
        return found.waiting or 0

    async def _look(self, group: str, patterns: tuple[str, ...]) -> ListenerGroup:
        depth = await self._transport.inspect(ListenerQueue(group))
        if depth is None:
            return ListenerGroup(group, patterns, None, 0)
        return ListenerGroup(group, patterns, depth.messages, depth.consumers)
