"""Readers: every cell of a file comes back as it was written, with the line that an editor shows."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, localcontext
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from finance_platform.errors import UnreadableDeliveryError
from finance_platform.feeds import delimited_file
from finance_platform.feeds.cells import RawBatch
from finance_platform.feeds.delimited_file import DelimitedFile
from finance_platform.feeds.read_file import FileToRead, read_file
from finance_platform.feeds.resolved import Dialect
from finance_platform.storage.local import LocalStore
from finance_platform_tests.unit.factories import LEDGER, feed, with_lines

Row = tuple[int, str | None, tuple[str, ...]]


def rows_of(batches: Iterable[RawBatch]) -> list[Row]:
    """Line, problem and cells of every row."""
    rows: list[Row] = []
    for batch in batches:
        cells = zip(*(texts.to_pylist() for texts in batch.columns.values()), strict=True)
        rows += zip(batch.source_rows.to_pylist(), batch.problems.to_pylist(), cells, strict=True)
    return rows


def file_of(data: bytes, dialect: Dialect | None = None) -> DelimitedFile:
    return DelimitedFile(lambda: io.BytesIO(data), dialect or Dialect())


def read(path: Path, data: bytes | str, **dialect: object) -> list[Row]:
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return rows_of(DelimitedFile(lambda: path.open("rb"), replace(Dialect(), **dialect)).batches())  # type: ignore[arg-type]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "ledger.csv"


def cells_of(rows: list[Row]) -> list[tuple[str, ...]]:
    return [cells for _, _, cells in rows]


def lines_of(rows: list[Row]) -> list[int]:
    return [line for line, _, _ in rows]


def refusal(data: bytes | str, dialect: Dialect | None = None) -> UnreadableDeliveryError:
    with pytest.raises(UnreadableDeliveryError) as caught:
        rows_of(file_of(data.encode() if isinstance(data, str) else data, dialect).batches())
    assert caught.value.fix
    return caught.value


# Laws


@dataclass(frozen=True)
class Written:
    """A file that the csv module wrote, and what must be read from it."""

    data: bytes
    dialect: Dialect
    rows: list[Row]


@st.composite
def written_files(draw: st.DrawFn) -> Written:
    encoding = draw(st.sampled_from(["utf-8", "utf-8", "cp1252", "utf-16", "utf-8-sig", "shift_jis"]))
    delimiter = draw(st.sampled_from([",", ";", "\t", "|", " ", "§" if encoding != "shift_jis" else ","]))
    quote = draw(st.sampled_from(['"', "'"]))
    names = [f"column {number}" for number in range(draw(st.integers(1, 3)))]
    plain = st.characters(codec=encoding, exclude_characters="\ufeff¥‾")
    cell = st.text(st.one_of(st.sampled_from([delimiter, quote, "\n", "\r", "a", " "]), plain), max_size=6)
    table = draw(st.lists(st.lists(cell, min_size=len(names), max_size=len(names)), max_size=6))
    header_row = draw(st.integers(0, 3))
    ending = draw(st.sampled_from(["\n", "\r\n"]))
    # The csv module leaves a bare \r unquoted where \r is not part of the line's end.
    must_quote = draw(st.booleans()) or (ending == "\n" and any("\r" in text for row in table for text in row))
    quoting: Literal[0, 1] = csv.QUOTE_ALL if must_quote else csv.QUOTE_MINIMAL
    text = io.StringIO(newline="")
    text.write(f"Report{ending}" * (header_row - 1))
    writer = csv.writer(text, delimiter=delimiter, quotechar=quote, lineterminator=ending, quoting=quoting)
    if header_row:
        writer.writerow(names)
    rows: list[Row] = []
    for row in table:
        line = len(re.findall(r"\r\n|\r|\n", text.getvalue())) + 1
        rows.append((line, None, tuple(row)))
        writer.writerow(row)
    content = text.getvalue()
    if draw(st.booleans()) and rows:
        content = content.removesuffix(ending)
    dialect = Dialect(delimiter, quote, encoding, header_row, () if header_row else tuple(names))
    return Written(content.encode(encoding), dialect, rows)


@given(written_files(), st.sampled_from([16, 50, 1 << 20]))
@settings(max_examples=150)
def test_what_the_csv_module_writes_is_read_back_cell_for_cell_and_line_for_line(written: Written, block: int) -> None:
    if not written.data:
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(delimited_file, "_BLOCK_BYTES", block)
        assert rows_of(file_of(written.data, written.dialect).batches()) == written.rows


messy = st.lists(
    st.sampled_from(['"', '""', ",", "\n", "\r\n", "\r", "a", "é", " ", "b,c\n", '"x"', ',"', '",', "\0", "'"]),
    max_size=30,
).map("".join)


def outcome(data: bytes, dialect: Dialect, *, is_slow: bool) -> list[Row] | str:
    """The rows of a file, or the words with which it is refused."""
    try:
        opened = file_of(data, dialect)
        return rows_of(opened._slow(skip=0) if is_slow else opened.batches())
    except UnreadableDeliveryError as error:
        return error.found


@given(messy, st.sampled_from([16, 1 << 20]), st.integers(0, 2))
@settings(max_examples=250)
@example('x"y,"c\nd"z"\n', 1 << 20, 1)
@example('x"y,"c\nd"z"\n1,2\n', 1 << 20, 1)
@example('"x"y,z\n', 1 << 20, 1)
@example('"x" ,z\n', 1 << 20, 1)
@example('"x\ry",1\n2,3\n', 1 << 20, 1)
@example("x\0,1\n2,3\n", 1 << 20, 1)
def test_whatever_is_in_a_file_the_fast_way_changes_nothing(text: str, block: int, header_row: int) -> None:
    dialect = Dialect(header_row=header_row, names=() if header_row else ("a", "b"))
    data = ("preamble\n" * (header_row - 1) + "a,b\n" * (header_row > 0) + text).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(delimited_file, "_BLOCK_BYTES", block)
        assert outcome(data, dialect, is_slow=False) == outcome(data, dialect, is_slow=True)


tame_cells = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8)


@given(st.lists(st.tuples(tame_cells, tame_cells), min_size=1, max_size=10), st.sampled_from([64, 1 << 20]))
def test_the_fast_and_the_slow_way_agree_on_files_that_both_can_read(table: list[tuple[str, str]], block: int) -> None:
    text = io.StringIO(newline="")
    csv.writer(text).writerows([("a", "b"), *table])
    opened = file_of(text.getvalue().encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(delimited_file, "_BLOCK_BYTES", block)
        assert opened._one_line_is_one_row()
        try:
            fast = rows_of(opened._fast())
        except pa.ArrowInvalid:  # a row that is longer than two of these small blocks
            assert block == 64
            return
    assert fast == rows_of(opened._slow(skip=0))


# Lines and rows


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_every_kind_of_line_end_is_read(file: Path, ending: str) -> None:
    assert read(file, f"a,b{ending}1,2{ending}3,4{ending}") == [(2, None, ("1", "2")), (3, None, ("3", "4"))]


def test_mixed_line_ends_count_as_one_line_each(file: Path) -> None:
    assert lines_of(read(file, "a,b\r\n1,2\r3,4\n5,6")) == [2, 3, 4]


def test_a_file_that_ends_without_a_line_end_loses_nothing(file: Path) -> None:
    assert cells_of(read(file, "a,b\n1,2\n3,4")) == [("1", "2"), ("3", "4")]


@pytest.mark.parametrize("text", ["a,b", "a,b\n", "a,b\r\n"])
def test_a_file_with_a_header_only_has_no_rows(file: Path, text: str) -> None:
    assert read(file, text) == []


def test_a_quoted_line_break_keeps_the_row_whole_and_the_line_is_where_it_begins(file: Path) -> None:
    rows = read(file, 'a,b\n1,"x\ny"\n"p\r\n\r\nq",2\n3,4\n')
    assert rows == [(2, None, ("1", "x\ny")), (4, None, ("p\r\n\r\nq", "2")), (7, None, ("3", "4"))]


def test_blank_lines_are_rows_with_nothing_in_them(file: Path) -> None:
    assert read(file, "a,b\n\n1,2\n \n\n") == [
        (2, None, ("", "")),
        (3, None, ("1", "2")),
        (4, None, (" ", "")),
        (5, None, ("", "")),
    ]


def test_blank_lines_of_a_file_with_one_column_are_rows_too(file: Path) -> None:
    assert lines_of(read(file, "a\n\n1\n\n2\n")) == [2, 3, 4, 5]


def test_a_short_row_is_filled_up_and_says_so(file: Path) -> None:
    assert read(file, "a,b,c\n1,2,3\n4,5\n")[1] == (3, "the row has 2 cells, the header 3", ("4", "5", ""))


def test_a_long_row_says_what_is_left_over(file: Path) -> None:
    assert read(file, "a,b\n1,2,3,x\n") == [(2, "the row has 4 cells, the header 2; left over: 3, x", ("1", "2"))]


def test_a_ragged_row_does_not_stop_the_rows_around_it(file: Path) -> None:
    assert [problem is None for _, problem, _ in read(file, "a,b\n1,2\n3\n5,6\n")] == [True, False, True]


def test_a_row_of_delimiters_only_is_blank_and_not_malformed(file: Path) -> None:
    assert read(file, "a,b\n,,,,\n,\n") == [(2, None, ("", "")), (3, None, ("", ""))]


@pytest.mark.parametrize("oddity", ["\n", "x\n", '"two\nlines",y\n'], ids=["blank", "ragged", "quoted line break"])
def test_an_odd_row_far_into_a_large_file_loses_and_repeats_nothing(file: Path, oddity: str) -> None:
    before = "".join(f"{number},{'x' * 80}\n" for number in range(60_000))
    data = "a,b\n" + before + oddity + "last,row\n"
    assert len(before) > delimited_file._BLOCK_BYTES
    rows = read(file, data)
    assert len(rows) == 60_002
    assert [cells[0] for _, _, cells in rows[:60_000]] == [str(number) for number in range(60_000)]
    assert lines_of(rows[:60_001]) == list(range(2, 60_003))
    assert rows[-1] == (60_003 + oddity.count("\n") - 1, None, ("last", "row"))


def test_a_line_break_at_the_border_of_two_blocks_is_one_line_break(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "a,b\r\n" + "1,2\r\n" * 20
    for block in range(4, 24):
        monkeypatch.setattr(delimited_file, "_BLOCK_BYTES", block)
        assert lines_of(read(file, text)) == list(range(2, 22))


def test_quotes_in_the_midst_of_a_cell_are_text(file: Path) -> None:
    assert cells_of(read(file, 'a,b\n5" pipe,6" pipe\n')) == [('5" pipe', '6" pipe')]


def test_spaces_around_cells_are_kept(file: Path) -> None:
    assert cells_of(read(file, "a,b\n 1 ,\u00a02\t\n")) == [(" 1 ", "\u00a02\t")]


def test_words_that_mean_nothing_elsewhere_are_text(file: Path) -> None:
    assert cells_of(read(file, 'a,b\nNULL,NA\n"",nan\n')) == [("NULL", "NA"), ("", "nan")]


def test_a_quote_that_is_never_closed_refuses_the_file_instead_of_swallowing_its_rows() -> None:
    error = refusal('a,b\n1,2\n"x,3\n4,5\n6,7\n')
    assert error.found.startswith("line 3: a quote is opened")
    assert "never closed" in error.found


@pytest.mark.parametrize("text", ['a,b\n1,"', 'a,b\n1,"\n', 'a,b\n1,2\n"', '"a,b\n1,2\n'])
def test_an_open_quote_at_the_end_of_a_file_refuses_it(text: str) -> None:
    assert "never closed" in refusal(text).found


def test_a_closed_quote_on_the_last_line_is_fine(file: Path) -> None:
    assert cells_of(read(file, 'a,b\n1,"x\ny"')) == [("1", "x\ny")]


def test_a_cell_without_end_is_refused_with_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited_file, "_CELL_LIMIT", 1000)
    assert "line 2: field larger than field limit" in refusal('a,b\n"' + "x" * 2000 + '\ny",1\n').found


# Encodings


def test_a_byte_order_mark_is_no_part_of_the_header(file: Path) -> None:
    file.write_bytes("\ufeffa,b\n1,2\n".encode())
    assert DelimitedFile(lambda: file.open("rb"), Dialect()).header == ["a", "b"]


def test_a_byte_order_mark_is_no_part_of_the_first_cell(file: Path) -> None:
    assert cells_of(read(file, b'\xef\xbb\xbf"1",2\n', header_row=0, names=("a", "b"))) == [("1", "2")]


@pytest.mark.parametrize(
    "encoding", ["cp1252", "latin-1", "utf-16", "utf-16-le", "utf-8-sig", "UTF8", "iso8859-15", "cp1250"]
)
def test_text_of_the_declared_encoding_is_read(file: Path, encoding: str) -> None:
    assert cells_of(read(file, 'a,b\nMüller,"ä\n"\n'.encode(encoding), encoding=encoding)) == [("Müller", "ä\n")]


@pytest.mark.parametrize("encoding", ["cp1252", "utf-8"])
def test_bytes_that_are_no_text_of_the_encoding_name_the_line_and_the_byte(encoding: str) -> None:
    data = b"a,b\r\n1,2\r\n3,\x81\r\n"
    error = refusal(data, Dialect(encoding=encoding))
    assert error.found == f"line 3: byte 0x81 is no {encoding} text"
    assert "dialect.encoding" in error.fix


@pytest.mark.parametrize(
    ("data", "line"), [(b"\xef\xbb\xbfa\xff,b\n1,2\n", 1), (b'a,b\n"1\n\n",\xff\n', 4), (b"a,b\r1,2\r3,\xff\r", 3)]
)
def test_the_line_of_a_bad_byte_is_the_one_that_an_editor_shows(data: bytes, line: int) -> None:
    assert refusal(data).found == f"line {line}: byte 0xff is no utf-8 text"


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "ascii"])
@pytest.mark.parametrize("block", [4096, 1 << 20])
def test_bad_bytes_far_into_a_large_file_name_their_line(
    encoding: str, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delimited_file, "_BLOCK_BYTES", block)
    data = b"a,b\n" + b"1,2\n" * 20_000 + b"3,\x81\n"
    assert refusal(data, Dialect(encoding=encoding)).found == f"line 20002: byte 0x81 is no {encoding} text"


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "utf-16"])
def test_bad_bytes_of_a_file_without_a_header_refuse_it(encoding: str) -> None:
    found = refusal(b"1,\x81\n", Dialect(encoding=encoding, header_row=0, names=("a", "b"))).found
    assert f"no {encoding} text" in found


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-16-le"])
@pytest.mark.parametrize("data", [b"a,b\n1,2\n3", "a,b\n1,2\n".encode("utf-16") + b"\x01"])
def test_a_file_of_another_encoding_is_refused_without_a_wrong_line(encoding: str, data: bytes) -> None:
    found = refusal(data, Dialect(encoding=encoding)).found
    assert found == f"the file is no {encoding} text"


# Headers


def test_a_header_further_down_leaves_out_what_stands_above_it(file: Path) -> None:
    rows = read(file, "Ledger 2025\n\na,b\n1,2\n", header_row=3)
    assert rows == [(4, None, ("1", "2"))]


def test_what_stands_above_the_header_may_have_quoted_line_breaks(file: Path) -> None:
    rows = read(file, '"Ledger\n2025"\na,b\n1,2\n', header_row=3)
    assert rows == [(4, None, ("1", "2"))]


def test_the_header_is_the_first_row_that_begins_on_its_line_or_below(file: Path) -> None:
    file.write_text('"Ledger\n2025"\na,b\n1,2\n')
    opened = DelimitedFile(lambda: file.open("rb"), Dialect(header_row=2))
    assert (opened.header, rows_of(opened.batches())) == (["a", "b"], [(4, None, ("1", "2"))])


def test_a_file_without_a_header_starts_with_its_first_row(file: Path) -> None:
    assert read(file, "1,2\n3,4\n", header_row=0, names=("a", "b")) == [(1, None, ("1", "2")), (2, None, ("3", "4"))]


def test_header_names_lose_surplus_white_space_and_blank_ones_are_numbered() -> None:
    assert file_of(b" a  b ,,c\n1,2,3\n").header == ["a b", "(column 2)", "c"]


def test_a_header_that_names_a_column_twice_is_refused() -> None:
    assert refusal("a,b, a\n1,2,3\n").found == "the header has the column 'a' twice"


@pytest.mark.parametrize(("text", "row"), [("x\ny\n", 3), ("x", 2)])
def test_a_file_that_is_shorter_than_its_header_is_refused(text: str, row: int) -> None:
    assert (
        refusal(text, Dialect(header_row=row)).found == f"the header should be on line {row}, but the file is shorter"
    )


# Files that are no delimited text


def test_an_empty_file_is_refused() -> None:
    assert refusal("").found == "the file is empty"


@pytest.mark.parametrize("start", [b"PK\x03\x04\x14\x00", b"\xd0\xcf\x11\xe0\xa1\xb1"], ids=["xlsx", "xls"])
def test_a_workbook_under_the_name_of_a_text_is_refused(start: bytes) -> None:
    error = refusal(start + b"\x00" * 100)
    assert (error.found, error.fix) == ("the file is a workbook, not delimited text", "save it as CSV")


def test_a_delimiter_that_is_not_in_the_file_gives_one_column() -> None:
    assert file_of(b"a;b\n1;2\n").header == ["a;b"]


@pytest.mark.parametrize(("delimiter", "quote"), [("§", '"'), (",", "«"), ("\t", "'"), ("|", '"')])
def test_any_character_may_delimit_and_quote(file: Path, delimiter: str, quote: str) -> None:
    text = f"a{delimiter}b\n1{delimiter}{quote}x{delimiter}y{quote}\n"
    assert cells_of(read(file, text, delimiter=delimiter, quote=quote)) == [("1", f"x{delimiter}y")]


def test_a_file_is_read_again_from_its_start_each_time() -> None:
    opened = file_of(b"a,b\n1,2\n3\n")
    assert rows_of(opened.batches()) == rows_of(opened.batches())


def header_of(names: Sequence[str]) -> bytes:
    return ",".join(names).encode() + b"\n"


@given(
    st.lists(st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=5), min_size=1, unique=True, max_size=5)
)
def test_the_columns_of_every_batch_are_those_of_the_header(names: list[str]) -> None:
    opened = file_of(header_of(names) + header_of(names) + b"ragged\n" * (len(names) > 1))
    for batch in opened.batches():
        assert list(batch.columns) == opened.header


# A whole file, as the rows that Spark stages

COMMA = with_lines(
    LEDGER,
    columns="""
  date: {from: Date}
  department: {from: '{Unit}-{Dept}'}
  account: {from: [Account, Acct]}
  amount: {from: {debit: Dr, credit: Cr}, thousands: ","}""",
)
TOP = "Date,Unit,Dept,Acct,Dr,Cr,Note"
REFERENCE = "feed: departments\nkind: departments\npath: d.csv\ncolumns: {code: Code}\n"


def staged(root: Path, data: bytes, text: str = COMMA, kind: str = "ledger") -> list[dict[str, Any]]:
    """All that reading a file gives; the last row is the one that says how it went."""
    (root / "file.csv").write_bytes(data)
    return staged_as(root, hashlib.sha256(data).hexdigest(), text, kind)


def staged_as(root: Path, fingerprint: str, text: str = COMMA, kind: str = "ledger") -> list[dict[str, Any]]:
    """All that reading the file gives when the register has seen this fingerprint."""
    wanted = FileToRead("d1", "file.csv", "ledger", fingerprint)
    return [row for batch in read_file(kind, feed(text), LocalStore(root), wanted) for row in batch.to_pylist()]


def test_every_row_of_a_file_is_staged_with_its_lineage(tmp_path: Path) -> None:
    *rows, last = staged(tmp_path, f"{TOP}\n2025-01-02,U,D,1,5,,n\nx,U,D,1,5,,n\n".encode())
    assert [(row["outcome"], row["source_row"]) for row in rows] == [("accepted", 2), ("rejected", 3)]
    for row in (*rows, last):
        assert (row["delivery_id"], row["feed"], row["source_file"]) == ("d1", "ledger", "file.csv")


def test_columns_that_no_field_uses_are_told(tmp_path: Path) -> None:
    *_, last = staged(tmp_path, f"{TOP},,Who\n".encode())
    assert (last["outcome"], last["extra_columns"]) == ("measured", '["Note", "(column 8)", "Who"]')


def test_a_file_with_a_header_only_is_read_and_has_no_rows(tmp_path: Path) -> None:
    (last,) = staged(tmp_path, TOP.encode())
    measured = {name: last[name] for name in ("outcome", "measured_rows", "measured_amount", "measured_unpriced")}
    assert measured == {"outcome": "measured", "measured_rows": 0, "measured_amount": "0", "measured_unpriced": 0}


def test_a_file_that_cannot_be_read_says_why_and_how_to_mend_it(tmp_path: Path) -> None:
    (last,) = staged(tmp_path, b"Date,Unit\n")
    assert last["outcome"] == "refused"
    assert "lacks the column for department" in last["reasons"]
    assert "columns.department.from" in last["raw_row"]


def test_a_file_that_turns_bad_half_way_ends_with_the_refusal(tmp_path: Path) -> None:
    good = b"2025-01-02,U,D,1,5,,n\n"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(delimited_file, "_BLOCK_BYTES", 1024)
        rows = staged(tmp_path, TOP.encode() + b"\n" + good * 200 + b"2025-01-02,\xff,D,1,5,,n\n")
    assert (rows[-1]["outcome"], rows[-1]["reasons"]) == ("refused", "line 202: byte 0xff is no utf-8 text")
    assert {row["outcome"] for row in rows[:-1]} <= {"accepted"}


def test_a_file_that_storage_does_not_give_is_left_for_the_next_run(tmp_path: Path) -> None:
    (last,) = staged_as(tmp_path, "0" * 64)
    assert (last["outcome"], last["reasons"]) == ("not_opened", "No such file or directory")


@pytest.mark.parametrize("seen", [f"{TOP}\n2025-01-02,U,D,1,5,,n\n", "Date,Unit\n", ""])
def test_a_file_that_was_overwritten_since_the_register_saw_it_is_left_for_the_next_run(
    tmp_path: Path, seen: str
) -> None:
    (tmp_path / "file.csv").write_bytes(f"{TOP}\n2025-01-02,U,D,1,999,,n\n".encode())
    *_, last = staged_as(tmp_path, hashlib.sha256(seen.encode()).hexdigest())
    assert (last["outcome"], last["reasons"]) == ("not_opened", "the file was overwritten before it was read")


def test_reference_rows_have_no_money_and_their_code_as_key(tmp_path: Path) -> None:
    *rows, last = staged(tmp_path, b"Code\nd  1\n\n", REFERENCE, "departments")
    assert [(row["outcome"], row["line_key"]) for row in rows] == [("accepted", "d 1"), ("skipped", None)]
    assert (last["measured_rows"], last["measured_amount"], last["measured_unpriced"]) == (2, "0", 2)


def test_the_key_of_an_account_is_its_number(tmp_path: Path) -> None:
    text = "feed: accounts\nkind: accounts\npath: a.csv\ncolumns: {number: No}\n"
    row, _ = staged(tmp_path, b"No\n 0010 A\n", text, "accounts")
    assert (row["account_number"], row["line_key"]) == ("0010 A", "0010 a")


some_cells = st.sampled_from(
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
some_lines = st.lists(st.lists(some_cells, max_size=8).map(",".join), max_size=8).map("\n".join)


some_bytes = st.one_of(some_lines.map(lambda text: text.encode("latin-1")), st.binary(max_size=60))
NAMED = "header_row: 0, names: [Date, Unit, Dept, Acct, Dr, Cr, Note]"


@given(some_bytes, st.sampled_from(["utf-8", "cp1252", "utf-16", "ascii"]), st.booleans())
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(b"\xff\xfe", "utf-8", False)
@example(b"\x00", "utf-16", False)
@example(b"1,\x81\n", "cp1252", False)
def test_whatever_a_file_holds_what_was_measured_is_what_was_staged_or_the_file_is_refused(
    tmp_path: Path, content: bytes, encoding: str, has_header: bool
) -> None:
    data = f"{TOP}\n".encode(encoding) + content if has_header else content
    text = with_lines(COMMA, dialect=f"{{encoding: {encoding}{'' if has_header else ', ' + NAMED}}}")
    *rows, last = staged(tmp_path, data, text)
    assert last["outcome"] in {"measured", "refused"}
    if last["outcome"] == "measured":
        amounts = [row["amount"] for row in rows if row["amount"] is not None]
        with localcontext() as context:
            context.prec = 200
            assert Decimal(last["measured_amount"]) + Decimal(last["measured_rounding"]) == sum(amounts, Decimal(0))
        assert (last["measured_rows"], last["measured_unpriced"]) == (len(rows), len(rows) - len(amounts))
