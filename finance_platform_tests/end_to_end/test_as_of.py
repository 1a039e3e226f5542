"""Signed and earlier states, shown again after everything that can happen to them.

Belongs here: `--as-of` of `query`, `report` and `trace`, and what a signature needs to survive. Does not belong here:
the gates of a close (see `test_close`), what a closed period holds back (see `test_closed_periods`).
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from finance_platform.deliveries.register import Register
from finance_platform.slices.signatures import find_changed_signatures, signed_closings
from finance_platform_tests.end_to_end.home import Home, copy_home
from finance_platform_tests.end_to_end.in_process_refresh import Refresher
from finance_platform_tests.end_to_end.small_home import ACCOUNTS, BUDGET, TRANSACTIONS

pytestmark = pytest.mark.end_to_end

FIGURES = (
    "SELECT * FROM ActualVsBudget ORDER BY Period, DepartmentCode, AccountNumber; SELECT * FROM PeriodStatus ORDER BY 1"
)
CORRECTED = TRANSACTIONS.replace("1000.00", "1000.50")


@pytest.fixture
def home(january_closed: Path, tmp_path: Path) -> Home:
    """The small home with January closed."""
    home = copy_home(january_closed, tmp_path / "home")
    home.write(".env", "FINANCE_PLATFORM_CLOSED_PERIODS=publish\n")
    return home


def figures(home: Home, *options: str) -> str:
    result = home.command("query", "-", "--format", "csv", *options, standard_input=FIGURES)
    assert result.returncode == 0, result.stderr
    return result.stdout


def amount(home: Home, as_of: str) -> str:
    sql = "SELECT SUM(Actual) FROM ActualVsBudget WHERE Period = '2024-01'"
    return home.command("query", "--as-of", as_of, sql, "--format", "csv").stdout.splitlines()[1]


def actual_of_january(shown: str) -> Decimal:
    """Return the sum of a column of the first query of `FIGURES`."""
    rows = csv.DictReader(io.StringIO(shown.partition("\n")[2]))  # each query is printed before its rows
    return sum((Decimal(row["Actual"]) for row in rows if row["Period"] == "2024-01" and row["Actual"]), Decimal(0))


def test_a_signed_state_is_shown_to_the_byte_after_corrections_a_second_close_a_vacuum_and_a_lost_warehouse(
    home: Home, refresh: Refresher
):
    signed = figures(home)
    assert figures(home, "--as-of", "close:2024-01") == signed

    home.write("raw/transactions.csv", CORRECTED)
    home.write("raw/budget.csv", BUDGET.replace("900.00", "950.00"))
    home.write("raw/accounts.csv", ACCOUNTS.replace("6000,Salaries,Expense", "6000,Wages,Asset"))
    refresh(home)
    assert figures(home) != signed
    assert figures(home, "--as-of", "close:2024-01") == signed

    assert home.command("reopen", "2024-01", "--why", "a late invoice").returncode == 0
    assert home.command("close", "2024-01", "--why", "again").returncode == 0
    assert home.command("vacuum", "--yes", FINANCE_PLATFORM_RETENTION_DAYS="0").returncode == 0
    (home.path / "warehouse.duckdb").unlink()
    refresh(home)
    assert figures(home, "--as-of", "close:2024-01#1") == signed
    now = figures(home)
    assert figures(home, "--as-of", "close:2024-01#2") == figures(home, "--as-of", "close:2024-01") == now
    assert (actual_of_january(signed), actual_of_january(now)) == (Decimal("1250.10"), Decimal("1250.60"))


@dataclass(frozen=True)
class Corrected:
    """The small home, whose January was closed and corrected; when, and the figures before the correction."""

    home: Home
    before: datetime
    published: str


@pytest.fixture(scope="module")
def corrected(january_closed: Path, refresh: Refresher, tmp_path_factory: pytest.TempPathFactory) -> Corrected:
    home = copy_home(january_closed, tmp_path_factory.mktemp("corrected") / "home")
    home.write(".env", "FINANCE_PLATFORM_CLOSED_PERIODS=publish\n")
    before, published = datetime.now(UTC), figures(home)
    home.write("raw/transactions.csv", CORRECTED)
    refresh(home)
    return Corrected(home, before, published)


def test_a_report_and_a_trace_show_the_signed_state(corrected: Corrected, tmp_path: Path):
    home = corrected.home
    written = home.command("report", "--as-of", "close:2024-01", "--out", str(tmp_path))
    assert written.returncode == 0, written.stderr
    (page,) = tmp_path.glob("*.html")
    assert "close of 2024-01" in page.read_text()
    assert "attributes of each period (as-was)" in page.read_text()
    assert "Actual of 2024-01" in written.stdout
    cell = ("--period", "2024-01", "--department", "D100", "--account", "4000", "--as-of", "close:2024-01")
    traced = home.command("trace", *cell)
    assert traced.returncode == 0, traced.stderr
    assert "1,000.00 was published (as signed by" in " ".join(traced.stdout.split())


def test_what_was_published_at_a_time_is_shown_as_long_as_it_is_kept(corrected: Corrected):
    home, before = corrected.home, corrected.before
    assert figures(home, "--as-of", before.isoformat()) == corrected.published
    assert amount(home, datetime.now(UTC).isoformat()) == "1250.60"

    for as_of, expected in (
        ("2019-12-31", "nothing that the load ledger knows was published by 2019-12-31"),
        ((before + timedelta(days=2)).isoformat(), "is in the future"),
        ("close:2024-02", "no close of 2024-02 was signed"),
        ("close:2024-01#2", "2024-01 was closed 1 time"),
        ("last month", "is neither a close nor a time"),
    ):
        refused = home.command("query", "--as-of", as_of, "SELECT 1")
        assert (refused.returncode, expected in refused.stderr) == (2, True), refused.stderr


def test_a_changed_signature_or_a_changed_signed_row_is_named(home: Home):
    events = Register(home.processed).events()
    assert list(find_changed_signatures(home.processed, events)) == []
    (closing,) = signed_closings(events)
    document = home.path / "processed" / "signatures" / f"{closing.signature}.json"
    original = document.read_text()

    document.write_text(original.replace('"currency": "USD"', '"currency": "EUR"'))
    (found,) = find_changed_signatures(home.processed, events)
    verified = home.command("verify")
    assert (verified.returncode, "it is not the document that was signed" in verified.stdout) == (1, True)
    assert found.key == f"signatures/{closing.signature}.json"
    shown = home.command("query", "--as-of", "close:2024-01", "SELECT 1")
    assert (shown.returncode, "it is not the document that was signed" in shown.stderr) == (3, True)

    document.write_text(original)
    files = sorted((home.path / "processed" / "fact_financials").rglob("*.parquet"))
    files[0].write_bytes(files[1].read_bytes())
    assert [error.key for error in find_changed_signatures(home.processed, events)] == [
        files[0].relative_to(home.path / "processed").as_posix()
    ]
