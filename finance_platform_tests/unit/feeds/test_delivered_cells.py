"""Cells of rows that are read once more: of wide files, packed ones, sheets, and files that have changed since."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from finance_platform.contracts.schemas import DELIVERED_CELLS, arrow_schema
from finance_platform.feeds.lines.delivered_cells import make_cell_reader
from finance_platform_tests.unit.factories import LEDGER, feed, with_lines, write
from finance_platform_tests.unit.feeds.test_shapes import WIDE

KEYED = with_lines(LEDGER, load="{mode: upsert, key: [date, account]}")


def cells(root: Path, text: str, content: str, rows: list[int], fingerprint: str = "") -> list[dict[str, Any]]:
    """The cells of some rows of a file."""
    data = content.encode()
    write(root / "file.csv", data)
    places = [
        {
            "delivery_id": "d1",
            "object_key": "file.csv",
            "feed": "f",
            "fingerprint": fingerprint or hashlib.sha256(data).hexdigest(),
            "source_sheet": None,
            "source_row": row,
        }
        for row in rows
    ]
    schema = pa.schema([(name, pa.string()) for name in list(places[0])[:-1]] + [("source_row", pa.int64())])
    read = make_cell_reader({"f": json.loads(json.dumps(feed(text).to_json()))}, str(root))
    found = [row for batch in read([pa.RecordBatch.from_pylist(places, schema)]) for row in batch.to_pylist()]
    assert all(list(row) == arrow_schema(DELIVERED_CELLS).names for row in found)
    return found


def test_rows_have_their_cells_and_the_column_and_value_of_their_key(tmp_path: Path) -> None:
    content = "Date,Dept,Account,Amount\n2025-01-15,D1,4000, 1.00\n2025-01-16,D1,4000,2\n2025-01-15,D1,4000,3\n"
    first, last = cells(tmp_path, KEYED, content, [4, 2])
    assert (first["source_row"], last["source_row"]) == (2, 4)
    assert json.loads(first["cells_raw_row"]) == {
        "Date": "2025-01-15",
        "Dept": "D1",
        "Account": "4000",
        "Amount": " 1.00",
    }
    assert (last["key_column"], last["key_value"]) == ("Date | Account", "2025-01-15 | 4000")
    assert (last["voucher_column"], last["voucher_value"]) == ("", "")


def test_a_row_that_gives_several_lines_is_returned_once_and_whole(tmp_path: Path) -> None:
    text = WIDE + "load: {mode: upsert, key: [department, account, date]}\n"
    (row,) = cells(tmp_path, text, "Dept,Acc,Jan,Feb,Maerz\nD1,6000,1,2,\n", [2])
    assert json.loads(row["cells_raw_row"]) == {"Dept": "D1", "Acc": "6000", "Jan": "1", "Feb": "2", "Maerz": ""}
    assert (row["key_column"], row["key_value"]) == ("Dept | Acc", "D1 | 6000")


def test_a_voucher_may_be_a_column_that_no_field_uses(tmp_path: Path) -> None:
    text = with_lines(LEDGER, sign="debit_positive", balanced="{by: [no, account]}")
    (row,) = cells(tmp_path, text, "No,Date,Dept,Account,Amount\nV7,2025-01-15,D1,4000,1\n", [2])
    assert (row["voucher_column"], row["voucher_value"]) == ("No | Account", "V7 | 4000")


@pytest.mark.parametrize(
    ("text", "header", "row", "key"),
    [
        ("kind: departments\ncolumns: {code: Code, name: Name}", "Code,Name", "D1,North", ("Code", "D1")),
        ("kind: lookup\ncolumns: {key: No, date: Day}", "Day,No", "2025-01-01,J1", ("No", "J1")),
        (
            "kind: comments\ncolumns: {period: P, department: D, account: A, comment: C}",
            "P,D,A,C",
            "2025-01,D1,4000,late",
            ("P | D | A", "2025-01 | D1 | 4000"),
        ),
    ],
)
def test_rows_of_other_kinds_have_keys_too(
    tmp_path: Path, text: str, header: str, row: str, key: tuple[str, str]
) -> None:
    (found,) = cells(tmp_path, f"feed: f\npath: file.csv\n{text}\n", f"{header}\n{row}\n", [2])
    assert (found["key_column"], found["key_value"]) == key


def test_a_file_that_has_changed_or_is_gone_gives_nothing(tmp_path: Path) -> None:
    content = "Date,Dept,Account,Amount\n2025-01-15,D1,4000,1.00\n"
    assert cells(tmp_path, KEYED, content, [2], "0" * 64) == []
    places = {"delivery_id": "d1", "object_key": "gone.csv", "feed": "f", "fingerprint": "x", "source_sheet": None}
    batch = pa.RecordBatch.from_pylist([{**places, "source_row": 2}])
    read = make_cell_reader({"f": json.loads(json.dumps(feed(KEYED).to_json()))}, str(tmp_path))
    assert list(read([batch])) == []
