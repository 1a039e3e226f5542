"""A star of three fiscal years for the views of reports, and the same figures added up without SQL.

Belongs here: its rows, loading them, the second computation. Does not belong here: assertions.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random
from typing import Any, NamedTuple

from finance_platform.contracts.star import (
    COMMENTARY,
    DECISION_AMOUNT,
    DELIVERED_BALANCE,
    DIM_ACCOUNT,
    DIM_DATE,
    DIM_DEPARTMENT,
    DIM_SCENARIO,
    FEED_PERIOD,
    FEED_TERM,
    MATERIALITY,
    REJECTED_FILE,
    RESTATEMENT_STEP,
    SIGNED_CLOSE,
    STATEMENT_MAPPING,
)
from finance_platform.deliveries.members.department_structures import mapping_tables
from finance_platform.warehouse.load import publish
from finance_platform.warehouse.load_request import LoadRequest
from finance_platform.warehouse.port import Warehouse
from finance_platform.warehouse.statements import insert
from finance_platform_tests.warehouse.star_files import LOADED_AT, Fact, StarFiles, days

FIRST_FISCAL_MONTH = 7
PERIODS = tuple(f"{year}-{month:02}" for year in (2023, 2024, 2025) for month in range(1, 13))
ACTUAL_PERIODS = PERIODS[2:27]
"""March 2023 to March 2025; the last of them has too few lines, and so has September 2024."""
INCOMPLETE = ("2024-09", "2025-03")
PRIOR_YEAR = "Prior Year"
ZERO = Decimal(0)

DEPARTMENTS = {1: ("North", None), 2: ("North", "D1"), 3: ("South", "D2"), 4: ("South", "D4"), 5: ("South", "D9")}
"""Business unit and parent; the fourth is its own parent, that of the fifth does not exist."""

ACCOUNTS: dict[int, tuple[str, str, int]] = {
    11: ("Revenue", "Sales", 1),
    12: ("Revenue", "Unknown", 1),
    13: ("Expense", "Cost of sales", -1),
    14: ("Expense", "Payroll", -1),
    15: ("Expense", "payroll", -1),
    16: ("Expense", "Interest", -1),
    17: ("Asset", "CapEx", 0),
    18: ("Liability", "Loans", 0),
    19: ("Unknown", "Unknown", 0),
    20: ("Asset", "Cash", 0),
    21: ("Statistical", "Heads", 0),
}
REORGANISED = (
    ("2024-03", 2, 1, "0.333333", "0.25"),
    ("2024-10", 3, 4, "0.6", "0.5"),
    ("2024-10", 3, 5, "0.4", "1"),
    ("2025-01", 5, 4, "1", "0"),
)
"""Period, predecessor, department that takes over, its share, its origin share."""

PARENT_ACCOUNTS = {12: "11", 13: "14", 14: "15", 15: "13", 16: "14"}
"""Three accounts are above each other in a circle, with one below them."""

FLOWS = tuple(range(11, 20))
BALANCE, HEADS = 20, 21

SCENARIOS = {31: "Actual", 32: "Budget", 33: "Forecast 2024-09", 34: "Forecast 2024-12"}
COVERED = {
    "Actual": ACTUAL_PERIODS,
    "Budget": tuple(period for period in PERIODS[6:33] if period != "2024-11"),
    "Forecast 2024-09": PERIODS[20:30],
    "Forecast 2024-12": PERIODS[23:30],
}
"""The budget has no lines in November 2024; the forecasts end with June 2025."""

BALANCES = (
    ("2023-05", 18, "-70.00"),
    ("2024-06", 17, "1000.00", "900.00"),
    ("2024-06", 11, "-50.00"),
    ("2024-09", 18, "-5.00"),
)
"""The delivered trial balances: period, account, closing and opening balance; each leaves most accounts out."""

CellKey = tuple[int, int]
"""Department, account."""

Cells = dict[CellKey, Decimal]


THRESHOLDS: dict[int | None, tuple[str, str]] = {
    None: ("5000.00", "3.00"),
    13: ("10314.36", "0.00"),
    14: ("0.00", "0.00"),
    16: ("5000.00", "50.00"),
}
"""By account, the least amount and the least per cent of a material variance; of the others, the home's.

The amount of account 13 is a variance of February 2025, the year to date; there are variances of account 16 of more
than its amount and of fewer per cent.
"""


class Horizon(NamedTuple):
    """An as-of period, horizon, scenario and reference."""

    as_of: str
    horizon: str
    scenario: str
    reference: str


@dataclass
class Compared:
    """The figures of a cell or a line over a horizon."""

    amount: Decimal = ZERO
    reference: Decimal = ZERO
    compared_amount: Decimal = ZERO
    compared_reference: Decimal = ZERO


def fiscal_year(period: str) -> int:
    """Return the fiscal year, named by the calendar year in which it ends."""
    year, month = map(int, period.split("-"))
    return year + (month >= FIRST_FISCAL_MONTH)


def shift(period: str, years: int) -> str:
    """Return the same month of another year."""
    return f"{int(period[:4]) + years}{period[4:]}"


def draw_facts() -> Iterator[Fact]:
    """Draw the fact rows: not every cell of a scenario has a line in every period."""
    random = Random(7)
    for scenario, name in SCENARIOS.items():
        for period in COVERED[name]:
            for department in DEPARTMENTS:
                for account in (*FLOWS, BALANCE, HEADS):
                    is_thin = name == "Actual" and period in INCOMPLETE and account != 14
                    if is_thin or random.random() < 0.15:
                        continue
                    for day in random.sample(range(1, 28), 2 if name == "Actual" else 1):
                        amount = Decimal(random.randrange(-20_000, 1_000_000)) / 100
                        yield Fact(f"{period}-{day:02}", department, account, scenario, f"{amount:.2f}")


@dataclass
class Ledger:
    """The cells of the star.

    Attributes:
        amounts: scenario → period → cell → amount.
        complete: the periods in which Actual is complete.
    """

    amounts: dict[str, dict[str, Cells]] = field(default_factory=dict)
    complete: frozenset[str] = frozenset(ACTUAL_PERIODS) - frozenset(INCOMPLETE)

    def covers(self, scenario: str, period: str) -> bool:
        """Return whether a scenario is compared in a period."""
        return period in COVERED[scenario] and (scenario != "Actual" or period <= max(self.complete))

    def outlook(self, period: str) -> str | None:
        """Return the scenario that stands in for Actual in a period."""
        if period in self.complete:
            return "Actual"
        open_periods = [one for one in PERIODS if fiscal_year(one) == fiscal_year(period) and one not in self.complete]
        forecasts = [name for name in COVERED if name.startswith("Forecast")]
        without_actual = [one for one in open_periods if one not in COVERED["Actual"]]
        covering = {name: sum(one in COVERED[name] for one in without_actual) for name in forecasts}
        latest = sorted(forecasts, key=lambda name: (covering[name], name), reverse=True)
        return next((name for name in (*latest, "Budget") if period in COVERED[name]), None)

    def periods(self, key: Horizon) -> Iterator[tuple[str, str | None, str, str | None, bool]]:
        """Yield period, source of the scenario, reference's period, its source, and whether both are compared."""
        prior = key.reference == PRIOR_YEAR
        other = key.scenario if prior else key.reference
        for period in (*PERIODS, *(shift(one, 1) for one in PERIODS[-12:])):
            reference_period = shift(period, -1) if prior else period
            counts = period in self.complete or "Actual" not in (key.scenario, other)
            belongs = (
                fiscal_year(period) == fiscal_year(key.as_of)
                and {
                    "month": period == key.as_of,
                    "year to date": period <= key.as_of and counts,
                    "rest of year": period > key.as_of or not counts,
                    "full year": True,
                }[key.horizon]
            )
            if not belongs:
                continue
            sources = [
                self._source(name, at, key.horizon) for name, at in ((key.scenario, period), (other, reference_period))
            ]
            is_compared = None not in sources
            if key.horizon == "month":
                is_compared = self.covers(key.scenario, period) and self.covers(other, reference_period)
            yield period, sources[0], reference_period, sources[1], is_compared

    def _source(self, scenario: str, period: str, horizon: str) -> str | None:
        source: str | None = scenario
        if scenario == "Actual" and period not in self.complete and horizon != "month":
            source = None if horizon == "year to date" else self.outlook(period)
        return source if source and period in COVERED[source] else None

    def total(self, scenario: str, period: str, account: int) -> Decimal:
        """Return the amount of an account in all departments."""
        cells = self.amounts[scenario].get(period, {})
        return sum((amount for (_, one), amount in cells.items() if one == account), ZERO)

    def cells(self, scenario: str) -> Iterator[tuple[str, int, int, Decimal]]:
        """Yield period, department, account and amount of a scenario."""
        for period, cells in self.amounts[scenario].items():
            for (department, account), amount in cells.items():
                yield period, department, account, amount

    def by_cell(self, key: Horizon) -> dict[CellKey, Compared]:
        """Return the figures by department and account, of money that flows."""
        result: dict[CellKey, Compared] = {}
        for period, source, reference_period, reference_source, is_compared in self.periods(key):
            for cell, amount in self._flows(source, period):
                sums = result.setdefault(cell, Compared())
                sums.amount += amount
                sums.compared_amount += amount if is_compared else ZERO
            for cell, amount in self._flows(reference_source, reference_period):
                sums = result.setdefault(cell, Compared())
                sums.reference += amount
                sums.compared_reference += amount if is_compared else ZERO
        return result

    def _flows(self, scenario: str | None, period: str) -> Iterator[tuple[CellKey, Decimal]]:
        cells = self.amounts[scenario].get(period, {}) if scenario else {}
        return ((cell, amount) for cell, amount in cells.items() if cell[1] in FLOWS)


def build_ledger() -> Ledger:
    """Return the cells of the facts."""
    ledger = Ledger({name: {} for name in SCENARIOS.values()})
    for fact in draw_facts():
        cells = ledger.amounts[SCENARIOS[fact.scenario]].setdefault(fact.day[:7], {})
        key = (fact.department, fact.account)
        cells[key] = cells.get(key, ZERO) + Decimal(fact.amount)
    return ledger


def load_star(warehouse: Warehouse, star_files: StarFiles) -> Warehouse:
    """Load the star; its statement maps an account and has a comment and thresholds."""
    facts: dict[str, list[Fact]] = {}
    for fact in draw_facts():
        facts.setdefault(fact.day[:7], []).append(fact)
    slices = [
        star_files.dimension(DIM_DATE, [fiscal(row) for year in (2023, 2024, 2025) for row in days(year)]),
        star_files.dimension(DIM_DEPARTMENT, [_department(key) for key in DEPARTMENTS]),
        star_files.dimension(DIM_ACCOUNT, [_account(key) for key in ACCOUNTS]),
        star_files.dimension(DIM_SCENARIO, [_scenario(key) for key in SCENARIOS]),
        *(star_files.facts(period, "f1", rows) for period, rows in facts.items()),
    ]
    publish(warehouse, LoadRequest(slices, run_id="run-1", loaded_at=LOADED_AT))
    with warehouse.transaction() as connection:
        mapped = {"section": "Non-operating", "line": "Interest", "line_order": 1}
        insert(connection, STATEMENT_MAPPING, [{"account_key": None, "category": "INTEREST", **mapped}])
        comment = {"period": "2025-02", "department_key": 1, "account_key": 14}
        why = {"owner": "Anna", "comment": "A late invoice", "nature": "timing"}
        insert(connection, COMMENTARY, [comment | why])
        feed = {"feed": "transactions", "file_count": 1}
        lines = {"period": "2025-02", "line_count": 9, "usual_line_count": None}
        insert(connection, FEED_PERIOD, [feed | lines])
        rows = {"row_count": 2, "unpriced_row_count": 1, "net_amount": Decimal("-7.5"), "gross_amount": Decimal("7.5")}
        term = {"scenario_name": "Actual", "unit": "USD", "term": "rejected"}
        insert(connection, FEED_TERM, [feed | term | rows])
        file = {"file_name": "a.csv", "scenario_name": "Actual", "unit": "USD"}
        insert(connection, REJECTED_FILE, [feed | file | rows])
        insert(connection, DECISION_AMOUNT, [_closing("Revenue", "100.00"), _closing("Expense", "-7.50")])
        insert(connection, SIGNED_CLOSE, [signed_close("2025-02")])
        insert(connection, RESTATEMENT_STEP, [restatement_step("2025-02", 0, "signed"), restatement_step("2025-02", 1)])
        for table, rows_of_table in mapping_tables([_reorganisation(*one) for one in REORGANISED]).items():
            insert(connection, table, rows_of_table)
        insert(connection, DELIVERED_BALANCE, [_balance(*balance) for balance in BALANCES])
        insert(connection, MATERIALITY, [_threshold(account, *least) for account, least in THRESHOLDS.items()])
    return warehouse


def _reorganisation(date: str, predecessor: int, department: int, share: str, origin: str) -> dict[str, Any]:
    departments = {"department_key": department, "predecessor_key": predecessor, "predecessor_code": f"D{predecessor}"}
    return {"valid_from": date, "share": share, "origin_share": origin} | departments


def _balance(period: str, account: int, closing: str, opening: str | None = None) -> dict[str, object]:
    row: dict[str, object] = {"period": period, "account_key": account, "closing_balance": Decimal(closing)}
    return row | {"opening_balance": None if opening is None else Decimal(opening)}


def fiscal(row: dict[str, Any]) -> dict[str, Any]:
    """Return a day with a fiscal year from July."""
    month = (row["month"] - FIRST_FISCAL_MONTH) % 12 + 1
    year = fiscal_year(row["year_month"])
    return row | {"fiscal_year": year, "fiscal_quarter": (month + 2) // 3, "fiscal_period": month}


def _department(key: int) -> dict[str, Any]:
    unit, parent = DEPARTMENTS[key]
    names = {"department_name": f"Department {key}", "department_code": f"D{key}", "business_unit": unit}
    return {"department_key": key, "parent_department_code": parent, "is_inferred": False, **names}


def _account(key: int) -> dict[str, Any]:
    account_type, category, sign = ACCOUNTS[key]
    return {
        "account_key": key,
        "account_name": f"Account {key}",
        "account_number": str(key),
        "account_type": account_type,
        "category": category,
        "profit_sign": sign,
        "is_monetary": key != HEADS,
        "measure": "balance" if key == BALANCE else "flow",
        "parent_account_number": PARENT_ACCOUNTS.get(key),
        "is_inferred": False,
    }


def _scenario(key: int) -> dict[str, Any]:
    name = SCENARIOS[key]
    kind = {"scenario_type": name.split()[0], "is_baseline": name == "Budget"}
    return {"scenario_key": key, "scenario_name": name, **kind}


def _closing(account_type: str, amount: str) -> dict[str, Any]:
    who = {
        "decided_by": "anna",
        "identified_by": "os",
        "prepared_by": None,
        "reason": "audited",
        "waived": None,
        "opening_of": None,
        "late_periods": None,
        "booked_in": None,
    }
    what = {"action": "closed", "is_proposal": False, "object_key": None, "period": "2025-02", "delivery_id": None}
    money = {"scenario_name": "Actual", "account_type": account_type, "unit": "USD", "row_count": 3}
    amounts = {"net_amount": Decimal(amount), "gross_amount": None}
    return {"event_number": 7, "decided_at": LOADED_AT.replace(tzinfo=None)} | who | what | money | amounts


def _threshold(account: int | None, amount: str, percent: str) -> dict[str, Any]:
    return {"account_key": account, "minimum_amount": Decimal(amount), "minimum_percent": Decimal(percent)}


def signed_close(period: str) -> dict[str, Any]:
    """Return the close of a period that signed load 1."""
    who = {"event_number": 7, "closed_at": LOADED_AT.replace(tzinfo=None), "closed_by": "anna", "opening_of": None}
    return {"period": period, "close_number": 1, "is_latest": True, "load_number": 1} | who


def restatement_step(period: str, number: int, cause: str = "late") -> dict[str, Any]:
    """Return a step of the period's first close."""
    why = {"object_key": "late.csv", "detail": None, "decision_number": 9, "decided_by": "anna", "reason": "late"}
    group = {"measure": "Amount", "scenario_name": "Actual", "account_type": "Revenue", "category": None}
    money = {"business_unit": None, "amount": Decimal("7.50"), "profit_effect": Decimal("7.50")}
    return {"period": period, "close_number": 1, "step_number": number, "cause": cause} | why | group | money
