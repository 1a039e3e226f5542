"""Limits of files: what exceeds one is refused or rejected with its place, and everything beside it counts."""

from __future__ import annotations

import io
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finance_platform.errors import MissingColumnError, UnreadableDeliveryError
from finance_platform.feeds.cells import bind_fields
from finance_platform.feeds.doubts.likely_cause import explain_missing_column
from finance_platform.feeds.files import delimited_file
from finance_platform.feeds.files.delimited_file import DelimitedFile
from finance_platform.feeds.limits import (
    MAX_COLUMNS,
    MAX_NAME_CHARACTERS,
    MAX_RAW_CELL_CHARACTERS,
    MAX_RAW_ROW_CHARACTERS,
    MAX_TEXT_CHARACTERS,
    MAX_VALUE_CHARACTERS,
)
from finance_platform.feeds.read_file import FileToRead, read_file
from finance_platform.feeds.reasons import reasons_in_words
from finance_platform.feeds.resolved import Dialect
from finance_platform.feeds.values.codes import clean, closest_match, fold, short_name
from finance_platform.feeds.values.currencies import OTHER_CURRENCY, currency_code, denoted_currencies
from finance_platform.feeds.values.hidden_characters import clean_cells
from finance_platform.storage.local import LocalStore
from finance_platform_tests.unit.amount_values import value_of
from finance_platform_tests.unit.factories import LEDGER, feed, ledger_rows, with_columns, write

GOOD = "2025-01-15,D100,4000,100.00\n"
HEADER = "Date,Dept,Account,Amount\n"
MARKS = "\u0301" * 25_000 + "\u0323" * 25_000
"""Combining marks in the order that takes the longest to be brought into Unicode's."""


def read(tmp_path: Path, text: str, descriptor: str = LEDGER) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return the rows of a file and its summary, as the job reads them."""
    write(tmp_path / "ledger.csv", text)
    store = LocalStore(tmp_path)
    file = FileToRead("id", "ledger.csv", "ledger", store.fingerprint("ledger.csv"))
    rows = [row for batch in read_file("ledger", feed(descriptor), store, file) for row in batch.to_pylist()]
    return rows[:-1], rows[-1]


def refusal(text: str) -> UnreadableDeliveryError:
    with pytest.raises(UnreadableDeliveryError) as caught:
        list(DelimitedFile(lambda: io.BytesIO(text.encode()), Dialect()).batches())
    return caught.value


@pytest.mark.parametrize(
    ("cell", "column"),
    [
        ("-" + " " * 60_000 + "x", "amount"),
        ("5" * 50_000, "amount"),
        ("0" * 50_000, "amount"),
        ("(" * 50_000 + "5" + ")" * 50_000, "amount"),
        ("5.\0" + "0" * 50_000, "amount"),
        ("2" * 50_000, "date"),
        ("4" + MARKS, "account"),
        ("=" + '"' * 2 + "=" * 50_000, "department"),
    ],
)
def test_a_cell_beyond_the_limit_rejects_its_row_and_the_rows_beside_it_count(
    cell: str, column: str, tmp_path: Path
) -> None:
    values = {"date": "2025-01-15", "department": "D100", "account": "4000", "amount": "7.00"} | {column: cell}
    bad = ",".join('"' + value.replace('"', '""') + '"' for value in values.values())
    rows, summary = read(tmp_path, HEADER + GOOD + bad + "\n" + GOOD)
    assert [row["outcome"] for row in rows] == ["accepted", "rejected", "accepted"]
    assert "cell_too_long" in rows[1]["rules"].split(",")
    assert f"has more than {MAX_VALUE_CHARACTERS} characters" in rows[1]["reasons"]
    assert len(reasons_in_words(rows[1]["reasons"])) < 1_000
    assert len(rows[1]["reasons"]) < 3_000
    money = Decimal("200.00") if column == "amount" else Decimal("207.00")
    assert (summary["measured_rows"], Decimal(summary["measured_amount"])) == (3, money)
    assert summary["measured_unpriced"] == (1 if column == "amount" else 0)


def test_a_text_for_people_may_be_as_long_as_a_cell_of_excel_and_no_longer(tmp_path: Path) -> None:
    descriptor = with_columns({"description": "{from: Note}"})
    notes = ["é" * MAX_TEXT_CHARACTERS, "é" * (MAX_TEXT_CHARACTERS + 1), "x" * 16_000_000]
    text = "Note," + HEADER + "".join(f"{note},{GOOD}" for note in notes)
    rows, summary = read(tmp_path, text, descriptor)
    assert [row["rules"] for row in rows] == [None, "cell_too_long", "cell_too_long"]
    assert rows[0]["description"] == notes[0]
    assert Decimal(summary["measured_amount"]) == Decimal("300.00")
    assert max(len(row["raw_row"]) for row in rows[1:]) < 2 * MAX_RAW_CELL_CHARACTERS


def test_a_file_of_cells_that_are_all_too_long_is_held_with_that_cause(tmp_path: Path) -> None:
    _, summary = read(tmp_path, HEADER + GOOD.replace("100.00", "-" + " " * 600 + "x") * 2)
    findings = json.loads(summary["findings"])
    assert findings["cause"] == "every row has a cell that is longer than what is read"
    assert "check dialect.delimiter and .quote" in findings["advice"]


def test_a_cell_that_no_field_uses_may_be_long(tmp_path: Path) -> None:
    rows, _ = read(tmp_path, "Note," + HEADER + "x" * 50_000 + "," + GOOD)
    assert [row["outcome"] for row in rows] == ["accepted"]


@pytest.mark.parametrize("length", [MAX_VALUE_CHARACTERS, MAX_VALUE_CHARACTERS + 1])
def test_the_limit_of_a_value_counts_characters(length: int) -> None:
    cells = clean_cells(pa.array(["é" * length, "short", None]))
    assert cells.texts.to_pylist()[1:] == ["short", None]
    is_long = length > MAX_VALUE_CHARACTERS
    assert {name: flags.to_pylist() for name, flags in cells.findings.items()} == (
        {"too_long": [True, False, False]} if is_long else {}
    )


def test_a_map_does_not_apply_to_the_beginning_of_a_cell_that_is_too_long() -> None:
    typed = ledger_rows(
        with_columns({"department": "{from: Dept, map: {xx: D1}}"}),
        {"Date": "2025-01-15", "Dept": "x" * 600, "Account": "4000", "Amount": "1.00"},
    )
    assert typed.rules == ["cell_too_long"]


def test_a_header_beyond_the_limit_of_columns_is_refused_with_its_line_and_a_narrower_one_is_read() -> None:
    error = refusal(",".join(f"c{i}" for i in range(100_000)) + "\n1\n")
    assert error.found == f"line 1: the header has 100,000 columns; at most {MAX_COLUMNS:,} are read"
    assert "send only the columns" in error.fix
    file = DelimitedFile(lambda: io.BytesIO(",".join(f"c{i}" for i in range(MAX_COLUMNS)).encode()), Dialect())
    assert len(file.header) == MAX_COLUMNS


def test_a_column_name_beyond_the_limit_is_refused_with_its_position() -> None:
    error = refusal("a," + "b" * (MAX_NAME_CHARACTERS + 1) + "\n1,2\n")
    assert error.found.startswith("line 1: the name of column 2 has 4,001 characters")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('a,b\n1,2\n"x' + "y" * 2_000, 3),
        ("a,b\n1,2\n" + 'x"' * 1_000 + ",2\n", 3),
        ('a,b\n1,2\n1,2\n"' + "\n" * 2_000 + '",1\n', 4),
        ("a,b\n1,2\n" + '"\n",' * 700 + "\n", 3),
        ("x" * 2_000, 1),
    ],
)
def test_a_row_beyond_the_limit_refuses_the_file_with_the_line_on_which_it_begins(
    text: str, line: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delimited_file, "MAX_ROW_CHARACTERS", 1_000)
    error = refusal(text)
    assert error.found == f"line {line}: the row that begins here has more than 1,000 characters"
    assert "a quote may not be closed" in error.fix


def test_invalid_bytes_in_an_endless_line_are_reported_without_reading_it_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(delimited_file, "MAX_ROW_CHARACTERS", 20_000)
    data = b"a,b\n" + b"x" * 15_000 + b"\xff" + b"x" * 100_000
    with pytest.raises(UnreadableDeliveryError, match="line 2"):
        list(DelimitedFile(lambda: io.BytesIO(data), Dialect()).batches())


def test_batches_are_bounded_in_cells_and_characters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited_file, "MAX_BATCH_CELLS", 8)
    monkeypatch.setattr(delimited_file, "MAX_BATCH_CHARACTERS", 30)
    for blank in ("", "\n"):  # by Arrow, and by the csv module
        data = ("a,b\n" + "1,2\n" * 9 + blank + "3,4\n").encode()
        batches = list(DelimitedFile(lambda data=data: io.BytesIO(data), Dialect()).batches())  # type: ignore[misc]
        assert max(map(len, batches)) <= 4
        assert [line for batch in batches for line in batch.source_rows.to_pylist()] == [
            *range(2, 11 + len(blank)),
            11 + len(blank),
        ]
    long_rows = DelimitedFile(lambda: io.BytesIO(b'a,b\n"1","' + b"x" * 40 + b'"y\n1,2\n'), Dialect())
    assert [len(batch) for batch in long_rows.batches()] == [1, 1]


def test_a_rejected_row_of_a_wide_header_is_kept_without_its_blank_cells(tmp_path: Path) -> None:
    names = "".join(f",c{i}" for i in range(500))
    rows, _ = read(tmp_path, HEADER.strip() + names + "\n" + "2025-01-15,D100,4000,?,a" + ", " * 499 + "\n\n")
    assert [row["outcome"] for row in rows] == ["rejected", "skipped"]
    kept = [json.loads(row["raw_row"]) for row in rows]
    assert kept == [{"Date": "2025-01-15", "Dept": "D100", "Account": "4000", "Amount": "?", "c0": "a"}, {}]


def test_what_is_kept_of_a_rejected_row_is_bounded_and_says_so(tmp_path: Path) -> None:
    names = "".join(f",c{i}" for i in range(90))
    rows, _ = read(tmp_path, HEADER.strip() + names + "\n2025-01-15,D100,4000,?" + ("," + "x" * 900) * 90 + "\n")
    kept = json.loads(rows[0]["raw_row"])
    assert MAX_RAW_ROW_CHARACTERS < len(rows[0]["raw_row"]) < 2 * MAX_RAW_ROW_CHARACTERS
    assert (kept["Amount"], kept["…"]) == ("?", "the rest of the row is left out")


def test_a_missing_column_of_a_wide_header_is_reported_in_a_readable_length() -> None:
    with pytest.raises(MissingColumnError) as caught:
        bind_fields(feed().rules, [f"column {i}" for i in range(MAX_COLUMNS)])
    assert caught.value.found.endswith("… (1,000 columns)")
    assert len(caught.value.found) < 1_200


def test_the_likely_cause_of_a_file_full_of_other_delimiters_is_not_searched_for() -> None:
    text = ",".join(";" * 3_000 for _ in range(900)) + "\n"
    file = DelimitedFile(lambda: io.BytesIO(text.replace(";" * 3_000, "a;" * 1_500, 1).encode()), Dialect(names=("a",)))
    error = MissingColumnError("the header lacks the column", fix="correct it")
    assert explain_missing_column(error, file, feed().rules) == (error.found, error.fix)


def test_texts_beyond_the_limit_are_neither_currencies_nor_suggestions() -> None:
    assert denoted_currencies("$" * 50_000) is None
    assert currency_code("USD" + MARKS) == OTHER_CURRENCY
    assert closest_match("Budget" * 10_000, ["Budget"]) is None
    assert len(short_name("a" + MARKS).encode()) <= 256


@given(st.text(max_size=300))
def test_texts_within_the_limits_are_as_they_were(text: str) -> None:
    assert short_name(text) == clean(text).encode()[:256].decode("utf-8", "ignore")
    assert closest_match(fold(text), [text]) in {text, None}
    cells = clean_cells(pa.array([text], pa.string()), is_name=True)
    assert "too_long" not in cells.findings


@given(
    st.decimals(-(10**12), 10**12, places=2), st.integers(0, 100), st.integers(0, 100), st.sampled_from(["-", "+", ""])
)
def test_spaces_between_a_sign_and_its_number_never_change_an_amount(
    value: Decimal, before: int, after: int, sign: str
) -> None:
    digits = f"{abs(value):.2f}"
    expected = -abs(value) if sign == "-" else abs(value)
    assert value_of(sign + " " * before + digits) == expected
    assert value_of(digits + " " * after + sign) == expected
    assert value_of(sign + " " * before + digits + " " * after + "x") is None
