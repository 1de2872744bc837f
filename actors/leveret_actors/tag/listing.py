"""Listing a tag's members."""

from __future__ import annotations

from leveret_actors.tag.draft import Draft
from leveret_actors.tag.lookup import LISTED
from leveret_actors.tag.table import END
from leveret_broker.envelope import Envelope, MembersPage, TagMembers


def members(draft: Draft, _: Envelope, message: TagMembers) -> None:
    """Answer with a page of members."""
    page = draft.table.page(max(0, message.after))
    if page is None:  # nothing behind `after` was looked up because nothing is there
        draft.answer(message.caller, MembersPage((), more=False))
        return
    limit = min(max(1, message.limit), LISTED)
    rows = tuple((member.number, member.instance, member.run) for member in page.members[:limit])
    draft.answer(message.caller, MembersPage(rows, more=len(page.members) > limit or page.covers != END))
