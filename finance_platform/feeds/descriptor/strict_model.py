"""The base of every part of a descriptor, and the types that several parts share.

Belongs here: strictness, lists, regular expressions. Does not belong here: any key of a descriptor.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from finance_platform.feeds.file_names import count_groups
from finance_platform.feeds.limits import MAX_ALTERNATIVES, MAX_PATTERN_CHARACTERS, MAX_VALUE_CHARACTERS
from finance_platform.feeds.values.codes import fold


class StrictModel(BaseModel):
    """A part of a descriptor; a key that it does not declare is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


def _to_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


def check_regex(pattern: str) -> str:
    """Return a regular expression.

    Raises:
        ValueError: RE2 does not accept it.
    """
    try:
        count_groups(pattern)
    except ValueError as error:
        reason = str(error).removeprefix("Invalid regular expression: ").partition(": ")[0]
        raise ValueError(
            f"{pattern!r} is not a valid regular expression of RE2: {reason}; look-around and back-references are not"
            " available"
        ) from None
    return pattern


ShortText = Annotated[str, Field(max_length=MAX_VALUE_CHARACTERS)]
"""A text that is compared with a cell, or stands in each row of one."""

_Texts = Annotated[list[ShortText], Field(max_length=MAX_ALTERNATIVES)]
TextList = Annotated[_Texts, BeforeValidator(_to_list, json_schema_input_type=ShortText | _Texts)]
"""A list of texts; a single text is short for a list of one."""

Regex = Annotated[str, Field(min_length=1, max_length=MAX_PATTERN_CHARACTERS), AfterValidator(check_regex)]
"""A regular expression of RE2, which takes linear time whatever the pattern."""


def raise_mistakes(mistakes: Iterable[str]) -> None:
    """Raise one ValueError with every mistake, one a line, if there is any."""
    texts = list(mistakes)
    if texts:
        raise ValueError("\n".join(texts))


def reject_duplicates(names: Iterable[str]) -> None:
    """Raise a ValueError if two names are equal when folded."""
    seen: set[str] = set()
    for name in names:
        if fold(name) in seen:
            raise ValueError(f"has {name!r} twice; case and white space do not distinguish names")
        seen.add(fold(name))
