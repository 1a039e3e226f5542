"""What is wrong with a value of a descriptor, in the words of a person who writes YAML.

Belongs here: sentences in place of pydantic's, which name types of Python. Does not belong here: lines of the file and
fixes, and texts that must match a pattern (see `parser`); rules that a part checks itself, which are sentences already.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic_core import ErrorDetails

_MAX_SHOWN = 60
"""Letters of a value that a message shows."""

_KINDS: Mapping[str, str] = {
    "bool": "true or false",
    "decimal": "a number, such as 0.01",
    "int": "a whole number",
    "string": "a text",
}
"""What is expected, by the beginning of the type of an error."""


def plain_message(detail: ErrorDetails, keys: Sequence[str]) -> str:
    """Return what was expected of a value and what was found.

    Args:
        detail: pydantic's finding.
        keys: those that the part may have, if the value should be a mapping of known keys.
    """
    if detail["type"] == "missing":
        return "is missing"
    expected = _expected(detail, keys)
    if not expected:
        return str(detail["msg"]).removeprefix("Value error, ")
    return f"expected {expected}, found {_found(detail['input'])}"


def _expected(detail: ErrorDetails, keys: Sequence[str]) -> str:
    """Return what is expected; empty for a message that is a sentence of ours, or of a kind that is not known."""
    kind, context = detail["type"], detail.get("ctx", {})
    if kind.startswith("model"):
        return f"some of the keys {', '.join(keys)}, each with a value"
    limits = {
        "literal_error": "{expected}",
        "dict_type": "keys, each with a value",
        "list_type": "a list, whose items begin with `-` or are between [ and ]",
        "greater_than": "a number above {gt}",
        "greater_than_equal": "a number from {ge}",
        "less_than": "a number below {lt}",
        "less_than_equal": "a number up to {le}",
        "string_too_short": "at least {min_length} character(s)",
        "string_too_long": "at most {max_length} character(s)",
        "too_short": "at least {min_length} item(s)",
        "too_long": "at most {max_length} item(s)",
    }
    if kind in limits:
        return _count(limits[kind].format(**context))
    return next((words for beginning, words in _KINDS.items() if kind.startswith(f"{beginning}_")), "")


def _count(text: str) -> str:
    """Return a text with the singular or the plural of what it counts."""
    return text.replace("(s)", "" if " 1 " in text else "s")


def _found(value: object) -> str:
    if isinstance(value, Mapping):
        return "keys"
    if isinstance(value, list):
        return "a list" if value else "an empty list"
    text = "" if value is None else str(value)
    return repr(text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…") if text else "nothing"
