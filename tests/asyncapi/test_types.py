"""Schemas of later drafts become schemas of draft 7 that mean the same."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict

from leveret_actors.asyncapi.types import Schemas, draft7

TEXT, NUMBER = {"type": "string"}, {"type": "number"}


@pytest.mark.parametrize(
    ("later", "earlier"),
    [
        ({"prefixItems": [TEXT], "items": False}, {"items": [TEXT], "additionalItems": False}),
        ({"prefixItems": [TEXT], "items": NUMBER}, {"items": [TEXT], "additionalItems": NUMBER}),
        ({"prefixItems": [], "maxItems": 0}, {"maxItems": 0}),
        ({"$ref": "#/a", "default": 1}, {"allOf": [{"$ref": "#/a"}], "default": 1}),
        ({"$ref": "#/a"}, {"$ref": "#/a"}),
        ({"anyOf": [{"items": TEXT}], "discriminator": {"propertyName": "kind"}}, {"anyOf": [{"items": TEXT}]}),
        (
            {"properties": {"prefixItems": TEXT, "discriminator": TEXT}, "required": []},
            {"properties": {"prefixItems": TEXT, "discriminator": TEXT}},
        ),
        ({"default": {"prefixItems": [1], "discriminator": 1}}, {"default": {"prefixItems": [1], "discriminator": 1}}),
    ],
    ids=str,
)
def test_keywords_are_translated_and_data_is_left_alone(later: dict[str, Any], earlier: dict[str, Any]) -> None:
    assert draft7(later) == earlier


def test_two_classes_of_one_name_are_told_apart() -> None:
    class Order(BaseModel):
        model_config = ConfigDict(title="first")

    first, Order.__qualname__ = Order, "Order"

    class Other(BaseModel):
        model_config = ConfigDict(title="second")

    Other.__module__, Other.__qualname__ = "elsewhere", "Order"
    schemas = Schemas()
    one, two = schemas.of(first, "one"), schemas.of(list[Other], "two")

    found = schemas.finish()

    assert found[one["$ref"].rpartition("/")[2]]["title"] == "first"
    assert found[two["items"]["$ref"].rpartition("/")[2]]["title"] == "second"


def test_what_msgspec_refuses_is_anything_and_told() -> None:
    schemas = Schemas()

    found = schemas.of(memoryview | list[set[int] | frozenset[str]], "here")

    schemas.finish()
    assert set(found) == {"description"}
    [note] = schemas.notes
    assert note.startswith("here: ")
    assert "has no JSON Schema" in note
