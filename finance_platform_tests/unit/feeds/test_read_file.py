"""Reading a file: its staged rows, and the summary row with its totals or with the reason why it cannot be read.

Does not belong here: cutting a file into cells (see `test_delimited_file`), the rules of a line (see
`test_ledger_lines`).
"""

from __future__ import annotations

import hashlib
import io
import json
import threading
from decimal import Decimal, localcontext
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from finance_platform.errors import DiskError, StorageError
from finance_platform.feeds import read_file as module
from finance_platform.feeds.file_names import natural_sort_key
from finance_platform.feeds.files import delimited_file
from finance_platform.feeds.files.tables import open_tables
from finance_platform.feeds.lines.ledger_lines import LedgerLines
from finance_platform.feeds.lines.line_files import LineFiles
from finance_platform.feeds.read_file import FileToRead, read_file
from finance_platform.feeds.reasons import reasons_in_words
from finance_platform.feeds.violations import RuleViolations
from finance_platform.storage.local import LocalStore
from finance_platform_tests.profiles import current_profile
from finance_platform_tests.unit.factories import LEDGER, feed, with_columns, with_lines, write

ONE_PERIOD = with_lines(LEDGER, load="{mode: replace_period, covers: {from_name: 'gl_([0-9]+)'}}")
RANGE = with_lines(LEDGER, load="{mode: replace_period, covers: {from_name: 'gl_([0-9]+)_([0-9]+)'}}")
ORDERED = with_lines(LEDGER, order="{from_column: Posted}")
HEADER = "Date,Dept,Account,Amount"
PAIRS = with_lines(
    LEDGER,
    columns="""
  date: {from: Date}
  department: {from: '{Unit}-{Dept}'}
  account: {from: [Account, Acct]}
  amount: {from: {debit: Dr, credit: Cr}, thousands: ","}""",
)
TOP = "Date,Unit,Dept,Acct,Dr,Cr,Note"
REFERENCE = "feed: departments\nkind: departments\npath: d.csv\ncolumns: {code: Code}\n"


def staged(root: Path, name: str, content: str, text: str = LEDGER, kind: str = "ledger") -> list[dict[str, Any]]:
    """The rows of a file; the last one is its summary row."""
    data = content.encode()
    write(root / name, data)
    return staged_as(root, hashlib.sha256(data).hexdigest(), text, kind, name)


def staged_file(root: Path, data: bytes, text: str = PAIRS, kind: str = "ledger") -> list[dict[str, Any]]:
    """The rows of `file.csv`; the last one is its summary row."""
    write(root / "file.csv", data)
    return staged_as(root, hashlib.sha256(data).hexdigest(), text, kind)


def staged_as(
    root: Path, fingerprint: str, text: str = PAIRS, kind: str = "ledger", name: str = "file.csv"
) -> list[dict[str, Any]]:
    """The rows of a file that is registered under this fingerprint."""
    file = FileToRead("d1", name, "ledger", fingerprint)
    return [row for batch in read_file(kind, feed(text), LocalStore(root), file) for row in batch.to_pylist()]


# Rows and summary


def test_every_row_of_a_file_is_staged_with_its_lineage(tmp_path: Path) -> None:
    *rows, summary = staged_file(tmp_path, f"{TOP}\n2025-01-02,U,D,1,5,,n\nx,U,D,1,5,,n\n".encode())
    assert [(row["outcome"], row["source_row"]) for row in rows] == [("accepted", 2), ("rejected", 3)]
    for row in (*rows, summary):
        assert (row["delivery_id"], row["feed"], row["source_file"]) == ("d1", "ledger", "file.csv")


def test_unused_columns_are_in_the_summary(tmp_path: Path) -> None:
    *_, summary = staged_file(tmp_path, f"{TOP},,Who\n".encode())
    assert (summary["outcome"], summary["extra_columns"]) == ("measured", '["Note", "(column 8)", "Who"]')


def test_a_file_with_a_header_only_is_read_and_has_no_rows(tmp_path: Path) -> None:
    (summary,) = staged_file(tmp_path, TOP.encode())
    measured = {name: summary[name] for name in ("outcome", "measured_rows", "measured_amount", "measured_unpriced")}
    assert measured == {"outcome": "measured", "measured_rows": 0, "measured_amount": "0", "measured_unpriced": 0}


def test_a_file_that_cannot_be_read_is_refused_with_reason_and_fix(tmp_path: Path) -> None:
    (summary,) = staged_file(tmp_path, b"Date,Unit\n")
    assert summary["outcome"] == "refused"
    assert "lacks the column for department" in summary["reasons"]
    assert "columns.department.from" in summary["raw_row"]


def test_a_file_with_invalid_bytes_half_way_is_refused_after_its_valid_rows(tmp_path: Path) -> None:
    good = b"2025-01-02,U,D,1,5,,n\n"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(delimited_file, "_BLOCK_BYTES", 1024)
        rows = staged_file(tmp_path, TOP.encode() + b"\n" + good * 200 + b"2025-01-02,\xff,D,1,5,,n\n")
    assert (rows[-1]["outcome"], rows[-1]["reasons"]) == ("refused", "line 202: byte 0xff is not valid utf-8 text")
    assert {row["outcome"] for row in rows[:-1]} <= {"accepted"}


def test_cells_are_typed_in_a_thread_while_outcomes_of_the_batch_before_are_described(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [f"2025-01-0{number % 9},U,D,{number},{number},,Total {number}\n" for number in range(300)]
    data = f"{TOP}\n{''.join(lines)}".encode()
    whole = staged_file(tmp_path, data)
    threads: dict[str, list[int]] = {"type_cells": [], "columns": []}

    def note_thread(owner: type, name: str) -> None:
        method = getattr(owner, name)

        def noted(*arguments: Any) -> Any:
            threads[name].append(threading.get_ident())
            return method(*arguments)

        monkeypatch.setattr(owner, name, noted)

    note_thread(LedgerLines, "type_cells")
    note_thread(RuleViolations, "columns")
    monkeypatch.setattr(delimited_file, "_BLOCK_BYTES", 1024)
    assert staged_file(tmp_path, data) == whole
    assert len(threads["type_cells"]) == len(threads["columns"]) > 3
    assert set(threads["type_cells"][2:]).isdisjoint(threads["columns"])


def test_a_file_that_storage_cannot_open_is_left_for_the_next_run(tmp_path: Path) -> None:
    (summary,) = staged_as(tmp_path, "0" * 64)
    assert (summary["outcome"], summary["reasons"]) == ("not_opened", "No such file or directory")


def test_a_header_that_is_blank_is_refused_with_the_line_that_looks_like_one(tmp_path: Path) -> None:
    (summary,) = staged(tmp_path, "gl.csv", f"\n{HEADER}\n2025-01-02,D,1,5\n")
    assert summary["outcome"] == "refused"
    assert f"line 2 has it: {HEADER.replace(',', ', ')}" in summary["reasons"]


def test_lines_that_the_disk_does_not_take_are_no_fault_of_their_file(tmp_path: Path) -> None:
    """The run then reports the disk, and not a file that stays pending without a reason."""
    write(tmp_path / "raw" / "gl.csv", f"{HEADER}\n2025-01-02,D,1,5\n")
    write(tmp_path / "processed" / "transactions", "in the way")
    raw, processed = LocalStore(tmp_path / "raw"), LocalStore(tmp_path / "processed")
    file = FileToRead("d", "gl.csv", "ledger", raw.fingerprint("gl.csv"))
    files = LineFiles(processed, "attempt", file.lineage)
    with pytest.raises(DiskError, match="transactions/attempt"):
        list(read_file("ledger", feed(LEDGER), raw, file, processed=processed, line_files=files))


@pytest.mark.parametrize("name", ["gl.csv", "gl.xlsx"])
def test_a_fault_of_the_reader_leaves_its_file_unread_and_is_reported_with_its_traceback_in_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    def fail(*_: object) -> None:
        raise ValueError(f"https://ann:secret@host\x1b[2J\n{'9' * 500}")

    monkeypatch.setattr(module, "open_tables", fail)
    (summary,) = staged(tmp_path, name, f"{HEADER}\n2025-01-02,D,1,5\n")
    assert summary["outcome"] == "not_opened"
    assert summary["reasons"].startswith(r"a fault of the platform, ValueError: https://***@host\x1b[2J\n999")
    assert len(summary["reasons"]) < 300
    assert summary["raw_row"].startswith("keep the file and report this fault with its traceback")
    assert f"{name}: a fault of the platform\nTraceback" in caplog.text
    assert "in fail" in caplog.text
    assert "secret" not in caplog.text
    assert "\x1b" not in caplog.text


@pytest.mark.parametrize("error", [MemoryError(), StorageError("the bucket is gone"), KeyboardInterrupt()])
def test_what_is_no_fault_of_one_file_ends_the_reading_of_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(module, "open_tables", fail)
    with pytest.raises(type(error)):
        staged(tmp_path, "gl.csv", f"{HEADER}\n2025-01-02,D,1,5\n")


@pytest.mark.parametrize("registered", [f"{TOP}\n2025-01-02,U,D,1,5,,n\n", "Date,Unit\n", ""])
def test_a_file_that_was_overwritten_since_it_was_registered_is_left_for_the_next_run(
    tmp_path: Path, registered: str
) -> None:
    (tmp_path / "file.csv").write_bytes(f"{TOP}\n2025-01-02,U,D,1,999,,n\n".encode())
    *_, summary = staged_as(tmp_path, hashlib.sha256(registered.encode()).hexdigest())
    assert (summary["outcome"], summary["reasons"]) == ("not_opened", "the file was overwritten before it was read")


def test_reference_rows_have_no_amount_and_their_code_as_key(tmp_path: Path) -> None:
    *rows, summary = staged_file(tmp_path, b"Code\nd  1\n\n", REFERENCE, "departments")
    assert [(row["outcome"], row["line_key"]) for row in rows] == [("accepted", "d 1"), ("skipped", None)]
    assert (summary["measured_rows"], summary["measured_amount"], summary["measured_unpriced"]) == (2, "0", 2)


def test_the_key_of_an_account_is_its_number(tmp_path: Path) -> None:
    text = "feed: accounts\nkind: accounts\npath: a.csv\ncolumns: {number: No}\n"
    row, _ = staged_file(tmp_path, b"No\n 0010 A\n", text, "accounts")
    assert (row["account_number"], row["line_key"]) == ("0010 A", "0010 a")


# Covered periods


def test_lines_outside_the_period_of_the_name_are_rejected(tmp_path: Path) -> None:
    rows = "2025-01-31,D,1,5\n2025-02-01,D,1,5\n2024-12-31,D,1,5\n"
    *lines, summary = staged(tmp_path, "gl_202501.csv", f"{HEADER}\n{rows}", ONE_PERIOD)
    assert [(line["outcome"], line["rules"]) for line in lines] == [
        ("accepted", None),
        ("rejected", "outside_covered_periods"),
        ("rejected", "outside_covered_periods"),
    ]
    assert reasons_in_words(lines[1]["reasons"]) == "period: 2025-02 is outside 2025-01, which the file's name declares"
    assert json.loads(summary["covers"]) == ["2025-01"]


def test_a_range_is_reported_by_its_first_and_last_period(tmp_path: Path) -> None:
    *lines, summary = staged(tmp_path, "gl_202412_202502.csv", f"{HEADER}\n2025-01-31,D,1,5\n2025-03-01,D,1,5\n", RANGE)
    assert [line["outcome"] for line in lines] == ["accepted", "rejected"]
    assert "2025-03 is outside 2024-12 to 2025-02" in lines[1]["reasons"]
    assert json.loads(summary["covers"]) == ["2024-12", "2025-01", "2025-02"]


def test_the_period_column_and_not_the_date_is_compared_with_the_name(tmp_path: Path) -> None:
    text = with_columns({"period": "{from: Period}"}, load="{mode: replace_period, covers: {from_name: 'gl_([0-9]+)'}}")
    rows = "2025-02-03,D,1,5,2025-01\n2025-01-03,D,1,5,2025-02\n"
    *lines, _ = staged(tmp_path, "gl_202501.csv", f"{HEADER},Period\n{rows}", text)
    assert [line["rules"] for line in lines] == [None, "outside_covered_periods"]


def test_a_line_without_a_valid_date_breaks_only_the_rule_of_dates(tmp_path: Path) -> None:
    *lines, _ = staged(tmp_path, "gl_202501.csv", f"{HEADER}\n2025-02-30,D,1,5\n", ONE_PERIOD)
    assert [line["rules"] for line in lines] == ["invalid_date"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [("gl.csv", "does not match the descriptor's pattern"), ("gl_202513.csv", "is not a valid period")],
)
def test_a_file_whose_name_declares_no_period_is_refused_with_a_fix(tmp_path: Path, name: str, reason: str) -> None:
    (summary,) = staged(tmp_path, name, f"{HEADER}\n2025-01-31,D,1,5\n", ONE_PERIOD)
    assert summary["outcome"] == "refused"
    assert reason in summary["reasons"]
    assert summary["raw_row"]


def test_without_covers_no_line_is_outside(tmp_path: Path) -> None:
    *lines, summary = staged(tmp_path, "gl_202501.csv", f"{HEADER}\n2030-01-31,D,1,5\n")
    assert [line["outcome"] for line in lines] == ["accepted"]
    assert json.loads(summary["covers"]) == []


# The column that orders the files


def test_the_greatest_value_of_the_order_column_is_that_of_numbers(tmp_path: Path) -> None:
    rows = "".join(f"2025-01-31,D,1,5,{number}\n" for number in (9, 10, 2))
    *_, summary = staged(tmp_path, "a.csv", f"{HEADER},posted\n{rows}", ORDERED)
    assert summary["measured_order"] == natural_sort_key("10")


def test_the_order_includes_rejected_rows_and_skips_blank_cells(tmp_path: Path) -> None:
    *_, summary = staged(tmp_path, "a.csv", f"{HEADER},Posted\n2025-01-31,D,1,5,\n2025-01-31,D,1,none,7\n", ORDERED)
    assert summary["measured_order"] == natural_sort_key("7")


def test_the_order_column_is_not_an_extra_column(tmp_path: Path) -> None:
    *_, summary = staged(tmp_path, "a.csv", f"{HEADER},Posted,Other\n", ORDERED)
    assert (summary["extra_columns"], summary["measured_order"]) == ('["Other"]', "")


def test_a_file_without_the_order_column_is_refused(tmp_path: Path) -> None:
    (summary,) = staged(tmp_path, "a.csv", f"{HEADER}\n2025-01-31,D,1,5\n", ORDERED)
    assert summary["outcome"] == "refused"
    assert "lacks the column 'Posted', which orders the feed's files" in summary["reasons"]
    assert "order.from_column" in summary["raw_row"]


@pytest.mark.parametrize(("kind", "code"), [("departments", "code"), ("accounts", "number")])
def test_reference_files_have_an_order_too(tmp_path: Path, kind: str, code: str) -> None:
    text = f"feed: x\nkind: {kind}\npath: x.csv\ncolumns: {{{code}: Code}}\norder: {{from_column: Version}}\n"
    *_, summary = staged(tmp_path, "x.csv", "Code,Version\nA,9\nB,10\n", text, kind)
    assert summary["measured_order"] == natural_sort_key("10")


# Properties

cells = st.sampled_from(
    [
        "",
        "2025-01-02",
        "U",
        "1",
        "5.00",
        "0.005",
        "(1,234.567)",
        "x",
        "1e5",
        '"',
        "\xff",
        "9999999999999999.99",
        "9" * 40,
    ]
)
lines = st.lists(st.lists(cells, max_size=8).map(",".join), max_size=8).map("\n".join)
contents = st.one_of(lines.map(lambda text: text.encode("latin-1")), st.binary(max_size=60))
NAMES = "header_row: 0, names: [Date, Unit, Dept, Acct, Dr, Cr, Note]"


@given(contents, st.sampled_from(["utf-8", "cp1252", "utf-16", "ascii"]), st.booleans())
@settings(
    max_examples=current_profile().examples_of_slow(150), suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@example(b"\xff\xfe", "utf-8", False)
@example(b"\x00", "utf-16", False)
@example(b"1,\x81\n", "cp1252", False)
@example(b"\n2025-01-02", "utf-8", False)
@example(b"\n" * 30_000, "utf-8", False)
def test_the_totals_of_any_file_are_those_of_its_staged_rows_or_it_is_refused(
    tmp_path: Path, content: bytes, encoding: str, has_header: bool
) -> None:
    data = f"{TOP}\n".encode(encoding) + content if has_header else content
    text = with_lines(PAIRS, dialect=f"{{encoding: {encoding}{'' if has_header else ', ' + NAMES}}}")
    *rows, summary = staged_file(tmp_path, data, text)
    assert summary["outcome"] in {"measured", "refused"}
    if summary["outcome"] == "measured":
        amounts = [row["amount"] for row in rows if row["amount"] is not None]
        with localcontext() as context:
            context.prec = 200
            assert Decimal(summary["measured_amount"]) + Decimal(summary["measured_rounding"]) == sum(
                amounts, Decimal(0)
            )
        assert (summary["measured_rows"], summary["measured_unpriced"]) == (len(rows), len(rows) - len(amounts))


SEVERAL = with_columns(
    {"scenario": "{from: Scenario}", "currency": "{from: Currency}", "amount": "{from: Amount}"}, constants="{}"
)


def counts_of(root: Path, *rows: str) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the measured counts of a file by scenario and currency."""
    text = "Date,Dept,Account,Amount,Scenario,Currency\n" + "".join(f"2025-01-02,D,1,{row}\n" for row in rows)
    counts = json.loads(staged(root, "file.csv", text, SEVERAL)[-1]["measured_counts"])
    return {(count.pop("scenario"), count.pop("currency")): count for count in counts}


def test_lines_are_measured_by_scenario_and_foreign_currency(tmp_path: Path) -> None:
    counts = counts_of(
        tmp_path, "1.005,Actual,USD", "-2,actual,usd", "x,Actual,", "3,Budget,USD", "-4.001,Actual,EUR", "5,Guess,USD"
    )
    assert {
        place: (count["rows"], count["net"], count["gross"], count["unpriced"]) for place, count in counts.items()
    } == {
        ("Actual", ""): (3, "-0.995", "3.005", 1),
        ("Budget", ""): (1, "3.00", "3.00", 0),
        ("Actual", "EUR"): (1, "-4.001", "4.001", 0),
        ("", ""): (1, "5.00", "5.00", 0),
    }
    assert (counts["Actual", ""]["rounding_net"], counts["Actual", ""]["rounding_gross"]) == ("-0.005", "-0.005")
    assert (counts["Actual", "EUR"]["rounding_net"], counts["Actual", "EUR"]["rounding_gross"]) == ("-0.001", "0.001")


def test_a_text_that_is_not_a_currency_leaves_a_row_without_an_amount(tmp_path: Path) -> None:
    counts = counts_of(tmp_path, "1.005,Actual,of the bank", "2,Actual,by cheque")
    assert counts == {
        ("Actual", "other"): {
            "rows": 2,
            "net": "0",
            "gross": "0",
            "rounding_net": "0",
            "rounding_gross": "0",
            "unpriced": 2,
        }
    }


def test_sums_of_many_digits_are_exact(tmp_path: Path) -> None:
    largest, tiny = "9999999999999999.99", "0." + "0" * 40 + "1"
    counts = counts_of(tmp_path, *[f"{largest},Actual,USD"] * 50, f"{tiny},Actual,USD")
    assert counts["Actual", ""]["net"] == "499999999999999999.50" + "0" * 38 + "1"


def test_an_amount_with_a_foreign_code_or_sign_is_measured_under_that_currency(tmp_path: Path) -> None:
    counts = counts_of(
        tmp_path,
        "€1.005,Actual,USD",
        "-2 eur,Actual,",
        "kr 3,Actual,USD",
        "kr 4 SEK,Actual,",
        "$5,Actual,",
        "£6,Actual,GBP",
    )
    assert {place: (count["rows"], count["net"], count["gross"]) for place, count in counts.items()} == {
        ("Actual", "EUR"): (2, "-0.995", "3.005"),
        ("Actual", "KR"): (1, "3.00", "3.00"),
        ("Actual", "SEK"): (1, "4.00", "4.00"),
        ("Actual", ""): (1, "5.00", "5.00"),
        ("Actual", "GBP"): (1, "6.00", "6.00"),
    }


@pytest.mark.parametrize(
    ("amount", "currency", "unit"),
    [
        ("€1", "of the bank", "EUR"),
        ("€1", "eur", "EUR"),
        ("kr 1", "SEK", "SEK"),
        ("SEK 1", "kr", "SEK"),
        ("€1", "GBP", "other"),
    ],
)
def test_the_sign_of_an_amount_and_its_currency_column_are_read_together(
    tmp_path: Path, amount: str, currency: str, unit: str
) -> None:
    assert list(counts_of(tmp_path, f"{amount},Actual,{currency}")) == [("Actual", unit)]


@pytest.mark.parametrize(
    ("debit", "credit", "unit", "net"),
    [
        ("€1.005", "", "EUR", "1.005"),
        ("", "€1", "EUR", "-1.00"),
        ("€5", "EUR 2", "EUR", "3.00"),
        ("€5", "0.00", "EUR", "5.00"),
        ("€5", "2", "other", "0"),
        ("€5", "£2", "other", "0"),
    ],
)
def test_debit_less_credit_is_measured_in_the_currency_of_both(
    tmp_path: Path, debit: str, credit: str, unit: str, net: str
) -> None:
    yaml = with_columns({"amount": "{debit: Debit, credit: Credit}"})
    text = f"Date,Dept,Account,Debit,Credit\n2025-01-02,D,1,{debit},{credit}\n"
    counts = json.loads(staged(tmp_path, "file.csv", text, yaml)[-1]["measured_counts"])
    assert [(count["scenario"], count["currency"], count["net"]) for count in counts] == [("Actual", unit, net)]


@pytest.mark.parametrize(
    ("text", "delimiter", "rows", "money"),
    [
        (
            "Date,Dept,Account,Amount,,\n2024-01-01,A,X,1.00,,\n2024-01-02,A,X,2.00\n2024-01-03,A,X,4.00,,,,\n",
            ",",
            3,
            "7.00",
        ),
        ("Date,Dept,Name,Account,Name,Amount\n2025-03-08,D1,Alpha,732,Beta,10.00\n", ",", 1, "10.00"),
        ("Date;Dept;Account;Amount\n2025-03-08;D1;730;10.00;\n2025-03-09;D1;730;11.00;\n", ";", 2, "21.00"),
    ],
    ids=["ragged blank cells", "a duplicate header that no field uses", "a delimiter at the end of rows only"],
)
def test_blank_cells_and_headers_that_no_field_uses_reject_nothing(
    tmp_path: Path, text: str, delimiter: str, rows: int, money: str
):
    (tmp_path / "a.csv").write_text(text)
    described = feed(with_lines(LEDGER, dialect=f'{{delimiter: "{delimiter}"}}'))
    file = FileToRead("d", "a.csv", "ledger", hashlib.sha256(text.encode()).hexdigest())
    *batches, summary = read_file("ledger", described, LocalStore(tmp_path), file)
    lines = [row for batch in batches for row in batch.to_pylist()]
    assert [row["outcome"] for row in lines] == ["accepted"] * rows
    assert summary["measured_amount"].to_pylist() == [money]


@pytest.mark.parametrize(("rows", "is_opened_once"), [(1, True), (20, True), (5_000, False)])
def test_a_small_text_is_opened_once_however_often_it_is_looked_at(rows: int, *, is_opened_once: bool) -> None:
    data = (HEADER + "\n" + "2025-01-15,D100,4000,100.00\n" * rows).encode()
    opened = 0

    def open_file() -> io.BytesIO:
        nonlocal opened
        opened += 1
        return io.BytesIO(data)

    (table,) = open_tables(open_file, "ledger.csv", feed(LEDGER).rules)
    assert sum(len(batch) for batch in table.batches()) == rows
    assert len(table.first_rows(2)) == 2
    assert (opened == 1) == is_opened_once
