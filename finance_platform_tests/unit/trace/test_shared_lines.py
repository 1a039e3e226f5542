"""Lines that deliveries share files for, taken by file, are those that each delivery has by itself."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given
from hypothesis import strategies as st

from finance_platform.contracts.schemas import MONEY_TYPE
from finance_platform.storage.local import LocalStore
from finance_platform.trace.shared_lines import DELIVERY, count_lines, counting_by_period, read_together

_DELIVERIES, _SCENARIOS, _PERIODS = ("a", "b", "c"), ("Actual", "actual", "Budget"), ("2025-01", "2025-02")
_LINES = st.lists(
    st.tuples(st.sampled_from(_DELIVERIES), st.sampled_from(_SCENARIOS), st.sampled_from(_PERIODS), st.integers(-9, 9))
)
_PLACES = st.lists(st.tuples(st.sampled_from(_SCENARIOS), st.sampled_from(_PERIODS)))
_SCHEMA = pa.schema(
    [(DELIVERY, pa.string()), ("scenario", pa.string()), ("period", pa.string()), ("amount", MONEY_TYPE)]
)


def _table(lines: list[tuple[str, str, str, int]]) -> pa.Table:
    rows = [(*keys, Decimal(cents).scaleb(-2)) for *keys, cents in lines]
    return pa.Table.from_pylist([dict(zip(_SCHEMA.names, row, strict=True)) for row in rows], _SCHEMA)


def _rows(table: pa.Table) -> Counter[tuple[object, ...]]:
    return Counter(tuple(row[name] for name in _SCHEMA.names) for row in table.to_pylist())


@given(_LINES, st.dictionaries(st.sampled_from(_DELIVERIES), _PLACES))
def test_a_line_counts_if_its_delivery_counts_in_its_scenario_and_period(
    lines: list[tuple[str, str, str, int]], counting: dict[str, list[tuple[str, str]]]
):
    found = dict(counting_by_period(_table(lines), _DELIVERIES, counting))
    wanted = [line for line in lines if (line[1], line[2]) in counting.get(line[0], ())]
    expected = {
        name: _rows(_table([line for line in wanted if line[2] == name])) for name in {one[2] for one in wanted}
    }
    assert {name: _rows(table) for name, table in found.items()} == expected


@given(_LINES)
def test_lines_are_counted_and_added_up_by_delivery_scenario_and_period(lines: list[tuple[str, str, str, int]]):
    expected: dict[tuple[str, tuple[str, str]], tuple[int, Decimal]] = {}
    for delivery_id, scenario, period, cents in lines:
        count, amount = expected.get((delivery_id, (scenario, period)), (0, Decimal("0.00")))
        expected[delivery_id, (scenario, period)] = count + 1, amount + Decimal(cents).scaleb(-2)
    found = {(one, place): (count, amount) for one, place, count, amount in count_lines(_table(lines), DELIVERY)}
    assert found == expected


def test_rows_of_a_file_belong_to_the_deliveries_that_name_it(tmp_path: Path):
    pq.write_table(_table([(one, "Actual", "2025-01", 100) for one in "abcab"]), tmp_path / "lines.parquet")
    lines = read_together(LocalStore(tmp_path), "lines.parquet", ["a", "c"], ["amount"])
    assert lines[DELIVERY].to_pylist() == ["a", "c", "a"]
