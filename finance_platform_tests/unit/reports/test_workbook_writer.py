"""A workbook of plain tables: what a row shows does not depend on the row above it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from finance_platform.reports import workbook_writer
from finance_platform.reports.workbook_writer import open_workbook

_VALUES = st.sampled_from(
    [
        *(None, "", "a", "=1+1", "'a", " a ", "<a>&", "_x0041_", "1", True, 1, 0, False, 1.0, 0.0),
        *(Decimal("1"), Decimal("1.00"), Decimal("1.005"), Decimal("12345678901234567.89")),
        *(date(2025, 1, 31), datetime(2025, 1, 31), datetime(2025, 1, 31, tzinfo=UTC), date(1800, 1, 1)),  # noqa: DTZ001
        datetime(2025, 1, 31, 1, tzinfo=timezone(timedelta(hours=1))),
    ]
)


def _sheet(path: Path, rows: list[list[Any]]) -> tuple[list[list[Any]], int]:
    """Return the values of a workbook of these rows, and how many numbers are texts in it."""
    with open_workbook(path) as book:
        book.write_table("Rows", ["one", "two"], rows)
    return CalamineWorkbook.from_path(path).get_sheet_by_index(0).to_python()[1:], book.inexact


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(_VALUES, min_size=2, max_size=2), min_size=1, max_size=6))
def test_a_row_shows_its_values_whatever_is_above_it(tmp_path: Path, rows: list[list[Any]]):
    rows = [*rows, ["last", "last"]]
    together, inexact = _sheet(tmp_path / "together.xlsx", rows)
    alone = [_sheet(tmp_path / "alone.xlsx", [row, ["last", "last"]]) for row in rows]

    assert together == [values[0] for values, _ in alone]
    assert inexact == sum(count for _, count in alone)


def test_the_first_row_of_a_further_sheet_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(workbook_writer, "MAX_SHEET_ROWS", 3)
    with open_workbook(tmp_path / "book.xlsx") as book:
        book.write_table("Rows", ["one"], [["a"]] * 5)

    workbook = CalamineWorkbook.from_path(tmp_path / "book.xlsx")
    assert [workbook.get_sheet_by_name(name).to_python() for name in workbook.sheet_names] == [
        [["one"], ["a"], ["a"]],
        [["one"], ["a"], ["a"]],
        [["one"], ["a"]],
    ]
