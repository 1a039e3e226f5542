"""The same figure is the same in every place where it is shown, and is that of the input files.

Belongs here: a home with what makes figures hard (a fiscal year from April, a plan in thousands with a month missing,
an account with another category and a department with another unit from July on, debits and credits, head counts, money
without a type, a file that is withdrawn, one that is held), added up from its own lines by Decimal. Does not belong
here: the sample (see `independent`), each view by itself (see `warehouse`).

One home by day; several, of other amounts, in the nightly profile.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from random import Random

import pytest

from finance_platform_tests.end_to_end.home import Home
from finance_platform_tests.end_to_end.in_process_refresh import Refresher
from finance_platform_tests.independent.test_report_pack import of_page, of_workbook
from finance_platform_tests.profiles import current_profile
from finance_platform_tests.report_pack.workbook_formulas import WorkbookFormulas
from finance_platform_tests.workbooks import xlsx

pytestmark = pytest.mark.end_to_end

SEEDS = range(6) if current_profile().is_exhaustive else range(1)
ZERO = Decimal("0.00")
DEPARTMENTS = """\
department_code,department_name,business_unit,parent_department_code,valid_from
D1,Sales,Commercial,,
0450,Facilities,Operations,,
0460,Fleet,Operations,0450,
0460,Fleet,Commercial,D1,2025-07
D9,Without lines,Operations,,
"""
ACCOUNTS = """\
account_number,account_name,account_type,category,valid_from
4000,Subscriptions,Revenue,Recurring,
6000,Salaries,Expense,Payroll,
6100,Rent,Expense,Premises,
6100,Rent,Expense,Facility cost,2025-07
0310,Servers,Asset,CapEx,
9000,Head count,Statistical,FTE,
"""
JOURNAL = """\
feed: journal
kind: ledger
path: journal/*.xlsx
columns: {date: Date, department: Unit, account: Account, amount: {debit: Dr, credit: Cr}}
constants: {scenario: Actual}
"""
PLAN = """\
feed: plan
kind: ledger
path: plan/*.csv
columns: {date: {formats: [yyyy-MM]}, department: Unit, account: Account, amount: {scale: 1000}}
unpivot: {columns: "20[0-9]{2}-[0-9]{2}", into: date}
ignore_columns: ["2025-08"]
constants: {scenario: Budget}
load: {mode: replace_period}
"""
MONTHS = [f"{year}-{month:02d}" for year in (2024, 2025) for month in range(1, 13)]
ACTUALS = [month for month in MONTHS if "2024-04" <= month <= "2025-09"]
PLANNED = [month for month in MONTHS if month >= "2025-04" and month != "2025-08"]
YEAR_TO_DATE = [month for month in ACTUALS if month >= "2025-04"]
SIGNS = {"4000": 1, "6000": -1, "6100": -1, "7777": -1}
HEADER = "transaction_id,transaction_date,department_code,account_number,amount,description\n"

Place = tuple[str, str, str, str]
"""Scenario, period, department, account."""


@dataclass
class Books:
    """What the files of a home add up to, by place."""

    random: Random
    lines: dict[Place, int] = field(default_factory=lambda: defaultdict(int))
    amounts: dict[Place, Decimal] = field(default_factory=lambda: defaultdict(lambda: ZERO))

    def money(self) -> Decimal:
        return Decimal(self.random.randrange(-50_000, 400_000)) / 100

    def add(self, place: Place, amount: Decimal) -> None:
        self.lines[place] += 1
        self.amounts[place] += amount

    def total(self, of: Callable[[Place], object]) -> dict[object, Decimal]:
        """Return the sums by what a function gives for a place; None for places that do not belong to any."""
        sums: dict[object, Decimal] = defaultdict(lambda: ZERO)
        for place, amount in self.amounts.items():
            if (key := of(place)) is not None:
                sums[key] += amount
        return dict(sums)


def category(account: str, period: str) -> str | None:
    if account == "6100":
        return "Facility cost" if period >= "2025-07" else "Premises"
    return {"4000": "Recurring", "6000": "Payroll", "7777": "Unclassified"}.get(account)


def unit(department: str, period: str) -> str:
    if department == "0460":
        return "Commercial" if period >= "2025-07" else "Operations"
    return "Commercial" if department == "D1" else "Operations"


def write_files(home: Home, books: Books) -> None:
    """Write the files of the home, and add up those that count."""
    home.write("raw/departments.csv", DEPARTMENTS)
    home.write("raw/accounts.csv", ACCOUNTS)
    home.write("feeds/journal.yaml", JOURNAL)
    home.write("feeds/plan.yaml", PLAN)
    home.write("raw/transactions.csv", HEADER + "".join(ledger_lines(books)))
    home.write("raw/transactions_held.csv", HEADER + "H1,2025-09-03,D1,4000,55555.00,\nH2,2025-02-30,D1,4000,1.00,\n")
    journal: list[list[object]] = [["Date", "Unit", "Account", "Dr", "Cr"]]
    for month in YEAR_TO_DATE:
        for account in ("4000", "6000"):
            debit, credit = abs(books.money()), abs(books.money())
            journal.append([f"{month}-15", "0450", account, float(debit), None])
            journal.append([f"{month}-16", "0450", account, None, float(credit)])
            for amount in (debit, -credit):
                books.add(("Actual", month, "0450", account), amount if account == "6000" else -amount)
    home.write("raw/journal/j.xlsx", xlsx({"J": journal}))
    rows = []
    for department, account in (("D1", "4000"), ("D1", "6000"), ("0450", "6100"), ("D9", "6000"), ("D1", "0310")):
        thousands = [Decimal(books.random.randrange(1, 2_000)) / 1000 for _ in PLANNED]
        rows.append(",".join([department, account, *map(str, thousands)]) + "\n")
        for month, value in zip(PLANNED, thousands, strict=True):
            books.add(("Budget", month, department, account), value * 1000)
    home.write("raw/plan/fy26.csv", ",".join(["Unit", "Account", *PLANNED]) + "\n" + "".join(rows))


def ledger_lines(books: Books) -> Iterator[str]:
    number = 0
    for month in ACTUALS:
        for department in ("D1", "0450", "0460"):
            for account in ("4000", "6000", "6100", "0310", "9000"):
                for day in (3, 27):
                    number += 1
                    amount = Decimal(day) if account == "9000" else books.money()
                    books.add(("Actual", month, department, account), amount)
                    yield f"T{number},{month}-{day:02d},{department},{account},{amount},\n"
    books.add(("Actual", "2025-09", "D1", "7777"), Decimal("12.34"))
    yield "U1,2025-09-09,D1,7777,12.34,\n"


@pytest.fixture(params=SEEDS)
def home_and_books(request: pytest.FixtureRequest, tmp_path: Path, refresh: Refresher) -> tuple[Home, Books]:
    home, books = Home(tmp_path / "home"), Books(Random(request.param))
    home.write(".env", "FINANCE_PLATFORM_FISCAL_YEAR_START_MONTH=4\n")
    home.write("raw/transactions_draft.csv", HEADER + "W1,2025-09-03,D1,4000,99999.00,withdrawn\n")
    refresh(home)
    write_files(home, books)
    assert home.command("withdraw", "transactions_draft.csv", "--why", "a draft").returncode == 0
    status = refresh(home).status
    assert [row["file"] for row in status.deliveries if row["state"] == "held"] == ["transactions_held.csv"]
    return home, books


def test_every_place_shows_the_figures_of_the_files(home_and_books: tuple[Home, Books], tmp_path: Path):
    home, books = home_and_books
    views_have_the_sums_of_the_lines(home, books)
    statements_have_the_sums_of_the_lines(home, books)
    the_reconciliation_has_the_sums_of_the_lines(home, books)
    traces_lead_to_the_lines(home, books)
    ended = home.command("report", "--out", str(tmp_path / "pack"))
    assert ended.returncode == 0, ended.stderr
    page = (tmp_path / "pack" / "report_pack.html").read_text(encoding="utf-8")
    workbook = WorkbookFormulas((tmp_path / "pack" / "report_pack.xlsx").read_bytes())
    the_pack_has_the_sums_of_the_lines(page, workbook, books)


def views_have_the_sums_of_the_lines(home: Home, books: Books) -> None:
    expected = {place: (books.lines[place], amount) for place, amount in books.amounts.items()}
    cells = "SELECT ScenarioName, Period, DepartmentCode, AccountNumber, SUM(TransactionCount), SUM(Amount) FROM {} {}"
    amounts = home.select(cells.format("PeriodAmount", "GROUP BY 1, 2, 3, 4"))
    assert {tuple(row[:4]): tuple(row[4:]) for row in amounts} == expected
    facts = home.select(
        "SELECT ScenarioName, SUBSTRING(CAST(DateKey AS VARCHAR), 1, 6), DepartmentCode, AccountNumber, "
        "SUM(TransactionCount), SUM(Amount) FROM FactFinancials JOIN DimDepartment USING (DepartmentKey) "
        "JOIN DimAccount USING (AccountKey) JOIN DimScenario USING (ScenarioKey) "
        "GROUP BY 1, 2, 3, 4 HAVING SUM(TransactionCount) > 0"
    )
    assert {(one[0], f"{one[1][:4]}-{one[1][4:]}", *one[2:4]): tuple(one[4:]) for one in facts} == expected
    beside = home.select("SELECT Period, DepartmentCode, AccountNumber, Actual, Budget FROM ActualVsBudget")
    compared = {tuple(row[:3]): tuple(row[3:]) for row in beside}
    assert len(compared) == len(beside)
    for (month, department, account), (actual, budget) in compared.items():
        planned = books.amounts.get(("Budget", month, department, account), ZERO) if month in PLANNED else None
        assert (actual, budget) == (books.amounts.get(("Actual", month, department, account), ZERO), planned)
    profits = home.select(
        "SELECT BusinessUnit, FiscalYear, FiscalQuarter, ScenarioName, SUM(Amount * ProfitSign) FROM PeriodAmount "
        "WHERE ProfitSign <> 0 GROUP BY 1, 2, 3, 4"
    )
    by_unit: dict[object, Decimal] = defaultdict(lambda: ZERO)
    for (scenario, month, department, account), amount in books.amounts.items():
        if account in SIGNS and account != "7777":
            year, number = int(month[:4]), int(month[5:])
            place = (unit(department, month), year + (number > 3), ((number - 4) % 12) // 3 + 1, scenario)
            by_unit[place] += SIGNS[account] * amount
    assert {tuple(row[:4]): row[4] for row in profits} == by_unit


def statement(books: Books, scenario: str, months: list[str]) -> dict[object, Decimal]:
    return books.total(lambda one: category(one[3], one[1]) if one[0] == scenario and one[1] in months else None)


def prior(month: str) -> str:
    return f"{int(month[:4]) - 1}{month[4:]}"


def statements_have_the_sums_of_the_lines(home: Home, books: Books) -> None:
    for months, horizon in (([YEAR_TO_DATE[-1]], "month"), (YEAR_TO_DATE, "year to date")):
        for reference in ("Budget", "Prior Year"):
            rows = home.select(
                "SELECT Line, SUM(Amount), SUM(ReferenceAmount), SUM(Variance) FROM ProfitAndLossByHorizon "
                f"WHERE AsOfPeriod = '2025-09' AND Horizon = '{horizon}' AND ScenarioName = 'Actual' "
                f"AND ReferenceName = '{reference}' AND NOT IsSubtotal GROUP BY Line"
            )
            actual, is_plan = statement(books, "Actual", months), reference == "Budget"
            other = statement(books, "Budget" if is_plan else "Actual", months if is_plan else list(map(prior, months)))
            compared = statement(books, "Actual", [one for one in months if one in PLANNED or not is_plan])
            assert {line: (amount, planned, variance) for line, amount, planned, variance in rows} == {
                line: (actual.get(line, ZERO), other.get(line, ZERO), compared.get(line, ZERO) - other.get(line, ZERO))
                for line in {*actual, *other}
            }


def the_reconciliation_has_the_sums_of_the_lines(home: Home, books: Books) -> None:
    document = json.loads(home.command("status", "--json").stdout)
    lines = {(line["scenario"], line["unit"]): line["terms"] for line in document["reconciliation"]["by_scenario"]}
    assert all(Decimal(line["difference"]["net"]) == 0 for line in document["reconciliation"]["by_scenario"])
    units = books.total(lambda one: one[0] if one[3] == "9000" else None)
    assert Decimal(lines["Actual", "statistical"]["in_warehouse"]["net"]) == units["Actual"]
    planned = books.total(lambda one: one[0] if one[0] == "Budget" else None)
    assert Decimal(lines["Budget", "USD"]["in_warehouse"]["net"]) == planned["Budget"]
    money = lines["Actual", "USD"]
    assert (money["held"]["net"], money["withdrawn"]["net"]) == ("55555.00", "99999.00")
    files = {row["file"]: row["amount"] for row in document["deliveries"]}
    assert files["transactions.csv"] is None  # money and head counts
    assert Decimal(files["plan/fy26.csv"]) == planned["Budget"]


def traces_lead_to_the_lines(home: Home, books: Books) -> None:
    debits_and_credits = ("Actual", YEAR_TO_DATE[0], "0450", "4000")
    for place in [debits_and_credits, *books.random.sample(sorted(books.amounts), 6)]:
        scenario, month, department, account = place
        cell = ("--period", month, "--department", department, "--account", account, "--scenario", scenario)
        lines = json.loads(home.command("trace", *cell, "--format", "json").stdout)["lines"]
        total = sum(Decimal(line["star_amount"]) for line in lines)
        assert (len(lines), total) == (books.lines[place], books.amounts[place])


def the_pack_has_the_sums_of_the_lines(page: str, workbook: WorkbookFormulas, books: Books) -> None:
    actual, planned = statement(books, "Actual", YEAR_TO_DATE), statement(books, "Budget", YEAR_TO_DATE)
    expected = {line: (actual.get(line, ZERO), planned.get(line, ZERO)) for line in {*actual, *planned}}
    for shown in (of_page(page), of_workbook(workbook)):
        assert {line: shown[str(line)] for line in expected} == expected
    checks = [cell.value for row in workbook.rows("Checks") if (cell := row.get("G")) and cell.formula]
    assert set(checks) == {True}
    signs = {one: sign for one, sign in SIGNS.items() if sign < 0}
    costs = {
        scenario: sum(
            amount
            for (name, month, _, account), amount in books.amounts.items()
            if name == scenario and month in YEAR_TO_DATE and month in PLANNED and account in signs
        )
        for scenario in ("Actual", "Budget")
    }
    for sheet, label in (("Departments", "Total"), ("Units", "Costs, total")):
        row = next(row for row in workbook.rows(sheet) if "A" in row and row["A"].value == label)
        values = [cell.value for cell in row.values()]
        assert costs["Budget"] - costs["Actual"] in values, (sheet, costs)
