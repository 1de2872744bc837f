"""The threads of a node that step workflow code."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest
from loguru import logger

from leveret.runtime import Info, stepping
from leveret_actors.mailbox import stepper as stepper_module
from leveret_actors.mailbox.stepper import ThreadStepper


class Runtime:
    def info(self) -> Info:
        return Info("Order", "order-1", "r1", 1, "place", "main")


def step(function: Callable[[], Any]) -> Callable[[], Any]:
    def run() -> Any:
        with stepping(Runtime()):  # type: ignore[arg-type] # all that is asked for
            return function()

    return run


@pytest.fixture
def told() -> Any:
    lines: list[str] = []
    logger.enable("leveret_actors")
    sink = logger.add(lambda message: lines.append(str(message)), level="WARNING", format="{message} {extra}")
    yield lines
    logger.remove(sink)
    logger.disable("leveret_actors")


async def test_functions_run_one_after_another_in_one_thread() -> None:
    stepper = ThreadStepper(1)
    names: list[int] = []

    await asyncio.gather(*(stepper.run(lambda: names.append(threading.get_ident())) for _ in range(20)))
    stepper.close()

    assert len(names) == 20
    assert set(names) == {names[0]} != {threading.get_ident()}


async def test_what_a_function_raises_is_raised_to_whoever_waits() -> None:
    stepper = ThreadStepper()

    with pytest.raises(ZeroDivisionError):
        await stepper.run(lambda: 1 / 0)

    assert await stepper.run(lambda: "the thread lives") == "the thread lives"
    stepper.close()


async def test_a_cancellation_comes_through_once_the_function_is_done() -> None:
    stepper, begun, stop = ThreadStepper(), threading.Event(), threading.Event()
    done: list[bool] = []

    def waits() -> None:
        begun.set()
        done.append(stop.wait(30))

    waiting = asyncio.ensure_future(stepper.run(waits))
    while not begun.is_set():
        await asyncio.sleep(0)

    waiting.cancel()
    await asyncio.sleep(0)
    assert not waiting.done()
    stop.set()
    await asyncio.wait((waiting,))
    stepper.close()

    assert done == [True]
    assert waiting.cancelled()


async def test_a_function_that_never_ends_is_left_behind_by_whoever_is_cancelled(
    monkeypatch: pytest.MonkeyPatch, told: list[str]
) -> None:
    monkeypatch.setattr(stepper_module, "PATIENCE", 0.01)
    stepper, begun, stop = ThreadStepper(), threading.Event(), threading.Event()

    def never_ends() -> None:
        begun.set()
        stop.wait()

    stuck = asyncio.ensure_future(stepper.run(never_ends))
    while not begun.is_set():
        await asyncio.sleep(0)
    behind = asyncio.ensure_future(stepper.run(lambda: "was behind it"))
    stuck.cancel()
    await asyncio.wait_for(asyncio.wait((stuck,)), 10)

    assert stuck.cancelled()
    assert await asyncio.wait_for(behind, 10) == "was behind it"
    stepper.close()
    stop.set()
    assert "left behind" in told[0]


async def test_R04_a_step_over_its_budget_is_told_with_its_stack_once_and_the_others_go_on(told: list[str]) -> None:
    stepper, stop = ThreadStepper(0.01), threading.Event()

    def blocks() -> bool:
        return stop.wait(30)

    stuck = asyncio.ensure_future(stepper.run(step(blocks)))
    other = await stepper.run(step(lambda: "went on"))
    again = await stepper.run(step(lambda: "and on"))
    stop.set()

    assert await stuck
    assert [other, again] == ["went on", "and on"]
    assert len(told) == 1
    assert told[0].startswith("Order order-1, method place: one step of its code has been running for")
    assert "in blocks" in told[0]
    assert "return stop.wait(30)" in told[0]
    assert "'workflow': 'Order', 'instance': 'order-1', 'run': 'r1', 'method': 'place'" in told[0]
    stepper.close()


async def test_R04_without_a_budget_a_stuck_step_gives_its_thread_away_all_the_same(
    told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stepper_module, "STUCK", 0.01)
    stepper, stop = ThreadStepper(0), threading.Event()

    stuck = asyncio.ensure_future(stepper.run(step(lambda: stop.wait(30))))
    await asyncio.sleep(0)
    other = await stepper.run(step(lambda: "went on"))
    stop.set()

    assert await stuck
    assert other == "went on"
    assert len(told) == 1
    stepper.close()


async def test_R04_a_stuck_thread_ends_once_it_is_free_again(told: list[str]) -> None:
    stepper, stop = ThreadStepper(0.01), threading.Event()
    thread: list[threading.Thread] = []

    def blocks() -> None:
        thread.append(threading.current_thread())
        stop.wait(30)

    stuck = asyncio.ensure_future(stepper.run(step(blocks)))
    await stepper.run(lambda: None)
    stop.set()
    await stuck
    stepper.close()
    thread[0].join(30)

    assert not thread[0].is_alive()
