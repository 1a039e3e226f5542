"""Lines by account: each place once and in order, amounts as exact text, of accepted lines and of others."""

from __future__ import annotations

import random
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from finance_platform.contracts.processed import ACCOUNT_COUNTS
from finance_platform.contracts.schemas import SUM_OF_MONEY_TYPE, arrow_schema
from finance_platform.deliveries.commits import Count
from finance_platform.spark_jobs.account_counts import AccountPlace, account_counts, write_account_counts
from finance_platform.storage.factory import open_store

_SUMS = pa.schema(
    [
        ("account_key", pa.int64()),
        ("scenario", pa.string()),
        ("period", pa.string()),
        ("row_count", pa.int64()),
        ("amount", SUM_OF_MONEY_TYPE),
        ("absolute", SUM_OF_MONEY_TYPE),
    ]
)


def test_sums_of_accepted_lines_are_beside_those_of_others_in_the_order_of_their_places():
    draw = random.Random(3)
    counts: dict[AccountPlace, Count] = {
        (5, "Actual", "", "", "rejected"): Count(2, Decimal("-0.05"), Decimal("0.05"), 1),
        (5, "", "USD", "", "skipped"): Count(1, Decimal("1E+3"), Decimal("1000")),
        (7, "Actual", "", "", "rounding"): Count(0, Decimal("0.0012"), Decimal("NaN")),
    }
    others, sums = dict(counts), []
    for _ in range(5):
        rows = []
        for _ in range(40):
            place = (draw.randrange(4, 9), draw.choice(["Actual", "Büdget"]), "", draw.choice(["2025-01", "2024-12"]))
            amount = Decimal(draw.randint(-(10**20), 10**20)).scaleb(-2)
            counts[*place, "accepted"] = counts.get((*place, "accepted"), Count()) + Count(1, amount, abs(amount))
            rows.append(dict(zip(_SUMS.names, (place[0], place[1], place[3], 1, amount, abs(amount)), strict=True)))
        sums.append(pa.Table.from_pylist(rows, _SUMS))
    expected = [
        (*place, count.rows, count.unpriced, str(count.amount), str(count.absolute))
        for place, count in sorted(counts.items())
    ]
    assert [tuple(row.values()) for row in account_counts(sums, others).to_pylist()] == expected


def test_deliveries_that_share_a_file_are_in_it_and_one_without_lines_has_none(tmp_path: Path):
    store = open_store(str(tmp_path))
    place = (1, "Actual", "", "", "rejected")
    some = account_counts([], {place: Count(1, Decimal("2.00"), Decimal("2.00"))})
    none = account_counts([], {})
    counts = {"a": lambda: some, "b": lambda: none, "c": lambda: some, "d": lambda: some, "e": lambda: none}
    files = write_account_counts(store, "counts", counts, {"a": "shared-0", "b": "shared-0", "c": "shared-0"})
    assert {name: (file.key, file.is_shared) for name, file in files.items()} == {
        "a": ("counts/shared-0.parquet", True),
        "c": ("counts/shared-0.parquet", True),
        "d": ("counts/d.parquet", False),
    }
    written = pq.read_table(tmp_path / "counts" / "shared-0.parquet")
    assert written.schema.equals(arrow_schema(ACCOUNT_COUNTS.columns))
    assert [row["delivery_id"] for row in written.to_pylist()] == ["a", "c"]
    assert {path.name for path in (tmp_path / "counts").iterdir()} == {"shared-0.parquet", "d.parquet"}
    assert files["a"].size == (tmp_path / "counts" / "shared-0.parquet").stat().st_size
