"""W: running a workflow."""

from leveret import service, workflow
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
