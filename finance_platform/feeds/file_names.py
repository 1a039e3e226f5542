"""What a file's name says: where it stands in the order, and which periods it covers.

Belongs here: the patterns that a descriptor may give for names, and how what they find is compared.
Does not belong here: which feed a name belongs to (see `catalog`), what is in the file.
"""

from __future__ import annotations

import re

from finance_platform.errors import FileNameError
from finance_platform.feeds.dates import periods_between

_WRITTEN_PERIOD = re.compile(r"(\d{4})(?:[-_.]?(0[1-9]|1[0-2]))?")


def order_text(written: str) -> str:
    """Return a text that sorts as people count: runs of digits by their value, so that v10 comes after v9."""
    return re.sub("[0-9]+", lambda digits: _by_value(digits[0].lstrip("0")), written.casefold())


def _by_value(digits: str) -> str:
    # Of two numbers without leading zeros the longer one is greater.
    return f"{len(digits):05d}{digits}"


def order_of_name(pattern: str, object_key: str) -> str:
    """Return what a name says about its place in the order, as `order_text`.

    Args:
        pattern: a regular expression; its groups are compared one after the other, or all of it, where it has none.
        object_key: the raw object.

    Raises:
        FileNameError: the pattern does not match.
    """
    return "\x1f".join(order_text(part) for part in _found(pattern, object_key))


def covered_periods(pattern: str, object_key: str) -> list[str]:
    """Return the periods that a name declares: one (`2024-03`, `202403`), a year (`2024`), or first to last.

    Args:
        pattern: a regular expression with one group, or two: the first and the last period.
        object_key: the raw object.

    Raises:
        FileNameError: the pattern does not match, or what it finds is no period.
    """
    found = _found(pattern, object_key)
    periods = [_periods(text, object_key) for text in found]
    covered = periods_between(periods[0][0], periods[-1][-1])
    if not covered:
        raise FileNameError(f"{object_key}: the last period in the name is before the first", fix="rename the file")
    return covered


def _found(pattern: str, object_key: str) -> list[str]:
    match = re.search(pattern, object_key)
    if match is None:
        raise FileNameError(
            f"{object_key}: its descriptor reads the name by {pattern!r}, which is not in it",
            fix="rename the file, or correct the pattern in the descriptor",
        )
    return [part or "" for part in match.groups()] or [match[0]]


def _periods(written: str, object_key: str) -> list[str]:
    match = _WRITTEN_PERIOD.fullmatch(written)
    if match is None:
        raise FileNameError(
            f"{object_key}: {written!r} in the name is no period",
            fix="write YYYY-MM, YYYYMM or YYYY in the name, or correct covers: in the descriptor",
        )
    year, month = match.groups()
    return [f"{year}-{month}"] if month else [f"{year}-{number:02d}" for number in range(1, 13)]
