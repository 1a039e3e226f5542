"""The deliberate faults in the sample's files, and the expected outcome of each faulty line.

Belongs here: the faults and their insertion into the rows; one fault per row.
Does not belong here: the genuine books (see `books`), counting (see `answer_key`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from random import Random

from finance_platform_tests.sample.rows import Row

_BLANK = ("", "", "  ")


@dataclass(frozen=True)
class Fault:
    """A kind of fault: `count` rows get, in turn, one of `texts` in the cell of `role`."""

    rule: str
    role: str
    texts: tuple[str, ...]
    count: int


@dataclass(frozen=True)
class UnknownMember:
    """A code that is in no reference file: `count` rows are booked to it, and accepted."""

    role: str
    code: str
    count: int


LEDGER_FAULTS = (
    Fault(
        "invalid_date", "date", ("2024-02-30", "31/13/2024", "pending", "2023-13-05", "30/02/2025", "see invoice"), 24
    ),
    Fault("date_out_of_range", "date", ("1899-12-31", "2999-01-01", "01/01/1900"), 12),
    Fault("invalid_amount", "amount", ("n/a", "12.3.4", "12a", "to follow"), 18),
    Fault("blank_amount", "amount", _BLANK, 10),
    Fault("blank_date", "date", _BLANK, 9),
    Fault("blank_department", "department", _BLANK, 14),
    Fault("blank_account", "account", _BLANK, 11),
    Fault("blank_transaction_id", "transaction_id", _BLANK, 8),
)
BUDGET_FAULTS = (
    Fault("invalid_date", "date", ("2024-13", "Q3 2024"), 3),
    Fault("date_out_of_range", "date", ("1999-12",), 1),
    Fault("invalid_amount", "amount", ("t.b.c.",), 2),
    Fault("blank_amount", "amount", ("",), 2),
    Fault("blank_department", "department", ("",), 1),
    Fault("blank_account", "account", ("",), 1),
)
FORECAST_FAULTS = (
    Fault("invalid_date", "date", ("2025-00", "December"), 2),
    Fault("invalid_amount", "amount", ("as budget",), 2),
    Fault("blank_account", "account", ("",), 1),
)
UNKNOWN_MEMBERS = (
    UnknownMember("department", "D870", 9),
    UnknownMember("department", "0777", 6),
    UnknownMember("department", "D999", 5),
    UnknownMember("account", "6995", 7),
    UnknownMember("account", "9999", 5),
)
LOWER_CASE_CODES = 15
PADDED_CODES = 12
REPEATED = (1,) * 11 + (2,) * 2
"""How often a row is repeated unchanged; each repetition is a duplicate."""
CONFLICTING = ("amount", "department", "amount", "amount", "account", "amount", "amount", "department", "amount")
"""The cell in which a second row with the same key differs from the first; both are rejected."""
_OTHER_CODES = {"department": ("D100", "D110"), "account": ("6690", "6630")}
BLANK_LINES = 12
COMMA_LINES = 6
_LARGEST = 20_000
"""Rows with larger amounts get no fault: a few payroll runs would dominate the rejected money."""


def insert_faults(
    rows: list[Row], faults: Collection[Fault], protected: Collection[tuple[str, str]], rng: Random
) -> None:
    """Put `faults` into randomly chosen rows of the list.

    Args:
        rows: genuine rows; changed in place.
        faults: the faults.
        protected: (department, account) pairs whose rows are not changed, because a story needs them.
        rng: selects the rows.
    """
    chosen = _choose_genuine(rows, protected, sum(fault.count for fault in faults), rng)
    for fault in faults:
        for turn in range(fault.count):
            position = chosen.pop()
            row = rows[position]
            amount = None if fault.role == "amount" else row.amount
            cells = {**row.cells, fault.role: fault.texts[turn % len(fault.texts)]}
            rows[position] = replace(row, cells=cells, amount=amount, outcome="rejected", rule=fault.rule)


def book_to_unknown(rows: list[Row], protected: Collection[tuple[str, str]], rng: Random) -> None:
    """Book some rows to departments and accounts that are in no reference file; they stay accepted."""
    chosen = _choose_genuine(rows, protected, sum(member.count for member in UNKNOWN_MEMBERS), rng)
    for member in UNKNOWN_MEMBERS:
        for _ in range(member.count):
            position = chosen.pop()
            row = rows[position]
            rows[position] = replace(
                row,
                cells={**row.cells, member.role: member.code},
                department=member.code if member.role == "department" else row.department,
                account=member.code if member.role == "account" else row.account,
            )


def write_codes_loosely(rows: list[Row], protected: Collection[tuple[str, str]], rng: Random) -> None:
    """Write some department codes in lower case or with surrounding spaces; they mean the same departments."""
    without_letters = {(row.department, row.account) for row in rows if row.department.isdigit()}
    _rewrite(rows, {*protected, *without_letters}, LOWER_CASE_CODES, str.lower, rng)
    _rewrite(rows, protected, PADDED_CODES, lambda code: f" {code} ", rng)


def insert_repetitions(rows: list[Row], protected: Collection[tuple[str, str]], rng: Random) -> list[Row]:
    """Return the rows with repeated transaction ids, blank lines and lines of commas inserted.

    A repetition follows up to 400 lines after the row that it repeats, and is never the last line.
    """
    inserted: dict[int, list[Row]] = {}

    def insert_after(position: int, row: Row) -> None:
        place = min(position + rng.randrange(400), len(rows) - 2)
        inserted.setdefault(place, []).append(row)

    chosen = _choose_genuine(rows, protected, len(REPEATED) + len(CONFLICTING), rng)
    for times in REPEATED:
        position = chosen.pop()
        for _ in range(times):
            insert_after(position, replace(rows[position], outcome="duplicate"))
    for turn, role in enumerate(CONFLICTING):
        position = chosen.pop()
        rows[position] = replace(rows[position], outcome="rejected", rule="conflicting_key")
        insert_after(position, _other_row(rows[position], role))
        if turn == 0:  # identical to the first; since a third row differs, all three are rejected
            insert_after(position, rows[position])
    commas = dict.fromkeys(rows[0].cells, "")
    lines_without_data: list[dict[str, str]] = [{}] * BLANK_LINES + [commas] * COMMA_LINES
    for cells in lines_without_data:
        insert_after(rng.randrange(len(rows)), Row(cells, outcome="skipped"))
    return [row for position, first in enumerate(rows) for row in (first, *inserted.get(position, ()))]


def _choose_genuine(rows: Sequence[Row], protected: Collection[tuple[str, str]], count: int, rng: Random) -> list[int]:
    """Return the positions of `count` unchanged rows, without the last two."""
    unknown = {member.code for member in UNKNOWN_MEMBERS}
    untouched = [
        position
        for position, row in enumerate(rows[:-2])
        if row.outcome == "accepted"
        and (row.amount is None or abs(row.amount) < _LARGEST)
        and (row.department, row.account) not in protected
        and row.cells["department"] == row.department
        and not {row.department, row.account} & unknown
    ]
    return rng.sample(untouched, count)


def _rewrite(
    rows: list[Row],
    protected: Collection[tuple[str, str]],
    count: int,
    write: Callable[[str], str],
    rng: Random,
) -> None:
    for position in _choose_genuine(rows, protected, count, rng):
        row = rows[position]
        rows[position] = replace(row, cells={**row.cells, "department": write(row.department)})


def _other_row(row: Row, role: str) -> Row:
    """Return a row with the same transaction id and another value."""
    if role == "amount" and row.amount is not None:
        other = row.amount + Decimal("100.00")
        return replace(row, cells={**row.cells, "amount": f"{other:.2f}"}, amount=other)
    other_code = next(code for code in _OTHER_CODES[role] if code != row.cells[role])
    return replace(row, cells={**row.cells, role: other_code})
