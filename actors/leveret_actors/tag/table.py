"""A tag's members as one turn sees them: what was looked up, and what the turn has changed."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from leveret_actors.store.contract import Member, MemberWrite
from leveret_actors.tag.state import Who

END: Final = sys.maxsize
"""As a join number: behind all members."""


class Slice(msgspec.Struct, frozen=True):
    """Members in the order of their join numbers, without a gap."""

    after: int
    members: tuple[Member, ...]
    end: bool
    """No member stands behind the last one."""

    @property
    def covers(self) -> int:
        """The join number up to which this is complete."""
        if self.end:
            return END
        return self.members[-1].number if self.members else self.after


class Page(msgspec.Struct, frozen=True):
    """Members from a cursor on."""

    members: list[Member]
    covers: int
    """The join number up to which these are all; END when no others follow."""


class Table:
    """What was looked up, changed in place by a turn."""

    def __init__(self, slices: Iterable[Slice] = (), numbers: Mapping[Who, int] | None = None) -> None:
        """Take over what was looked up: stretches of the table, and the numbers of single members (0 for none)."""
        self._slices = tuple(slices)
        self._numbers: dict[Who, int] = dict(numbers or {})
        self._who: dict[int, Who] = {}
        for part in self._slices:
            for number, instance, run in map(_fields, part.members):
                self._numbers[instance, run] = number
                self._who[number] = (instance, run)
        self._changes: dict[Who, int] = {}

    def number(self, who: Who) -> int:
        """Return a member's join number, 0 for who is not one."""
        return self._changes.get(who, self._numbers.get(who, 0))

    def who(self, number: int) -> Who | None:
        """Return the member with this join number, if it (still) is there and was looked up."""
        who = self._who.get(number)
        return who if who is not None and self.number(who) == number else None

    def add(self, who: Who, number: int) -> None:
        """Make `who` a member."""
        self._changes[who] = number
        self._who[number] = who

    def remove(self, who: Who) -> None:
        """Take a member off."""
        self._changes[who] = 0

    def page(self, after: int) -> Page | None:
        """Return members behind a join number, as far as they were looked up; None when they were not."""
        for part in self._slices:
            if part.after <= after < part.covers:
                break
        else:
            return None
        found = [m for m in part.members if m.number > after and self.number((m.instance, m.run)) == m.number]
        if part.end:
            found += [Member(n, *who) for who, n in self._changes.items() if n > after]
            found.sort(key=_number)
        return Page(found, part.covers)

    def everybody(self) -> tuple[Member, ...] | None:
        """Return all members; None when not all are known."""
        page = self.page(0)
        return tuple(page.members) if page is not None and page.covers == END else None

    def writes(self, actor: str) -> tuple[MemberWrite, ...]:
        """Return the changes for the store."""
        changed = ((who, n) for who, n in self._changes.items() if n or self._numbers.get(who, 0))
        return tuple(MemberWrite(actor=actor, instance=who[0], run=who[1], number=n) for who, n in changed)


def _number(member: Member) -> int:
    return member.number


def _fields(member: Member) -> tuple[int, str, str]:
    return member.number, member.instance, member.run
