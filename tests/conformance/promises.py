"""What must hold, as `docs/conformance.md` says it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

PAGE: Final = Path(__file__).parents[2] / "docs/conformance.md"
DUE: Final = "WDCMPHEORT"
"""Groups in which each promise has a test; those of the others may be on their way."""

_LINE = re.compile(r"^- \*\*([A-Z]\d\d)\*\* (.+(?:\n  .+)*)", re.MULTILINE)
_NAMED = re.compile(r"[A-Z]\d\d(?=_)")


def promises() -> dict[str, str]:
    """Return each id with its sentence, in the order of the page."""
    found = _LINE.findall(PAGE.read_text())
    listed = {identity: " ".join(text.split()) for identity, text in found}
    assert len(listed) == len(found), "an id stands twice in docs/conformance.md"
    return listed


def ids_of(test: str) -> list[str]:
    """Return the ids in a test's name: `test_O02_O04_an_attempt_...` has two."""
    head = re.match(r"test_((?:[A-Z]\d\d_)+)", test)
    return _NAMED.findall(head[1]) if head else []
