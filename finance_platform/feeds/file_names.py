"""File names: the order of deliveries and the periods that names declare.

Belongs here: applying a descriptor's patterns to names, and the natural order of their matches.
Does not belong here: which feed a name belongs to (see `feed_set`), the content of files.
"""

from __future__ import annotations

import re

from finance_platform.errors import FileNameError
from finance_platform.feeds.dates import periods_between

_PERIOD = re.compile(r"(\d{4})(?:[-_.]?(0[1-9]|1[0-2]))?")


def natural_sort_key(text: str) -> str:
    """Return a text that sorts digits by their value and ignores case, so that v10 comes after V9."""
    return re.sub("[0-9]+", lambda digits: _number_sort_key(digits[0].lstrip("0")), text.casefold())


def _number_sort_key(digits: str) -> str:
    # The longer of two numbers without leading zeros is greater.
    return f"{len(digits):05d}{digits}"


def order_from_name(pattern: str, object_key: str) -> str:
    """Return the sort key of a delivery whose name orders it.

    Args:
        pattern: a regular expression; its groups are compared one by one, or the whole match if it has none.
        object_key: the raw object.

    Raises:
        FileNameError: the pattern does not match.
    """
    return "\x1f".join(natural_sort_key(part) for part in _matched_parts(pattern, object_key))


def periods_from_name(pattern: str, object_key: str) -> list[str]:
    """Return the periods that a name declares: one (`2024-03`, `202403`), a year (`2024`), or first to last.

    Args:
        pattern: a regular expression with one group, or two: the first and the last period.
        object_key: the raw object.

    Raises:
        FileNameError: the pattern does not match, or a group does not match a period.
    """
    periods = [_parse_periods(text, object_key) for text in _matched_parts(pattern, object_key)]
    covered = periods_between(periods[0][0], periods[-1][-1])
    if not covered:
        raise FileNameError(f"{object_key}: the last period in the name is before the first", fix="rename the file")
    return covered


def _matched_parts(pattern: str, object_key: str) -> list[str]:
    match = re.search(pattern, object_key)
    if match is None:
        raise FileNameError(
            f"{object_key}: the name does not match the descriptor's pattern {pattern!r}",
            fix="rename the file, or correct the pattern in the descriptor",
        )
    return [part or "" for part in match.groups()] or [match[0]]


def _parse_periods(written: str, object_key: str) -> list[str]:
    match = _PERIOD.fullmatch(written)
    if match is None:
        raise FileNameError(
            f"{object_key}: {written!r} in the name is not a valid period",
            fix="write YYYY-MM, YYYYMM or YYYY in the name, or correct covers: in the descriptor",
        )
    year, month = match.groups()
    return [f"{year}-{month}"] if month else [f"{year}-{number:02d}" for number in range(1, 13)]
