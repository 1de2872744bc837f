"""A file is one noun, a function fits on a screen."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDERS = ["sdk", "broker", "actors", "examples", "tests"]
LONGEST_FILE = 400
LONGEST_FUNCTION = 60

# "path" or "path::function": the reason why it is better long.
LONG_FOR_A_REASON: dict[str, str] = {
    "tests/typing/accepts.py": "one module, as a user would write it, that both type checkers read as a whole",
}


def sources() -> Iterator[tuple[str, str]]:
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield path.relative_to(ROOT).as_posix(), path.read_text()


def functions(tree: ast.AST) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno is not None:
            yield node.name, node.end_lineno - node.lineno + 1


def too_long() -> Iterator[tuple[str, int]]:
    for path, text in sources():
        lines = len(text.splitlines())
        if lines > LONGEST_FILE:
            yield path, lines
        for name, length in functions(ast.parse(text)):
            if length > LONGEST_FUNCTION:
                yield f"{path}::{name}", length


def test_files_and_functions_are_short_or_long_for_a_reason() -> None:
    found = {where: lines for where, lines in too_long() if where not in LONG_FOR_A_REASON}

    assert not found


def test_exceptions_that_are_no_longer_needed_are_taken_off_the_list() -> None:
    needed = {where for where, _ in too_long()}

    assert set(LONG_FOR_A_REASON) <= needed
