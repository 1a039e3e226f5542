"""Metadata values: exact amounts, small tables, short text.

Belongs here: values in, metadata or text out. Does not belong here: the metadata of an asset (see `test_run_metadata`).
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finance_platform.contracts.processed import REJECTED_ROWS
from finance_platform.deliveries.commits import DeliveryCommit, PeriodCount, ScenarioCount
from finance_platform.orchestration.assets.delivery_events import _money
from finance_platform.orchestration.ui.formatting import format_periods
from finance_platform.orchestration.ui.metadata_values import ROWS_SHOWN, money_metadata, table_metadata
from finance_platform.orchestration.ui.previews import preview_files
from finance_platform.orchestration.ui.processed_metadata import _lines_metadata, _rejected_rows_metadata
from finance_platform.orchestration.ui.slice_metadata import format_slices, parse_slices
from finance_platform.storage.local import LocalStore
from finance_platform_tests.unit.factories import commit_of, delivered, money


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("675028549.12", "675,028,549.12 EUR"),
        ("-0.50", "-0.50 EUR"),
        ("0.49", "0.49 EUR"),
        ("9999999999999999.99", "9,999,999,999,999,999.99 EUR"),
    ],
)
def test_an_amount_is_exact_text_once(amount: str, text: str):
    assert money_metadata("amount", Decimal(amount), "EUR") == {"amount": text}


def test_a_long_table_shows_its_first_rows_and_says_how_many_it_leaves_out():
    metadata = table_metadata(
        "periods", [{"period": f"{2000 + n // 12}-{n % 12 + 1:02}", "rows": n} for n in reversed(range(400))]
    )
    assert metadata["periods_left_out"] == "376 of 400 rows"
    shown = [dict(record.data) for record in metadata["periods"].records]
    assert len(shown) == ROWS_SHOWN
    assert shown[0] == {"period": "2033-04", "rows": 399}
    assert len(dg.serialize_value(metadata["periods"])) < 10_000


def test_a_table_of_the_rows_that_are_shown_says_how_many_others_there_are():
    metadata = table_metadata("by_file", [{"file": number} for number in range(ROWS_SHOWN + 1)], of_all=10_000)
    assert len(metadata["by_file"].records) == ROWS_SHOWN
    assert metadata["by_file_left_out"] == f"{10_000 - ROWS_SHOWN:,} of 10,000 rows"


def _read(name: str, *rejected: str) -> DeliveryCommit:
    """Return the commit of a file with a rejected amount in each of some scenarios."""
    of_scenarios = [ScenarioCount(one, "", "rejected", money(1, "1.00")) for one in rejected]
    outcomes = {"accepted": money(1)} | ({"rejected": money(len(rejected), "1.00")} if rejected else {})
    accepted = ScenarioCount("Actual", "", "accepted", money(1))
    return commit_of(delivered(name), scenarios=[*of_scenarios, accepted], outcomes=outcomes)


def test_rejected_rows_of_thousands_of_files_are_all_counted_and_the_last_ones_shown():
    commits = [_read("a.csv", "Budget"), *(_read(f"{number:03}.csv") for number in range(60)), _read("z.csv", "Budget")]
    metadata = _rejected_rows_metadata(commits, "USD")
    shown = [record.data for record in metadata["by_file"].records]
    assert [(row["file"], row["scenario"], row["rejected"]) for row in shown[:3]] == [
        ("z.csv", "Actual", 0),
        ("z.csv", "Budget", 1),
        ("059.csv", "Actual", 0),
    ]
    assert metadata["by_file_left_out"] == f"{64 - ROWS_SHOWN} of 64 rows"
    assert metadata["dagster/row_count"] == 2
    assert metadata["rejected_amount_Budget"] == money_metadata("x", Decimal("2.00"), "USD")["x"]


def test_the_event_of_vouchers_has_their_gross_amount_and_that_of_other_lines_none():
    def lines(amount: str, gross: str) -> DeliveryCommit:
        count = PeriodCount("Actual", "Actual", "2025-01", 2, Decimal(amount), Decimal(gross))
        return commit_of(delivered("gl.csv"), count)

    shown = _money(lines("0.00", "8.00"), "USD")
    assert (shown["delivered"], shown["delivered_gross"]) == ("0.00 USD", "8.00 USD")
    for others in (lines("1.00", "8.00"), lines("0.00", "0.00"), commit_of(delivered("gl.csv"))):
        assert "delivered_gross" not in _money(others, "USD")


def test_lines_of_thousands_of_files_are_all_counted_and_the_files_that_came_last_are_shown():
    def lines(name: str, *amounts: str, scenario: str = "Actual") -> DeliveryCommit:
        counts = [PeriodCount(scenario, scenario, "2025-01", 2, Decimal(one), Decimal(one)) for one in amounts]
        return commit_of(delivered(name), periods=counts)

    files = [lines(f"{number:03}.csv", "1.00") for number in range(ROWS_SHOWN)]
    live = [*files, lines("plan.csv", "7.00", scenario="Budget"), lines("z.csv", "1.25", "2.50"), files[1]]
    metadata = _lines_metadata(live, "USD", is_actual=True)
    shown = [tuple(record.data.values()) for record in metadata["by_file"].records]
    assert metadata["dagster/row_count"] == 2 * ROWS_SHOWN + 6
    assert shown[0] == ("z.csv", "Actual", 4, "3.75")
    assert shown[-1] == ("001.csv", "Actual", 4, "2.00")
    assert metadata["by_file_left_out"] == f"1 of {ROWS_SHOWN + 1} rows"


def test_a_table_without_rows_is_not_shown():
    assert table_metadata("periods", []) == {}


@given(names=st.sets(st.dates(date(1990, 1, 1), date(2060, 1, 1)).map(lambda day: f"{day:%Y-%m}")))
def test_slices_are_read_back_from_their_short_text(names: set[str]):
    assert parse_slices(format_slices([*names])) == sorted(names)
    assert parse_slices(format_slices(["all"])) == ["all"]


def test_a_year_of_slices_is_a_short_text():
    assert format_slices([f"2024-{month:02}" for month in range(1, 13)] + ["2025-03", "2025-04"]) == (
        "2024-01..2024-12, 2025-03..2025-04"
    )


def test_an_amount_in_a_table_is_exact_and_a_missing_value_is_empty():
    (record,) = table_metadata("rows", [{"amount": Decimal("0.10"), "other": None}])["rows"].records
    assert record.data == {"amount": "0.10", "other": None}


@pytest.mark.parametrize(
    ("periods", "text"),
    [
        ([], "no period"),
        (["2025-03"], "1 period (2025-03)"),
        (["2025-03", "2025-01"], "2 periods (2025-01 … 2025-03)"),
    ],
)
def test_periods_are_formatted_as_their_number_and_range(periods: list[str], text: str):
    assert format_periods(periods) == text


def test_a_preview_leaves_out_columns_that_may_name_a_person(tmp_path: Path):
    names = [column.name for column in REJECTED_ROWS.columns]
    pq.write_table(pa.table({name: [f"{name} {n}" for n in range(7)] for name in names}), tmp_path / "rows.parquet")
    preview = preview_files(REJECTED_ROWS, LocalStore(tmp_path), ["rows.parquet"])["preview"]
    assert len(preview.records) == 3
    assert set(names) - preview.records[0].data.keys() == {"reasons", "raw_row", "delivery_id", "account_key"}


def test_a_missing_file_gives_no_preview_and_no_error(tmp_path: Path):
    assert preview_files(REJECTED_ROWS, LocalStore(tmp_path), ["gone.parquet"]) == {}
    assert preview_files(REJECTED_ROWS, LocalStore(tmp_path), []) == {}
