"""The longest file and the longest function of the three packages."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]


def longest() -> tuple[tuple[int, str], tuple[int, str]]:
    """Return (lines, name) of the longest file and function."""
    files: list[tuple[int, str]] = []
    functions: list[tuple[int, str]] = []
    for package in ("broker", "sdk", "actors"):
        for path in (ROOT / package).rglob("*.py"):
            text = path.read_text()
            name = str(path.relative_to(ROOT))
            files.append((text.count("\n"), name))
            functions += [
                ((node.end_lineno or node.lineno) - node.lineno + 1, f"{name}:{node.name}")
                for node in ast.walk(ast.parse(text))
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            ]
    return max(files), max(functions)
