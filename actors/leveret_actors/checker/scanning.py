"""The body of one function of workflow code."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass

from leveret_actors.checker import rules
from leveret_actors.checker.finding import Finding
from leveret_actors.checker.names import Function, Names, bound, dotted, full_name
from leveret_actors.checker.rules import Rule
from leveret_actors.checker.sets import Loop, Sets, loops

_OPERATORS: dict[type[ast.operator], str] = {ast.BitOr: "|", ast.BitAnd: "&"}
_STARTERS = frozenset({"leveret.workflow.new", "leveret.workflow.get", "leveret.workflow.all"})
_WAITS = frozenset({"asyncio.sleep", "asyncio.wait", "asyncio.wait_for", "leveret.workflow.timer"})

_ISSUERS = frozenset(
    {
        "asyncio.create_task", "asyncio.ensure_future", "leveret.workflow.cancel", "leveret.workflow.dispatch",
        "leveret.workflow.inline", "leveret.workflow.patched", "leveret.workflow.task", "leveret.workflow.uuid",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Around:
    """What surrounds a function."""

    file: str
    names: Names
    """Imports of the file."""
    inlets: Mapping[str, str]
    """Attributes of the class that are stubs: `service` or `channel`."""
    coroutines: frozenset[str]
    """Async methods of the class."""
    containers: frozenset[str]
    """Variables of the module that hold something mutable."""
    classes: frozenset[str]
    """Of the module."""
    sets: frozenset[str]
    """Attributes of the class that are sets, as `self.name`."""


class Scan(ast.NodeVisitor):
    """What is found in one function, and which other functions of the file it names."""

    def __init__(self, around: Around, function: Function) -> None:
        """Scan."""
        self.findings: list[Finding] = []
        self.reached: list[str] = []
        self._around = around
        self._hidden = bound(function)
        self._sets = Sets(self._full, around.sets)
        self._sets.learn(function)
        for statement in function.body if isinstance(function.body, list) else [function.body]:
            self.visit(statement)

    # -- calls --------------------------------------------------------------------------------------------------------

    def visit_Call(self, node: ast.Call) -> None:
        """Refuse banned calls; leave alone what `inline` is given."""
        name = self._full(node.func)
        if name == "leveret.workflow.inline":
            return
        rule = rules.rule_for(name, arguments=bool(node.args or node.keywords)) if name else None
        if rule is None and self._is_path(node.func):
            rule = rules.FILES
        if rule is not None:
            self._note(node, rule, f"{name or ast.unparse(node.func)}()")
        if name == "asyncio.as_completed" and node.args and self._starts_bare(node.args[0]):
            self._note(node, rules.AS_COMPLETED, "asyncio.as_completed() of coroutines")
        self._look_for_mutation(node)
        self.generic_visit(node)

    def _is_path(self, node: ast.expr) -> bool:
        return (
            isinstance(node, ast.Attribute)
            and node.attr in rules.PATH_METHODS
            and isinstance(node.value, ast.Call)
            and self._full(node.value.func) in {"pathlib.Path", "pathlib.Path.cwd", "pathlib.Path.home"}
        )

    def _starts_bare(self, node: ast.expr) -> bool:
        """Tell whether an iterable is written out and holds calls that are not tasks."""
        parts: list[ast.expr] = []
        if isinstance(node, ast.List | ast.Tuple | ast.Set):
            parts = node.elts
        elif isinstance(node, ast.ListComp | ast.GeneratorExp | ast.SetComp):
            parts = [node.elt]
        calls = [part for part in parts if isinstance(part, ast.Call)]
        return any(not self._full(call.func).endswith(("create_task", "ensure_future", "dispatch")) for call in calls)

    # -- names --------------------------------------------------------------------------------------------------------

    def visit_Attribute(self, node: ast.Attribute) -> None:
        """Refuse the environment."""
        if self._full(node) == "os.environ":
            self._note(node, rules.ENVIRONMENT, "os.environ")
        else:
            self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> None:
        """Follow functions of the file; refuse the environment by its own name."""
        if isinstance(node.ctx, ast.Load) and node.id not in self._hidden:
            self.reached.append(node.id)
            if self._full(node) == "os.environ":
                self._note(node, rules.ENVIRONMENT, "os.environ")

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        """Look at the value, not at the annotation, which does nothing."""
        self._look_at_targets([node.target])
        if node.value is not None:
            self.visit(node.value)

    def visit_arg(self, node: ast.arg) -> None:
        """Pass over annotations of inner functions."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        """Scan an inner function, what it binds hidden as well."""
        self._inner(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        """Scan an inner function."""
        self._inner(node)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        """Scan a lambda."""
        self._inner(node)

    def _inner(self, node: Function) -> None:
        outer, self._hidden = self._hidden, self._hidden | bound(node)
        body = [node.body] if isinstance(node, ast.Lambda) else [*node.decorator_list, *node.body]
        for part in (*node.args.defaults, *body):
            self.visit(part)
        self._hidden = outer

    # -- statements ---------------------------------------------------------------------------------------------------

    def visit_With(self, node: ast.With) -> None:
        """Leave alone what is said to be unsafe."""
        if not any(self._is_unsafe(item.context_expr) for item in node.items):
            self.generic_visit(node)

    def _is_unsafe(self, node: ast.expr) -> bool:
        return isinstance(node, ast.Call) and self._full(node.func) == "leveret.workflow.unsafe"

    def visit_Expr(self, node: ast.Expr) -> None:
        """Find calls whose result nobody awaits."""
        if isinstance(node.value, ast.Call):
            what = self._awaitable(node.value.func)
            if what:
                self._note(node.value, rules.UNAWAITED, what)
        self.generic_visit(node)

    def _awaitable(self, called: ast.expr) -> str:
        """Return what a call begins that does nothing, or is lost, unless it is awaited."""
        name = self._full(called)
        if name in _WAITS:
            return f"{name}() is not awaited"
        if not isinstance(called, ast.Attribute):
            return ""
        if isinstance(called.value, ast.Call) and self._full(called.value.func) in _STARTERS:
            return f"the call of {called.attr}() is not awaited"
        own, _, rest = dotted(called).partition(".")
        stub, _, method = rest.partition(".")
        if own != "self" or own not in self._hidden:
            return ""
        kind = self._around.inlets.get(stub, "")
        if (kind == "service" and method) or (kind == "channel" and method == "receive"):
            return f"self.{stub}.{method}() is not awaited"
        return f"self.{stub}() is not awaited" if not method and stub in self._around.coroutines else ""

    def visit_BinOp(self, node: ast.BinOp) -> None:
        """Find `await a | b`, which awaits `a` alone."""
        left, operator = node.left, _OPERATORS.get(type(node.op))
        bare = (left.lineno, left.col_offset) == (node.lineno, node.col_offset)
        if operator and isinstance(left, ast.Await) and bare:
            text = f"`{ast.unparse(left)} {operator} …` awaits only what is left of `{operator}`"
            self._note(node, Rule(rules.PRECEDENCE.code, rules.PRECEDENCE.advice.format(operator)), text)
        self.generic_visit(node)

    # -- loops --------------------------------------------------------------------------------------------------------

    def visit_For(self, node: ast.For) -> None:
        """Find loops that ask for something in the order of a set."""
        self._look_at_loop(node)

    def visit_ListComp(self, node: ast.ListComp) -> None:
        """Find loops."""
        self._look_at_loop(node)

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> None:
        """Find loops."""
        self._look_at_loop(node)

    def visit_DictComp(self, node: ast.DictComp) -> None:
        """Find loops."""
        self._look_at_loop(node)

    def _look_at_loop(self, loop: Loop) -> None:
        for over, done in loops(loop):
            if self._sets.has(over) and any(self._asks(part) for one in done for part in ast.walk(one)):
                self._note(over, rules.SET_ORDER, f"asks for something in the order of the set {ast.unparse(over)}")
        self.generic_visit(loop)

    def _asks(self, node: ast.AST) -> bool:
        """Tell whether a part of the code issues commands, or makes tasks that may."""
        if isinstance(node, ast.Await):
            return True
        return isinstance(node, ast.Call) and bool(self._awaitable(node.func) or self._full(node.func) in _ISSUERS)

    # -- state of the module ------------------------------------------------------------------------------------------

    def visit_Global(self, node: ast.Global) -> None:
        """Refuse to write variables of the module."""
        self._note(node, rules.GLOBAL, f"writes {', '.join(node.names)} of the module")

    def visit_Assign(self, node: ast.Assign) -> None:
        """Find writes into containers of the module."""
        self._look_at_targets(node.targets)
        self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        """Find writes into containers of the module."""
        self._look_at_targets([node.target])
        self.generic_visit(node)

    def visit_Delete(self, node: ast.Delete) -> None:
        """Find deletions from containers of the module."""
        self._look_at_targets(node.targets)
        self.generic_visit(node)

    def _look_at_targets(self, targets: list[ast.expr]) -> None:
        for target in targets:
            if isinstance(target, ast.Tuple | ast.List):
                self._look_at_targets(target.elts)
            elif isinstance(target, ast.Subscript) and self._is_shared(target.value):
                self._note(target, rules.GLOBAL, f"writes {ast.unparse(target.value)} of the module")
            elif isinstance(target, ast.Attribute) and self._is_class(target.value):
                self._note(target, rules.SHARED, f"writes {ast.unparse(target)}, an attribute of a class")

    def _look_for_mutation(self, node: ast.Call) -> None:
        called = node.func
        if isinstance(called, ast.Attribute) and called.attr in rules.MUTATORS and self._is_shared(called.value):
            self._note(node, rules.GLOBAL, f"writes {ast.unparse(called.value)} of the module")

    def _is_shared(self, node: ast.expr) -> bool:
        return isinstance(node, ast.Name) and node.id in self._around.containers and node.id not in self._hidden

    def _is_class(self, node: ast.expr) -> bool:
        if isinstance(node, ast.Name):
            return node.id in self._around.classes and node.id not in self._hidden
        if isinstance(node, ast.Call):
            return isinstance(node.func, ast.Name) and node.func.id == "type" and len(node.args) == 1
        return isinstance(node, ast.Attribute) and node.attr == "__class__"

    # -----------------------------------------------------------------------------------------------------------------

    def _full(self, node: ast.expr) -> str:
        return full_name(node, self._around.names, self._hidden)

    def _note(self, node: ast.expr | ast.stmt, rule: Rule, what: str) -> None:
        self.findings.append(
            Finding(self._around.file, node.lineno, node.col_offset + 1, rule.code, f"{what}; {rule.advice}")
        )
