"""The JSON Schema of a descriptor, which an editor completes, explains and checks keys with.

Belongs here: how pydantic's schema becomes one for YAML that people write. Does not belong here: keys and their
descriptions (see the modules of the parts), the same as a page (`finance_platform_tests/feed_reference.py`).

An editor sees fewer mistakes than the parser: JSON Schema cannot compare one part of a descriptor with another.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache
from typing import Any

from finance_platform.feeds.descriptor.columns import FIELD_DESCRIPTIONS, FIELDS
from finance_platform.feeds.descriptor.feed import FeedDescriptor

SCHEMA_FILE = "feed.schema.json"
"""The name of the file beside a home's descriptors."""

SCHEMA_COMMENT = f"# yaml-language-server: $schema={SCHEMA_FILE}"
"""The first line of a descriptor from which editors find its schema, a path relative to the descriptor."""

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_NAMED_BY_FIELDS = {"columns": "Column", "constants": "Constant"}
"""Mappings whose keys are fields, and the definition of their values."""


def descriptor_schema() -> dict[str, Any]:
    """Return the JSON Schema of a descriptor, draft 2020-12."""
    schema = FeedDescriptor.model_json_schema(by_alias=True)
    names = list(dict.fromkeys(name for kind in FIELDS for name in FIELDS[kind]))
    for part, definition in _NAMED_BY_FIELDS.items():
        mapping, value = schema["properties"][part], {"$ref": f"#/$defs/{definition}"}
        schema["$defs"][definition] = mapping["additionalProperties"]
        mapping["additionalProperties"] = value
        mapping["properties"] = {name: {**value, "description": FIELD_DESCRIPTIONS[name]} for name in names}
        mapping["propertyNames"] = {"enum": names}
    return {"$schema": _DIALECT, **_for_yaml(schema), "title": "Feed descriptor"}


@cache
def schema_text() -> str:
    """Return the JSON Schema as the text of its file."""
    return json.dumps(descriptor_schema(), indent=2, ensure_ascii=False) + "\n"


def _for_yaml(schema: Any) -> Any:
    """Return a schema without generated titles, that takes a number or a word such as `yes` where a text is expected.

    The parser takes every value as text; YAML, as editors read it, makes a number of `0010`.
    """
    if isinstance(schema, list):
        return [_for_yaml(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    parts = {name: part for name, part in schema.items() if not _is_left_out(name, part)}
    for name, part in parts.items():
        if name in {"properties", "$defs"}:
            parts[name] = {key: _for_yaml(value) for key, value in part.items()}
        elif name not in {"default", "enum", "const", "required"}:
            parts[name] = _for_yaml(part)
    if "anyOf" in parts:
        _simplify_alternatives(parts)
    if parts.get("type") == "string" and not {"enum", "const"} & parts.keys():
        parts["type"] = ["string", "number", "boolean"]
    return parts


def _is_left_out(name: str, part: Any) -> bool:
    return (name == "title" and isinstance(part, str)) or (name == "default" and part in (None, "", [], {}))


def _simplify_alternatives(schema: dict[str, Any]) -> None:
    """Remove null, which no value of a descriptor is: a key that is not needed is left out."""
    alternatives = _distinct(part for part in schema["anyOf"] if part != {"type": "null"})
    if len(alternatives) == 1:
        del schema["anyOf"]
        schema |= {name: part for name, part in alternatives[0].items() if name not in schema}
    else:
        schema["anyOf"] = alternatives


def _distinct(parts: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return list({json.dumps(part, sort_keys=True): part for part in parts}.values())
