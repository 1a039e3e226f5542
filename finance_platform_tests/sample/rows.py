"""Lines of the sample's files: the text as written, and the truth about it.

Belongs here: `Row`, `Sheet`, and how amounts, dates and cells are written.
Does not belong here: which lines there are (see `books`) and which of them are spoiled (see `faults`).
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
        cells: role → text as written; empty for a line that is wholly blank.
        amount: what the amount cell says, or None where it is no amount.
        day: what an accepted row's date cell says; plan lines have their period's first day.
        department: true department code; the cell may differ from it in case and white space.
        account: true account number, likewise.
        outcome: what must become of the row.
        rule: the rule that a rejected row breaks.
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
        """Return the whole file, every line ended by LF."""
        lines = [",".join(self.columns.values())]
        lines += [self._line(row) for row in self.rows]
        return "\n".join(lines) + "\n"

    def _line(self, row: Row) -> str:
        # Not csv.writer: when it quotes has changed between versions of Python, and the bytes are promised.
        if not row.cells:
            return ""
        return ",".join(_quoted(row.cells[role]) for role in self.columns)


def _quoted(cell: str) -> str:
    if "," in cell or '"' in cell:
        return '"' + cell.replace('"', '""') + '"'
    return cell


def money(cents: int) -> Decimal:
    """Return cents as money with two decimals."""
    return Decimal(cents).scaleb(-2)


def written_amount(amount: Decimal, rng: Random) -> str:
    """Write an amount: mostly 1234.56, some 1,234.56, every other negative one (12.50)."""
    style = rng.randrange(100)
    if amount < 0 and style < 50:
        return f"({-amount:,.2f})" if style < 10 else f"({-amount:.2f})"
    return f"{amount:,.2f}" if style >= 93 else f"{amount:.2f}"


def written_date(day: date, rng: Random) -> str:
    """Write a date: mostly 2024-03-31, some 31/03/2024."""
    if rng.randrange(100) < 92:
        return day.isoformat()
    return f"{day.day:02d}/{day.month:02d}/{day.year:04d}"
