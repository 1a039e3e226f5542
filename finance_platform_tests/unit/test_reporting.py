"""The status, the variance report and the rejected rows: the figures that people read.

Belongs here: `reporting.status`, `variance`, `rejected`. Does not belong here: the controller's line (see
`test_reporting_accounting`), looks (see `test_reporting_rendering`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from finance_platform.contracts.processed import REJECTED_ROWS
from finance_platform.contracts.schemas import arrow_schema
from finance_platform.deliveries.commits import Count, DataFile, DeliveryCommit
from finance_platform.deliveries.discovery import RawZoneScan
from finance_platform.deliveries.overlaps import NO_OVERLAPS
from finance_platform.deliveries.register import DecisionRecorded, DeliveryDiscovered
from finance_platform.deliveries.state import derive_state
from finance_platform.feeds.feed_set import Problem
from finance_platform.reports.reconciliation import Reconciliation
from finance_platform.reports.rejected import COLUMNS, rejected_rows
from finance_platform.reports.status import Status, build_status
from finance_platform.reports.variance import NO_BUDGET, VarianceRow, as_csv, variance_rows
from finance_platform.slices.commits import SliceCommit
from finance_platform.slices.snapshot import Snapshot
from finance_platform.slices.versions import TargetSlice
from finance_platform.storage.local import LocalStore
from finance_platform.warehouse.duckdb.warehouse import DuckDBWarehouse
from finance_platform.warehouse.ledger import PublishedSlice
from finance_platform.warehouse.load import publish
from finance_platform_tests.unit.factories import (
    commit_of,
    decided,
    delivered,
    in_period,
    live_in,
    log_of,
    money,
    partly_rejected,
    refused,
    state_of,
)
from finance_platform_tests.warehouse.star_files import LOADED_AT, StarFiles, february, january

Pair = tuple[DeliveryDiscovered, DeliveryCommit | None]
EXPLAINED = Reconciliation(*[Count()] * 8)
"""A line without a difference."""


def status_of(
    *pairs: Pair,
    listed: Sequence[DeliveryDiscovered] = (),
    wanted: Mapping[tuple[str, str], str] | None = None,
    built: Sequence[tuple[str, str]] = (),
    published: Mapping[tuple[str, str], str] | None = None,
    line: Reconciliation = EXPLAINED,
    decisions: Sequence[DecisionRecorded] = (),
    **intake: Any,
) -> Status:
    """The status of a home with these events and commits; `listed` is what only the listing knows."""
    events = [event for event, _ in pairs]
    commits = {commit.delivery_id: commit for _, commit in pairs if commit}
    snapshot = Snapshot(
        commits,
        derive_state([*log_of(*pairs), *decisions], commits),
        NO_OVERLAPS,
        [TargetSlice(table, name, version, {}) for (table, name), version in (wanted or {}).items()],
        {(table, name): SliceCommit(table, name, "", 0, ()) for table, name in built},
    )
    nothing: dict[str, Any] = {"present": {}, "problems": (), "unmatched": (), "vanished": (), "feeds": {}}
    at = datetime(2025, 7, 1, 12, 0)  # noqa: DTZ001 (the ledger keeps UTC without a zone)
    ledger = {n: PublishedSlice(version, 7, Decimal(0), at, 1) for n, version in (published or {}).items()}
    return build_status(snapshot, RawZoneScan([*events, *listed], 0, **(nothing | intake)), ledger, line)


def states(status: Status) -> list[tuple[str, str]]:
    return [(row["file"], row["state"]) for row in status.deliveries]


# Deliveries


def test_a_live_delivery_says_where_its_rows_and_money_went():
    event = delivered(tolerated_share="1")
    commit = replace(partly_rejected(event, 1, of=3, amount="5.00"), rules={"invalid_date": 1, "blank_amount": 1})
    (row,) = status_of((event, commit)).deliveries
    assert row == {
        "file": "ledger.csv",
        "feed": "ledger",
        "state": "live",
        "rows": 3,
        "accepted": 2,
        "rejected": 1,
        "duplicate": 0,
        "skipped": 0,
        "amount": "25.00",
        "rejected_amount": "5.00",
        "rules": {"blank_amount": 1, "invalid_date": 1},
        "delivery": "ledger.csv@v1",
        "reason": "",
        "fix": "",
        "warnings": [],
        "decision": None,
    }


def test_money_is_what_was_delivered_after_rounding():
    event = delivered()
    commit = commit_of(event, in_period("2025-01"), read=money(1, "9.996"), rounding=Decimal("0.004"))
    assert status_of((event, commit)).deliveries[0]["amount"] == "10.00"


def test_a_withdrawn_delivery_says_who_took_it_out_and_how_to_take_it_in_again():
    event, commit = live_in(in_period("2025-01"))
    status = status_of((event, commit), decisions=[decided("withdrawn", event)])
    (row,) = status.deliveries
    assert (row["state"], row["reason"]) == ("withdrawn", "withdrawn by ada: because")
    assert "withdraw --undo ledger.csv" in row["fix"]
    assert status.is_healthy


def test_a_held_delivery_says_why_and_how_to_mend_it():
    event = delivered()
    status = status_of((event, partly_rejected(event, 1, of=3)))
    (row,) = status.deliveries
    assert (row["state"], row["rows"], row["accepted"]) == ("held", 3, 2)
    assert row["reason"].startswith("1 of 3 rows rejected")
    assert row["fix"]
    assert not status.is_healthy


def test_a_refused_file_says_why_and_how_to_mend_it():
    event = delivered()
    status = status_of((event, refused(event)))
    (row,) = status.deliveries
    assert (row["state"], row["reason"], row["fix"]) == ("refused", "the file is empty", "send it again")
    assert not status.is_healthy


def test_a_new_file_that_only_the_listing_knows_is_pending():
    status = status_of(listed=[delivered("new.csv")])
    (row,) = status.deliveries
    assert (row["file"], row["state"], row["rows"], row["delivery"]) == ("new.csv", "pending", 0, "")
    assert row["reason"] == "not read yet"
    assert status.is_healthy


def test_a_registered_file_that_nobody_has_read_is_pending():
    assert states(status_of((delivered("new.csv"), None))) == [("new.csv", "pending")]


def test_a_new_content_is_pending_beside_the_older_version_that_is_live():
    older = live_in(in_period("2025-01"), content="v1")
    status = status_of(older, listed=[delivered(content="v2")])
    assert states(status) == [("ledger.csv", "live"), ("ledger.csv", "pending")]
    assert states(status_of(older, (delivered(content="v2"), None))) == states(status)


def test_a_corrected_file_is_pending_beside_the_held_one_that_it_will_replace():
    event = delivered(content="v1")
    status = status_of((event, partly_rejected(event, 1, of=3)), listed=[delivered(content="v2")])
    assert states(status) == [("ledger.csv", "held"), ("ledger.csv", "pending")]


def test_a_held_version_stands_beside_the_older_one_that_stays_live():
    newer = delivered(content="v2")
    status = status_of(live_in(in_period("2025-01"), content="v1"), (newer, partly_rejected(newer, 1, of=3)))
    assert states(status) == [("ledger.csv", "held"), ("ledger.csv", "live")]


def test_a_file_that_vanished_before_it_was_read_is_vanished_and_not_pending():
    status = status_of((delivered("gone.csv"), None), vanished=["gone.csv"])
    assert (status.deliveries, status.vanished) == ([], ["gone.csv"])


def test_deliveries_stand_in_the_order_of_their_files():
    pairs = [live_in(in_period("2025-01"), key=key) for key in ("b.csv", "c.csv", "a.csv")]
    assert [file for file, _ in states(status_of(*pairs))] == ["a.csv", "b.csv", "c.csv"]


# Slices


def test_a_slice_is_published_built_or_not_built_or_no_longer_wanted():
    fact = "fact_financials"
    status = status_of(
        wanted={("dim_date", "all"): "d1", (fact, "2025-01"): "j2", (fact, "2025-02"): "f2", (fact, "2025-03"): "m1"},
        built=[("dim_date", "all"), (fact, "2025-02")],
        published={("dim_date", "all"): "d1", (fact, "2025-02"): "f1", (fact, "2025-03"): "m0", (fact, "2024-12"): "x"},
    )
    assert [(row["slice"], row["state"], row["wanted"], row["published"]) for row in status.slices] == [
        ("all", "published", "d1", "d1"),
        ("2024-12", "no longer wanted", "", "x"),
        ("2025-01", "not built", "j2", ""),
        ("2025-02", "built, not loaded", "f2", "f1"),
        ("2025-03", "not built", "m1", "m0"),
    ]


def test_a_published_slice_says_how_many_rows_since_when():
    (row,) = status_of(wanted={("dim_date", "all"): "d1"}, published={("dim_date", "all"): "d1"}).slices
    assert (row["table"], row["rows"], row["loaded_at"]) == ("dim_date", 7, "2025-07-01T12:00:00Z")


def test_a_slice_that_was_never_published_has_no_rows_and_no_time():
    (row,) = status_of(wanted={("dim_date", "all"): "d1"}).slices
    assert (row["rows"], row["loaded_at"]) == (0, "")


# The whole


def test_a_home_in_which_nothing_is_wrong_is_sound():
    assert status_of(live_in(in_period("2025-01"))).is_healthy


def test_warnings_leave_a_home_sound():
    assert status_of(live_in(in_period("2025-01")), vanished=["ledger.csv"], unmatched=["notes.csv"]).is_healthy


def test_a_file_that_cannot_be_used_makes_a_home_unsound():
    status = status_of(problems=[Problem("feeds/a.yaml", "line 3: no such key", "correct that line")])
    assert not status.is_healthy
    assert status.problems == [{"file": "feeds/a.yaml", "problem": "line 3: no such key", "fix": "correct that line"}]


@pytest.mark.parametrize("missing", [money(1, "0.00"), money(0, "0.01")], ids=["a row", "a cent"])
def test_what_nobody_can_explain_makes_a_home_unsound(missing: Count):
    assert not status_of(line=replace(EXPLAINED, delivered=missing)).is_healthy


def test_the_document_is_json_with_money_as_text_of_two_decimals():
    line = replace(EXPLAINED, delivered=money(3, "25"), rejected=money(1, "5.5", unpriced=1), in_warehouse=money(2))
    pending = live_in(in_period("2025-01")), (delivered(content="v2"), None)
    document = json.loads(json.dumps(status_of(*pending, unmatched=["notes.csv"], line=line).as_json()))
    assert document["unmatched_files"] == ["notes.csv"]
    assert [row["state"] for row in document["deliveries"]] == ["live", "pending"]
    assert document["deliveries"][0]["amount"] == "10.00"
    assert document["controllers_line"]["delivered"] == {"rows": 3, "amount": "25.00", "unpriced": 0}
    assert document["controllers_line"]["rejected"] == {"rows": 1, "amount": "5.50", "unpriced": 1}
    assert set(document["controllers_line"]) == set(vars(EXPLAINED))


# Variance


@pytest.fixture(scope="module")
def warehouse_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A year with a budget in January alone."""
    folder = tmp_path_factory.mktemp("variance")
    lake = StarFiles(folder / "processed")
    slices = [*lake.dimensions(), lake.facts("2025-01", "j1", january()), lake.facts("2025-02", "f1", february())]
    publish(DuckDBWarehouse(folder / "warehouse.duckdb"), slices, run_id="run-1", loaded_at=LOADED_AT)
    return folder / "warehouse.duckdb"


def amounts(*texts: str | None) -> list[Decimal | None]:
    return [None if text is None else Decimal(text) for text in texts]


def test_variance_compares_the_periods_that_have_a_budget_and_shows_the_whole_year_beside(warehouse_file: Path):
    rows = variance_rows(DuckDBWarehouse(warehouse_file))
    assert [(row.year, row.account_type) for row in rows] == [(2025, "Asset"), (2025, "Expense"), (2025, "Revenue")]
    assert [[row.actual, row.actual_with_budget, row.budget, row.variance] for row in rows] == [
        amounts("80.00", "80.00", "100.00", "-20.00"),
        amounts("501.00", "250.50", "200.00", "50.50"),
        amounts("2100.00", "1000.00", "900.00", "100.00"),
    ]


def test_a_year_without_a_budget_says_so_and_claims_no_variance(warehouse_file: Path, tmp_path: Path):
    path = tmp_path / "february.duckdb"
    path.write_bytes(warehouse_file.read_bytes())
    with duckdb.connect(str(path)) as connection:
        connection.execute("DELETE FROM finance.FactFinancials WHERE DateKey < 20250200")
    rows = variance_rows(DuckDBWarehouse(path))
    assert [[row.actual, row.actual_with_budget, row.budget, row.variance] for row in rows] == [
        amounts("250.50", None, None, None),
        amounts("1100.00", None, None, None),
    ]
    assert as_csv(rows).splitlines()[1] == "2025,Expense,250.50,no budget,no budget,no budget"


def test_the_report_is_csv_with_a_header_and_two_decimals():
    row = VarianceRow(2025, "Revenue", Decimal("2100"), Decimal("1000.5"), Decimal("0"), Decimal("1000.5"))
    assert as_csv([row]) == (
        "Year,AccountType,Actual,ActualWithBudget,Budget,Variance\n2025,Revenue,2100.00,1000.50,0.00,1000.50\n"
    )


def test_a_budget_of_zero_is_not_no_budget():
    none, zero = (
        VarianceRow(2025, "Revenue", Decimal(0), budget, budget, budget).cells() for budget in (None, Decimal(0))
    )
    assert (none["Budget"], zero["Budget"]) == (NO_BUDGET, "0.00")


def test_a_report_without_rows_is_a_header():
    assert as_csv([]) == "Year,AccountType,Actual,ActualWithBudget,Budget,Variance\n"


# Rejected rows


@pytest.fixture
def processed(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path)


def with_rejected(lake: LocalStore, commit: DeliveryCommit, *rows: tuple[int, str]) -> DeliveryCommit:
    """The commit with a Parquet file of rows: line and outcome."""
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
    path = Path(lake.uri(key))
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(records, schema=arrow_schema(REJECTED_ROWS.columns)), path)
    return replace(commit, files={"rejected_rows": (DataFile(key, path.stat().st_size),)})


def listed(rows: Any) -> list[tuple[str, int, str]]:
    return [(row["source_file"], row["source_row"], row["outcome"]) for row in rows]


def test_rejected_and_repeated_rows_are_listed_by_file_and_line_and_blank_ones_are_not(processed: LocalStore):
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


def test_a_rejected_row_says_why_and_what_was_delivered(processed: LocalStore):
    event = delivered(tolerated_share="1")
    state = state_of((event, with_rejected(processed, partly_rejected(event, 1, of=3), (2, "rejected"))))
    (row,) = rejected_rows(processed, state)
    assert set(row) == set(COLUMNS)
    assert (row["rules"], row["reasons"], row["amount"]) == ("invalid_date", "date: not a date", Decimal("5.00"))
    assert row["raw_row"] == '{"Date": "?"}'


def test_rejected_rows_of_one_feed_are_those_of_its_files(processed: LocalStore):
    events = [delivered(f"{feed}.csv", feed=feed, tolerated_share="1") for feed in ("plan", "ledger")]
    state = state_of(
        *((event, with_rejected(processed, partly_rejected(event, 1, of=3), (2, "rejected"))) for event in events)
    )
    assert listed(rejected_rows(processed, state, "plan")) == [("plan.csv", 2, "rejected")]
    assert listed(rejected_rows(processed, state, "other")) == []


def test_rejected_rows_of_a_superseded_delivery_are_gone(processed: LocalStore):
    first = delivered(content="v1", tolerated_share="1")
    state = state_of(
        (first, with_rejected(processed, partly_rejected(first, 1, of=3), (2, "rejected"))),
        live_in(in_period("2025-01"), content="v2"),
    )
    assert listed(rejected_rows(processed, state)) == []
