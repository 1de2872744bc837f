"""The workflow classes of a file, their stubs, and the functions they reach."""

from __future__ import annotations

import ast
from collections import deque
from pathlib import Path

from leveret_actors.checker.finding import Finding
from leveret_actors.checker.names import definitions, full_name, imports
from leveret_actors.checker.scanning import Around, Scan
from leveret_actors.checker.sets import Sets
from leveret_broker.errors import ConfigurationError

_DEFINE = frozenset({"leveret.workflow.define", "leveret.workflow.defining.define"})
_STUB = "leveret.workflow.service"
_CHANNEL = "leveret.workflow.Channel"
_CONTAINERS = frozenset(
    {"list", "dict", "set", "bytearray", "collections.defaultdict", "collections.deque", "collections.Counter",
     "collections.OrderedDict"}
)  # fmt: skip

_Def = ast.FunctionDef | ast.AsyncFunctionDef


def check(path: Path) -> list[Finding]:
    """Return what is found in a file, in order of lines; raises `ConfigurationError` for one that cannot be read."""
    try:
        text = path.read_text(encoding="utf-8")
        tree = ast.parse(text, str(path))
    except (OSError, UnicodeDecodeError, SyntaxError, ValueError) as error:
        problem = f"{path}: cannot be checked: {error}"
        raise ConfigurationError(problem) from error
    lines = text.splitlines()
    found = {one for one in _Module(str(path), tree).findings() if not one.is_allowed(lines[one.line - 1])}
    return sorted(found)


class _Module:
    """A parsed file."""

    def __init__(self, path: str, tree: ast.Module) -> None:
        self._path = path
        self._names = imports(ast.walk(tree)) | definitions(tree)
        self._classes = {node.name: node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
        self._functions = {node.name: node for node in tree.body if isinstance(node, _Def)}
        self._containers = frozenset(_containers(tree, self._names))

    def findings(self) -> list[Finding]:
        """Scan every method of every workflow class, and the functions of this file that they reach."""
        found: list[Finding] = []
        reached: deque[str] = deque()
        for node in self._classes.values():
            if any(self._is_define(decorator) for decorator in node.decorator_list):
                for scan in self._scans(node):
                    found += scan.findings
                    reached.extend(scan.reached)
        seen: set[str] = set()
        while reached:
            name = reached.popleft()
            function = self._functions.get(name)
            if function is None or name in seen:
                continue
            seen.add(name)
            scan = Scan(self._around({}, frozenset(), frozenset()), function)
            found += scan.findings
            reached.extend(scan.reached)
        return found

    def _scans(self, cls: ast.ClassDef) -> list[Scan]:
        """Scan the methods of a class and of its bases in this file."""
        bodies = [statement for one in self._lineage(cls) for statement in one.body]
        methods = [statement for statement in bodies if isinstance(statement, _Def)]
        coroutines = frozenset(method.name for method in methods if isinstance(method, ast.AsyncFunctionDef))
        around = self._around(self._inlets(bodies), coroutines, self._sets(bodies))
        return [Scan(around, method) for method in methods]

    def _around(self, inlets: dict[str, str], coroutines: frozenset[str], sets: frozenset[str]) -> Around:
        return Around(self._path, self._names, inlets, coroutines, self._containers, frozenset(self._classes), sets)

    def _lineage(self, cls: ast.ClassDef) -> list[ast.ClassDef]:
        found, waiting = [cls], deque(cls.bases)
        while waiting:
            base = waiting.popleft()
            above = self._classes.get(base.id) if isinstance(base, ast.Name) else None
            if above is not None and above not in found:
                found.append(above)
                waiting.extend(above.bases)
        return found

    def _inlets(self, body: list[ast.stmt]) -> dict[str, str]:
        """Return the attributes that hold service stubs and channels."""
        found: dict[str, str] = {}
        for statement in body:
            if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Call):
                kind = self._kind(statement.value.func)
                targets = statement.targets
            elif isinstance(statement, ast.AnnAssign):
                kind = self._kind(statement.annotation)
                if not kind and isinstance(statement.value, ast.Call):
                    kind = self._kind(statement.value.func)
                targets = [statement.target]
            else:
                continue
            if kind:
                found |= {target.id: kind for target in targets if isinstance(target, ast.Name)}
        return found

    def _sets(self, body: list[ast.stmt]) -> frozenset[str]:
        """Return the attributes that hold sets: by their annotation in the class, or by what `__init__` makes."""
        known = Sets(lambda node: full_name(node, self._names, frozenset()))
        for statement in body:
            if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
                if known.is_annotation(statement.annotation):
                    known.names.add(f"self.{statement.target.id}")
            elif isinstance(statement, ast.FunctionDef) and statement.name == "__init__":
                known.learn(statement)
        return frozenset(name for name in known.names if name.startswith("self."))

    def _kind(self, node: ast.expr) -> str:
        if isinstance(node, ast.Subscript):
            node = node.value
        name = full_name(node, self._names, frozenset())
        return {_STUB: "service", _CHANNEL: "channel"}.get(name, "")

    def _is_define(self, decorator: ast.expr) -> bool:
        node = decorator.func if isinstance(decorator, ast.Call) else decorator
        return full_name(node, self._names, frozenset()) in _DEFINE


def _containers(tree: ast.Module, names: dict[str, str]) -> list[str]:
    """Return the module's variables that hold something mutable."""
    found: list[str] = []
    for statement in tree.body:
        targets: list[ast.expr] = []
        if isinstance(statement, ast.Assign):
            targets = statement.targets
        elif isinstance(statement, ast.AnnAssign):
            targets = [statement.target]
        else:
            continue
        value = statement.value
        made = isinstance(value, ast.List | ast.Dict | ast.Set | ast.ListComp | ast.DictComp | ast.SetComp)
        if not made and isinstance(value, ast.Call):
            made = full_name(value.func, names, frozenset()) in _CONTAINERS
        if made:
            found += [target.id for target in targets if isinstance(target, ast.Name)]
    return found
