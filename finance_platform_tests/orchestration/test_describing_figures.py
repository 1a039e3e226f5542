"""Figures as metadata: exact, plottable, small.

Belongs here: values in, metadata out. Does not belong here: which figures an asset has (see `test_describing_runs`).
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from finance_platform.contracts.processed import REJECTED_ROWS
from finance_platform.orchestration.ui.metadata_values import ROWS_SHOWN, money, span, table
from finance_platform.orchestration.ui.previews import preview_of_files
from finance_platform.storage.local import LocalStore


@pytest.mark.parametrize(
    ("amount", "text", "whole"),
    [
        ("675028549.12", "675,028,549.12 EUR", 675028549),
        ("-0.50", "-0.50 EUR", -1),
        ("0.49", "0.49 EUR", 0),
        ("9999999999999999.99", "9,999,999,999,999,999.99 EUR", 10**16),
    ],
)
def test_money_is_exact_to_read_and_whole_to_plot(amount: str, text: str, whole: int):
    assert money("amount", Decimal(amount), "EUR") == {"amount": text, "amount_in_whole_EUR": whole}


def test_a_long_table_shows_its_end_and_says_how_long_it_is():
    found = table("periods", [{"period": f"{2000 + n // 12}-{n % 12 + 1:02}", "rows": n} for n in range(400)])
    assert found["periods_count"] == 400
    shown = [dict(record.data) for record in found["periods"].records]
    assert len(shown) == ROWS_SHOWN
    assert shown[-1] == {"period": "2033-04", "rows": 399}
    assert len(dg.serialize_value(found["periods"])) < 10_000


def test_a_table_of_nothing_says_zero():
    assert table("periods", []) == {"periods_count": 0}


def test_money_in_a_table_stays_exact_and_what_is_missing_stays_empty():
    (record,) = table("rows", [{"amount": Decimal("0.10"), "other": None}])["rows"].records
    assert record.data == {"amount": "0.10", "other": None}


@pytest.mark.parametrize(
    ("periods", "said"),
    [
        ([], "no period"),
        (["2025-03"], "1 period (2025-03)"),
        (["2025-03", "2025-01"], "2 periods (2025-01 … 2025-03)"),
    ],
)
def test_periods_are_said_in_few_words(periods: list[str], said: str):
    assert span(periods) == said


def test_a_preview_leaves_out_what_may_name_a_person(tmp_path: Path):
    names = [column.name for column in REJECTED_ROWS.columns]
    pq.write_table(pa.table({name: [f"{name} {n}" for n in range(7)] for name in names}), tmp_path / "rows.parquet")
    preview = preview_of_files(REJECTED_ROWS, LocalStore(tmp_path), ["rows.parquet"])["preview"]
    assert len(preview.records) == 5
    assert set(names) - preview.records[0].data.keys() == {"reasons", "raw_row"}


def test_a_file_that_is_gone_costs_the_preview_and_nothing_else(tmp_path: Path):
    assert preview_of_files(REJECTED_ROWS, LocalStore(tmp_path), ["gone.parquet"]) == {}
    assert preview_of_files(REJECTED_ROWS, LocalStore(tmp_path), []) == {}
