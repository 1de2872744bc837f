"""The example interpreter; more of it in the conformance tests of calls by name."""

from __future__ import annotations

import json

from examples.interpreter.clerk import Clerk
from examples.interpreter.demo import PROGRAM
from examples.interpreter.language import Interpreter, Signal
from tests.conformance.house import DEADLINE, House, pending


async def test_a_program_goes_on_after_a_restart(house: House) -> None:
    await house.open(Interpreter, services=(Clerk(),))
    program = await house.start(Interpreter, json.loads(PROGRAM), id="p")
    await house.described(program, lambda row: bool(pending(row, "receive")))

    await house.restart()
    await house.client.get(Interpreter, id="p").signals.send(Signal("answer", "no"))

    assert await program.result(DEADLINE) == ["hello ann", 3, 0]
