"""`package.module:attribute`, and what is wrong with it."""

import pytest

from leveret import ConfigurationError
from leveret_actors.config.reference import find, find_exception, find_service, find_workflow
from tests.config import shop

HERE = "tests.config.shop"


def test_a_reference_names_an_attribute_of_a_module() -> None:
    assert find(f"{HERE}:stock") is shop.stock
    assert find(f"{HERE}:Stock.reserve") is shop.Stock.reserve
    assert find_workflow(f"{HERE}:Order") is shop.Order
    assert find_exception(f"{HERE}:Refused") is shop.Refused
    assert find_exception("KeyError") is KeyError


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("shop", "write 'package.module:attribute'"),
        (":Order", "write 'package.module:attribute'"),
        ("nowhere.shop:Order", "no module 'nowhere'"),
        ("tests.config.shops:Order", "no module 'tests.config.shops'"),
        (f"{HERE}:Ordr", "has no Ordr; it defines .*Order, Picky"),
    ],
)
def test_what_is_wrong_with_a_reference_is_said(reference: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        find(reference)


@pytest.mark.parametrize("attribute", ["number", "stock", "Refused"])
def test_only_workflow_classes_are_workflows(attribute: str) -> None:
    with pytest.raises(ConfigurationError):
        find_workflow(f"{HERE}:{attribute}")


@pytest.mark.parametrize("attribute", ["Stock", "stock", "make_stock", "open_stock"])
def test_a_service_is_an_object_a_class_or_a_function_that_makes_one_later(attribute: str) -> None:
    assert find_service(f"{HERE}:{attribute}") is getattr(shop, attribute)


@pytest.mark.parametrize(
    ("attribute", "said"), [("Picky", "needs arguments"), ("number", "not a service: service int")]
)
def test_what_is_wrong_with_a_service_is_said(attribute: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        find_service(f"{HERE}:{attribute}")
