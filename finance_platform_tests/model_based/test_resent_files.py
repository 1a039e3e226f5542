"""A file that is sent again with one line more: what is built and loaded, and what its amounts are traced to.

Belongs here: whole refreshes. Does not belong here: which slices are adopted (see `unit.test_adoption`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from pyspark.sql import SparkSession

from finance_platform.contracts.star import FACT_FINANCIALS
from finance_platform.deliveries.events import PeriodStatusChanged
from finance_platform.deliveries.register import Register
from finance_platform.refresh.steps.build_star import Rebuild, build_star
from finance_platform.refresh.steps.publish import publish
from finance_platform.settings import StarSettings
from finance_platform.trace.cell_to_lines import trace_cell
from finance_platform.trace.cells import CellName
from finance_platform.trace.published_lines import open_lines
from finance_platform.warehouse.ledger import published_slices, published_versions
from finance_platform_tests.model_based import model
from finance_platform_tests.model_based.home import FIRST_MOMENT, LawHome
from finance_platform_tests.model_based.sent import Delivery, Feed, SentRow, as_bytes

LEDGER = Feed("ledger", mode="upsert", key=("transaction_id",), scenario="Actual")
FILE = "ledger/year.csv"
JANUARY, FEBRUARY, MARCH = "2025-01", "2025-02", "2025-03"
FACT = FACT_FINANCIALS.name


def row(day: str, key: str, amount: str = "5.00") -> SentRow:
    return SentRow(key, day, "D1", "4000", "", amount)


def refreshed(home: LawHome, rows: Sequence[SentRow], hour: int) -> list[Delivery]:
    """Send the file, refresh, and return it as the model takes it."""
    at = FIRST_MOMENT + timedelta(hours=hour)
    home.put(FILE, as_bytes("ledger", tuple(rows)), at)
    home.refresh()
    return [Delivery(FILE, LEDGER, rows, at.isoformat())]


def loaded(home: LawHome) -> tuple[list[str], list[str]]:
    """Return the periods whose rows the last load replaced, and those of which it recorded another version."""
    load = home.publication.load if home.publication else None
    assert load is not None
    replaced = [one.slice for one in load.loaded if one.contract_name == FACT]
    return replaced, [name for table, name in load.unchanged if table == FACT]


def test_one_line_more_builds_and_loads_one_period_and_amounts_are_traced_to_the_new_file(
    spark: SparkSession, tmp_path: Path
):
    home = LawHome(tmp_path, spark, closed_periods="hold")
    home.describe(LEDGER.name, LEDGER.descriptor())
    rows = [row("2025-01-05", "K1"), row("2025-02-05", "K2"), row("2025-03-05", "K3")]
    refreshed(home, rows, 1)
    version = published_versions(home.warehouse)[FACT, JANUARY]
    signed = PeriodStatusChanged("closed", JANUARY, "ada", "signed", home.tick().isoformat(), {FACT: version})
    Register(home.processed).append([signed])
    files = home.snapshot().built[FACT, JANUARY].files

    sent = refreshed(home, [row("2025-02-20", "K4", "7.00"), *rows], 2)

    assert home.built == [FEBRUARY]
    assert loaded(home) == ([FEBRUARY], [JANUARY, MARCH])
    assert home.publication is not None
    assert home.publication.frozen == ()
    assert {one["period"] for one in home.publication.movements[-1:]} == {FEBRUARY}
    assert home.star() == model.star(sent, "Budget", None)
    assert home.snapshot().built[FACT, JANUARY].files == files
    name = CellName(JANUARY, "D1", "4000", "Actual", "amount")
    (line,) = trace_cell(home.warehouse, open_lines(home.processed), name).lines
    assert (line.file, line.row, line.delivery_id) == (FILE, 3, home.state().live[0].delivery_id)
    assert home.is_nothing_new()

    # What was adopted is built and loaded on request like any other slice.
    again = Rebuild(is_requested=True, periods=[JANUARY])
    result = build_star(home.processed, home.jobs, StarSettings.of(home.settings), again)
    assert [one.slice for one in result.built] == [JANUARY]
    assert home.snapshot().built[FACT, JANUARY].files != files
    publication = publish(home.opened, clock=home.tick, run_id="again", rebuild=again)
    assert publication.load is not None
    assert [one.name for one in publication.load.loaded] == [(FACT, JANUARY)]
    assert home.star() == model.star(sent, "Budget", None)


def test_a_file_whose_lines_are_the_same_starts_no_job_and_replaces_no_row(spark: SparkSession, tmp_path: Path):
    home = LawHome(tmp_path, spark)
    home.describe(LEDGER.name, LEDGER.descriptor())
    rows = [row("2025-01-05", "K1"), row("2025-02-05", "K2")]
    refreshed(home, rows, 1)

    sent = refreshed(home, rows[::-1], 2)

    assert home.built == []
    assert loaded(home) == ([], [JANUARY, FEBRUARY])
    assert {one.load_number for (table, _), one in published_slices(home.warehouse).items() if table == FACT} == {2}
    assert home.star() == model.star(sent, "Budget", None)
