"""A table of causes and policies: whatever changes a closed period waits, or is a restatement.

Belongs here: every cause under both values of CLOSED_PERIODS, what a run and the status say, and the decision that
publishes the change. Does not belong here: the rules one by one (see `unit/deliveries/test_acceptance`),
commands and alerts (see `test_closed_periods`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from finance_platform.deliveries import decisions, period_decisions
from finance_platform.deliveries.approvals import Author
from finance_platform.slices import snapshot
from finance_platform.transforms.dim_account import dim_account
from finance_platform_tests.end_to_end.home import Home, copy_home
from finance_platform_tests.end_to_end.in_process_refresh import Refreshed, Refresher
from finance_platform_tests.end_to_end.small_home import ACCOUNTS, BUDGET, DEPARTMENTS, TRANSACTIONS, create_small_home
from finance_platform_tests.profiles import current_profile

pytestmark = pytest.mark.end_to_end

SPAN = "ValidFrom <= '2024-01' AND ValidTo >= '2024-01'"
FIGURES = (
    "SELECT * FROM ActualVsBudget WHERE Period = '2024-01'",
    (
        "SELECT DepartmentCode, BusinessUnit, AccountNumber, AccountType, Category, Amount FROM PeriodAmount "
        "WHERE Period = '2024-01'"
    ),
    (
        "SELECT BusinessUnit, Line, ScenarioName, IsBaseline, Amount FROM ProfitAndLoss "
        "WHERE NOT IsSubtotal AND Period = '2024-01'"
    ),
    "SELECT FiscalYear, FiscalQuarter, FiscalPeriod, IsComplete FROM PeriodCalendar WHERE Period = '2024-01'",
    f"SELECT AccountNumber, AccountType, Category, ParentAccountNumber FROM AccountSpan WHERE {SPAN}",
    f"SELECT DepartmentCode, BusinessUnit, ParentDepartmentCode FROM DepartmentSpan WHERE {SPAN}",
)
"""What reports show of January, but for names, which are published at once, and the attributes of members then."""

MEASURES = """\
feed: accounts
kind: accounts
path: accounts*.csv
columns:
  number: account_number
  name: account_name
  type: account_type
  category: category
  measure: {from: measure, required: false}
  valid_from: {from: valid_from, required: false}
"""
TENTH = """\
feed: budget
kind: ledger
path: budget*.csv
columns:
  date: {from: period, formats: [yyyy-MM]}
  department: department_code
  account: account_number
  amount: {from: budget_amount, scale: 0.1}
constants: {scenario: Budget}
plans_only: true
load: {mode: replace_period, scope: [department, account]}
"""
LATE = TRANSACTIONS.splitlines()[0] + "\nT9,2024-01-09,D100,4000,7.00,Late\n"
OPEN = TRANSACTIONS.splitlines()[0] + "\nM1,2024-05-05,D100,4000,5.00,May\n"
LINES = "account_number,category,section,line\n6000,,Operating Expense,Staff\n"

Change = Callable[[Home], None]


def nothing(_: Home) -> None:
    """Files stay as they are."""


def write(name: str, text: str) -> Change:
    def change(home: Home) -> None:
        home.write(name, text)

    return change


def dated(text: str, period: str) -> str:
    """Return master data that holds from a period on."""
    header, *rows = text.splitlines()
    return "".join(f"{line}\n" for line in (f"{header},valid_from", *(f"{row},{period}" for row in rows)))


def of_accounts(old: str, new: str, since: str = "2024-01") -> Change:
    assert old in ACCOUNTS
    return write("raw/accounts.csv", dated(ACCOUNTS.replace(old, new), since))


def remove_transactions(home: Home) -> None:
    (home.path / "raw/transactions.csv").unlink()


def withdraw_accounts(home: Home) -> None:
    decisions.withdraw(home.processed, "accounts.csv", author("a draft"), holds_closed_periods=True)


def deliver_measures(home: Home) -> None:
    home.write("feeds/accounts.yaml", MEASURES)
    measured = zip(ACCOUNTS.splitlines(), ("measure", "flow", "balance", "flow"), strict=True)
    text = "".join(f"{line},{measure}\n" for line, measure in measured)
    home.write("raw/accounts.csv", dated(text, "2024-01"))


@dataclass(frozen=True)
class Cause:
    """Something that would change January, which is closed.

    Attributes:
        change: lets it happen in a home.
        held: the file that waits, if a delivery does.
        table: the table of which rows wait, otherwise.
        says: what a run says of it.
        environment: settings that change with it.
        moves: whether it changes January where changes are published.
    """

    change: Change
    held: str = ""
    table: str = ""
    says: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    moves: bool = True


SALARIES = ("accounts.csv: another version", "6000", "Actual 250.10")
SALES = ("departments.csv: another version", "D100", "Actual 1,000.00")
CAUSES = {
    "late line": Cause(write("raw/transactions_late.csv", LATE), held="transactions_late.csv", says=("Actual 7.00",)),
    "corrected file": Cause(
        write("raw/transactions.csv", TRANSACTIONS.replace("1000.00", "1000.50")),
        held="transactions.csv",
        says=("Actual 0.50",),
    ),
    "vanished file": Cause(remove_transactions, moves=False),
    "replaced plan": Cause(
        write("raw/budget.csv", BUDGET.replace("900.00", "950.00")), held="budget.csv", says=("Budget 50.00",)
    ),
    "descriptor": Cause(write("feeds/budget.yaml", TENTH), held="budget.csv", says=("Budget -810.00",)),
    "account type": Cause(of_accounts("Salaries,Expense", "Salaries,Asset"), table="dim_account", says=SALARIES),
    "account category": Cause(of_accounts("Payroll", "Staff"), table="dim_account", says=SALARIES),
    "account parent": Cause(of_accounts("Payroll,", "Payroll,0310"), table="dim_account", says=SALARIES),
    "account measure": Cause(deliver_measures, table="dim_account", says=SALARIES),
    "account type without a date": Cause(of_accounts("Salaries,Expense", "Salaries,Asset", ""), moves=False),
    "withdrawn accounts": Cause(withdraw_accounts, moves=False),
    "business unit": Cause(
        write("raw/departments.csv", dated(DEPARTMENTS.replace("Commercial", "Field"), "2024-01")),
        table="dim_department",
        says=SALES,
    ),
    "business unit without a date": Cause(
        write("raw/departments.csv", DEPARTMENTS.replace("Commercial", "Field")), moves=False
    ),
    "department parent": Cause(
        write("raw/departments.csv", dated(DEPARTMENTS.replace("Commercial,", "Commercial,0450"), "2024-01")),
        table="dim_department",
        says=SALES,
    ),
    "statement lines": Cause(
        write("raw/statement_lines.csv", LINES),
        table="statement_mapping",
        says=("statement_mapping of 6000 has changed: other lines", "statement_lines.csv", "Actual 250.10"),
    ),
    "baseline": Cause(
        write("raw/budget_q1.csv", BUDGET.replace("900.00", "950.00").replace("2024-01,D100,4000,950.00\n", "")),
        table="settings",
        says=("FINANCE_PLATFORM_BASELINE_SCENARIO is Budget Q1, and Budget stays in force", "Budget 900.00"),
        environment={"FINANCE_PLATFORM_BASELINE_SCENARIO": "Budget Q1"},
    ),
    "fiscal year": Cause(
        nothing,
        table="settings",
        says=("FINANCE_PLATFORM_FISCAL_YEAR_START_MONTH is 4, and 1 stays in force",),
        environment={"FINANCE_PLATFORM_FISCAL_YEAR_START_MONTH": "4"},
    ),
    "coverage": Cause(
        nothing,
        table="settings",
        says=("FINANCE_PLATFORM_ACTUALS_THROUGH is 2023-12, and no such value stays in force", "Actual 1,250.10"),
        environment={"FINANCE_PLATFORM_ACTUALS_THROUGH": "2023-12"},
    ),
    "release": Cause(nothing, table="dim_account", says=("the platform's code changed", "Actual 1,250.10")),
}
SAMPLE = {
    ("account type", "hold"),
    ("baseline", "hold"),
}


def author(why: str) -> Author:
    return Author("ada", why, datetime.now(UTC))


@pytest.fixture
def _next_release(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another release of the platform, which gives every account another category, in the cells that ask for it."""
    if request.getfixturevalue("name") == "release":
        monkeypatch.setattr(snapshot, "code_version", lambda _: "next")
        monkeypatch.setattr(
            "finance_platform.spark_jobs.member_dimensions.dim_account",
            lambda *of: with_category("Renamed", dim_account(*of)),
        )


def with_category(category: str, accounts: pa.Table) -> pa.Table:
    place = accounts.schema.get_field_index("category")
    return accounts.set_column(place, "category", pa.array([category] * len(accounts)))


def figures(home: Home) -> list[object]:
    # Account 0310 has no money in January.
    return [sorted((row for row in home.select(sql) if "0310" not in row[:1]), key=repr) for sql in FIGURES]


def sentences(refreshed: Refreshed) -> Iterator[str]:
    yield from refreshed.held().values()
    for problem in refreshed.status.problems:
        yield f"{problem['problem']} {problem['fix']}"


def cells() -> Iterator[object]:
    for name in CAUSES:
        for policy in ("hold", "publish"):
            is_run = current_profile().is_exhaustive or (name, policy) in SAMPLE
            skipped = pytest.mark.skipif(not is_run, reason="the nightly profile has every cell")
            yield pytest.param(name, policy, marks=skipped, id=f"{name}, {policy}")


@pytest.mark.parametrize(("name", "policy"), list(cells()))
@pytest.mark.usefixtures("_next_release")
def test_a_change_of_a_closed_period_waits_or_is_a_restatement(
    name: str, policy: str, january_closed: Path, tmp_path: Path, refresh: Refresher
):
    cause = CAUSES[name]
    home = copy_home(january_closed, tmp_path / "home")
    signed = figures(home)
    cause.change(home)
    home.write("raw/transactions_may.csv", OPEN)
    settings = {**cause.environment, "FINANCE_PLATFORM_CLOSED_PERIODS": policy}
    refreshed = refresh(home, **settings)
    assert home.select("SELECT COUNT(*) FROM ActualVsBudget WHERE Period = '2024-05'") == [(1,)]

    if policy == "publish" or not cause.moves:
        assert not refreshed.needs_attention
        assert (figures(home) != signed) == cause.moves
        is_moved = cause.moves and cause.table != "statement_mapping"  # which is no figure, and has no movement
        assert {alert.kind for alert in refreshed.alerts} == ({"restatement"} if is_moved else set())
        return
    assert figures(home) == signed
    assert refreshed.needs_attention
    assert not refreshed.alerts
    said = " ".join(sentences(refreshed))
    assert [text for text in ("2024-01", *cause.says) if text not in said] == [], said
    (of_period,) = refreshed.status.details.closed
    assert len(of_period["waiting"]) == 1
    assert (cause.held or cause.says[0]) in of_period["waiting"][0]

    if cause.held:
        decisions.accept(home.processed, cause.held, author("the auditors found it"))
    else:
        assert "closed_periods_stand" in refreshed.failed_checks
        assert "stays as it is published" in home.command("status", **settings).stdout
        assert "finance-platform reopen 2024-01 --why TEXT" in said
        period_decisions.reopen(home.processed, "2024-01", author("it was wrong"))
    assert not refresh(home, **settings).needs_attention
    assert figures(home) != signed


YEARS = """\
feed: years
kind: ledger
path: year_*.csv
columns: {date: {from: year, formats: [yyyy], calendar: fiscal}, department: dept, account: account, amount: amount}
constants: {scenario: Forecast}
plans_only: true
spread: {over: fiscal_year, how: even}
load: {mode: append}
"""
DOCUMENTS = """\
feed: documents
kind: ledger
path: documents.csv
columns: {transaction_id: number, date: date, department: dept, account: account, amount: amount}
constants: {scenario: Actual}
load: {mode: append}
document_numbers: {restart: fiscal_year}
"""
NUMBERED = """\
number,date,dept,account,amount
INV-5,2023-12-01,D100,4000,1.00
INV-6,2023-12-02,D100,4000,2.00
INV-1,2024-01-01,D100,4000,3.00
INV-2,2024-02-01,D100,4000,4.00
"""


def test_files_and_gates_follow_the_fiscal_year_in_force_while_another_one_waits(
    tmp_path: Path, refresh: Refresher
) -> None:
    home = create_small_home(tmp_path / "home")
    home.write("feeds/years.yaml", YEARS)
    home.write("feeds/documents.yaml", DOCUMENTS)
    home.write("raw/documents.csv", NUMBERED)
    home.write("raw/year_2024.csv", "year,dept,account,amount\n2024,D100,4000,1200.00\n")
    refresh(home)
    assert home.command("close", "2024-01", "--why", "done").returncode == 0
    later = {"FINANCE_PLATFORM_FISCAL_YEAR_START_MONTH": "4"}
    home.write("raw/year_2025.csv", "year,dept,account,amount\n2025,D100,4000,1200.00\n")
    assert refresh(home, **later).read == ["year_2025.csv"]
    span = "SELECT MIN(Period), MAX(Period) FROM PeriodAmount WHERE ScenarioName = 'Forecast'"
    assert home.select(span) == [("2024-01", "2025-12")]
    assert "red     document_numbers" not in home.command("close", "2024-02", "--dry-run", **later).stdout
    assert home.command("reopen", "2024-01", "--why", "another year").returncode == 0
    assert home.command("reopen", "2023-12", "--why", "another year").returncode == 0
    assert set(refresh(home, **later).read) == {"year_2024.csv", "year_2025.csv"}
    assert "INV-3 to INV-4" in home.command("close", "2024-02", "--dry-run", **later).stdout
