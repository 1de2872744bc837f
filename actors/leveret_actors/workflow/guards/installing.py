"""`guard`: put stand-ins where a workflow class looks its names up."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any, Final

from leveret_actors.workflow.guards import audit, waiting
from leveret_actors.workflow.guards.annotations import settle
from leveret_actors.workflow.guards.refusal import GUARDED
from leveret_actors.workflow.guards.stand_ins import stand_in

_done: Final[set[type[Any]]] = set()


def guard(cls: type[Any]) -> None:
    """Guard the modules in which a workflow class and its bases (of the same package) are defined, for good.

    For everybody who is not stepping a workflow the stand-ins are what they stand for.
    """
    if cls in _done:
        return
    audit.install()
    waiting.install()
    package = cls.__module__.partition(".")[0]
    for name in {base.__module__ for base in cls.__mro__} - GUARDED:
        module = sys.modules.get(name)
        if module is not None and name.partition(".")[0] == package:
            _guard(module)
            GUARDED.add(name)
    _done.add(cls)


def _guard(module: ModuleType) -> None:
    found = {name: stand_in(value) for name, value in vars(module).items()}
    replaced = {name: value for name, value in found.items() if value is not None}
    if replaced:
        settle(module, set(replaced))
        vars(module).update(replaced)
