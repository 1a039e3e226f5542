"""The report of rejected rows.

Belongs here: `reports.rejected_rows` and `reports.rejected_workbook`. Does not belong here: why a row is rejected (see
`test_ledger_lines`).
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from python_calamine import CalamineWorkbook

from finance_platform.contracts.processed import REJECTED_ROWS
from finance_platform.contracts.schemas import arrow_schema
from finance_platform.deliveries.commits import DataFile, DeliveryCommit
from finance_platform.deliveries.state_derivation import derive_state
from finance_platform.feeds.reasons import Reason, reasons_from_json, reasons_to_json
from finance_platform.reports import rejected_rows, workbook_writer
from finance_platform.reports.rejected_rows import (
    COLUMNS,
    REASON_COLUMNS,
    FilePlace,
    RejectedRows,
    RejectedTotals,
    first_seen,
)
from finance_platform.reports.rejected_selection import Selection
from finance_platform.reports.rejected_workbook import write_rejected_workbook
from finance_platform.reports.workbook_writer import cell_text
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


def with_rejected(store: LocalStore, commit: DeliveryCommit, *rows: tuple[int, str], **values: Any) -> DeliveryCommit:
    """Return the commit with a Parquet file of rejected rows, each given by line and outcome, with the same values."""
    key = f"rejected/{commit.delivery_id}.parquet"
    records = [
        {
            "delivery_id": commit.delivery_id,
            "feed": commit.feed,
            "source_file": commit.object_key,
            "source_row": line,
            "outcome": outcome,
            "rules": "invalid_date",
            "reasons": reasons_to_json([Reason("invalid_date", "date", "?", "date: not a date")]),
            "amount": Decimal("5.00"),
            "raw_row": '{"Date": "?"}',
            **values,
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
    assert listed(RejectedRows(processed, state).rows()) == [
        ("a.csv", 5, "rejected"),
        ("b.csv", 2, "rejected"),
        ("b.csv", 9, "duplicate"),
    ]


def test_a_rejected_row_has_reasons_and_the_delivered_text(processed: LocalStore):
    event = delivered(tolerated_share="1")
    state = state_of((event, with_rejected(processed, partly_rejected(event, 1, of=3), (2, "rejected"))))
    (row,) = RejectedRows(processed, state).rows()
    assert set(row) == set(COLUMNS)
    assert (row["rules"], row["reasons"], row["amount"]) == ("invalid_date", "date: not a date", Decimal("5.00"))
    assert row["raw_row"] == '{"Date": "?"}'


def test_rejected_rows_can_be_limited_to_a_feed(processed: LocalStore):
    events = [delivered(f"{feed}.csv", feed=feed, tolerated_share="1") for feed in ("plan", "ledger")]
    state = state_of(
        *((event, with_rejected(processed, partly_rejected(event, 1, of=3), (2, "rejected"))) for event in events)
    )
    assert listed(RejectedRows(processed, state).rows(Selection(feed="plan"))) == [("plan.csv", 2, "rejected")]
    assert listed(RejectedRows(processed, state).rows(Selection(feed="other"))) == []


def test_rejected_rows_of_a_superseded_delivery_are_not_listed(processed: LocalStore):
    first = delivered(content="v1", tolerated_share="1")
    state = state_of(
        (first, with_rejected(processed, partly_rejected(first, 1, of=3), (2, "rejected"))),
        live_in(in_period("2025-01"), content="v2"),
    )
    assert listed(RejectedRows(processed, state).rows()) == []


def test_rejected_rows_of_a_withdrawn_delivery_are_listed_as_the_reconciliation_counts_them(processed: LocalStore):
    event = delivered(tolerated_share="1")
    commit = with_rejected(processed, partly_rejected(event, 1, of=3), (2, "rejected"))
    log = [*log_of((event, commit)), decision_on("withdrawn", event)]
    assert listed(RejectedRows(processed, derive_state(log, {commit.delivery_id: commit})).rows()) == [
        ("ledger.csv", 2, "rejected")
    ]


def test_the_reasons_have_columns_and_values_and_are_words_as_well(processed: LocalStore):
    event = delivered(tolerated_share="1")
    reasons = [
        Reason("invalid_date", "Posted", "never", "date: 'never' is no"),
        Reason("malformed_row", "", "", "3 cells"),
    ]
    commit = with_rejected(
        processed,
        partly_rejected(event, 1, of=3),
        (2, "rejected"),
        rules="invalid_date,malformed_row",
        reasons=reasons_to_json(reasons),
    )
    (row,) = RejectedRows(processed, state_of((event, commit))).rows()
    assert row["reasons"] == "date: 'never' is no; 3 cells"
    assert [Reason(**one) for one in row["details"]] == reasons


def test_a_row_was_first_seen_with_its_content_whatever_rules_read_it_later(processed: LocalStore):
    first = delivered("a.csv", "v1", at="2025-01-01T00:00:00.000000+00:00", tolerated_share="1")
    again = delivered(
        "a.csv", "v1", delivery_id="other rules", at="2025-03-01T00:00:00.000000+00:00", tolerated_share="1"
    )
    commits = [with_rejected(processed, partly_rejected(one, 1, of=3), (2, "rejected")) for one in (first, again)]
    log = log_of((first, commits[0]), (again, commits[1]))
    state = derive_state(log, {commit.delivery_id: commit for commit in commits})
    (row,) = RejectedRows(processed, state, log).rows()
    assert row["first_seen"] == "2025-01-01T00:00:00.000000+00:00"
    corrected = delivered("a.csv", "v2", at="2025-04-01T00:00:00.000000+00:00")
    assert first_seen([*log, corrected])["a.csv", "v2"] == corrected.at


def test_rows_of_held_and_withdrawn_deliveries_have_their_state(processed: LocalStore):
    held, withdrawn = delivered("held.csv"), delivered("withdrawn.csv", tolerated_share="1")
    commits = [with_rejected(processed, partly_rejected(one, 1, of=3), (2, "rejected")) for one in (held, withdrawn)]
    log = [*log_of((held, commits[0]), (withdrawn, commits[1])), decision_on("withdrawn", withdrawn)]
    state = derive_state(log, {commit.delivery_id: commit for commit in commits})
    assert [(row["source_file"], row["state"]) for row in RejectedRows(processed, state).rows()] == [
        ("held.csv", "held"),
        ("withdrawn.csv", "withdrawn"),
    ]


def test_rows_are_selected_by_file_rule_and_period(processed: LocalStore):
    events = [delivered(f"{name}.csv", tolerated_share="1") for name in ("a", "b")]
    values: list[dict[str, Any]] = [
        {"rules": "invalid_date,blank_account", "period": None},
        {"rules": "blank_account", "period": "2025-02"},
    ]
    state = state_of(
        *(
            (event, with_rejected(processed, partly_rejected(event, 1, of=3), (2, "rejected"), **own))
            for event, own in zip(events, values, strict=True)
        )
    )

    def files(**chosen: str) -> list[str]:
        return [row["source_file"] for row in RejectedRows(processed, state).rows(Selection(**chosen))]

    assert files(rule="blank_account") == ["a.csv", "b.csv"]
    assert files(rule="invalid_date") == ["a.csv"]
    assert files(rule="date") == []
    assert files(period="2025-02") == files(file="b.csv") == ["b.csv"]
    assert files(period="") == ["a.csv"]


def test_the_rows_with_the_most_money_come_first_and_the_totals_have_all(processed: LocalStore):
    amounts = {"a.csv": "-30.00", "b.csv": "7.00", "c.csv": None, "d.csv": "12.00"}
    pairs = []
    for file, amount in amounts.items():
        event = delivered(file, tolerated_share="1")
        money = None if amount is None else Decimal(amount)
        commit = partly_rejected(event, 1, of=3)
        pairs.append((event, with_rejected(processed, commit, (2, "rejected"), amount=money, scenario="Actual")))
    listing = RejectedRows(processed, state_of(*pairs), currency="USD")
    rows, totals = listing.largest(2), listing.totals()
    assert [row["source_file"] for row in rows] == ["a.csv", "d.csv"]
    assert totals.rows == 4
    ((*place, count, unpriced, net, gross),) = totals.reason_rows()
    assert place == ["ledger", "invalid_date", "rejected", "Actual", "USD"]
    assert (count, unpriced, net, gross) == (4, 1, Decimal("-11.00"), Decimal("49.00"))
    assert len(place) + 4 == len(REASON_COLUMNS)
    assert FilePlace("ledger", "c.csv", "live", "rejected", "Actual", "USD") in totals.by_file


def many_rows(processed: LocalStore) -> RejectedRows:
    """Return 3,000 rows in three files."""
    draw, pairs = Random(7), []
    for file in ("a.csv", "b.csv", "c.csv"):
        event = delivered(file, tolerated_share="1")
        commit = with_rejected(processed, partly_rejected(event, 1, of=3), *((line, "") for line in range(2, 1_002)))
        (stored,) = commit.files["rejected_rows"]
        path = Path(processed.uri(stored.key))
        rows = pq.read_table(path)
        kinds: dict[str, list[Any]] = {
            "outcome": ["rejected", "rejected", "duplicate", "skipped"],
            "rules": ["invalid_date", "blank_account,invalid_date", "invalid_amount"],
            "amount": [None, Decimal("5.00"), Decimal("-5.00"), Decimal("7.10"), Decimal("-0.01")],
            "scenario": [None, "Actual", "Budget"],
            "period": [None, "2025-01", "2025-02"],
            "currency": [None, None, "EUR"],
            "source_sheet": [None, "S1", "S2"],
            "source_column": [None, "Jan", "Feb"],
            "account_key": [None, 1, 2],
        }
        for name, values in kinds.items():
            column = pa.array([draw.choice(values) for _ in range(len(rows))], rows.schema.field(name).type)
            rows = rows.set_column(rows.column_names.index(name), name, column)
        pq.write_table(rows, path)
        file_of_rows = DataFile(stored.key, path.stat().st_size)
        pairs.append((event, replace(commit, files={"rejected_rows": (file_of_rows,)})))
    return RejectedRows(processed, state_of(*pairs), currency="USD")


SELECTIONS = [
    Selection(),
    Selection(rule="invalid_date"),
    Selection(rule="date"),
    Selection(period=""),
    Selection(period="2025-02", rule="invalid_amount"),
    Selection(file="b.csv"),
]


@pytest.mark.parametrize("selection", SELECTIONS)
def test_totals_and_largest_rows_are_those_of_all_rows_that_are_listed(
    processed: LocalStore, selection: Selection, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(rejected_rows, "statistical_accounts", lambda *_: {2})
    listing, totals = many_rows(processed), RejectedTotals()
    rows = list(listing.rows(selection, totals))
    assert listing.totals(selection) == totals
    ordered = sorted(rows, key=lambda row: (row["amount"] is None, -abs(row["amount"] or 0), *place_of(row)))
    for limit in (1, 50, 5_000):
        assert listing.largest(limit, selection) == ordered[:limit]


def place_of(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return row["source_file"], row["source_sheet"] or "", row["source_row"], row["source_column"] or ""


def test_of_many_rows_only_the_largest_are_explained(processed: LocalStore, monkeypatch: pytest.MonkeyPatch):
    """Their reasons and cells are most of what a file of rejected rows has."""
    explained: list[str] = []

    def note(text: str | None) -> list[Reason]:
        explained.append(text or "")
        return reasons_from_json(text)

    monkeypatch.setattr(rejected_rows, "reasons_from_json", note)
    listing = many_rows(processed)
    assert listing.totals().rows > 1_000
    assert explained == []
    assert len(listing.largest(20)) == 20
    assert len(explained) == 60  # twenty of each file


NASTY = [
    "=1+1",
    "+1",
    "-1+1",
    "@SUM(A1)",
    "＝1",
    "\t=1",
    "https://example.com",
    "1e5",
    "\x00\x1b[31m\ufffe",
    "_x0041_",
    "x" * 40_000,
]


def test_no_text_of_a_file_is_a_formula_a_link_or_a_number_in_the_workbook(processed: LocalStore, tmp_path: Path):
    event = delivered("=cmd.csv", tolerated_share="1")
    pairs = [
        (
            event,
            with_rejected(
                processed,
                partly_rejected(event, 1, of=3),
                *((line, "rejected") for line in range(2, len(NASTY) + 2)),
                reasons=reasons_to_json([Reason("invalid_date", text, text, text) for text in NASTY[:-1]]),
                raw_row=NASTY[0],
                scenario=NASTY[3],
            ),
        )
    ]
    totals, path = RejectedTotals(), tmp_path / "rejected.xlsx"
    listing = RejectedRows(processed, state_of(*pairs), log_of(*pairs), "USD")
    assert write_rejected_workbook(path, listing.rows(totals=totals), totals) == 0
    with zipfile.ZipFile(path) as archive:
        sheets = [archive.read(name).decode() for name in archive.namelist() if name.startswith("xl/worksheets/sheet")]
        assert len(sheets) == 4
        assert all("<f>" not in sheet and "<hyperlink" not in sheet for sheet in sheets)
        assert 'state="frozen"' in sheets[0]
        assert "<autoFilter" in sheets[0]
    book = CalamineWorkbook.from_path(path)
    header, first, *_ = book.get_sheet_by_name("Rejected rows").to_python()
    row = dict(zip(header, first, strict=True))
    assert (row["file"], row["scenario"], row["raw row"], row["line"], row["amount"]) == (
        "=cmd.csv",
        "@SUM(A1)",
        "=1+1",
        2,
        5,
    )
    assert row["first seen"] == datetime.fromisoformat("2025-02-01T08:00:00")
    assert str(row["values"]).startswith("=1+1; +1; ")
    assert "\\x00\\x1b[31m\\ufffe" in str(row["values"])


@pytest.mark.parametrize("text", ["x" * 40_000, "\U0001f600" * 20_000, "a" + "\U0001f600" * 20_000])
def test_a_text_that_a_cell_cannot_hold_is_cut_and_says_so(text: str):
    shown = cell_text(text)
    assert shown.endswith("32,767 characters)")
    assert 32_000 < len(shown.encode("utf-16-le")) // 2 <= 32_767
    assert text.startswith(shown.partition("…")[0])


def test_an_amount_that_a_spreadsheet_would_round_is_a_text_and_counted(tmp_path: Path):
    amounts = [Decimal("9999999999999.99"), Decimal("-9999999999999999.99")]
    rows: list[dict[str, Any]] = [
        {**dict.fromkeys(COLUMNS), "details": [], "rules": "r", "feed": "f", "source_file": "a", "state": "live"}
        | {"outcome": "rejected", "amount": amount}
        for amount in amounts
    ]
    path = tmp_path / "rejected.xlsx"
    assert write_rejected_workbook(path, rows, RejectedTotals()) == 1
    book = CalamineWorkbook.from_path(path)
    header, *written = book.get_sheet_by_name("Rejected rows").to_python()
    cells = [row[header.index("amount")] for row in written]
    assert cells == [9999999999999.99, "-9999999999999999.99"]
    assert any("more than 15 digits" in str(row[0]) for row in book.get_sheet_by_name("Notes").to_python())


def test_a_workbook_that_cannot_be_written_is_an_error_of_the_machine(tmp_path: Path):
    with pytest.raises(FileNotFoundError):
        write_rejected_workbook(tmp_path / "no folder" / "rejected.xlsx", [], RejectedTotals())


def test_more_rows_than_a_sheet_holds_go_on_on_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(workbook_writer, "MAX_SHEET_ROWS", 3)
    rows: list[dict[str, Any]] = [{**dict.fromkeys(COLUMNS), "details": [], "source_row": line} for line in range(5)]
    path = tmp_path / "rejected.xlsx"
    write_rejected_workbook(path, rows, RejectedTotals())
    book = CalamineWorkbook.from_path(path)
    names = ["Rejected rows", "Rejected rows 2", "Rejected rows 3"]
    lines = [row[4] for name in names for row in book.get_sheet_by_name(name).to_python()[1:]]
    assert lines == [0, 1, 2, 3, 4]
