"""Timeouts and cancellation of what runs, what waits and what comes."""

import asyncio
import threading
import time

from leveret import service
from leveret.retry import Retry
from leveret_actors.settings import ServiceSettings
from leveret_broker.envelope import Answer, ClientCaller, decode
from leveret_broker.outcome import Cancelled
from tests.service.world import Worker, World

FOREVER = time.time() + 1e6


class Mill:
    def __init__(self) -> None:
        self.started = asyncio.Event()
        self.cancelled = asyncio.Event()
        self.go = threading.Event()
        self.contexts: list[service.TaskContext] = []
        self.threads: set[str] = set()
        self.main: threading.Thread | None = None

    async def grind(self) -> str:
        self.contexts.append(service.context())
        self.started.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        return "never"

    @service.task(timeout=0.02)
    async def deaf(self) -> str:
        self.contexts.append(service.context())
        while not self.go.is_set():
            try:
                await asyncio.sleep(0.001)
            except asyncio.CancelledError:
                self.cancelled.set()
        return "too late"

    @service.task
    def press(self) -> str:
        context = service.context()
        self.contexts.append(context)
        self.threads.add(threading.current_thread().name)
        called = threading.Event()
        context.on_cancel(called.set)
        assert self.go.wait(10)
        return f"{context.stopping} {called.is_set()}"


async def test_O02_an_attempt_over_its_timeout_is_cancelled_and_fails_with_a_text_that_says_so(world: World) -> None:
    mill = Mill()
    await world.start(mill, settings=ServiceSettings(timeout=0.02))

    await world.send("Mill.grind")
    failure = await world.failure()

    assert mill.cancelled.is_set()
    assert mill.contexts[0].timed_out
    assert "timeout of 0.02 s" in failure.message
    await world.empty("Mill")


async def test_O02_a_timed_out_attempt_is_retried_as_the_policy_says(world: World) -> None:
    mill = Mill()
    await world.start(mill, settings=ServiceSettings(timeout=0.01, retry=Retry(initial=0, attempts=3)))

    await world.send("Mill.grind")
    failure = await world.failure()

    assert failure.where["attempt"] == "3"
    assert len(mill.contexts) == 3


async def test_O02_an_attempt_that_does_not_stop_is_given_up_and_keeps_its_slot_until_it_ends(world: World) -> None:
    mill = Mill()
    worker = await world.start(mill, concurrency=1, grace=0.02)

    await world.send("Mill.deaf")
    failure = await world.failure()
    await world.send("Mill.press", caller=None)
    left = world.left("Mill")
    started = len(mill.contexts)
    mill.go.set()
    await world.empty("Mill")

    assert "did not stop when it was told to" in failure.message
    assert (left, started, len(mill.contexts)) == (2, 1, 2)
    assert not worker.running.done()


async def test_O05_a_sync_function_runs_in_a_thread_and_the_loop_goes_on(world: World) -> None:
    mill = Mill()
    await world.start(mill)

    await world.send("Mill.press")
    await world.until(lambda: bool(mill.contexts))
    mill.go.set()

    assert await world.value() == "False False"
    assert threading.current_thread().name not in mill.threads


async def test_O05_a_sync_function_sees_the_flag_and_gets_the_callback_when_its_timeout_passes(world: World) -> None:
    mill = Mill()
    stopped = threading.Event()

    class Press:
        @service.task(timeout=0.02)
        def run(self) -> str:
            context = service.context()
            context.on_cancel(stopped.set)
            assert stopped.wait(10)
            assert context.timed_out
            return "half done"

    await world.start(Press())

    await world.send("Press.run")
    failure = await world.failure()

    assert "timeout" in failure.message
    assert "did not stop" not in failure.message
    await world.empty("Press")
    assert not mill.contexts


async def test_S07_sync_functions_run_side_by_side_up_to_the_slots(world: World) -> None:
    mill = Mill()
    await world.start(mill, concurrency=3)

    for _ in range(5):
        await world.send("Mill.press")
    await world.until(lambda: len(mill.contexts) == 3)
    await world.settle()
    running = len(mill.contexts)
    mill.go.set()
    await world.empty("Mill")

    assert (running, len(mill.contexts), len(mill.threads)) == (3, 5, 3)


async def test_a_running_task_is_cancelled_through_control_and_its_workflow_is_not_told(world: World) -> None:
    mill = Mill()
    await world.start(mill)
    task = await world.send("Mill.grind")
    await mill.started.wait()

    await world.cancel(task.task_id, FOREVER)
    await mill.cancelled.wait()
    await world.empty("Mill")
    mill.go.set()
    await world.send("Mill.press")

    assert await world.value() == "False False"
    assert mill.contexts[0].cancelled


async def test_a_client_that_waits_for_a_cancelled_task_gets_an_answer(world: World) -> None:
    mill = Mill()
    answers: asyncio.Queue[bytes] = asyncio.Queue()
    await world.transport.subscribe_replies("me", answers.put_nowait, lambda: None)
    await world.start(mill)
    task = await world.send("Mill.grind", caller=ClientCaller("me", "r1"))
    await mill.started.wait()

    await world.cancel(task.task_id, FOREVER, "sold out")
    envelope = decode(await answers.get())

    assert envelope.id == "r1"
    assert isinstance(envelope.message, Answer)
    assert isinstance(envelope.message.outcome, Cancelled)
    assert envelope.message.outcome.where["reason"] == mill.contexts[0].reason == "sold out"


async def test_a_client_whose_task_is_cancelled_before_it_is_started_gets_an_answer(world: World) -> None:
    mill = Mill()
    answers: asyncio.Queue[bytes] = asyncio.Queue()
    await world.transport.subscribe_replies("me", answers.put_nowait, lambda: None)
    task = await world.send("Mill.grind", caller=ClientCaller("me", "r1"))
    await world.store.revoke([task.task_id], FOREVER)

    await world.start(mill)
    message = decode(await answers.get()).message
    await world.empty("Mill")

    assert isinstance(message, Answer)
    assert isinstance(message.outcome, Cancelled)
    assert mill.contexts == []


async def test_a_cancelled_task_that_comes_later_is_dropped(world: World) -> None:
    mill = Mill()
    mill.go.set()
    worker = await world.start(mill)
    await world.until(lambda: worker.runner._hearing._subscription is not None)
    await world.store.revoke(["run.7"], FOREVER)
    await world.cancel("run.8", FOREVER)
    await world.cancel("run.9", time.time() - 1)
    await world.until(lambda: set(worker.runner._revocations._heard) == {"run.8", "run.9"})

    for number in (7, 8, 9):
        await world.send("Mill.press", task_id=f"run.{number}")
    await world.value()
    await world.empty("Mill")

    assert [context.task_id for context in mill.contexts] == ["run.9"]


async def test_a_task_that_comes_after_its_contract_timeout_is_dropped(world: World) -> None:
    mill = Mill()
    mill.go.set()
    await world.start(mill)

    await world.send("Mill.press", task_id="late", deadline=time.time() - 1)
    await world.send("Mill.press", task_id="timely", deadline=FOREVER)
    await world.value()
    await world.empty("Mill")

    assert [context.task_id for context in mill.contexts] == ["timely"]


async def test_a_redelivered_attempt_whose_successor_is_under_way_is_dropped(world: World) -> None:
    mill = Mill()
    mill.go.set()
    await world.store.note_attempt("run.1", 3, FOREVER)
    await world.start(mill)

    await world.send("Mill.press", task_id="run.1", attempt=2)
    await world.send("Mill.press", task_id="run.1", attempt=3)
    await world.value()
    await world.empty("Mill")

    assert [context.attempt for context in mill.contexts] == [3]


async def test_the_attempts_of_an_operators_retry_count_anew(world: World) -> None:
    mill = Mill()
    mill.go.set()
    await world.store.note_attempt("run.1", 3, FOREVER)
    await world.start(mill)

    await world.send("Mill.press", task_id="run.1", attempt=2, sequence=1)

    assert await world.value() == "False False"


async def test_S02_O05_the_grace_is_the_files_then_the_registrations_the_methods_the_classs(world: World) -> None:
    @service.define(grace=3)
    class Patient:
        @service.task(timeout=0.01, grace=0)
        async def hurried(self) -> None:
            await asyncio.shield(asyncio.get_running_loop().create_future())

        async def by_class(self) -> None: ...

    def graces(worker: Worker) -> dict[str, float]:
        return {name: one.grace for name, one in worker.runner._executions.items()}

    file, registration = ServiceSettings(grace=1), ServiceSettings(grace=2)
    code = await world.start(Patient())

    assert graces(code) == {"hurried": 0, "by_class": 3}
    assert set(graces(await world.start(Patient(), settings=file, registration=registration)).values()) == {1}
    assert set(graces(await world.start(Patient(), registration=registration)).values()) == {2}


async def test_O05_a_function_that_does_not_stop_is_given_up_after_its_own_grace(world: World) -> None:
    class Deaf:
        def __init__(self) -> None:
            self.go = threading.Event()

        @service.task(timeout=0.01, grace=0)
        def wait(self) -> None:
            self.go.wait(10)

    deaf = Deaf()
    worker = await world.start(deaf, grace=60)

    await world.send("Deaf.wait")

    assert (await world.failure()).message.endswith("and did not stop when it was told to")
    assert worker.runner._busy == 1
    deaf.go.set()
    await world.until(lambda: worker.runner._busy == 0)
