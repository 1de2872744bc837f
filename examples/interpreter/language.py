"""The language: a program is one step, a step is a mapping whose first key says what it does.

{"sequence": [step, ...]}                             one after another; its value is the last one's
{"parallel": [step, ...]}                             all at once; its value is the list of theirs
{"task": "Clerk.add", "with": {...}}                  a task
{"child": "Interpreter.run", "with": {...}}           another workflow, started
{"call": "Account.deposit", "id": "a1", "with": {}}   a method of one that runs
{"signal": "approved"}                                the value of the next signal of that name
{"timer": 3600}                                       seconds
{"if": value, "equals": value, "then": step, "else": step}
{"value": value}                                      itself

Any step may have `"as": name`, which keeps its value in a variable; a value `{"$": name}` is that variable's.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from leveret import workflow

Step = dict[str, Any]


@dataclass(frozen=True)
class Signal:
    name: str
    value: Any = None


class BadProgram(Exception):
    """Raised for a step that says nothing the language knows."""


@workflow.define
class Interpreter:
    signals = workflow.Channel[Signal]()

    def __init__(self) -> None:
        self.variables: dict[str, Any] = {}

    async def run(self, program: Step) -> Any:
        value = await self._step(program)
        if "as" in program:
            self.variables[program["as"]] = value
        return value

    async def _step(self, step: Step) -> Any:
        match step:
            case {"sequence": steps}:
                values = [await self.run(one) for one in steps]
                return values[-1] if values else None
            case {"parallel": steps}:
                return list(await asyncio.gather(*(self.run(one) for one in steps)))
            case {"task": name}:
                return await workflow.task(name, self._arguments(step))
            case {"child": name}:
                kind, _, method = name.rpartition(".")
                return await workflow.new(kind).call(method, self._arguments(step))
            case {"call": name, "id": instance}:
                kind, _, method = name.rpartition(".")
                return await workflow.get(kind, id=self._value(instance)).call(method, self._arguments(step))
            case {"signal": name}:
                return (await self.signals.receive(where=lambda signal: signal.name == name)).value
            case {"timer": seconds}:
                return await workflow.timer(self._value(seconds))
            case {"if": left, "equals": right}:
                branch = step.get("then" if self._value(left) == self._value(right) else "else")
                return None if branch is None else await self.run(branch)
            case {"value": value}:
                return self._value(value)
            case _:
                raise BadProgram(f"no step of the language: {step}")

    def _arguments(self, step: Step) -> dict[str, Any]:
        return {name: self._value(value) for name, value in step.get("with", {}).items()}

    def _value(self, value: Any) -> Any:
        match value:
            case {"$": str(name)}:
                if name not in self.variables:
                    raise BadProgram(f"no step has kept a value as {name!r}")
                return self.variables[name]
            case [*items]:
                return list(map(self._value, items))
            case _:
                return value
