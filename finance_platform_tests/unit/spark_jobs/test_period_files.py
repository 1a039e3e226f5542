"""`spark_jobs.period_orders`, `period_files`: which periods a task builds alone, and what it builds of their files.

Belongs here: periods, files, sums in several portions. Does not belong here: the rows and control totals of lines (see
`transforms/test_fact_financials`, `transforms/test_control_totals`).
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from finance_platform.contracts.processed import TRANSACTIONS
from finance_platform.contracts.schemas import arrow_schema
from finance_platform.contracts.star import FACT_FINANCIALS
from finance_platform.deliveries.commits import DataFile
from finance_platform.deliveries.rows_checkpoint import SMALL_BYTES
from finance_platform.feeds.values.codes import surrogate_key
from finance_platform.slices.commits import SupersededLines
from finance_platform.spark_jobs import period_files, period_orders
from finance_platform.spark_jobs.period_files import BuiltPeriod, from_rows, make_period_builder, to_row
from finance_platform.spark_jobs.period_orders import PeriodOrder, orders_of
from finance_platform.spark_jobs.requests import BuildRequest, CountedLines, SourceFile, SupersededKeys, SupersededScope
from finance_platform.storage.local import LocalStore
from finance_platform.transforms import fact_tables
from finance_platform.transforms.fact_tables import CreditAccounts
from finance_platform_tests.transforms.rows import Row, ledger_line, sums_of_lines

JANUARY, FEBRUARY = "2025-01", "2025-02"
ACTUAL, BUDGET = surrogate_key("Actual"), surrogate_key("Budget")


def source(delivery: int, period: str = "", *, is_shared: bool = False) -> SourceFile:
    """Return a file of lines of one delivery, of one period if it is given."""
    folder = f"transactions/attempt/split_by=d{delivery}"
    key = f"{folder}/then_by={period}/part.parquet" if period else f"{folder}/part.parquet"
    return SourceFile("transactions", DataFile(key, 10, is_shared), [delivery])


def large(delivery: int, period: str) -> SourceFile:
    """Return a file of which no task reads the keys."""
    file = source(delivery, period)
    return file._replace(file=DataFile(file.file.key, period_orders.SUPERSEDING_BYTES + 1))


def request(files: Sequence[SourceFile], **others: Any) -> BuildRequest:
    """Return a request for January with lines of delivery d0, and February with lines of d0 and d1."""
    fields: dict[str, Any] = {
        "deliveries": ["d0", "d1", "d2"],
        "files": files,
        "slices": [],
        "counted": [CountedLines(JANUARY, "Actual", [0], 1), CountedLines(FEBRUARY, "Actual", [0, 1], 2)],
        "superseded_keys": [],
        "superseded_scopes": [],
        "scenarios": [("Actual", "Actual")],
        "baseline_scenario": "Budget",
    }
    return BuildRequest(**fields | others)


OWN = (source(0, JANUARY), source(0, FEBRUARY), source(1, FEBRUARY))


SHARED = SourceFile("transactions", DataFile("transactions/attempt/shared.parquet", 10, True), [0, 1])


def test_a_period_of_files_of_its_own_is_built_by_one_task():
    january, february = orders_of(request(OWN), {FEBRUARY: True, JANUARY: None})
    assert january == PeriodOrder(JANUARY, [(OWN[0].file.key, 10, "")], [("d0", "Actual")], None)
    assert [key for key, *_ in february.files] == [OWN[1].file.key, OWN[2].file.key]
    assert february.counted == [("d0", "Actual"), ("d1", "Actual")]
    assert PeriodOrder(JANUARY, [], [], True) in orders_of(request([], counted=[]), {JANUARY: True})


def test_a_task_reads_a_small_file_that_several_deliveries_share():
    january, february = orders_of(request([OWN[1], SHARED]), {JANUARY: True, FEBRUARY: True})
    assert (january.files, january.shared) == ([], ((SHARED.file.key, 10, ["d0"]),))
    assert ([key for key, *_ in february.files], february.shared) == (
        [OWN[1].file.key],
        ((SHARED.file.key, 10, ["d0", "d1"]),),
    )
    assert february.size == OWN[1].file.size + SHARED.file.size


def test_where_a_read_is_a_request_no_file_is_read_for_two_periods():
    files = [OWN[0], SHARED._replace(deliveries=[1])]
    both = {JANUARY: True, FEBRUARY: True}
    assert [one.period for one in orders_of(request(files), both, reads_again=False)] == [JANUARY, FEBRUARY]
    assert orders_of(request([SHARED]), both, reads_again=False) == []
    assert [one.period for one in orders_of(request([SHARED]), {FEBRUARY: True}, reads_again=False)] == [FEBRUARY]


def test_a_period_with_many_lines_is_left_to_the_machines_of_a_cluster():
    by_size = {most: orders_of(request(OWN), {JANUARY: True, FEBRUARY: True}, most) for most in (9, 19, 20, None)}
    assert {most: len(orders) for most, orders in by_size.items()} == {9: 0, 19: 1, 20: 2, None: 2}


@pytest.mark.parametrize(
    ("files", "others", "expected"),
    [
        ([*OWN, source(2)], {"superseded_keys": [SupersededKeys("d1", "d2", [JANUARY])]}, [JANUARY]),
        ([*OWN[:2], large(1, FEBRUARY)], {"superseded_keys": [SupersededKeys("d0", "d1", [FEBRUARY])]}, []),
        (OWN, {"superseded_scopes": [SupersededScope("d0", "Actual", FEBRUARY, "s")]}, [JANUARY]),
        ([*OWN, SHARED], {"superseded_keys": [SupersededKeys("d0", "d1", [FEBRUARY])]}, []),
        ([*OWN[:2], source(1)], {}, [JANUARY]),
        ([*OWN[:2], SHARED._replace(file=DataFile("transactions/large", period_orders.SHARED_BYTES, True))], {}, []),
    ],
    ids=["later file of several periods", "large later file", "scope", "shared later file", "several periods", "large"],
)
def test_periods_whose_files_have_several_or_that_give_way_to_much_are_left_to_spark(
    files: Sequence[SourceFile], others: dict[str, Any], expected: list[str]
):
    orders = orders_of(request(files, **others), {JANUARY: True, FEBRUARY: True})
    assert [order.period for order in orders] == expected


def test_a_task_gets_the_files_whose_keys_supersede_lines_of_its_deliveries():
    keys = [
        SupersededKeys("d0", "d1", [FEBRUARY]),
        SupersededKeys("d0", "d2", [JANUARY]),
        SupersededKeys("d9", "d0", []),
    ]
    files = [*OWN, source(2, JANUARY), source(2, FEBRUARY)]
    january, february = orders_of(request(files, superseded_keys=keys), {JANUARY: True, FEBRUARY: True})
    assert january.superseding == (("d0", [(OWN[2].file.key, 10), (files[3].file.key, 10)]),)
    assert february.superseding == january.superseding, "a line may have been in another period before"


def test_lines_whose_key_a_later_delivery_has_do_not_count_and_are_summed_apart(tmp_path: Path):
    store = LocalStore(tmp_path)
    lines = [
        ledger_line("2025-01-10", "10.00", line_key="a", account_number="4000"),
        ledger_line("2025-01-10", "-4.00", line_key="b", account_number="4000"),
        ledger_line("2025-01-11", "7.00", line_key="c", account_number="9000"),
        ledger_line("2025-01-11", "1.00", line_key="d", account_number="4000"),
        ledger_line("2025-01-11", "5.00", line_key=None, account_number="4000"),
        ledger_line("2025-01-12", "3.00", line_key="a", account_number="4000", delivery_id="d2"),
    ]
    later = [ledger_line("2025-02-01", "0.00", line_key=key, delivery_id="d2") for key in ("a", "b", "c", "z", None)]
    write(store, "lines.parquet", lines, row_group_size=2)
    write(store, "later.parquet", later)
    counted = [("d1", "Actual"), ("d2", "Actual")]
    files = [("d1", [("later.parquet", 10)])]
    types = [(surrogate_key("4000"), "Revenue"), (surrogate_key("9000"), "Statistical")]
    built = build(store, ["lines.parquet"], counted, superseding=files, types=types)
    assert built.superseded == [
        SupersededLines("d1", "Actual", 2, Decimal("6.00"), Decimal("14.00"), is_statistical=False),
        SupersededLines("d1", "Actual", 1, Decimal("7.00"), Decimal("7.00"), is_statistical=True),
    ]
    control = built.control
    assert (control.superseded_lines, control.superseded_amount) == (3, Decimal("13.00"))
    assert (control.star[ACTUAL].lines, control.star[ACTUAL].amount) == (3, Decimal("9.00"))
    assert (control.delivered, control.absolute) == ({ACTUAL: Decimal("9.00")}, {ACTUAL: Decimal("9.00")})
    assert control.accounts_compared == 1
    assert not control.differences


def test_a_period_all_of_whose_lines_are_superseded_has_no_file_and_says_how_many_they_were(tmp_path: Path):
    store = LocalStore(tmp_path)
    write(store, "lines.parquet", [ledger_line("2025-01-10", "10.00", line_key="a")])
    built = build(store, ["lines.parquet"], [("d1", "Actual")], superseding=[("d1", [("lines.parquet", 10)])])
    assert not built.files
    assert (built.control.superseded_lines, built.control.superseded_amount) == (1, Decimal("10.00"))
    assert (built.control.star, built.control.delivered, built.control.differences) == ({}, {}, [])
    assert built.superseded == [SupersededLines("d1", "Actual", 1, Decimal("10.00"), Decimal("10.00"))]


LARGE = SMALL_BYTES + 1
"""The size of files that are in no checkpoint; `test_lines_checkpoint` has the others."""


def build(
    store: LocalStore,
    files: Sequence[str],
    counted: Sequence[tuple[str, str]],
    period: str = JANUARY,
    superseding: Sequence[tuple[str, Sequence[tuple[str, int]]]] = (),
    types: Sequence[tuple[int, str | None]] = (),
) -> BuiltPeriod:
    """Build a period as a task does."""
    builder = make_period_builder(
        store.root, folder="facts", types=types, type_spans=[], baseline_key=BUDGET, actual_key=ACTUAL
    )
    order = to_row(PeriodOrder(period, [(key, LARGE, "") for key in files], counted, True, superseding))
    batch = pa.RecordBatch.from_pylist([dict(zip(("period", "document"), order, strict=True))])
    rows = [tuple(row.values()) for result in builder([batch]) for row in result.to_pylist()]
    return from_rows(rows)[period]


def write(store: LocalStore, key: str, rows: Sequence[Row], *, row_group_size: int = 1_000) -> None:
    names = set(TRANSACTIONS.column_names)
    table = pa.Table.from_pylist([{name: row[name] for name in row if name in names} for row in rows])
    table = table.cast(pa.schema([arrow_schema(TRANSACTIONS.columns).field(name) for name in table.column_names]))
    buffer = io.BytesIO()
    pq.write_table(table, buffer, row_group_size=row_group_size)
    store.write(key, buffer.getvalue())


LINES = [
    ledger_line("2025-01-10", f"{number}.25", account_number=f"40{number % 3:02}", scenario=scenario)
    for number in range(40)
    for scenario in ("Actual", "Budget")
]
COUNTED = [("d1", "Actual"), ("d1", "Budget")]


def test_lines_of_other_periods_deliveries_and_scenarios_do_not_count(tmp_path: Path):
    store = LocalStore(tmp_path)
    others = [
        ledger_line("2025-02-10", "1000.00"),
        ledger_line("2025-01-10", "2000.00", delivery_id="d2"),
        ledger_line("2025-01-10", "4000.00", scenario="Forecast"),
    ]
    write(store, "lines.parquet", [*LINES, *others])
    built = build(store, ["lines.parquet"], COUNTED)
    assert {key: figures.lines for key, figures in built.control.star.items()} == {ACTUAL: 40, BUDGET: 40}
    assert built.control.delivered == dict.fromkeys((ACTUAL, BUDGET), Decimal("790.00"))
    assert not built.control.differences


def test_a_period_that_is_summed_in_portions_has_the_same_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    store = LocalStore(tmp_path)
    write(store, "whole.parquet", LINES)
    write(store, "groups.parquet", LINES[:50], row_group_size=7)
    write(store, "rest.parquet", LINES[50:], row_group_size=1)
    whole = build(store, ["whole.parquet"], COUNTED)
    expected = store.read(whole.files[0].key)
    monkeypatch.setattr(fact_tables, "_SUMMED_AT_ONCE", 10)
    portions = build(store, ["groups.parquet", "rest.parquet"], COUNTED)
    assert store.read(portions.files[0].key) == expected
    assert portions == whole
    written = pq.read_schema(io.BytesIO(expected))
    assert written.equals(arrow_schema(FACT_FINANCIALS.stored_columns))


def test_a_period_without_lines_has_no_file(tmp_path: Path):
    assert build(LocalStore(tmp_path), [], []).files == []
    assert not list(tmp_path.iterdir())


def test_a_file_that_changes_on_its_way_differs_from_the_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    store = LocalStore(tmp_path)
    write(store, "lines.parquet", LINES)
    encode = period_files._parquet_bytes
    monkeypatch.setattr(period_files, "_parquet_bytes", lambda rows: encode(rows.slice(1)))
    control = build(store, ["lines.parquet"], COUNTED).control
    assert [difference.star for difference in control.differences] == ["0 lines, 0.00"]


def test_an_amount_that_is_too_large_for_the_column_stops_a_task():
    sums = sums_of_lines([ledger_line(amount="9999999999999999.99")] * 2, JANUARY)
    with pytest.raises(pa.ArrowInvalid, match="precision"):
        fact_tables.fact_rows(sums.cells(), sums.scenarios, None, True, BUDGET, ACTUAL)  # type: ignore[arg-type]


def test_the_sign_of_an_account_is_that_of_its_type_in_the_period():
    types = [(1, "Revenue"), (2, "Expense"), (3, "Expense"), (4, None)]
    spans = [(3, "", "Expense"), (3, "2025-02", "Liability"), (3, "2025-04", "Asset"), (5, "2025-03", "Equity")]
    credit = CreditAccounts(types, spans)
    by_period = {period: credit.in_period(period) for period in ("2025-01", "2025-03", "2025-05")}
    assert by_period == {"2025-01": {1}, "2025-03": {1, 3, 5}, "2025-05": {1, 5}}
