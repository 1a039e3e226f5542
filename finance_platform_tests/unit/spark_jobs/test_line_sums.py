"""`spark_jobs.line_sums`: lines that are read back are added up, and their hash shows each change."""

from __future__ import annotations

import io
import random
from collections import defaultdict
from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal
from itertools import repeat
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from finance_platform.contracts.schemas import arrow_schema
from finance_platform.spark_jobs import line_sums
from finance_platform.spark_jobs.line_sums import LINE_COLUMNS, hash_lines, make_file_summer, unpack
from finance_platform.storage.local import LocalStore
from finance_platform_tests.transforms.rows import Row, ledger_line

SCHEMA = arrow_schema(LINE_COLUMNS)
Sums = dict[tuple[Any, ...], list[Any]]
HASHED = ("posting_date", "department_key", "account_key", "amount", "is_debit_positive", "line_key")


def table(rows: Iterable[Row]) -> pa.Table:
    return pa.Table.from_pylist([{name: row.get(name) for name in SCHEMA.names} for row in rows], SCHEMA)


def some_lines(count: int) -> list[Row]:
    """Return lines of two deliveries, three scenarios and months, and some accounts; every third has no key."""
    chance = random.Random(3)
    return [
        ledger_line(
            f"2025-0{chance.randint(1, 3)}-{chance.randint(10, 28)}",
            f"{chance.randint(-9_999_999_999_999_999, 9_999_999_999_999_999)}.{chance.randint(10, 99)}",
            delivery_id=f"d{chance.randint(1, 2)}",
            scenario=chance.choice(("Actual", "Budget", "Forecast")),
            account_number=f"40{chance.randint(0, 9)}",
            line_key=f"K{number}" if number % 3 else None,
            reverses_transaction_id="T1" if number % 7 == 0 else None,
        )
        for number in range(count)
    ]


def sums_of_files(folder: Path, *files: pa.Table, row_groups: Iterable[int] = repeat(1_000)) -> Sums:
    """Return the sums of lines in files by place, of which a task may return several."""
    store, listing = LocalStore(folder), []
    for number, (lines, size) in enumerate(zip(files, row_groups, strict=False)):
        buffer = io.BytesIO()
        pq.write_table(lines, buffer, row_group_size=size)
        store.write(f"{number}.parquet", buffer.getvalue())
        listing.append({"key": f"{number}.parquet", "size": buffer.tell()})
    return merged(make_file_summer(lambda: store)([pa.RecordBatch.from_pylist(listing)]))


def merged(batches: Iterable[pa.RecordBatch]) -> Sums:
    """Return the sums by place, where tasks return several."""
    sums: Sums = {}
    tables = unpack(tuple(row.values()) for batch in batches for row in batch.to_pylist())
    for row in (row for table in tables for row in zip(*(column.to_pylist() for column in table.columns), strict=True)):
        place, (rows, amount, absolute, first, last, *others) = row[:5], row[5:]
        if place in sums:
            earlier = sums[place]
            earlier[:3] = [earlier[0] + rows, earlier[1] + amount, earlier[2] + absolute]
            earlier[3:5] = [min(earlier[3], first), max(earlier[4], last)]
            earlier[5:] = [one + other for one, other in zip(earlier[5:], others, strict=True)]
        else:
            sums[place] = [rows, amount, absolute, first, last, *others]
    return sums


def test_sums_are_those_of_the_lines_however_they_are_divided(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    rows = some_lines(400)
    expected: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in rows:
        place = ("delivery_id", "scenario", "scenario_type", "period", "account_key")
        expected[tuple(row[name] for name in place)].append(row)
    whole = sums_of_files(tmp_path, table(rows))
    assert whole.keys() == expected.keys()
    for place, lines in expected.items():
        amounts, days = [line["amount"] for line in lines], [line["posting_date"] for line in lines]
        reversals = sum(line["reverses_transaction_id"] is not None for line in lines)
        figures = [len(lines), sum(amounts), sum(map(abs, amounts)), min(days), max(days), reversals]
        assert whole[place][:6] == figures

    parts = [table(rows[start:end]) for start, end in ((0, 150), (150, 300), (300, 400))]
    for alone in (1, 100, 10_000):
        monkeypatch.setattr(line_sums, "_SUMMED_ALONE", alone)
        monkeypatch.setattr(line_sums, "_PACKED_TOGETHER", alone)
        assert sums_of_files(tmp_path, *parts, row_groups=(1_000, 20, 1)) == whole


def test_a_file_of_an_earlier_release_may_lack_columns_that_may_be_null(tmp_path: Path):
    lines = table([ledger_line(), ledger_line(amount="2.50")])
    earlier = sums_of_files(tmp_path, lines.drop_columns(["reverses_transaction_id"]))
    assert earlier == sums_of_files(tmp_path, lines)


@pytest.mark.parametrize("name", HASHED)
def test_each_change_of_what_the_star_derives_changes_the_hash_of_a_line(name: str):
    line = ledger_line(line_key="K1")
    others = {
        "posting_date": line["posting_date"] + timedelta(1),
        "amount": -line["amount"],
        "is_debit_positive": True,
        "line_key": None,
    }
    changed = line | {name: others.get(name, 7)}
    first, again, last = hash_lines(table([line, dict(line), changed])).tolist()
    assert first == again != last


def test_lines_whose_values_change_places_have_other_hashes():
    lines = [
        ledger_line() | {"department_key": 1, "account_key": 2},
        ledger_line() | {"department_key": 2, "account_key": 1},
    ]
    keys = [ledger_line(line_key=key) for key in (None, "", "K", "K\0")]
    assert len(set(hash_lines(table([*lines, *keys])).tolist())) == 6


def test_hashes_depend_on_no_neighbour_and_no_layout():
    rows = some_lines(50)
    whole = hash_lines(table(rows)).tolist()
    assert hash_lines(table(rows).slice(9)).tolist() == whole[9:]
    assert [hash_lines(table([row])).tolist()[0] for row in rows] == whole
    wide = table(rows).set_column(
        SCHEMA.get_field_index("line_key"), "line_key", table(rows)["line_key"].cast(pa.large_string())
    )
    assert hash_lines(wide).tolist() == whole
    assert len(set(whole)) == 50


def test_sums_of_hashes_do_not_overflow(tmp_path: Path):
    rows = [ledger_line("2025-01-15", "1.00", posting_date=date(2025, 1, 15))] * 5_000
    ((rows_of_place, amount, *_, high, low),) = sums_of_files(tmp_path, table(rows)).values()
    assert (rows_of_place, amount) == (5_000, Decimal("5000.00"))
    assert (high << 32) + low == 5_000 * int(hash_lines(table(rows[:1]))[0])
