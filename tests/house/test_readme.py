"""The README is short, leads with code, and its code is code."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "README.md").read_text()
FIRST_CODE_BY = 30
LONGEST = 90


def python_blocks() -> list[str]:
    return re.findall(r"^```python\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


def test_it_is_at_most_90_lines() -> None:
    assert len(TEXT.splitlines()) <= LONGEST


def test_it_shows_code_by_line_30() -> None:
    before, found, _ = TEXT.partition("```python\n")

    assert found
    assert len(before.splitlines()) < FIRST_CODE_BY


def test_its_python_compiles_together_and_defines_what_it_imports_from_us() -> None:
    import leveret  # here, so that it fails in this test, not at collection

    tree = ast.parse("\n".join(python_blocks()))

    imported = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module == "leveret"]
    names = [alias.name for node in imported for alias in node.names]
    assert [name for name in names if not hasattr(leveret, name)] == []


def test_its_commands_are_targets_of_the_makefile() -> None:
    makefile = (ROOT / "Makefile").read_text()

    commands = re.findall(r"^make ([a-z-]+)", TEXT, re.MULTILINE)

    assert {"demo", "test"} <= set(commands)
    assert [name for name in commands if f"\n{name}:" not in makefile] == []
