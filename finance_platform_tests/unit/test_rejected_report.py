"""The report of rejected rows.

Belongs here: `reports.rejected_rows`. Does not belong here: why a row is rejected (see `test_ledger_lines`).
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from finance_platform.contracts.processed import REJECTED_ROWS
from finance_platform.contracts.schemas import arrow_schema
from finance_platform.deliveries.commits import DataFile, DeliveryCommit
from finance_platform.deliveries.state import derive_state
from finance_platform.reports.rejected_rows import COLUMNS, rejected_rows
from finance_platform.storage.local import LocalStore
from finance_platform_tests.unit.factories import (
    decision_on,
    delivered,
    in_period,
    live_in,
    log_of,
    partly_rejected,
    state_of,
)


@pytest.fixture
def processed(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path)


def with_rejected(store: LocalStore, commit: DeliveryCommit, *rows: tuple[int, str]) -> DeliveryCommit:
    """Return the commit with a Parquet file of rejected rows, each given by line and outcome."""
    key = f"rejected/{commit.delivery_id}.parquet"
    records = [
        {
            "delivery_id": commit.delivery_id,
            "feed": commit.feed,
            "source_file": commit.object_key,
            "source_row": line,
            "outcome": outcome,
            "rules": "invalid_date",
            "reasons": "date: not a date",
            "amount": Decimal("5.00"),
            "raw_row": '{"Date": "?"}',
        }
        for line, outcome in rows
    ]
    path = Path(store.uri(key))
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(records, schema=arrow_schema(REJECTED_ROWS.columns)), path)
    return replace(commit, files={"rejected_rows": (DataFile(key, path.stat().st_size),)})


def listed(rows: Any) -> list[tuple[str, int, str]]:
    return [(row["source_file"], row["source_row"], row["outcome"]) for row in rows]


def test_rejected_and_duplicate_rows_are_listed_by_file_and_line(processed: LocalStore):
    held, live = delivered("b.csv"), delivered("a.csv", tolerated_share="1")
    state = state_of(
        (held, with_rejected(processed, partly_rejected(held, 1, of=3), (2, "rejected"), (9, "duplicate"))),
        (live, with_rejected(processed, partly_rejected(live, 1, of=3), (4, "skipped"), (5, "rejected"))),
    )
    assert listed(rejected_rows(processed, state)) == [
        ("a.csv", 5, "rejected"),
        ("b.csv", 2, "rejected"),
        ("b.csv", 9, "duplicate"),
    ]


def test_a_rejected_row_has_reasons_and_the_delivered_text(processed: LocalStore):
    event = delivered(tolerated_share="1")
    state = state_of((event, with_rejected(processed, partly_rejected(event, 1, of=3), (2, "rejected"))))
    (row,) = rejected_rows(processed, state)
    assert set(row) == set(COLUMNS)
    assert (row["rules"], row["reasons"], row["amount"]) == ("invalid_date", "date: not a date", Decimal("5.00"))
    assert row["raw_row"] == '{"Date": "?"}'


def test_rejected_rows_can_be_limited_to_a_feed(processed: LocalStore):
    events = [delivered(f"{feed}.csv", feed=feed, tolerated_share="1") for feed in ("plan", "ledger")]
    state = state_of(
        *((event, with_rejected(processed, partly_rejected(event, 1, of=3), (2, "rejected"))) for event in events)
    )
    assert listed(rejected_rows(processed, state, "plan")) == [("plan.csv", 2, "rejected")]
    assert listed(rejected_rows(processed, state, "other")) == []


def test_rejected_rows_of_a_superseded_delivery_are_not_listed(processed: LocalStore):
    first = delivered(content="v1", tolerated_share="1")
    state = state_of(
        (first, with_rejected(processed, partly_rejected(first, 1, of=3), (2, "rejected"))),
        live_in(in_period("2025-01"), content="v2"),
    )
    assert listed(rejected_rows(processed, state)) == []


def test_rejected_rows_of_a_withdrawn_delivery_are_listed_as_the_reconciliation_counts_them(processed: LocalStore):
    event = delivered(tolerated_share="1")
    commit = with_rejected(processed, partly_rejected(event, 1, of=3), (2, "rejected"))
    log = [*log_of((event, commit)), decision_on("withdrawn", event)]
    assert listed(rejected_rows(processed, derive_state(log, {commit.delivery_id: commit}))) == [
        ("ledger.csv", 2, "rejected")
    ]


def test_a_file_of_an_earlier_release_has_neither_scenario_nor_currency(processed: LocalStore):
    event = delivered(tolerated_share="1")
    commit = with_rejected(processed, partly_rejected(event, 1, of=3), (2, "rejected"))
    (file,) = commit.files["rejected_rows"]
    table = pq.read_table(processed.uri(file.key))
    pq.write_table(table.drop_columns(["scenario", "currency"]), processed.uri(file.key))
    (row,) = rejected_rows(processed, state_of((event, commit)))
    assert (row["source_row"], row["scenario"], row["currency"]) == (2, None, None)
