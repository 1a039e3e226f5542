"""What must be true of a home with closed periods after each event: signatures, roll-forwards, nothing changed.

Belongs here: the figures as they were signed, and comparing them. Does not belong here: the events.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from finance_platform_tests.end_to_end.home import CommandResult

QUERY = """
SELECT * FROM ActualVsBudget ORDER BY Period, DepartmentCode, AccountNumber;
SELECT * FROM PeriodAmount ORDER BY Period, ScenarioName, DepartmentCode, AccountNumber;
SELECT * FROM PeriodStatus ORDER BY 1
"""
PUBLISHED = """
SELECT Period, ScenarioName, AccountType, SUM(Amount) AS Amount FROM PeriodAmount
GROUP BY Period, ScenarioName, AccountType
"""

Row = dict[str, Any]
Group = tuple[str, ...]


@dataclass
class SignedFigures:
    """The figures of each close, as they were when it was signed.

    Attributes:
        command: gives a command of the platform on the home.
        figures: every row of the views, as CSV, by close.
    """

    command: Callable[..., CommandResult]
    figures: dict[str, str] = field(default_factory=dict)

    def keep(self) -> None:
        """Keep the published figures for each close that was signed since."""
        closes = dict.fromkeys(f"{row['period']}#{row['close_number']}" for row in self._steps())
        for close in closes:
            if close not in self.figures and not self._is_opening(close):
                self.figures[close] = self._query()

    def require_as_signed(self) -> None:
        """Every signature is shown to the byte."""
        for close, figures in self.figures.items():
            assert self._query("--as-of", f"close:{close}") == figures, close

    def require_everything_verified_and_footing(self) -> None:
        """`verify` finds nothing, and signed and steps of every close add up to what is published."""
        verified = self.command("verify", "--format", "json")
        assert (verified.returncode, json.loads(verified.stdout)) == (0, []), verified.stdout
        published = self._published()
        for close in self.figures:
            rows = self._steps(close)
            require_footing(rows)
            assert _now(rows) == {group: amount for group, amount in published.items() if group[0] == close[:7]}

    def require_footing_of(self, close: str, causes: set[str]) -> None:
        """The roll-forward of a close foots and has these causes."""
        rows = self._steps(close)
        require_footing(rows)
        assert {row["cause"] for row in rows} == {"signed", "now", *causes}

    def _is_opening(self, close: str) -> bool:
        return any(row["opening_of"] for row in self._history() if row["period"] == close[:7])

    def _history(self) -> list[Row]:
        return _rows(self.command("history", "--format", "json"))

    def _steps(self, close: str = "") -> list[Row]:
        """Return the steps of a close; without one, those of every close of the periods that were closed."""
        if close:
            return _rows(self.command("restatement", close, "--format", "json"))
        periods = dict.fromkeys(row["period"] for row in self._history() if row["action"] == "closed")
        return [row for period in periods for row in self._steps(period)]

    def _published(self) -> dict[Group, Decimal]:
        rows = _rows(self.command("query", PUBLISHED, "--format", "json"))
        return {
            (row["Period"], row["ScenarioName"], row["AccountType"]): amount
            for row in rows
            if (amount := Decimal(row["Amount"]))
        }

    def _query(self, *options: str) -> str:
        result = self.command("query", "-", "--format", "csv", *options, standard_input=QUERY)
        assert result.returncode == 0, result.stderr
        return result.stdout


def require_footing(rows: Sequence[Row]) -> None:
    """Signed figures and steps add up to the figures of now, in every group of money, and in its effect on profit."""
    last = max(row["step_number"] for row in rows)
    for name in ("amount", "profit_effect"):
        sums: dict[Group, Decimal] = defaultdict(Decimal)
        for row in rows:
            group = tuple(
                str(row[part]) for part in ("measure", "scenario_name", "account_type", "category", "business_unit")
            )
            sums[group] += Decimal(row[name]) * (-1 if row["step_number"] == last else 1)
        assert set(sums.values()) <= {Decimal(0)}, sums


def _now(rows: Sequence[Row]) -> dict[Group, Decimal]:
    """Return the amounts of now by period, scenario and account type."""
    sums: dict[Group, Decimal] = defaultdict(Decimal)
    for row in rows:
        if row["cause"] == "now" and row["measure"] == "Amount":
            sums[row["period"], row["scenario_name"], row["account_type"]] += Decimal(row["amount"])
    return {group: amount for group, amount in sums.items() if amount}


def _rows(result: CommandResult) -> list[Row]:
    assert result.returncode == 0, result.stdout + result.stderr
    found: list[Row] = json.loads(result.stdout)
    return found
