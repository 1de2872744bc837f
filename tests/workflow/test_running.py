"""W: running a workflow."""

from leveret import service, workflow
from leveret_broker.address import ServiceQueue
from leveret_broker.envelope import WorkflowCaller
from leveret_broker.outcome import Completed
from tests.workflow.harness import CODEC, Driver


@service.define(name="Math")
class Maths:
    async def add(self, a: int, b: int) -> int:
        return a + b

    async def double(self, a: int) -> int:
        return 2 * a


@workflow.define(name="Two")
class Two:
    maths = workflow.service(Maths)

    async def run(self, n: int) -> int:
        first = await self.maths.double(n)
        return await self.maths.add(first, n)


@workflow.define(name="Long")
class Long:
    maths = workflow.service(Maths)

    async def run(self) -> int:
        total = 0
        for n in range(1000):
            total += await self.maths.double(n)
        return total


@workflow.define(name="Nothing")
class Nothing:
    async def run(self) -> None:
        return None


def test_W01_a_workflow_that_awaits_nothing_completes_with_its_result() -> None:
    driver = Driver(Nothing)

    driver.start()

    assert driver.status == "completed"
    assert driver.value is None
    assert driver.answers == [Completed(CODEC.dump(None))]


def test_W02_each_task_sees_the_result_before_it() -> None:
    driver = Driver(Two)

    driver.start(n=3)
    assert driver.task_names == ["double"]
    driver.end(1, 6)
    assert driver.task_names == ["double", "add"]
    driver.end(2, 9)

    assert CODEC.load(driver.tasks[1].arguments) == {"a": 6, "b": 3}
    assert driver.value == 9


def test_S04_a_task_carries_everything_its_worker_needs_under_derived_ids() -> None:
    driver = Driver(Two)
    turn = driver.start(n=3)
    (post,) = [post for post in turn.posts if post.to == ServiceQueue("Math")]
    (task,) = driver.tasks

    assert not isinstance(post.envelope, bytes)
    assert post.envelope.id == task.task_id == f"{driver.run}.1"
    assert (task.service, task.workflow, task.instance, task.run) == ("Math", "Two", "i", driver.run)
    assert task.caller == WorkflowCaller(driver.queue, "i", driver.run, 1, "Two", "run")


def test_a_result_delivered_twice_counts_once() -> None:
    driver = Driver(Two)
    driver.start(n=3)

    driver.turn(driver.ended(1, 6), driver.ended(1, 6))
    assert driver.end(1, 6).write is None
    driver.end(2, 9)

    assert driver.task_names == ["double", "add"]
    assert driver.value == 9


def test_a_live_instance_is_kept_and_a_closed_one_is_not() -> None:
    driver = Driver(Two)

    assert driver.start(n=3).live is not None
    driver.end(1, 6)
    last = driver.end(2, 9)

    assert last.live is None
    assert last.write is not None
    assert last.write.closed
    assert last.write.expires == driver.clock + 86_400


def test_a_turn_costs_what_is_new_not_what_has_been() -> None:
    driver = Driver(Long)
    driver.start()
    turn = driver.turns[0]
    assert turn.write is not None
    first = len(turn.write.state)

    for number in range(1, 60):
        turn = driver.end(number, 1)

    assert turn.write is not None
    assert len(turn.write.append) == 1
    assert len(turn.write.state) < first + 16
    assert len(driver.live.instance.loop.open_tasks()) == 1
    assert len(driver.live.instance.operations.pending) == 1
