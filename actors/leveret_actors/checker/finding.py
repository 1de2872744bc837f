"""One thing found, and the comment that allows it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_ALLOW: Final = re.compile(r"#\s*leveret:\s*allow\b(?P<codes>[\w\s,-]*)")


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """Where, what, and what to do; sorted by place."""

    file: str
    line: int
    """From 1."""
    column: int
    """From 1."""
    code: str
    text: str

    def __str__(self) -> str:
        """Return one line, as compilers and editors write it."""
        return f"{self.file}:{self.line}:{self.column} {self.code} {self.text}"

    def is_allowed(self, line: str) -> bool:
        """Tell whether a comment in this source line, `# leveret: allow <code>`, says that it is meant."""
        found = _ALLOW.search(line)
        return found is not None and self.code in re.split(r"[\s,]+", found["codes"])
