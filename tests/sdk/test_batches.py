"""Batched functions: what their contract and their annotations must say, and what is refused."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Protocol

import pytest

from leveret import ConfigurationError, NotInTask, service
from leveret.service import Call, TaskId
from leveret.service.batching import BatchSignature
from leveret_broker.codec import Codec


class Hotel(Protocol):
    async def book(self, cart: int, /) -> str: ...


class Hotels(Hotel):
    @service.batch(max=7, seconds=timedelta(seconds=2))
    async def book(self, calls: dict[TaskId, Call[int]]) -> dict[TaskId, str | Exception]:
        return {task_id: str(call.argument) for task_id, call in calls.items()}


class Trains:
    @service.batch(name="ride")
    def book(self, calls: dict[TaskId, Call[str]]) -> None: ...


def test_a_batch_implements_the_single_call_of_its_contract() -> None:
    task = service.instance(Hotels).definition.tasks["book"]

    assert task.batching is not None
    assert (task.batching.max, task.batching.seconds, task.sync) == (7, 2.0, False)
    assert (task.signature.types, task.signature.result) == ({"call": int}, str)


def test_without_a_contract_the_single_call_is_read_off_the_batch() -> None:
    task = service.definition_of(Trains).tasks["ride"]
    codec = Codec()

    payload = task.signature.dump(codec, ("x",), {})

    assert isinstance(task.signature, BatchSignature)
    assert task.signature.load_argument(codec, payload) == "x"
    assert (task.sync, task.signature.has_results) == (True, False)


class Named(Protocol):
    async def book(self, cart: int) -> None: ...


class NamedHotels(Named):
    @service.batch()
    async def book(self, calls: dict[TaskId, Call[int]]) -> None: ...  # pyright: ignore[reportIncompatibleMethodOverride]


class Many(Protocol):
    async def book(self, cart: int, price: int, /) -> None: ...


class ManyHotels(Many):
    @service.batch()
    async def book(self, calls: dict[TaskId, Call[int]]) -> None: ...  # type: ignore[override]


class Other(Protocol):
    async def book(self, cart: str, /) -> None: ...


class OtherHotels(Other):
    @service.batch()
    async def book(self, calls: dict[TaskId, Call[int]]) -> None: ...  # type: ignore[override]


class Plain:
    @service.batch()  # type: ignore[arg-type]
    async def book(self, calls: list[int]) -> None: ...


@pytest.mark.parametrize("cls", [NamedHotels, ManyHotels])
def test_a_contract_that_does_not_take_exactly_one_position_only_argument_is_refused(cls: type[Any]) -> None:
    with pytest.raises(ConfigurationError, match=r"exactly one position-only argument, as in `async def book\(self,"):
        service.instance(cls)


def test_a_contract_for_another_type_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"Call\[<class 'int'>\], but its contract takes <class 'str'>"):
        service.instance(OtherHotels)


def test_a_function_that_does_not_take_calls_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"must be annotated `dict\[TaskId, Call\[...\]\]`"):
        service.instance(Plain)


@pytest.mark.parametrize("wrong", [{"max": 0}, {"seconds": -1}, {"timeout": 0}, {"name": "a b"}])
def test_numbers_and_names_that_cannot_be_used_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        service.batch(**wrong)


def test_in_a_batch_there_is_no_single_context() -> None:
    with pytest.raises(NotInTask, match="in a batch, each call is its context"):
        service.context()
