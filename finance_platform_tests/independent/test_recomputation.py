"""The product's output equals a second computation from the raw files, to the cell, the rejected row and the cent.

Belongs here: running `recompute` on the shipped sample and on AdventureWorks, and showing that it finds differences.
"""

from __future__ import annotations

import ast
import csv
import shutil
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from finance_platform_tests.end_to_end.adventureworks_home import refresh_adventureworks_once
from finance_platform_tests.end_to_end.home import Home
from finance_platform_tests.end_to_end.sample_home import refresh_sample_once
from finance_platform_tests.independent import recompute
from finance_platform_tests.independent.recompute import (
    ADVENTUREWORKS,
    SAMPLE,
    TERMS,
    ZERO,
    Results,
    differences,
    product_output,
    to_amount,
)
from finance_platform_tests.independent.recomputed_sample import recompute_sample_once
from finance_platform_tests.profiles import at_night

pytestmark = pytest.mark.end_to_end


def output_of(home: Path) -> Results:
    """Return the product's output, from its command line."""

    def run(*arguments: str) -> str:
        ended = Home(home).command(*arguments)
        assert ended.returncode in (0, 1), ended.stderr
        return ended.stdout

    return product_output(run)


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Results]:
    """A home with the shipped files after its first run, and the product's output."""
    home = refresh_sample_once(tmp_path_factory)
    assert home.succeeded
    return home.path, output_of(home.path)


@pytest.fixture(scope="module")
def recomputed(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """The second computation of the sample."""
    return recompute_sample_once(tmp_path_factory)


def test_the_sample_equals_its_recomputation(sample: tuple[Path, Results], recomputed: Results):
    _, product = sample
    assert differences(recomputed, product) == []
    assert len(recomputed.cells) > 30_000
    assert {outcome for outcome, _, _ in recomputed.rejected.values()} == {"rejected", "duplicate"}
    terms = {term for _, _, term in recomputed.statement}
    assert {"delivered", "in_warehouse", "rejected", "duplicate", "skipped"} <= terms <= set(TERMS)


@at_night("its published sums (`end_to_end/test_adventureworks`); the sample, to the cell")
def test_adventureworks_equals_its_recomputation(tmp_path_factory: pytest.TempPathFactory):
    """Skipped with a message where the published files are absent."""
    home = refresh_adventureworks_once(tmp_path_factory).path
    recomputed = recompute.recompute(home / "raw", ADVENTUREWORKS)
    assert differences(recomputed, output_of(home)) == []
    assert len(recomputed.cells) > 30_000
    assert ("", "Actual in statistical", "in_warehouse") in recomputed.statement


def test_the_statement_of_the_sample_equals_its_recomputation(sample: tuple[Path, Results], recomputed: Results):
    """Lines by category, year to date of September 2025, Actual against Budget and against the prior year."""
    home, _ = sample
    accounts = read_accounts(home / "raw" / "accounts.csv")
    cells = recomputed.cells
    line_sums: dict[tuple[str, str], Decimal] = {}
    profits: dict[str, Decimal] = {}
    for (day, _, account, scenario), (_, amount, *_) in cells.items():
        scenario = f"{scenario} {day[:4]}"
        if day[4:6] > "09" or day[:4] < "2024":
            continue
        account_type, category = accounts.get(account, ("Unknown", "Unclassified"))
        if account_type in ("Revenue", "Expense", "Unknown"):
            sign = 1 if account_type == "Revenue" else -1
            line_sums[category, scenario] = line_sums.get((category, scenario), ZERO) + amount
            profits[scenario] = profits.get(scenario, ZERO) + sign * amount

    view = (
        "SELECT Line, IsSubtotal, ReferenceName, SUM(Amount), SUM(ReferenceAmount), SUM(Variance) "
        "FROM ProfitAndLossByHorizon WHERE AsOfPeriod = '2025-09' AND Horizon = 'year to date' "
        "AND ScenarioName = 'Actual' AND ReferenceName IN ('Budget', 'Prior Year') "
        "GROUP BY Line, IsSubtotal, ReferenceName"
    )
    rows = {(line, reference): sums for line, _, reference, *sums in Home(home).select(view)}
    lines = {line for line, is_subtotal, *_ in Home(home).select(view) if not is_subtotal}

    assert lines == {line for line, _ in line_sums}
    for line in lines:
        actual, budget, prior = (
            line_sums.get((line, scenario), ZERO) for scenario in ("Actual 2025", "Budget 2025", "Actual 2024")
        )
        assert rows[line, "Budget"] == [actual, budget, actual - budget]
        assert rows[line, "Prior Year"] == [actual, prior, actual - prior]
    assert rows["Profit after unclassified", "Budget"][:2] == [profits["Actual 2025"], profits["Budget 2025"]]
    assert rows["Revenue, net", "Budget"][:2] == [Decimal("34780985.04"), Decimal("35628870.00")]
    assert rows["Operating profit", "Budget"][:2] == [Decimal("2444051.93"), Decimal("2927680.00")]
    assert rows["Unclassified", "Budget"][0] == Decimal("10922.70")
    assert rows["Profit after unclassified", "Budget"][0] == Decimal("2433129.23")


def test_rejected_money_and_feeds_in_the_views_are_those_of_the_statement(sample: tuple[Path, Results]):
    home, product = sample
    terms = ("rejected", "duplicate", "skipped", "superseded", "held", "withdrawn", "rounding")
    by_term: dict[tuple[str, str], tuple[int, Decimal, Decimal]] = {}
    for (file, scenario, term), (more_rows, _, more_net, more_gross) in product.statement.items():
        if file and term in terms:
            rows, net, gross = by_term.get((scenario, term), (0, ZERO, ZERO))
            by_term[scenario, term] = (rows + more_rows, net + more_net, gross + more_gross)

    stored = Home(home).select(
        "SELECT ScenarioName, Term, SUM(RowCount), SUM(NetAmount), SUM(GrossAmount) FROM FeedTerm "
        "GROUP BY ScenarioName, Term"
    )
    rejected = Home(home).select(
        "SELECT Feed, FileName, ScenarioName, RowCount, GrossAmount FROM RejectedMoney WHERE Unit = 'USD' ORDER BY Feed"
    )
    feeds = Home(home).select(
        "SELECT Feed, COUNT(*), SUM(LineCount), MIN(CASE WHEN IsAsUsual THEN 1 ELSE 0 END) "
        "FROM FeedCompleteness GROUP BY Feed"
    )

    assert {(scenario, term): tuple(amounts) for scenario, term, *amounts in stored} == by_term
    assert rejected == [
        (feed, f"{feed}.csv", scenario, *by_term[scenario, "rejected"][::2])
        for feed, scenario in (("budget", "Budget"), ("forecast", "Forecast"), ("transactions", "Actual"))
    ]
    assert sum(row[4] for row in rejected) == Decimal("428591.86")
    assert feeds == [("transactions", 36, sum(cell[0] for key, cell in product.cells.items() if key[3] == "Actual"), 1)]


def read_accounts(path: Path) -> dict[str, tuple[str, str]]:
    """Return type and category of each account by its number."""
    with path.open(encoding="utf-8", newline="") as file:
        return {
            recompute.fold(row["account_number"]): (row["account_type"], row["category"])
            for row in csv.DictReader(file)
        }


def test_the_full_year_of_the_sample_is_nine_months_of_actuals_and_three_of_the_forecast(
    sample: tuple[Path, Results],
):
    rows = Home(sample[0]).select(
        "SELECT Line, SUM(Amount), MAX(Periods), MAX(OutlookPeriods) FROM ProfitAndLossByHorizon "
        "WHERE AsOfPeriod = '2025-09' AND Horizon = 'full year' AND ScenarioName = 'Actual' "
        "AND ReferenceName = 'Budget' AND Line IN ('Revenue, net', 'Operating profit') GROUP BY Line ORDER BY Line"
    )
    outlook = Home(sample[0]).select(
        "SELECT Source, COUNT(DISTINCT Period) FROM Outlook WHERE FiscalYear = 2025 GROUP BY Source ORDER BY Source"
    )

    assert rows == [
        ("Operating profit", Decimal("2842961.93"), 12, 3),
        ("Revenue, net", Decimal("47290735.04"), 12, 3),
    ]
    assert outlook == [("actual", 9), ("forecast", 3)]


@pytest.mark.parametrize(
    ("file", "old", "new", "parts"),
    [
        pytest.param(
            *("transactions.csv", "T000001,2022-10-01,0460,6110,15713.38", "T000001,2022-10-01,0460,6110,15713.39"),
            "cs",
            marks=at_night("a blank account below"),
        ),
        ("transactions.csv", "T000001,2022-10-01,0460,6110", "T000001,2022-10-01,0460,", "crs"),
        pytest.param(
            *("budget.csv", "2022-10,D300,4100,1360000.00", "2022-10,D300,4100,1360000.01"),
            "cs",
            marks=at_night("a blank account below"),
        ),
    ],
    ids=["a cent", "a blank account", "a cent of the budget"],
)
def test_a_difference_is_found_in_every_part_that_it_reaches(
    sample: tuple[Path, Results], tmp_path: Path, file: str, old: str, new: str, parts: str
):
    home, product = sample
    raw = shutil.copytree(home / "raw", tmp_path / "raw")
    text = (raw / file).read_text(encoding="utf-8")
    assert old in text
    (raw / file).write_text(text.replace(old, new, 1), encoding="utf-8")
    found = differences(recompute.recompute(raw, SAMPLE), product)
    assert {sentence[0] for sentence in found} == set(parts)


def test_the_recomputation_imports_nothing_of_the_product():
    tree = ast.parse(Path(recompute.__file__).read_text(encoding="utf-8"))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    names = {name.partition(".")[0] for name in imported}
    assert names <= sys.stdlib_module_names | {"__future__"}


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("1,250.50", "1250.50"),
        ("(1 250.5)", "-1250.5"),
        ("$9", "9"),
        ("7-", "-7"),
        ("-", "0"),
        ("1,25", None),
        ("1.2E+05", None),
        ("--1", None),
        ("€9", None),
        ("n/a", None),
    ],
)
def test_amounts_are_read_as_documented(text: str, amount: str | None):
    assert to_amount(text) == (None if amount is None else Decimal(amount))
