"""What is wrong with the value of a setting, in a sentence: what is expected and what was found.

Belongs here: words in place of pydantic's, which name types of Python and regular expressions. Does not belong here:
which settings exist (see `settings`), where one was set (see `setting_sources`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from annotated_types import Ge, Gt, Le
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

_PARTS_WITH_SECRETS = re.compile("[@?#]|://.*;")
_KINDS: Mapping[str, tuple[str, str]] = {
    "bool": ("true or false", ""),
    "date": ("a day as YYYY-MM-DD", ", such as 2025-06-30"),
    "decimal": ("a number", " with at most two decimals and no marks between its digits, such as 25000.00"),
    "int": ("a whole number", ""),
    "float": ("a number", ""),
    "finite_number": ("a number", ""),
}
"""What is expected, by the beginning of the type of an error: before the range of the setting, and behind it."""
_BOUNDS = ("greater_than", "less_than")
_FORMS: Mapping[str, str] = {
    "currency": "three capital letters of ISO 4217, such as USD",
    "actuals_through": "a period as YYYY-MM, such as 2025-06",
    "redshift_schema": "small letters, digits and `_`, beginning with no digit",
    "failures_topic_arn": "the ARN of an SNS topic, such as arn:aws:sns:eu-central-1:123456789012:failures",
    "anomalies_topic_arn": "the ARN of an SNS topic, such as arn:aws:sns:eu-central-1:123456789012:anomalies",
}
"""What is expected of a setting whose pattern no reader can be expected to know."""


def describe_value(error: ErrorDetails, field: FieldInfo) -> str:
    """Return what is expected of a setting, and its value unless that may contain a secret.

    Args:
        error: pydantic's finding, whose location begins with the name of the setting.
        field: the setting.
    """
    shown = str(error["input"])
    # An address that is not valid may have a password in it.
    found = "" if _PARTS_WITH_SECRETS.search(shown) else f", found {shown!r}"
    text = _expected(error, field)
    return text if error["type"] == "value_error" and shown in text else text + found


def _expected(error: ErrorDetails, field: FieldInfo) -> str:
    kind, name = error["type"], str(error["loc"][0])
    if kind == "value_error":
        return str(error["msg"]).removeprefix("Value error, ")
    if kind == "literal_error":
        return f"expected {error['ctx']['expected']}"
    if kind == "string_pattern_mismatch" and name in _FORMS:
        return f"expected {_FORMS[name]}"
    if kind.startswith(_BOUNDS):
        return f"expected {'a whole number' if field.annotation in _WHOLE else 'a number'}{_range(field)}"
    for beginning, (words, form) in _KINDS.items():
        if kind.startswith(beginning):
            return f"expected {words}{_range(field)}{form}"
    return str(error["msg"])


_WHOLE = (int, int | None)


def _range(field: FieldInfo) -> str:
    """Return which numbers a setting may be, as the end of a clause."""
    least = next((one.ge for one in field.metadata if isinstance(one, Ge)), None)
    most = next((one.le for one in field.metadata if isinstance(one, Le)), None)
    above = next((one.gt for one in field.metadata if isinstance(one, Gt)), None)
    if above is not None:
        return f" above {above}" if most is None else f" above {above}, up to {most}"
    if least is None:
        return ""
    return f" from {least}" if most is None else f" from {least} to {most}"
