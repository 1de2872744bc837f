"""Python types as JSON Schema, draft 7: the dialect that every reader of AsyncAPI documents takes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple, TypeAlias, cast

import msgspec

from leveret_broker.codec import is_registered

Schema: TypeAlias = dict[str, Any]

DIALECT: Final = "http://json-schema.org/draft-07/schema#"
COMPONENTS: Final = "#/components/schemas/{name}"
"""Where an AsyncAPI document has them."""

_ANYTHING: Final = {"description": "Anything."}
_COMPLEX: Final = {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2}
_MAPS: Final = frozenset({"properties", "patternProperties", "$defs", "definitions"})
"""Keywords whose value maps names to schemas."""
_DATA: Final = frozenset({"default", "const", "enum", "examples", "example", "required"})
"""Keywords whose value is no schema."""


class _Wanted(NamedTuple):
    kind: Any
    schema: Schema
    """Empty until all types are known: how a class is named depends on the others."""
    without: frozenset[str]


class Schemas:
    """The schemas of one document.

    schemas = Schemas()
    payload = {"properties": {"order": schemas.of(Order, "Shop.run")}}
    components = schemas.finish()       # now `payload` is whole
    """

    def __init__(self, ref: str = COMPONENTS) -> None:
        """Have schemas refer to each other by `ref`."""
        self._ref = ref
        self._wanted: list[_Wanted] = []
        self._components: dict[str, Schema] = {}
        self._unknown: dict[str, str] = {}

    @property
    def notes(self) -> list[str]:
        """What has no schema, and where it was met first."""
        return [f"{where}: {text}" for text, where in self._unknown.items()]

    def of(self, kind: Any, where: str, *, without: Iterable[str] = ()) -> Schema:
        """Return the schema of a type expression, to be filled by `finish`; of what has none, one that takes anything.

        `without` are fields that are never written.
        """
        schema: Schema = {}
        unknown = len(self._unknown)
        try:
            msgspec.json.schema_components([kind], schema_hook=self._custom, ref_template=self._ref)
        except Exception as error:
            self._unknown.setdefault(f"{kind!r} has no JSON Schema: {error}", where)
            return {"description": f"No schema is known of {kind!r}."}
        for text in list(self._unknown)[unknown:]:
            self._unknown[text] = where
        self._wanted.append(_Wanted(kind, schema, frozenset(without)))
        return schema

    def add(self, name: str, schema: Schema) -> Schema:
        """Give a schema a name, and return a reference to it."""
        self._components[name] = schema
        return {"$ref": self._ref.format(name=name)}

    def finish(self) -> dict[str, Schema]:
        """Fill what `of` returned, and return all that has a name."""
        kinds = [one.kind for one in self._wanted]
        found, components = msgspec.json.schema_components(kinds, schema_hook=self._custom, ref_template=self._ref)
        for wanted, schema in zip(self._wanted, found, strict=True):
            wanted.schema.update(draft7(schema))
            if wanted.without:
                named = components[str(schema["$ref"]).rpartition("/")[2]]
                for name in wanted.without:
                    named["properties"].pop(name, None)
        self._components |= {name: draft7(schema) for name, schema in components.items()}
        return dict(sorted(self._components.items()))

    def _custom(self, kind: type) -> Schema:
        """Return the schema of a class that msgspec does not know."""
        if kind is object:
            return dict(_ANYTHING)
        if not is_registered(kind):
            if kind is complex:
                return dict(_COMPLEX)
            if hasattr(kind, "model_json_schema"):
                return self._pydantic(kind)
        return self._without_schema(kind, "it is taken as it comes")

    def _pydantic(self, kind: Any) -> Schema:
        name = re.sub(r"[^\w.-]", "_", f"{kind.__module__}.{kind.__qualname__}")
        if name not in self._components:
            try:
                schema: Schema = kind.model_json_schema(ref_template=self._ref.replace("{name}", name + ".{model}"))
            except Exception as error:
                return self._without_schema(kind, str(error))
            parts: dict[str, Schema] = schema.pop("$defs", {})
            self._components[name] = draft7(schema)
            self._components |= {f"{name}.{part}": draft7(below) for part, below in parts.items()}
        return {"$ref": self._ref.format(name=name)}

    def _without_schema(self, kind: type, why: str) -> Schema:
        name = f"{kind.__module__}.{kind.__qualname__}"
        self._unknown.setdefault(f"{name} has no JSON Schema: {why}", "")
        return {"description": f"No schema is known of {name}."}


def draft7(schema: Any) -> Any:
    """Return a schema of a later draft, as msgspec and pydantic write it, in the words of draft 7."""
    if isinstance(schema, list):
        return [draft7(one) for one in schema]  # pyright: ignore[reportUnknownVariableType]
    if not isinstance(schema, dict):
        return schema
    found: Schema = {}
    for key, value in cast("Schema", schema).items():
        if value is msgspec.UNSET:  # what may be left out has no default then
            continue
        if key in _DATA:
            found[key] = value
        elif key in _MAPS:
            found[key] = {name: draft7(below) for name, below in cast("Mapping[str, Any]", value).items()}
        elif key != "discriminator":  # of OpenAPI; the alternatives tell themselves apart
            found[key] = draft7(value)
    if "prefixItems" in found:
        more, first = found.pop("items", None), found.pop("prefixItems")
        found |= {"items": first} if first else {}
        found |= {} if more is None or not first else {"additionalItems": more}
    if found.get("required") == []:
        del found["required"]
    if "$ref" in found and len(found) > 1:  # beside it draft 7 reads nothing
        found = {"allOf": [{"$ref": found.pop("$ref")}], **found}
    return found
