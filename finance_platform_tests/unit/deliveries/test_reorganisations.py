"""Reorganisations of departments: which rows of files count, and what contradicts itself.

Belongs here: files that arrive, closes between them, shares and circles. Does not belong here: what follows for amounts
(see `test_department_structures`), the rules of one row (see `test_reference_rows`).
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from finance_platform.contracts.processed import DEPARTMENTS
from finance_platform.contracts.schemas import arrow_schema
from finance_platform.deliveries.commits import DataFile, DeliveryCommit
from finance_platform.deliveries.events import Event, PeriodStatusChanged, Verdict
from finance_platform.deliveries.members.reorganisations import Reorganisations, find_reorganisations
from finance_platform.deliveries.state import DeliveryState
from finance_platform.deliveries.state_derivation import derive_state
from finance_platform.feeds.values.codes import surrogate_key
from finance_platform.storage.local import LocalStore
from finance_platform_tests.unit.factories import commit_of, delivered

AT = "2025-06-01T08:00:00.000000+00:00"


class Files:
    """Departments files as they arrived."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._events: list[Event] = []
        self._commits: dict[str, DeliveryCommit] = {}

    def deliver(self, *rows: tuple[str, str | None, str | None, str | None, str | None], unit: str = "") -> None:
        """Deliver rows of code, date, predecessor, share and origin share."""
        content = f"v{len(self._commits)}"
        event = delivered("departments.csv", content, feed="departments", kind="departments", run_id=content)
        values = [
            {
                "delivery_id": event.delivery_id,
                "source_row": number,
                "department_key": surrogate_key(code),
                "department_code": code,
                "valid_from": since,
                "predecessor_department_code": predecessor,
                "predecessor_share": share,
                "origin_share": origin,
                "business_unit": f"{unit}{number}" if unit else None,
            }
            for number, (code, since, predecessor, share, origin) in enumerate(rows, start=2)
        ]
        table = pa.Table.from_pylist(values, arrow_schema(DEPARTMENTS.columns))
        pq.write_table(table, self._path / f"{content}.parquet")
        self._commits[event.delivery_id] = commit_of(
            event, files={"departments": (DataFile(f"{content}.parquet", 1),)}, has_dates=any(row[1] for row in rows)
        )
        self._events += [event, Verdict("departments.csv", event.delivery_id, AT, "run-1")]

    def close(self, period: str) -> None:
        self._events.append(PeriodStatusChanged("closed", period, "ada", "done", AT))

    def state(self) -> DeliveryState:
        return derive_state(self._events, self._commits)

    def found(self) -> Reorganisations:
        return find_reorganisations(LocalStore(self._path), self.state())

    def shares(self) -> list[tuple[Any, ...]]:
        """Return period, predecessor, successor, share and origin share of each that counts."""
        rows = self.found().rows
        return [(one.period, one.predecessor, one.successor, one.share, one.origin_share) for one in rows]


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def test_a_new_department_with_one_predecessor_has_its_amounts_from_there_and_shares_are_whole_by_default(
    files: Files,
) -> None:
    files.deliver(("A", None, None, None, None), ("B", "2025-04", "A", "0.6", None), ("C", "2025-04", "A", "0.4", None))
    assert files.shares() == [
        ("2025-04", "A", "B", Decimal("0.6"), Decimal(1)),
        ("2025-04", "A", "C", Decimal("0.4"), Decimal(1)),
    ]


def test_a_department_that_existed_or_has_several_predecessors_leads_back_only_as_the_file_says(files: Files) -> None:
    files.deliver(
        ("B", None, None, None, None),
        ("B", "2025-04", "A", None, None),
        ("M", "2025-04", "C", None, "0.7"),
        ("M", "2025-04", "D", None, None),
    )
    assert files.shares() == [
        ("2025-04", "A", "B", Decimal(1), Decimal(0)),
        ("2025-04", "C", "M", Decimal(1), Decimal("0.7")),
        ("2025-04", "D", "M", Decimal(1), Decimal(0)),
    ]


def test_a_department_that_existed_before_is_not_new_because_its_file_came_after_a_close(files: Files) -> None:
    for period in ("2025-04", "2025-05"):
        files.close(period)
    files.deliver(("A", None, None, None, None), ("B", None, None, None, None), ("B", "2025-04", "A", "0.5", None))
    assert files.shares() == [("2025-04", "A", "B", Decimal("0.5"), Decimal(0))]


def test_the_last_file_that_describes_the_department_from_the_date_counts_and_earlier_dates_stay(files: Files) -> None:
    files.deliver(("B", "2025-02", "A", "0.5", None))
    files.deliver(("B", "2025-03", "A", "0.4", None))
    assert files.shares() == [("2025-03", "A", "B", Decimal("0.4"), Decimal(1))]
    files.close("2025-04")
    files.deliver(("B", None, None, None, None))
    assert files.shares() == [("2025-03", "A", "B", Decimal("0.4"), Decimal(1))]
    files.deliver(("B", "2025-03", None, None, None))
    assert files.shares() == []


def test_shares_of_more_than_the_whole_do_not_count_and_the_file_and_the_line_are_named(files: Files) -> None:
    files.deliver(
        ("B", "2025-04", "A", "0.6", None), ("C", "2025-04", "A", "0.5", None), ("D", "2025-04", "E", None, None)
    )
    assert [one[1:3] for one in files.shares()] == [("E", "D")]
    (contradiction,) = files.found().contradictions
    assert "replace A from 2025-04 on take over 110 % of it" in contradiction.text
    assert (contradiction.object_key, contradiction.line) == ("departments.csv", 2)


def test_origin_shares_of_more_than_the_whole_count_as_none(files: Files) -> None:
    files.deliver(("B", "2025-04", "A", None, "0.6"), ("B", "2025-04", "C", None, "0.5"))
    assert [one[4] for one in files.shares()] == [0, 0]
    assert "predecessors of B from 2025-04 on have 110 %" in files.found().contradictions[0].text


def test_departments_that_replace_each_other_at_one_date_do_not_count_and_at_two_dates_do(files: Files) -> None:
    files.deliver(("B", "2025-04", "A", None, None), ("A", "2025-04", "B", None, None))
    assert files.shares() == []
    (contradiction,) = files.found().contradictions
    assert "in a circle from 2025-04 on: " in contradiction.text
    files.deliver(("B", "2025-04", "A", None, None), ("A", "2025-05", "B", None, None))
    assert [one[:3] for one in files.shares()] == [("2025-04", "A", "B"), ("2025-05", "B", "A")]


def test_rows_of_one_department_and_date_that_give_two_units_are_named(files: Files) -> None:
    files.deliver(("M", "2025-04", "C", None, None), ("M", "2025-04", "D", None, None), unit="Unit ")
    (contradiction,) = files.found().contradictions
    assert "'Unit 2' (line 2) and 'Unit 3' (line 3) as business_unit; the first one counts" in contradiction.text
