"""Lines by account: counted by column, and written for each delivery."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from finance_platform.contracts.schemas import SUM_OF_MONEY_TYPE
from finance_platform.deliveries.commits import Count
from finance_platform.spark_jobs import account_counts
from finance_platform.spark_jobs.account_counts import AccountCounts, accepted_by_delivery, write_files
from finance_platform.storage.local import LocalStore

MOST = Decimal("99999999999999999999999999999999999.99")


def sums(*rows: tuple[str, int, str, int, Decimal, Decimal]) -> pa.Table:
    """Return sums of a delivery, account, period: the number of lines, their amount and absolute amount."""
    deliveries, accounts, periods, counts, amounts, absolutes = zip(*rows, strict=True)
    return pa.table(
        {
            "delivery_id": pa.array(deliveries),
            "account_key": pa.array(accounts, pa.int64()),
            "scenario": pa.array(["Actual"] * len(rows)),
            "period": pa.array(periods),
            "row_count": pa.array(counts, pa.int64()),
            "amount": pa.array(amounts, SUM_OF_MONEY_TYPE),
            "absolute": pa.array(absolutes, SUM_OF_MONEY_TYPE),
        }
    )


def counted(*tables: pa.Table) -> dict[str, AccountCounts]:
    counts: dict[str, AccountCounts] = {}
    for table in tables:
        for name, rows in accepted_by_delivery(table):
            counts.setdefault(name, AccountCounts()).add_accepted(rows)
    return counts


def written(folder: Path, counts: dict[str, AccountCounts], **shared: str) -> dict[str, list[tuple[Any, ...]]]:
    """Write counts; return the rows of each file by its name."""
    store = LocalStore(folder)
    files = write_files(store, "counts", counts, shared)
    assert {name for name, file in files.items() if file.is_shared} == {*shared}
    rows = {}
    for file in files.values():
        table = pq.read_table(store.uri(file.key))
        assert file.size == Path(store.uri(file.key)).stat().st_size
        rows[Path(file.key).stem] = list(zip(*table.to_pydict().values(), strict=True))
    return rows


def test_lines_of_an_account_that_several_sums_have_are_one_row_with_its_money_as_python_writes_it(tmp_path: Path):
    half, cent, nothing = Decimal("0.50"), Decimal("-0.01"), Decimal("0.00")
    first = sums(("d", 7, "2025-02", 2, half, half), ("d", -5, "2025-01", 1, MOST, MOST))
    later = sums(("d", 7, "2025-02", 3, -half, half), ("d", 7, "2025-01", 1, cent, -cent))
    assert written(tmp_path, counted(first, later)) == {
        "d": [
            ("d", -5, "Actual", "", "2025-01", "accepted", 1, 0, str(MOST), str(MOST)),
            ("d", 7, "Actual", "", "2025-01", "accepted", 1, 0, "-0.01", "0.01"),
            ("d", 7, "Actual", "", "2025-02", "accepted", 5, 0, str(nothing), "1.00"),
        ]
    }


def test_lines_of_other_terms_are_beside_the_accepted_ones_with_all_their_decimals(tmp_path: Path):
    counts = counted(sums(("d", 7, "2025-02", 2, Decimal("0.50"), Decimal("0.50"))))
    counts["d"].add(7, "Actual", "", "rounding", Count(0, Decimal("-0.004"), Decimal("0.004")))
    counts["d"].add(7, "Actual", "EUR", "rejected", Count(1, Decimal("3.00"), Decimal("3.00"), 1))
    counts["d"].add(7, "Actual", "EUR", "rejected", Count(1, Decimal("3.00"), Decimal("3.00")))
    counts["d"].add(3, "", "", "rejected", Count(1, unpriced=1))
    assert written(tmp_path, counts)["d"] == [
        ("d", 3, "", "", "", "rejected", 1, 1, "0.00", "0.00"),
        ("d", 7, "Actual", "", "", "rounding", 0, 0, "-0.004", "0.004"),
        ("d", 7, "Actual", "", "2025-02", "accepted", 2, 0, "0.50", "0.50"),
        ("d", 7, "Actual", "EUR", "", "rejected", 2, 1, "6.00", "6.00"),
    ]


def test_lines_without_an_account_are_in_no_file(tmp_path: Path):
    one = Decimal("1.00")
    lines = sums(("d", 1, "2025-01", 1, one, one), ("e", 2, "2025-01", 1, one, one))
    without = lines.set_column(1, "account_key", pa.array([1, None], pa.int64()))
    assert written(tmp_path, counted(without)).keys() == {"d"}


def test_deliveries_of_a_shared_file_are_in_their_order_and_those_without_lines_have_no_file(tmp_path: Path):
    one = Decimal("1.00")
    order = counted(sums(*((name, 4, "2025-01", 1, one, one) for name in "bacb"), ("c", 2, "2025-01", 1, one, one)))
    files = written(tmp_path, {**order, "empty": AccountCounts()}, a="both", b="both")
    assert [row[:2] for row in files["both"]] == [("b", 4), ("a", 4)]
    assert [row[6] for row in files["both"]] == [2, 1]
    assert [row[:2] for row in files["c"]] == [("c", 2), ("c", 4)]
    assert files.keys() == {"both", "c"}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.integers(-3, 3), st.sampled_from(["2025-01", "2025-02"]))),
    st.lists(st.tuples(st.sampled_from("ab"), st.integers(-3, 3)), max_size=4),
    st.integers(1, 9),
)
def test_a_file_has_the_same_rows_whether_its_accounts_are_written_together_or_some_after_the_others(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    accepted: list[tuple[str, int, str]],
    rejected: list[tuple[str, int]],
    together: int,
):
    amount = Decimal("0.01")
    rows = [(name, account, period, 1, amount, amount) for name, account, period in accepted]
    counts = {"a": AccountCounts(), "b": AccountCounts()} | (counted(sums(*rows)) if rows else {})
    for name, account in rejected:
        counts[name].add(account, "Actual", "", "rejected", Count(1, Decimal(1), Decimal(1)))
    whole = written(tmp_path, counts)
    with monkeypatch.context() as patch:
        patch.setattr(account_counts, "_ROWS_TOGETHER", together)
        assert written(tmp_path, counts) == whole
