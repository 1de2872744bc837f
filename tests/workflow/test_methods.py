"""P01, P04, E14, H06, H07: several methods of one instance at once."""

import asyncio
from typing import Any

from leveret import service, workflow
from leveret_actors.workflow import EngineSettings
from leveret_broker.address import MailboxQueue
from leveret_broker.envelope import (
    Answer,
    AwaitResult,
    Call,
    Cancel,
    ClientCaller,
    Ended,
    Envelope,
    WorkflowCaller,
)
from leveret_broker.ids import method_id
from leveret_broker.outcome import Cancelled, Completed, Failed, Outcome, TimedOut, Unknown
from tests.workflow.harness import CODEC, START, Driver, replies


@service.define(name="Shop")
class Shop:
    async def check(self) -> str:
        return "checked"


@workflow.define(name="Account")
class Account:
    shop = workflow.service(Shop)
    close = workflow.Channel[int]()
    inner = workflow.Channel[str]()

    def __init__(self) -> None:
        self.points = 0

    async def run(self) -> int:
        await self.close.receive()
        return self.points

    async def fails(self) -> None:
        await self.close.receive()
        raise ValueError("the main method failed")

    async def add(self, value: int) -> int:
        self.points += value
        return self.points

    async def add_later(self) -> str:
        text = await self.inner.receive()
        self.points += len(text)
        return text

    async def buy(self) -> str:
        return await self.shop.check()

    async def broken(self) -> None:
        await self.inner.receive()
        raise ValueError("broken")

    async def who(self) -> list[str]:
        async def inside() -> str:
            return workflow.info().method_id

        info = workflow.info()
        return [info.method, info.method_id, await asyncio.create_task(inside())]

    async def forgets(self) -> None:
        _ = self.shop.check()

    async def compensates(self) -> str:
        try:
            return await self.inner.receive()
        except asyncio.CancelledError:
            return await self.buy()


def call(driver: Driver, method: str, message_id: str, *, patient: bool = False, **arguments: Any) -> Envelope:
    caller = ClientCaller("client", message_id)
    return driver.envelope(Call(method, CODEC.dump(arguments), caller, patient), message_id=message_id)


def answers(driver: Driver, request: str) -> list[Outcome]:
    posted = [post.envelope for post in driver.posts if replies([post])]
    return [
        e.message.outcome
        for e in posted
        if isinstance(e, Envelope) and e.id == request and isinstance(e.message, Answer)
    ]


def value(driver: Driver, request: str) -> Any:
    [outcome] = answers(driver, request)
    assert isinstance(outcome, Completed), outcome
    return CODEC.load(outcome.value)


def test_P01_a_method_runs_beside_what_runs_and_shares_its_properties() -> None:
    driver = Driver(Account)
    driver.start()

    driver.turn(call(driver, "add_later", "c1"))
    driver.turn(call(driver, "add", "c2", value=5), call(driver, "add", "c3", value=2))
    driver.signal("inner", "abc")
    driver.signal("close", 1)

    assert (value(driver, "c2"), value(driver, "c3"), value(driver, "c1")) == (5, 7, "abc")
    assert (driver.status, driver.value) == ("completed", 10)


def test_P01_a_call_in_the_batch_of_the_start_runs_after_the_main_method_began() -> None:
    driver = Driver(Account)

    driver.turn(driver.start_envelope(), call(driver, "add", "c1", value=5))

    assert value(driver, "c1") == 5
    assert driver.status == "running"


def test_W15_the_method_that_asks_is_told_its_own_name_and_id_in_its_tasks_too() -> None:
    driver = Driver(Account)
    driver.start()

    driver.turn(call(driver, "who", "c1"))

    assert value(driver, "c1") == ["who", method_id("c1"), method_id("c1")]


def test_P04_the_main_method_answers_at_once_and_the_instance_closes_with_its_last_method() -> None:
    driver = Driver(Account)
    driver.start()
    driver.turn(call(driver, "add_later", "c1"))

    driver.signal("close", 1)
    told, status = len(driver.answers), driver.status
    driver.turn(call(driver, "add", "c2", value=4))
    driver.signal("inner", "abc")

    assert (told, status) == (1, "running")
    assert (driver.status, driver.value) == ("completed", 0)
    assert (value(driver, "c2"), value(driver, "c1")) == (4, "abc")


def test_arguments_that_do_not_fit_fail_that_call_only() -> None:
    driver = Driver(Account)
    driver.start()

    driver.turn(
        call(driver, "add", "c1", value="many"), call(driver, "nothing", "c2"), call(driver, "add", "c3", value=1)
    )

    [mismatch], [missing] = answers(driver, "c1"), answers(driver, "c2")
    assert isinstance(mismatch, Failed)
    assert "add" in mismatch.failure.message
    assert isinstance(missing, Failed)
    assert "has no method 'nothing'" in missing.failure.message
    assert value(driver, "c3") == 1


def test_a_failure_that_escapes_a_method_fails_its_callers_and_the_others_go_on() -> None:
    driver = Driver(Account)
    driver.start()
    driver.turn(call(driver, "broken", "c1"), call(driver, "add_later", "c2"))

    driver.signal("inner", "x")
    driver.signal("inner", "abc")
    driver.signal("close", 1)

    [failed] = answers(driver, "c1")
    assert isinstance(failed, Failed)
    assert failed.failure.message == "broken"
    assert failed.failure.where["method_id"] == method_id("c1")
    assert value(driver, "c2") == "abc"
    assert driver.value == 3


def test_a_call_that_a_method_does_not_await_fails_that_method_only() -> None:
    driver = Driver(Account)
    driver.start()

    driver.turn(call(driver, "forgets", "c1"), call(driver, "buy", "c2"))
    driver.end(2, "checked")

    [failed] = answers(driver, "c1")
    assert isinstance(failed, Failed)
    assert "without having awaited" in failed.failure.message
    assert value(driver, "c2") == "checked"


def test_E14_cancelling_one_method_leaves_the_others() -> None:
    driver = Driver(Account)
    driver.start()
    driver.turn(call(driver, "add_later", "c1"), call(driver, "buy", "c2"))

    driver.cancel(method=method_id("c2"), reason="enough")
    driver.signal("inner", "abc")
    driver.cancel(method="main")

    assert answers(driver, "c2") == [
        Cancelled(
            {"workflow": "Account", "instance": "i", "method": "buy", "method_id": method_id("c2"), "reason": "enough"}
        )
    ]
    assert driver.revoked == [f"{driver.run}.3"]
    assert value(driver, "c1") == "abc"
    assert driver.status == "cancelled"


def test_E14_a_cancelled_method_may_go_on_to_compensate() -> None:
    driver = Driver(Account)
    driver.start()
    driver.turn(call(driver, "compensates", "c1"))

    driver.cancel()
    driver.end(3, "checked")

    assert value(driver, "c1") == "checked"
    assert driver.status == "cancelled"


def test_E14_cancelling_the_instance_cancels_all_methods() -> None:
    driver = Driver(Account)
    driver.start()
    driver.turn(call(driver, "add_later", "c1"), call(driver, "buy", "c2"))

    driver.cancel()

    assert [type(outcome) for request in ("c1", "c2") for outcome in answers(driver, request)] == [Cancelled, Cancelled]
    assert driver.status == "cancelled"


def test_the_workflow_timeout_covers_the_methods_too() -> None:
    driver = Driver(Account)
    driver.start(timeout=60.0)
    driver.turn(call(driver, "add_later", "c1"))
    driver.signal("close", 1)

    driver.advance(60)

    assert [type(outcome) for outcome in answers(driver, "c1")] == [TimedOut]
    assert (driver.status, driver.timers) == ("completed", [])


def test_a_failed_instance_stands_still_and_cancelling_it_tells_all_that_wait() -> None:
    driver = Driver(Account)
    driver.start(method="fails")
    driver.turn(call(driver, "add_later", "c1"))
    driver.signal("close", 1)

    driver.turn(call(driver, "add", "c2", value=1))
    status, told = driver.status, (answers(driver, "c1"), answers(driver, "c2"))
    driver.cancel()

    assert (status, told) == ("failed", ([], []))
    assert [type(outcome) for request in ("c1", "c2") for outcome in answers(driver, request)] == [Cancelled, Cancelled]
    assert driver.status == "cancelled"


def test_the_same_call_twice_runs_once_and_answers_each_time() -> None:
    driver = Driver(Account, settings=EngineSettings())
    driver.start()

    driver.turn(call(driver, "add", "c1", value=5), call(driver, "add", "c1", value=5))
    driver.turn(call(driver, "add", "c1", value=5))
    driver.signal("close", 1)
    driver.turn(call(driver, "add", "c1", value=5))

    assert {CODEC.load(outcome.value) for outcome in answers(driver, "c1") if isinstance(outcome, Completed)} == {5}
    assert len(answers(driver, "c1")) == 3
    assert driver.value == 5


def test_a_second_caller_of_the_same_call_is_answered_as_well() -> None:
    driver = Driver(Account)
    driver.start()
    driver.turn(call(driver, "add_later", "c1"))

    other = Call("add_later", CODEC.dump({}), ClientCaller("other", "r"))
    driver.send(other, message_id="c1")
    driver.signal("inner", "abc")

    assert (value(driver, "c1"), value(driver, "r")) == ("abc", "abc")


def test_the_result_of_a_method_can_be_awaited_while_it_runs_when_it_ended_and_after_the_instance_closed() -> None:
    driver = Driver(Account)
    driver.start()
    driver.turn(call(driver, "add_later", "c1"))
    method = method_id("c1")

    driver.send(AwaitResult(ClientCaller("client", "running"), method))
    driver.signal("inner", "abc")
    driver.send(AwaitResult(ClientCaller("client", "ended"), method))
    driver.signal("close", 1)
    driver.send(AwaitResult(ClientCaller("client", "closed"), method))
    driver.send(AwaitResult(ClientCaller("client", "never"), method_id("never")))

    assert [value(driver, request) for request in ("running", "ended", "closed")] == ["abc"] * 3
    assert [type(outcome) for outcome in answers(driver, "never")] == [Unknown]


def test_H07_a_call_finds_nobody_where_nothing_was_started_and_where_all_is_over() -> None:
    driver = Driver(Account)
    before = call(driver, "add", "c1", value=1)

    driver.turn(before)
    driver.start()
    driver.cancel()
    driver.turn(call(driver, "add", "c2", value=1))

    assert answers(driver, "c1") == [Unknown({"workflow": "Account", "instance": "i", "method": "add"})]
    [closed] = answers(driver, "c2")
    assert isinstance(closed, Unknown)
    assert closed.where["reason"] == "it is cancelled"


def test_H06_a_call_from_another_workflow_is_answered_as_a_command_of_it() -> None:
    driver = Driver(Account)
    driver.start()
    queue = MailboxQueue("Other", 3)

    driver.send(Call("add", CODEC.dump({"value": 5}), WorkflowCaller(queue, "o", "run-o", 4)))

    [post] = [post for post in driver.posts if post.to == queue]
    assert isinstance(post.envelope, Envelope)
    assert (post.envelope.actor, post.envelope.run) == ("o", "run-o")
    assert post.envelope.message == Ended(4, Completed(CODEC.dump(5)))


def test_P03_a_patient_call_waits_for_the_start_and_is_refused_when_none_comes() -> None:
    started, alone = Driver(Account), Driver(Account)

    started.turn(call(started, "add", "c1", patient=True, value=5))
    started.start()
    alone.turn(call(alone, "add", "c1", patient=True, value=5))
    alone.advance(60)

    assert value(started, "c1") == 5
    assert [type(outcome) for outcome in answers(alone, "c1")] == [Unknown]
    assert not alone.store.there


def test_methods_see_the_time_of_their_turn_and_keep_their_order_when_evicted() -> None:
    driver = Driver(Account, evict=True)
    driver.start()

    for number in range(5):
        driver.clock = START + number
        driver.turn(call(driver, "add", f"c{number}", value=number), call(driver, "add_later", f"l{number}"))
        driver.signal("inner", "x")

    driver.signal("close", 1)
    assert driver.value == 15


def test_cancelling_an_ended_or_unknown_method_changes_nothing() -> None:
    driver = Driver(Account)
    driver.start()
    driver.turn(call(driver, "add", "c1", value=5))

    driver.send(Cancel(method_id("c1")))
    driver.send(Cancel(method_id("never")))
    driver.signal("close", 1)

    assert (driver.status, driver.value) == ("completed", 5)
