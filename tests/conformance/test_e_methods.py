"""E · called methods that failed: resumed while nothing else has gone on, else a clear answer."""

from __future__ import annotations

import pytest

from leveret import Handle, WorkflowFailed, workflow
from tests.conformance.house import DEADLINE, House
from tests.conformance.test_e_verbs import BrokenTill, Till


@workflow.define
class Account:
    till = workflow.service(Till)
    close = workflow.Channel[str]()
    mended = False

    def __init__(self) -> None:
        self.paid = 0

    async def run(self) -> int:
        await self.close.receive()
        return self.paid

    async def pay(self, amount: int) -> int:
        return await self.add(await self.till.pay(amount))

    async def add(self, amount: int) -> int:
        self.paid += amount
        return self.paid

    async def buggy(self) -> str:
        await workflow.timer(seconds=0)
        if not self.mended:
            raise ValueError("a bug")
        return "mended"


async def failed(house: House, method: str = "pay", *arguments: int) -> tuple[Handle[int], Handle[object]]:
    account = await house.start(Account, id="a", tags={"accounts"})
    call = await house.client.dispatch(getattr(house.client.get(Account, id="a"), method), *arguments)
    with pytest.raises(WorkflowFailed):
        await call.result(DEADLINE)
    return account, call


@pytest.mark.parametrize("by", ["id", "tag", "workflow"])
@pytest.mark.parametrize("evict", [False, True])
async def test_E06_the_retry_of_its_task_resumes_a_called_method(house: House, by: str, evict: bool) -> None:
    till = BrokenTill()
    await house.open(Account, Helper, services=(till,), evict=evict)
    account, call = await failed(house, "pay", 5)
    till.mended = True

    if by == "workflow":
        assert await house.call(Helper) == 1
    else:
        target = house.client.all(Account, tag="accounts") if by == "tag" else account
        assert (await house.client.retry_tasks(target, timeout=DEADLINE)).count == 1
    # By tag the answer is that it was sent.
    await house.described(account, lambda row: all(method["status"] != "failed" for method in row["methods"]))

    assert await call.result(DEADLINE) == 5
    await house.client.get(Account, id="a").close.send("now")
    assert await account.result(DEADLINE) == 5
    assert await call.result(DEADLINE) == 5
    assert till.calls == [("pay", 5, 0), ("pay", 5, 1)]


@workflow.define
class Helper:
    async def run(self) -> int:
        return (await workflow.retry_tasks(workflow.get(Account, id="a"))).count


async def test_E06_a_method_after_which_others_have_gone_on_is_called_again_instead(house: House) -> None:
    till = BrokenTill()
    await house.open(Account, services=(till,))
    account, _ = await failed(house, "pay", 5)
    user = house.client.get(Account, id="a")
    assert await user.add(1) == 1
    till.mended = True

    done = await house.client.retry_tasks(account, timeout=DEADLINE)

    assert done.count == 0
    assert done.text.endswith("which a rewind would take back; call it again")
    assert await user.pay(5) == 6
    await user.close.send("now")
    assert await account.result(DEADLINE) == 6


async def test_E07_the_retry_of_the_workflows_code_resumes_a_called_method(
    monkeypatch: pytest.MonkeyPatch, house: House
) -> None:
    await house.open(Account)
    account, call = await failed(house, "buggy")
    await house.stop()
    monkeypatch.setattr(Account, "mended", True)
    await house.resume()

    done = await house.client.retry_workflow_task(account, timeout=DEADLINE)

    assert (done.count, done.status) == (1, "running")
    assert await call.result(DEADLINE) == "mended"
    await house.client.get(Account, id="a").close.send("now")
    assert await account.result(DEADLINE) == 0
