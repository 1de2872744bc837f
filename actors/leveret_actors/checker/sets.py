"""Which expressions are sets for sure, and which loops over them do something in their order."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

from leveret_actors.checker.names import Function

Full: TypeAlias = Callable[[ast.expr], str]
"""Gives the full name of an expression, through the imports."""

Loop: TypeAlias = ast.For | ast.ListComp | ast.GeneratorExp | ast.DictComp

_SETS = frozenset({"set", "frozenset", "typing.AbstractSet", "collections.abc.Set", "collections.abc.MutableSet"})
_NUMBERS = frozenset({"int", "float", "bool"})
_OPERATORS = (ast.BitOr, ast.BitAnd, ast.Sub, ast.BitXor)
_SAME = frozenset({"copy", "difference", "intersection", "symmetric_difference", "union"})
"""Methods of a set that give a set."""


class Sets:
    """What is a set in one function: its own names, and attributes of `self`, as `name` and `self.name`."""

    def __init__(self, full: Full, known: Iterable[str] = ()) -> None:
        """Begin with names that are sets for sure."""
        self._full = full
        self.names = set(known)

    def learn(self, function: Function) -> None:
        """Look at parameters and assignments; what is also assigned something else is none for sure."""
        arguments = function.args
        for one in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
            self._note(one.arg, is_set=self.is_annotation(one.annotation))
        assigned = [node for node in ast.walk(function) if isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr)]
        for node in assigned:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found = node.value is not None and self.has(node.value)
            if isinstance(node, ast.AnnAssign):
                found = self.is_annotation(node.annotation)
            for target in targets:
                self._note(_spelled(target), is_set=found)

    def _note(self, name: str, *, is_set: bool) -> None:
        if is_set:
            self.names.add(name)
        else:
            self.names.discard(name)

    def is_annotation(self, node: ast.expr | None) -> bool:
        """Tell whether an annotation says `set` of something else than numbers, whose order is the same everywhere."""
        if isinstance(node, ast.Subscript):
            return self._full(node.value) in _SETS and self._full(node.slice) not in _NUMBERS
        return node is not None and self._full(node) in _SETS

    def has(self, node: ast.expr) -> bool:
        """Tell whether an expression is a set for sure, and not one of numbers only."""
        if isinstance(node, ast.Set):
            return not all(isinstance(one, ast.Constant) and isinstance(one.value, int) for one in node.elts)
        if isinstance(node, ast.BinOp):
            return isinstance(node.op, _OPERATORS) and (self.has(node.left) or self.has(node.right))
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Attribute) and node.func.attr in _SAME:
                return self.has(node.func.value)
            return self._full(node.func) in {"set", "frozenset"}
        return isinstance(node, ast.SetComp) or _spelled(node) in self.names


def _spelled(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self":
        return f"self.{node.attr}"
    return ""


def loops(node: Loop) -> Iterator[tuple[ast.expr, list[ast.AST]]]:
    """Yield what a loop goes over, and what it does with it."""
    if isinstance(node, ast.For):
        yield node.iter, [*node.body]
        return
    done: list[ast.AST] = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
    for part in node.generators:
        yield part.iter, [*done, *part.ifs]
