"""Schemas of others: AsyncAPI's own, and JSON Schema's."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

from jsonschema import Draft7Validator

HERE = Path(__file__).parent
FOLDER = HERE.parents[1] / "docs/schemas"
SCHEMAS: dict[str, Any] = {path.stem: json.loads(path.read_text()) for path in FOLDER.glob("*.json")}
VALIDATORS = {name: Draft7Validator(schema) for name, schema in SCHEMAS.items()}
"""Of the bodies of commands, replies and events."""


def wrong_in_document(document: Any) -> list[str]:
    """Return what AsyncAPI's schema says against a document."""
    official = json.loads(gzip.decompress((HERE / "asyncapi-3.0.0.json.gz").read_bytes()))
    return [f"{error.json_path}: {error.message[:200]}" for error in Draft7Validator(official).iter_errors(document)]


def validator(schema: dict[str, Any], document: dict[str, Any] | None = None) -> Draft7Validator:
    """Return what holds values against a schema, which may be a part of a document."""
    if document is not None:
        schema = {"allOf": [schema], "components": document["components"]}
    Draft7Validator.check_schema(schema)
    return Draft7Validator(schema)


def references(part: Any) -> set[str]:
    """Return all that a document refers to."""
    if isinstance(part, list):
        return {one for below in part for one in references(below)}
    if not isinstance(part, dict):
        return set()
    found = {part["$ref"]} if isinstance(part.get("$ref"), str) else set[str]()
    return found | {one for below in part.values() for one in references(below)}


def resolve(document: Any, reference: str) -> Any:
    """Return what a reference names; raises `KeyError`."""
    for word in reference.removeprefix("#/").split("/"):
        document = document[word]
    return document
