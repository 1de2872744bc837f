"""What names mean in a file: which module or function they were imported as, and what hides them."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import TypeAlias

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
Names: TypeAlias = Mapping[str, str]
"""By local name: the full one, `datetime.datetime`."""


def imports(nodes: Iterator[ast.AST]) -> dict[str, str]:
    """Return what these import statements bind."""
    found: dict[str, str] = {}
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                found[alias.asname or alias.name.partition(".")[0]] = (
                    alias.name if alias.asname else alias.name.partition(".")[0]
                )
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.update({alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names})
    return found


def definitions(tree: ast.Module) -> dict[str, str]:
    """Return the functions and classes of a module, under names that are nobody else's: its `open` is no builtin."""
    return {node.name: f".{node.name}" for node in tree.body if isinstance(node, Definition)}


def dotted(node: ast.expr) -> str:
    """Return `a.b.c` for an attribute chain on a name, nothing for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        below = dotted(node.value)
        return f"{below}.{node.attr}" if below else ""
    return ""


def full_name(node: ast.expr, names: Names, hidden: frozenset[str]) -> str:
    """Return what an expression names, through the imports; nothing for locals and other expressions."""
    first, dot, rest = dotted(node).partition(".")
    return "" if first in hidden else names.get(first, first) + dot + rest


def bound(function: Function) -> frozenset[str]:
    """Return the names that a function binds itself, imports aside: parameters, what it assigns and defines."""
    arguments = function.args
    found = {one.arg for one in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)}
    found |= {one.arg for one in (arguments.vararg, arguments.kwarg) if one is not None}
    free: set[str] = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, Definition) and node is not function:
            found.add(node.name)
        elif isinstance(node, ast.Global):
            free.update(node.names)
    return frozenset(found - free)
