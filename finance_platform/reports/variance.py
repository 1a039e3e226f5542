"""The variance report: Actual against Budget by year and account type.

Belongs here: the report's rows and CSV text. Does not belong here: the definition of a variance (see the view
ActualVsBudget).
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from decimal import Decimal

from finance_platform.warehouse.port import Queryable
from finance_platform.warehouse.statements import SqlFile, statement

NO_BUDGET = "no budget"


@dataclass(frozen=True)
class VarianceRow:
    """One year and account type; amounts in the home's currency, natural sign.

    Attributes:
        year: calendar year.
        account_type: Revenue, Expense and so on.
        actual: of the whole year.
        actual_with_budget: Actual of the periods that have a budget; None if no period has.
        budget: of those periods; None if no period has.
        variance: actual_with_budget - budget; None if no period has a budget.
    """

    year: int
    account_type: str
    actual: Decimal
    actual_with_budget: Decimal | None
    budget: Decimal | None
    variance: Decimal | None

    def cells(self) -> dict[str, str]:
        """Return the row as text; `no budget` in place of a missing amount."""
        return {
            "Year": str(self.year),
            "AccountType": self.account_type,
            "Actual": _money(self.actual),
            "ActualWithBudget": _money(self.actual_with_budget),
            "Budget": _money(self.budget),
            "Variance": _money(self.variance),
        }


def variance_rows(warehouse: Queryable) -> list[VarianceRow]:
    """Return the report's rows, by year and account type."""
    return [VarianceRow(*row) for row in warehouse.query(statement(SqlFile.VARIANCE_BY_YEAR)).rows]


def as_csv(rows: list[VarianceRow]) -> str:
    """Return the report as CSV text with a header."""
    text = io.StringIO()
    names = ["Year", "AccountType", "Actual", "ActualWithBudget", "Budget", "Variance"]
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(row.cells() for row in rows)
    return text.getvalue()


def _money(amount: Decimal | None) -> str:
    return NO_BUDGET if amount is None else f"{amount:.2f}"
