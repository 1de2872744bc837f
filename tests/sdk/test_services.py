import asyncio
import threading
from typing import Any, Protocol

import pytest

from leveret import ConfigurationError, NotInTask, Retry, service
from tests.sdk.shop import Cart, Hotel, Taxi


class Hotels(Hotel):
    @service.task(retry=Retry(attempts=3), timeout=30)
    async def book(self, cart: Cart) -> str:
        return f"{cart.rooms} rooms"

    @service.task
    def cancel(self, reservation: str) -> None: ...

    async def close(self) -> None:
        """A helper: the contract does not have it."""


def test_an_implementation_serves_its_contract_and_nothing_else() -> None:
    definition = service.instance(Hotels()).definition

    assert definition.name == "Hotel"
    assert list(definition.tasks) == ["book", "cancel"]


def test_tasks_know_their_policy_timeout_and_kind() -> None:
    tasks = service.instance(Hotels).definition.tasks

    assert (tasks["book"].retry, tasks["book"].timeout, tasks["book"].sync) == (Retry(attempts=3), 30.0, False)
    assert (tasks["cancel"].retry, tasks["cancel"].timeout, tasks["cancel"].sync) == (None, 0.0, True)


async def test_functions_are_bound() -> None:
    functions = service.instance(Hotels()).functions

    assert await functions["book"](Cart(2)) == "2 rooms"


def test_a_policy_of_the_method_is_stronger_than_one_of_the_class() -> None:
    weak, strong = Retry(attempts=2), Retry(attempts=5)

    @service.define(name="Mailer", retry=weak, timeout=9, concurrency=4)
    class Mail:
        async def send(self) -> None: ...
        @service.task(name="wire", retry=strong, timeout=1)
        async def receive(self) -> None: ...

    definition = service.definition_of(Mail)
    assert (definition.name, definition.concurrency) == ("Mailer", 4)
    assert {n: (t.retry, t.timeout) for n, t in definition.tasks.items()} == {"send": (weak, 9.0), "wire": (strong, 1)}


def test_names_of_the_contract_are_kept_by_the_implementation() -> None:
    @service.define(name="Wire")
    class Contract(Protocol):
        @service.task(name="takeIt")
        async def take(self) -> None: ...

    class Implementation(Contract):
        @service.task(timeout=3)
        async def take(self) -> None: ...

    definition = service.instance(Implementation()).definition
    assert (definition.name, list(definition.tasks)) == ("Wire", ["takeIt"])
    assert definition.tasks["takeIt"].timeout == 3


def test_a_function_of_the_contract_that_is_not_defined_is_refused() -> None:
    class Half(Hotel):
        async def book(self, cart: Cart) -> str:
            return ""

    with pytest.raises(ConfigurationError, match="does not define cancel of Hotel"):
        service.instance(Half())  # type: ignore[abstract]


def test_a_sync_function_without_mark_is_refused() -> None:
    class Plain:
        def run(self) -> None: ...

    with pytest.raises(ConfigurationError, match=r"Plain\.run is not async: mark it with @service\.task"):
        service.instance(Plain())


def test_a_task_that_the_contract_lacks_is_refused() -> None:
    class Typo(Hotels):
        @service.task
        async def boook(self, cart: Cart) -> str:
            return ""

    with pytest.raises(ConfigurationError, match="marked as a task, but Hotel does not have it"):
        service.instance(Typo())


def test_parameters_that_do_not_fit_the_contract_are_refused() -> None:
    class Other(Taxi):
        async def call(self, road: str) -> int:  # pyright: ignore[reportIncompatibleMethodOverride]
            return 1

    with pytest.raises(ConfigurationError, match=r"\['street'\] are missing, \['road'\] are not in the contract"):
        service.instance(Other())


def test_two_contracts_are_refused() -> None:
    class Both(Hotels, Taxi):
        async def call(self, street: str) -> int:
            return 1

    with pytest.raises(ConfigurationError, match="has two contracts"):
        service.instance(Both())


@pytest.mark.parametrize("wrong", [Hotel, Taxi])
def test_a_contract_cannot_be_registered(wrong: Any) -> None:
    with pytest.raises(ConfigurationError, match="is a contract"):
        service.instance(wrong)


def test_a_class_that_needs_arguments_is_registered_as_an_object() -> None:
    class Needy:
        def __init__(self, url: str) -> None: ...
        async def run(self) -> None: ...

    with pytest.raises(ConfigurationError, match="register an object"):
        service.instance(Needy)
    assert service.instance(Needy("url")).definition.name == "Needy"


def test_an_unusable_name_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="not usable as a name"):
        service.define(name="no spaces")(Hotels)


def test_there_is_no_context_outside_of_a_task() -> None:
    with pytest.raises(NotInTask):
        service.context()


async def test_the_context_is_there_in_async_and_sync_functions() -> None:
    context = service.TaskContext(task_id=service.TaskId("r.1"), service="Hotel", task="book")
    token = service.current_task.set(context)

    assert service.context() is context
    assert await asyncio.to_thread(service.context) is context
    service.current_task.reset(token)


def test_stopping_raises_the_flag_and_calls_back_once() -> None:
    context = service.TaskContext(task_id=service.TaskId("r.1"), service="Hotel", task="book")
    called = threading.Semaphore(0)
    context.on_cancel(called.release)
    assert not context.stopping

    context.stop(timed_out=True)
    context.stop(timed_out=False)

    assert (context.timed_out, context.cancelled) == (True, True)
    assert called.acquire(blocking=False)
    assert not called.acquire(blocking=False)


def test_a_callback_that_comes_late_is_called_at_once_and_one_that_fails_is_reported() -> None:
    context = service.TaskContext(task_id=service.TaskId("r.1"), service="Hotel", task="book")
    empty: list[int] = []
    context.on_cancel(empty.clear)
    context.on_cancel(lambda: print(empty[0]))

    errors = context.stop(timed_out=False)
    late: list[int] = []
    context.on_cancel(lambda: late.append(1))

    assert [type(error) for error in errors] == [IndexError]
    assert late == [1]
