"""A listing of payments with pages, ragged blanks and a lone total, read by its descriptor alone.

Belongs here: what is published and held of such files. Does not belong here: single rules (see
`unit/feeds/test_printed_totals`).
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from random import Random

import pytest
from pyspark.sql import SparkSession

from finance_platform_tests.end_to_end.home import Home
from finance_platform_tests.end_to_end.in_process_refresh import Refreshed, Refresher

pytestmark = pytest.mark.end_to_end

HEADER = "Paid,Service Area,Supplier,Expense Type,Amount,Note,Contract"
AREAS, TYPES = ("Housing", "Parks & Leisure", "Finance"), ("Repairs", "Consultants", "Utilities")
SUPPLIERS = ("TOTAL GAS & POWER LTD", "Ashe Electrical", 'O\'Neill "and" Sons', "Page Brothers")
ROWS_OF_A_PAGE, PAGES = 40, 7


def amounts() -> list[Decimal]:
    """Return the amount of each line; some are credit notes."""
    random = Random(20)
    return [Decimal(random.randint(-90_000, 500_000)) / 100 for _ in range(ROWS_OF_A_PAGE * PAGES - 13)]


def listing(paid: Sequence[Decimal], total: str) -> bytes:
    """Return the file: rows end with as many blank cells as the source felt like."""
    random, rows = Random(21), [HEADER]
    for number, amount in enumerate(paid):
        page, place = divmod(number, ROWS_OF_A_PAGE)
        if number and not place:
            rows += [f"Page {page} of {PAGES}", "", HEADER]
        supplier = random.choice(SUPPLIERS).replace('"', '""')
        written = f"{abs(amount):,.2f}" + ("-" if amount < 0 else "")
        cells = f'{random.randint(1, 28):02d}/{random.randint(1, 3):02d}/2024,{random.choice(AREAS)},"{supplier}",'
        rows.append(f'{cells}{random.choice(TYPES)},"{written}"' + "," * random.randint(0, 4))
    rows += [f"Page {PAGES} of {PAGES},,", f'Total,,,,"{total}"']
    return "\r\n".join([*rows, ""]).encode()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    shutil.copytree(Path(__file__).parent / "feeds", home.path / "feeds")
    return home


@pytest.fixture(scope="module")
def tied(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, Refreshed]:
    """A home whose file has the total of its lines, and its refresh."""
    home = Home(tmp_path_factory.mktemp("tied"))
    shutil.copytree(Path(__file__).parent / "feeds", home.path / "feeds")
    paid = amounts()
    home.write("raw/payments/q1.csv", listing(paid, f"{sum(paid):,.2f}"))
    return home, Refresher(spark)(home)


def published(home: Home) -> tuple[int, Decimal]:
    ((count, amount),) = home.select("SELECT SUM(TransactionCount), SUM(Amount) FROM FactFinancials")
    return int(count), amount


def explained(refreshed: Refreshed) -> bool:
    """Return whether delivered is the sum of its terms, in rows, net and gross."""
    return all(line.difference.is_zero for line in refreshed.status.reconciliation.lines)


def test_the_lines_are_published_and_the_total_ties(tied: tuple[Home, Refreshed]) -> None:
    paid = amounts()
    home, refreshed = tied
    (row,) = refreshed.status.deliveries
    assert (row["state"], row["reason"], row["warnings"]) == ("live", "", [])
    assert published(home) == (len(paid), sum(paid)) == (267, Decimal("481686.04"))
    assert row["rules"] == {"blank_row": 6, "grand_total": 1, "page": 7, "repeated_header": 6}
    assert (row["control_totals"]["checked"], row["control_totals"]["tied"]) == (1, 1)
    assert (row["rows"], Decimal(row["amount"])) == (len(paid) + 20, sum(paid))
    assert explained(refreshed)


def test_a_file_with_a_line_less_than_its_total_is_held_with_both_figures(home: Home, spark: SparkSession) -> None:
    paid = amounts()
    home.write("raw/payments/q1.csv", listing(paid[:-1], f"{sum(paid):,.2f}"))
    refreshed = Refresher(spark)(home)
    reason = refreshed.held()["payments/q1.csv"]
    assert f"the file prints {sum(paid):,.2f}, its lines add up to {sum(paid[:-1]):,.2f}" in reason
    assert "grand_total on line 287" in reason
    assert explained(refreshed)


def test_a_file_that_was_cut_off_is_held_because_its_total_is_missing(home: Home, spark: SparkSession) -> None:
    whole = listing(amounts(), "0.00")
    home.write("raw/payments/q1.csv", b"\r\n".join(whole.split(b"\r\n")[:100]))
    reason = Refresher(spark)(home).held()["payments/q1.csv"]
    assert reason == "the file has no row that matches the rule grand_total of control_total"


def test_a_total_with_a_rule_that_claims_it_changes_no_published_figure(
    tied: tuple[Home, Refreshed], tmp_path: Path, spark: SparkSession
) -> None:
    """The same file without its total, and without the rule: the same cells."""
    home, other = tied[0], Home(tmp_path / "other")
    descriptor = (home.path / "feeds" / "supplier_payments.yaml").read_text(encoding="utf-8")
    before, _, after = descriptor.partition("control_total:")
    other.write("feeds/supplier_payments.yaml", before + after.partition("required: true}\n")[2])
    other.write("raw/payments/q1.csv", (home.path / "raw/payments/q1.csv").read_bytes().partition(b"Total,,,,")[0])
    Refresher(spark)(other)
    cells = "SELECT DateKey, DepartmentKey, AccountKey, ScenarioKey, Amount, TransactionCount FROM FactFinancials"
    assert sorted(home.select(cells)) == sorted(other.select(cells))
    assert home.select(cells)


def test_the_case_of_a_booked_total_is_reported_with_a_line_that_corrects_it(home: Home, spark: SparkSession) -> None:
    descriptor = (
        "feed: gl\nkind: ledger\npath: gl.csv\nconstants: {scenario: Actual}\nhold_if_removes: never\n"
        "columns: {date: Date, department: Dept, account: Account, amount: Amount}\n"
    )
    rows = ["Date,Dept,Account,Amount", "2024-01-31,North,X,10.00", "2024-01-31,South,X,20.00"]
    home.write("feeds/gl.yaml", descriptor)
    home.write("raw/gl.csv", "\n".join([*rows, "2024-01-31,Grand Total,X,30.00", ""]))
    refresh = Refresher(spark)
    (warning,) = refresh(home).status.warnings
    assert "it equals the sum of the 2 rows before it, first on line 4" in warning["warning"]
    assert published(home) == (3, Decimal("60.00"))
    rule = warning["fix"].removeprefix("add ").partition(" to the descriptor")[0]
    home.write("feeds/gl.yaml", f"{descriptor}{rule}\n")
    assert refresh(home).status.warnings == []
    assert published(home) == (2, Decimal("30.00"))
    skip = 'skip: [{column: Dept, matches: "^Grand Total$", may_hold_money: true}]'
    home.write("feeds/gl.yaml", f"{descriptor}{skip}\n")
    refreshed = refresh(home)
    assert published(home) == (2, Decimal("30.00"))
    assert explained(refreshed)
