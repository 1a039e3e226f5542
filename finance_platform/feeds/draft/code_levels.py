"""Accounts of several levels by their codes: 6 above 61 above 6100, each with the sum of those that begin with it.

Belongs here: finding the upper levels, and the rule that leaves them out. Does not belong here: rows that are sums of
the rows next to them (see `statement_sums`), labels with sums (see `summed_labels`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import partial
from itertools import pairwise, takewhile

from finance_platform.feeds.doubts.unread_column import escape
from finance_platform.feeds.draft.other_rows import OtherRow
from finance_platform.feeds.draft.total_rows import marks_of_amounts, values_by_place
from finance_platform.feeds.values.header_words import rank

Row = tuple[int, list[str]]

_CODE = re.compile(r"[0-9][0-9.-]*")
_FIELDS = ("account", "number", "code")
_LEAST_PARENTS, _LEAST_PARTS, _MOST_ROWS, _MOST_CODES = 2, 2, 5_000, 50


def find_code_levels(header: Sequence[str], rows: Sequence[Row]) -> dict[int, OtherRow]:
    """Return the rows of accounts that add up those whose codes begin with theirs, by line; none if one does not.

    At least one has several accounts below it, and every account has one row.

    Args:
        header: the columns' names.
        rows: the rows below the header that are neither blank nor claimed as totals.
    """
    place = next((at for at, name in enumerate(header) if any(rank(field, name) is not None for field in _FIELDS)), -1)
    codes = {line: cells[place].strip() for line, cells in rows if 0 <= place < len(cells)}
    numbers = {code: line for line, code in codes.items() if _CODE.fullmatch(code)}
    if not _LEAST_PARENTS < len(rows) <= _MOST_ROWS or len(numbers) < len(rows):
        return {}
    ordered = sorted(numbers)
    parents = dict.fromkeys(code for code, after in pairwise(ordered) if after.startswith(code))
    # In their order, codes that begin with one follow it at once.
    parts = {
        code: [one for one in takewhile(partial(_begins, code), ordered[at + 1 :]) if one not in parents]
        for at, code in enumerate(ordered)
        if code in parents
    }
    if len(parents) < _LEAST_PARENTS or not any(len(below) >= _LEAST_PARTS for below in parts.values()):
        return {}
    amounts = _amounts(header, rows)
    if not all(_adds_up(amounts[numbers[code]], _lines(numbers, parts[code], amounts)) for code in parts):
        return {}
    leaves = [len(code) for code in ordered if code not in parents]
    if max(map(len, parents)) < min(leaves):
        pattern = f"^.{{1,{max(map(len, parents))}}}$"
    elif len(parents) <= _MOST_CODES:
        pattern = f"^({'|'.join(map(escape, parents))})$"
    else:
        return {}
    return {numbers[code]: OtherRow(header[place], pattern, has_money=True) for code in parents}


def _begins(code: str, other: str) -> bool:
    return other.startswith(code)


def _amounts(header: Sequence[str], rows: Sequence[Row]) -> dict[int, dict[int, Decimal]]:
    marks = marks_of_amounts(header, rows)
    return {line: values_by_place(cells, marks) for line, cells in rows}


def _lines(
    numbers: Mapping[str, int], codes: Sequence[str], amounts: Mapping[int, dict[int, Decimal]]
) -> list[dict[int, Decimal]]:
    return [amounts[numbers[code]] for code in codes]


def _adds_up(values: Mapping[int, Decimal], lines: Sequence[Mapping[int, Decimal]]) -> bool:
    """Return whether a row has an amount, and each of its amounts is the sum of those of some lines."""
    return any(values.values()) and all(
        value == sum((line.get(place, Decimal(0)) for line in lines), Decimal(0)) for place, value in values.items()
    )
