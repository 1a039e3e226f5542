"""Lines of the sample's files: their text and their true values.

Belongs here: `Row`, `Sheet`, and the notation of amounts, dates and cells.
Does not belong here: which lines exist (see `books`) and which of them are faulty (see `faults`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from random import Random
from typing import Literal

Outcome = Literal["accepted", "rejected", "duplicate", "skipped"]


@dataclass(frozen=True)
class Row:
    """One data line of a file.

    Attributes:
        cells: role → text; empty for a blank line.
        amount: value of the amount cell, None if it is blank or invalid.
        day: date of an accepted row; plan lines have their period's first day.
        department: true department code; the cell may differ from it in case and white space.
        account: true account number, likewise.
        outcome: the expected outcome.
        rule: the rule that a rejected row violates.
    """

    cells: Mapping[str, str]
    amount: Decimal | None = None
    day: date | None = None
    department: str = ""
    account: str = ""
    outcome: Outcome = "accepted"
    rule: str = ""

    @property
    def period(self) -> str:
        """The accounting period, YYYY-MM."""
        return self.day.isoformat()[:7] if self.day else ""


@dataclass
class Sheet:
    """One file.

    Attributes:
        file: its name.
        scenario: the scenario of its lines, or empty for a reference file.
        columns: role → header, in the order of the file.
        rows: every data line in the order of the file; the first is line 2.
    """

    file: str
    scenario: str
    columns: Mapping[str, str]
    rows: list[Row]

    def text(self) -> str:
        """Return the whole file; every line ends with LF."""
        lines = [",".join(self.columns.values())]
        lines += [self._line(row) for row in self.rows]
        return "\n".join(lines) + "\n"

    def _line(self, row: Row) -> str:
        # Not csv.writer: its quoting differs between versions of Python, and the bytes must not.
        if not row.cells:
            return ""
        return ",".join(_quote(row.cells[role]) for role in self.columns)


def _quote(cell: str) -> str:
    if "," in cell or '"' in cell:
        return '"' + cell.replace('"', '""') + '"'
    return cell


def money(cents: int) -> Decimal:
    """Return cents as money with two decimals."""
    return Decimal(cents).scaleb(-2)


def format_amount(amount: Decimal, rng: Random) -> str:
    """Write an amount: mostly 1234.56, some 1,234.56, every other negative one (12.50)."""
    style = rng.randrange(100)
    if amount < 0 and style < 50:
        return f"({-amount:,.2f})" if style < 10 else f"({-amount:.2f})"
    return f"{amount:,.2f}" if style >= 93 else f"{amount:.2f}"


def format_date(day: date, rng: Random) -> str:
    """Write a date: mostly 2024-03-31, some 31/03/2024."""
    if rng.randrange(100) < 92:
        return day.isoformat()
    return f"{day.day:02d}/{day.month:02d}/{day.year:04d}"
