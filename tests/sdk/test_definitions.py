from abc import ABC, abstractmethod
from datetime import timedelta
from typing import Any, Protocol

import pytest

from leveret import ConfigurationError, workflow
from tests.sdk.shop import Booking, BookingContract, Cart, Decision


def test_an_implementation_has_the_name_of_its_contract() -> None:
    definition = workflow.definition_of(Booking)

    assert (definition.name, definition.version, definition.implemented) == ("Booking", 3, True)


def test_a_contract_is_a_definition_without_implementation() -> None:
    definition = workflow.definition_of(BookingContract)

    assert (definition.name, definition.implemented) == ("Booking", False)


def test_public_async_methods_are_methods_by_their_wire_names() -> None:
    methods = workflow.definition_of(Booking).methods

    assert {name: method.attribute for name, method in methods.items()} == {"book": "book", "undo": "take_back"}


def test_signatures_know_types_and_result() -> None:
    signature = workflow.definition_of(Booking).methods["book"].signature

    assert (dict(signature.types), signature.result) == ({"cart": Cart}, str)


def test_channels_come_from_attributes_and_from_annotations_of_the_contract() -> None:
    channels = workflow.definition_of(Booking).channels

    assert {name: (c.kind, c.buffered, c.attribute) for name, c in channels.items()} == {
        "decisions": (Decision, True, "decisions"),
        "notes": (str | int, True, "notes"),
        "onAir": (str, False, "live"),
    }


def test_a_channel_that_the_contract_only_annotates_can_be_used() -> None:
    @workflow.define
    class Short(BookingContract):
        async def book(self, cart: Cart) -> str:
            return self.notes.name

    channels = workflow.definition_of(Short).channels
    assert Short().notes.name == "notes"  # type: ignore[abstract]
    assert {name: channel.kind for name, channel in channels.items()} == {"decisions": Decision, "notes": str | int}


def test_a_method_keeps_the_wire_name_of_what_it_overrides() -> None:
    class Renamed(ABC):
        @workflow.method(name="wire")
        @abstractmethod
        async def old(self) -> None: ...

    @workflow.define
    class Implementation(Renamed):
        async def old(self) -> None: ...

    assert list(workflow.definition_of(Implementation).methods) == ["wire"]


def test_define_is_used_bare_and_with_arguments() -> None:
    @workflow.define
    class Bare:
        async def run(self) -> None: ...

    @workflow.define(name="Other", timeout=timedelta(minutes=1), check="strict")
    class Full:
        async def run(self) -> None: ...

    full = workflow.definition_of(Full)
    assert workflow.definition_of(Bare).name == "Bare"
    assert (full.name, full.timeout, full.check) == ("Other", 60.0, "strict")


def test_a_class_that_is_not_decorated_is_no_workflow() -> None:
    class Plain:
        async def run(self) -> None: ...

    with pytest.raises(ConfigurationError, match=r"decorate it with @workflow\.define"):
        workflow.definition_of(Plain)


def test_a_subclass_of_a_workflow_is_none_until_it_is_decorated() -> None:
    class Derived(Booking):
        pass

    with pytest.raises(ConfigurationError, match="Derived is not a workflow"):
        workflow.definition_of(Derived)


def test_an_undecorated_contract_goes_by_its_own_name() -> None:
    class Loose(Protocol):
        async def run(self) -> None: ...

    assert workflow.definition_of(Loose).name == "Loose"


def test_a_method_of_the_contract_that_is_not_defined_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="does not define book of its contract"):

        @workflow.define
        class Lazy(BookingContract):
            async def other(self) -> None: ...


def test_a_class_without_public_async_method_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="no public async method"):

        @workflow.define
        class Empty:
            def run(self) -> None: ...


def test_a_class_that_needs_arguments_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="without arguments"):

        @workflow.define
        class Needy:
            def __init__(self, url: str) -> None: ...
            async def run(self) -> None: ...


@pytest.mark.parametrize("options", [{"name": "a b"}, {"version": 0}, {"check": "all"}, {"timeout": -1}])
def test_wrong_options_are_refused(options: dict[str, Any]) -> None:
    class Good:
        async def run(self) -> None: ...

    with pytest.raises(ConfigurationError):
        workflow.define(**options)(Good)


def test_annotations_that_cannot_be_resolved_are_named() -> None:
    @workflow.define
    class Strange:
        async def run(self, x: "Nowhere") -> None: ...  # type: ignore[name-defined]  # noqa: F821

    signature = workflow.definition_of(Strange).methods["run"].signature
    with pytest.raises(ConfigurationError, match=r"Strange\.run\(\).*Nowhere"):
        _ = signature.types
