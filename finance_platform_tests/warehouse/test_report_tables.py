"""The tables of what people say: resolved to accounts, stored with a load, and by themselves when only they changed.

Belongs here: `warehouse.report_tables` on both warehouses. Does not belong here: which delivery's row counts (see
`end_to_end/test_comments`), the views that join the tables.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest

from finance_platform.deliveries.report_inputs import Comment, ReportInputs, StatementLineRow
from finance_platform.feeds.values.codes import surrogate_key
from finance_platform.settings import AccountThreshold
from finance_platform.warehouse.load import AuditFailedError, publish
from finance_platform.warehouse.load_request import LoadRequest
from finance_platform.warehouse.port import Warehouse
from finance_platform.warehouse.report_tables import ReportTables, update_report_tables
from finance_platform_tests.warehouse.engines import EVERY_ENGINE
from finance_platform_tests.warehouse.star_files import CASH, LOADED_AT, RENT, SALES, TRUCKS, StarFiles, february

ENGINES = EVERY_ENGINE
ON_REDSHIFT_BY_DAY = ("test_comments_are_stored_word_for_word_and_replaced_as_a_whole",)

HOME = AccountThreshold("", Decimal("25000.00"), Decimal("3.00"))
PLACE = ("comments.csv", 2)
LATE = Comment("2025-01", SALES, "0010", RENT, "6000", "Ann", "It's late; 5 % 'more'", "timing", *PLACE)
TABLES = ReportTables(ReportInputs((LATE,), ()), [HOME])


def stored(warehouse: Warehouse, table: str) -> list[tuple[object, ...]]:
    return sorted(warehouse.query(f"SELECT * FROM {table}").rows, key=str)


def with_lines(*lines: StatementLineRow) -> ReportTables:
    return replace(TABLES, inputs=ReportInputs((), lines))


def test_comments_are_stored_word_for_word_and_replaced_as_a_whole(loaded: Warehouse) -> None:
    update_report_tables(loaded, TABLES)
    assert stored(loaded, "Commentary") == [("2025-01", SALES, RENT, "Ann", "It's late; 5 % 'more'", "timing")]
    update_report_tables(
        loaded, replace(TABLES, inputs=ReportInputs((Comment("2025-02", 9, "9", 9, "9", "Bo", None, None, *PLACE),)))
    )
    assert stored(loaded, "Commentary") == [("2025-02", 9, 9, "Bo", None, None)]
    update_report_tables(loaded, replace(TABLES, inputs=ReportInputs()))
    assert stored(loaded, "Commentary") == []


def test_an_account_counts_before_its_beginning_and_a_long_beginning_before_a_short_one(loaded: Warehouse) -> None:
    lines = (
        StatementLineRow("1*", "", "Operating Expense", "Ones", 2),
        StatementLineRow("15*", "", "Operating Expense", "Fifteens", 3),
        StatementLineRow("9999", "", "Non-operating", "Later", 4),
        StatementLineRow("4000", "", "Revenue", "Sales", 1),
        StatementLineRow("", "Payroll", "Cost of Sales", "Staff", 1),
    )
    update_report_tables(loaded, with_lines(*lines))
    mapping = loaded.query("SELECT AccountKey, Category, Section, Line, LineOrder FROM StatementMapping").rows
    assert sorted(mapping, key=str) == sorted(
        [
            (CASH, None, "Operating Expense", "Ones", 2),
            (TRUCKS, None, "Operating Expense", "Fifteens", 3),
            (surrogate_key("9999"), None, "Non-operating", "Later", 4),
            (surrogate_key("4000"), None, "Revenue", "Sales", 1),
            (None, "Payroll", "Cost of Sales", "Staff", 1),
        ],
        key=str,
    )


def test_an_account_s_threshold_counts_before_that_of_its_type(loaded: Warehouse) -> None:
    thresholds = [
        HOME,
        AccountThreshold("1500", Decimal("10.5"), Decimal(1)),
        AccountThreshold("ASSET", Decimal(100), Decimal("2.5")),
        AccountThreshold("nothing", Decimal(1), Decimal(1)),
    ]
    update_report_tables(loaded, replace(TABLES, thresholds=thresholds))
    assert stored(loaded, "Materiality") == sorted(
        [
            (None, Decimal("25000.00"), Decimal("3.00")),
            (TRUCKS, Decimal("10.50"), Decimal("1.00")),
            (CASH, Decimal("100.00"), Decimal("2.50")),
        ],
        key=str,
    )


def test_without_a_change_nothing_is_written(loaded: Warehouse, state_of: Callable[[Warehouse], object]) -> None:
    update_report_tables(loaded, TABLES)
    before = state_of(loaded)
    update_report_tables(loaded, TABLES)
    assert state_of(loaded) == before


def test_they_are_stored_in_the_load_s_own_transaction(loaded: Warehouse, star_files: StarFiles) -> None:
    slices = [star_files.facts("2025-02", "v2", february())]

    def load(audit: bool) -> None:
        publish(
            loaded,
            LoadRequest(slices, run_id="run-2", loaded_at=LOADED_AT, report_tables=TABLES),
            audit=lambda _: audit,
        )

    with pytest.raises(AuditFailedError):
        load(audit=False)
    assert (stored(loaded, "Commentary"), stored(loaded, "Materiality")) == ([], [])
    load(audit=True)
    assert len(stored(loaded, "Commentary")) == len(stored(loaded, "Materiality")) == 1
    publish(loaded, LoadRequest([star_files.facts("2025-02", "v3", february())], run_id="run-3", loaded_at=LOADED_AT))
    assert len(stored(loaded, "Commentary")) == 1, "a load that is given none leaves them as they are"
