"""Finding the rows of another feed by key: the latest of several, shared files, and the limit."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from finance_platform.errors import UnreadableDeliveryError
from finance_platform.feeds.lines import lookups
from finance_platform.feeds.lines.lookups import load_lookup
from finance_platform.feeds.read_file import FileToRead, read_file
from finance_platform.storage.local import LocalStore
from finance_platform_tests.unit.factories import feed

LINES = """
feed: lines
kind: ledger
path: lines.csv
columns: {department: Dept, account: Account, amount: Amount}
lookup: {feed: journals, on: Journal, take: [date]}
constants: {scenario: Actual}
"""


def write(root: Path, name: str, rows: list[tuple[str, str, str | None]]) -> None:
    """Write rows of delivery, key and date."""
    columns = [pa.array(values, pa.string()) for values in zip(*rows, strict=True)]
    pq.write_table(pa.table(columns, ["delivery_id", "line_key", "date"]), root / name)


def test_of_several_rows_with_a_key_the_latest_is_found_and_rows_of_others_are_not(tmp_path: Path) -> None:
    write(tmp_path, "shared.parquet", [("a", "j1", "2025-01-01"), ("a", "j2", None), ("held", "j3", "2025-01-03")])
    write(tmp_path, "b.parquet", [("b", "j1", "2025-02-01")])
    files = (("a", "shared.parquet"), ("b", "b.parquet"))
    lookup = load_lookup(replace(feed(LINES), lookup_files=files), LocalStore(tmp_path))
    assert lookup is not None
    is_found, fields = lookup.find(pa.array(["j1", "j2", "j3", None]))
    assert is_found.to_pylist() == [True, True, False, False]
    assert fields["date"].to_pylist() == ["2025-02-01", None, None, None]


def test_more_rows_than_memory_should_hold_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookups, "MAX_LOOKUP_ROWS", 1)
    write(tmp_path, "a.parquet", [("a", "j1", "2025-01-01"), ("a", "j2", "2025-01-02")])
    with pytest.raises(UnreadableDeliveryError, match="more than 1 rows"):
        load_lookup(replace(feed(LINES), lookup_files=(("a", "a.parquet"),)), LocalStore(tmp_path))


def test_a_line_whose_key_is_missing_names_the_column_of_its_key(tmp_path: Path) -> None:
    data = b"Journal,Dept,Account,Amount\nJ3,D1,6000,1\n,D1,6000,1\n"
    (tmp_path / "lines.csv").write_bytes(data)
    file = FileToRead("d1", "lines.csv", "lines", hashlib.sha256(data).hexdigest())
    rows = [row for batch in read_file("ledger", feed(LINES), LocalStore(tmp_path), file) for row in batch.to_pylist()]
    reasons = [json.loads(row["reasons"])[0] for row in rows[:-1]]
    assert [(one["rule"], one["column"], one["value"]) for one in reasons] == [
        ("missing_lookup", "Journal", "J3"),
        ("blank_Journal", "Journal", ""),
    ]
