"""Delimited files: every cell is read as it was written, with its line number in an editor."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import product
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from finance_platform.errors import UnreadableDeliveryError
from finance_platform.feeds.cells import RawBatch
from finance_platform.feeds.files import delimited_file, file_format
from finance_platform.feeds.files.delimited_file import DelimitedFile
from finance_platform.feeds.resolved import Dialect
from finance_platform_tests.profiles import current_profile

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


# Properties


@dataclass(frozen=True)
class Written:
    """A file that the csv module wrote, and the rows that must be read from it."""

    data: bytes
    dialect: Dialect
    rows: list[Row]


@cache
def characters_of(encoding: str) -> st.SearchStrategy[str]:
    """Characters of an encoding; hypothesis' own `codec=` tries every code point, which takes over a second each."""
    unusual = "\ufeff¥‾"
    if encoding.startswith("utf"):
        return st.characters(exclude_categories=["Cs"], exclude_characters=unusual)
    decoded = (bytes(pair).decode(encoding, "ignore") for pair in product(range(256), repeat=2))
    return st.sampled_from(sorted(set().union(*decoded) - set(unusual)))


@st.composite
def written_files(draw: st.DrawFn) -> Written:
    encoding = draw(st.sampled_from(["utf-8", "utf-8", "cp1252", "utf-16", "utf-8-sig", "shift_jis"]))
    delimiter = draw(st.sampled_from([",", ";", "\t", "|", " ", "§" if encoding != "shift_jis" else ","]))
    quote = draw(st.sampled_from(['"', "'"]))
    names = [f"column {number}" for number in range(draw(st.integers(1, 3)))]
    marks = st.sampled_from([delimiter, quote, "\n", "\r", "a", " "])
    cell = st.text(st.one_of(marks, characters_of(encoding)), max_size=6)
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
@settings(max_examples=current_profile().examples_of_slow(150))
def test_files_of_the_csv_module_are_read_back_cell_by_cell_and_line_by_line(written: Written, block: int) -> None:
    if not written.data:
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(delimited_file, "_BLOCK_BYTES", block)
        opened = file_of(written.data, written.dialect)
        rows = written.rows
        if opened._has_spaces_before_quotes():
            # Spaces before a cell have no meaning then; every field is trimmed anyway.
            rows = [(line, problem, tuple(cell.lstrip(" ") for cell in cells)) for line, problem, cells in rows]
            read_rows = rows_of(opened.batches())
            assert [(*row[:2], tuple(cell.lstrip(" ") for cell in row[2])) for row in read_rows] == rows
            return
        assert rows_of(opened.batches()) == rows


messy = st.lists(
    st.sampled_from(['"', '""', ",", "\n", "\r\n", "\r", "a", "é", " ", "b,c\n", '"x"', ',"', '",', "\0", "'"]),
    max_size=30,
).map("".join)


def outcome(data: bytes, dialect: Dialect, *, by_csv: bool) -> list[Row] | str:
    """The rows of a file, or the reason why it is refused."""
    try:
        opened = file_of(data, dialect)
        return rows_of(opened._batches_by_csv(skip=0) if by_csv else opened.batches())
    except UnreadableDeliveryError as error:
        return error.found


@given(messy, st.sampled_from([16, 1 << 20]), st.integers(0, 2))
@settings(max_examples=current_profile().examples_of_slow(250))
@example('x"y,"c\nd"z"\n', 1 << 20, 1)
@example('x"y,"c\nd"z"\n1,2\n', 1 << 20, 1)
@example('"x"y,z\n', 1 << 20, 1)
@example('"x" ,z\n', 1 << 20, 1)
@example('"x\ry",1\n2,3\n', 1 << 20, 1)
@example("x\0,1\n2,3\n", 1 << 20, 1)
def test_any_file_has_the_rows_that_the_csv_module_reads(text: str, block: int, header_row: int) -> None:
    dialect = Dialect(header_row=header_row, names=() if header_row else ("a", "b"))
    data = ("preamble\n" * (header_row - 1) + "a,b\n" * (header_row > 0) + text).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(delimited_file, "_BLOCK_BYTES", block)
        assert outcome(data, dialect, by_csv=False) == outcome(data, dialect, by_csv=True)


tame_cells = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8)


@given(st.lists(st.tuples(tame_cells, tame_cells), min_size=1, max_size=10), st.sampled_from([64, 1 << 20]))
def test_arrow_and_the_csv_module_agree_on_plain_files(table: list[tuple[str, str]], block: int) -> None:
    text = io.StringIO(newline="")
    csv.writer(text).writerows([("a", "b"), *table])
    opened = file_of(text.getvalue().encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(delimited_file, "_BLOCK_BYTES", block)
        try:
            rows_by_arrow = rows_of(opened._batches_by_arrow())
        except pa.ArrowInvalid:  # a row that is longer than two of these small blocks
            assert block == 64
            return
    assert rows_by_arrow == rows_of(opened._batches_by_csv(skip=0))


# Lines and rows


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_every_kind_of_line_ending_is_read(file: Path, ending: str) -> None:
    assert read(file, f"a,b{ending}1,2{ending}3,4{ending}") == [(2, None, ("1", "2")), (3, None, ("3", "4"))]


def test_mixed_line_endings_count_as_one_line_each(file: Path) -> None:
    assert lines_of(read(file, "a,b\r\n1,2\r3,4\n5,6")) == [2, 3, 4]


def test_the_last_row_of_a_file_without_a_final_line_ending_is_read(file: Path) -> None:
    assert cells_of(read(file, "a,b\n1,2\n3,4")) == [("1", "2"), ("3", "4")]


@pytest.mark.parametrize("text", ["a,b", "a,b\n", "a,b\r\n"])
def test_a_file_with_a_header_only_has_no_rows(file: Path, text: str) -> None:
    assert read(file, text) == []


def test_a_row_with_a_quoted_line_break_has_the_line_on_which_it_begins(file: Path) -> None:
    rows = read(file, 'a,b\n1,"x\ny"\n"p\r\n\r\nq",2\n3,4\n')
    assert rows == [(2, None, ("1", "x\ny")), (4, None, ("p\r\n\r\nq", "2")), (7, None, ("3", "4"))]


def test_blank_lines_are_rows_of_blank_cells(file: Path) -> None:
    assert read(file, "a,b\n\n1,2\n \n\n") == [
        (2, None, ("", "")),
        (3, None, ("1", "2")),
        (4, None, (" ", "")),
        (5, None, ("", "")),
    ]


def test_blank_lines_of_a_file_with_one_column_are_rows_too(file: Path) -> None:
    assert lines_of(read(file, "a\n\n1\n\n2\n")) == [2, 3, 4, 5]


def test_blank_cells_at_the_end_of_a_row_may_be_left_out(file: Path) -> None:
    assert read(file, "a,b,c\n1,2,3\n4,5\n")[1] == (3, None, ("4", "5", ""))


def test_the_extra_cells_of_a_long_row_are_reported(file: Path) -> None:
    assert read(file, "a,b\n1,2,3,x\n") == [(2, "the row has 4 cells, the header 2; left over: 3, x", ("1", "2"))]


def test_blank_cells_beyond_the_header_are_no_fault(file: Path) -> None:
    assert read(file, "a,b\n1,2,, \n") == [(2, None, ("1", "2"))]


@pytest.mark.parametrize("end", ["", ",", ",,,,"])
def test_blank_cells_at_the_end_of_the_header_are_no_fault(file: Path, end: str) -> None:
    rows = read(file, f"a,b{end}\n1,2\n3,4,\n5,6,,,,\n")
    assert [(line, problem, cells[:2]) for line, problem, cells in rows] == [
        (2, None, ("1", "2")),
        (3, None, ("3", "4")),
        (4, None, ("5", "6")),
    ]


def test_rows_around_a_ragged_row_are_read(file: Path) -> None:
    assert [problem is None for _, problem, _ in read(file, "a,b\n1,2\n3,4,x\n5,6\n")] == [True, False, True]


def test_a_row_of_delimiters_only_is_blank_and_not_malformed(file: Path) -> None:
    assert read(file, "a,b\n,,,,\n,\n") == [(2, None, ("", "")), (3, None, ("", ""))]


@pytest.mark.parametrize("oddity", ["\n", "x\n", '"two\nlines",y\n'], ids=["blank", "ragged", "quoted line break"])
def test_no_row_is_lost_or_repeated_after_an_odd_row_far_into_a_large_file(file: Path, oddity: str) -> None:
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


def test_quotes_inside_a_cell_are_text(file: Path) -> None:
    assert cells_of(read(file, 'a,b\n5" pipe,6" pipe\n')) == [('5" pipe', '6" pipe')]


def test_spaces_around_cells_are_kept(file: Path) -> None:
    assert cells_of(read(file, "a,b\n 1 ,\u00a02\t\n")) == [(" 1 ", "\u00a02\t")]


def test_null_markers_of_other_programs_are_text(file: Path) -> None:
    assert cells_of(read(file, 'a,b\nNULL,NA\n"",nan\n')) == [("NULL", "NA"), ("", "nan")]


def test_a_file_with_an_unclosed_quote_is_refused() -> None:
    error = refusal('a,b\n1,2\n"x,3\n4,5\n6,7\n')
    assert error.found.startswith("line 3: a quote is opened")
    assert "never closed" in error.found


@pytest.mark.parametrize("text", ['a,b\n1,"', 'a,b\n1,"\n', 'a,b\n1,2\n"', '"a,b\n1,2\n'])
def test_a_file_that_ends_inside_a_quote_is_refused(text: str) -> None:
    assert "never closed" in refusal(text).found


def test_a_closed_quote_on_the_last_line_is_valid(file: Path) -> None:
    assert cells_of(read(file, 'a,b\n1,"x\ny"')) == [("1", "x\ny")]


def test_a_cell_beyond_the_size_limit_is_refused_with_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited_file, "_CELL_LIMIT", 1000)
    assert "line 2: field larger than field limit" in refusal('a,b\n"' + "x" * 2000 + '\ny",1\n').found


# Encodings


def test_a_byte_order_mark_is_not_part_of_the_header(file: Path) -> None:
    file.write_bytes("\ufeffa,b\n1,2\n".encode())
    assert DelimitedFile(lambda: file.open("rb"), Dialect()).header == ["a", "b"]


def test_a_byte_order_mark_is_not_part_of_the_first_cell(file: Path) -> None:
    assert cells_of(read(file, b'\xef\xbb\xbf"1",2\n', header_row=0, names=("a", "b"))) == [("1", "2")]


@pytest.mark.parametrize(
    "encoding", ["cp1252", "latin-1", "utf-16", "utf-16-le", "utf-8-sig", "UTF8", "iso8859-15", "cp1250"]
)
def test_text_of_the_declared_encoding_is_read(file: Path, encoding: str) -> None:
    assert cells_of(read(file, 'a,b\nMüller,"ä\n"\n'.encode(encoding), encoding=encoding)) == [("Müller", "ä\n")]


@pytest.mark.parametrize("encoding", ["cp1252", "utf-8"])
def test_invalid_bytes_are_reported_with_line_and_byte(encoding: str) -> None:
    data = b"a,b\r\n1,2\r\n3,\x81\r\n"
    error = refusal(data, Dialect(encoding=encoding))
    assert error.found == f"line 3: byte 0x81 is not valid {encoding} text"
    assert "dialect.encoding" in error.fix


@pytest.mark.parametrize(
    ("data", "line"), [(b"\xef\xbb\xbfa\xff,b\n1,2\n", 1), (b'a,b\n"1\n\n",\xff\n', 4), (b"a,b\r1,2\r3,\xff\r", 3)]
)
def test_the_line_of_an_invalid_byte_is_its_line_in_an_editor(data: bytes, line: int) -> None:
    assert refusal(data).found == f"line {line}: byte 0xff is not valid utf-8 text"


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "ascii"])
@pytest.mark.parametrize("block", [4096, 1 << 20])
def test_invalid_bytes_far_into_a_large_file_are_reported_with_their_line(
    encoding: str, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delimited_file, "_BLOCK_BYTES", block)
    data = b"a,b\n" + b"1,2\n" * 20_000 + b"3,\x81\n"
    assert refusal(data, Dialect(encoding=encoding)).found == f"line 20002: byte 0x81 is not valid {encoding} text"


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "utf-16"])
def test_a_file_with_invalid_bytes_and_no_header_is_refused(encoding: str) -> None:
    error = refusal(b"1,\x81\n", Dialect(encoding=encoding, header_row=0, names=("a", "b")))
    assert f"not valid {encoding} text" in error.found


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-16-le"])
def test_a_file_of_another_encoding_is_refused_without_a_line(encoding: str) -> None:
    assert refusal(b"a,b\n1,2\n3", Dialect(encoding=encoding)).found == f"the file is not valid {encoding} text"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-16-le", "cp1252"])
def test_a_file_that_is_not_valid_in_the_encoding_of_its_byte_order_mark_is_refused(encoding: str) -> None:
    error = refusal("a,b\n1,2\n".encode("utf-16") + b"\x01", Dialect(encoding=encoding))
    assert "not valid utf-16" in error.found


@pytest.mark.parametrize("written", ["utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("declared", ["cp1252", "utf-8", "latin-1", "utf-16-le", "shift_jis"])
def test_a_byte_order_mark_wins_over_the_declared_encoding(written: str, declared: str) -> None:
    opened = file_of("a,b\nZürich,“2”\n".encode(written), Dialect(encoding=declared))
    assert (opened.header, cells_of(rows_of(opened.batches()))) == (["a", "b"], [("Zürich", "“2”")])
    agrees = written[:6] == declared[:6] or written[:5] == declared[:5]
    assert bool(opened.notes) != agrees


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "cp1250", "koi8_r", "mac_roman"])
def test_utf_8_text_under_a_single_byte_encoding_is_found_with_its_line(encoding: str) -> None:
    evidence = file_of("a,b\n1,2\nx Café,3\n".encode(), Dialect(encoding=encoding)).utf8_evidence()
    assert evidence is not None
    assert (evidence.line, evidence.as_utf8) == (3, "é")
    assert evidence.as_declared == "é".encode().decode(encoding)


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (b"a,b\n1,2\n", "cp1252"),
        ("Café,b\n".encode("cp1252"), "cp1252"),
        ("Café,b\n".encode(), "utf-8"),
        ("半角".encode("shift_jis"), "shift_jis"),
        ("Café".encode(), "shift_jis"),
    ],
)
def test_text_that_may_be_of_the_declared_encoding_is_no_evidence_of_utf_8(data: bytes, encoding: str) -> None:
    assert file_of(data, Dialect(encoding=encoding)).utf8_evidence() is None


def test_a_part_that_is_utf_8_is_evidence_of_two_encodings() -> None:
    data = b"a,b\n" + "É,b\n".encode("cp1252") + "Café,b\n".encode()
    evidence = file_of(data, Dialect(encoding="cp1252")).utf8_evidence()
    assert evidence == (3, "é", "Ã©", True)


WIDE = ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")


@pytest.mark.parametrize("text", ["Date,Amount\n2025-01-01,5\n", "日期,金額\n2025-01-01,5\n", "Zürich,1\n"])
@pytest.mark.parametrize("declared", ["utf-8", "cp1252", "ascii", "utf-16", "utf-32", "shift_jis", *WIDE])
@pytest.mark.parametrize("written", WIDE)
def test_wide_characters_without_a_byte_order_mark_are_refused_with_an_encoding_that_reads_them(
    text: str, written: str, declared: str
) -> None:
    if written == declared:
        assert file_of(text.encode(written), Dialect(encoding=declared)).header == text.split("\n")[0].split(",")
        return
    error = refusal(text.encode(written), Dialect(encoding=declared))
    assert error.found.startswith(
        f"the file is {written[:6]} text without a byte order mark, but is declared as {declared}"
    )
    assert error.fix == f"set dialect.encoding: {written} in the descriptor"


def test_a_few_zero_bytes_are_no_sign_of_wide_characters() -> None:
    assert file_of(b"a,b\n1\0,2\0\n" + b"1,2\n" * 40, Dialect()).header == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "written", "declared", "likely"),
    [
        ("Müller", "cp850", "utf-8", {"cp850": "ü", "mac_roman": "Å"}),
        ("Müller", "mac_roman", "utf-8", {"cp1252": "Ÿ", "mac_roman": "ü"}),
        ("Café", "cp850", "utf-8", {"cp1252": "‚", "cp850": "é"}),
        ("Café", "mac_roman", "ascii", {"cp1252": "Ž", "mac_roman": "é"}),
        ("Böll", "cp850", "utf-8", {"cp1252": "”", "cp850": "ö"}),
        ("Müller", "cp850", "cp1252", {"cp850": "ü", "mac_roman": "Å"}),
        ("Müller", "cp1252", "utf-8", {"cp1252": "ü"}),
        ("Böll’s", "cp1252", "utf-8", {"cp1252": "ö"}),
        ("O’Neill", "cp1252", "utf-8", {"cp1252": "’"}),
        ("Ünal", "cp1252", "utf-8", {"cp1252": "Ü"}),
        ("5 €", "cp1252", "utf-8", {"cp1252": "€"}),
        ("MÜLLER", "cp1252", "utf-8", {"cp1252": "Ü"}),
    ],
)
def test_the_encodings_that_are_likely_are_named_with_their_characters_and_without_the_word(
    text: str, written: str, declared: str, likely: dict[str, str]
) -> None:
    fix = refusal(f"a,b\n{text},2\n".encode(written), Dialect(encoding=declared)).fix
    for encoding, character in likely.items():
        assert encoding in fix
        assert repr(character) in fix
    assert ("cp850" in fix) == ("cp850" in likely or "mac_roman" in likely)
    assert text not in fix


def test_utf_8_text_is_found_in_every_block(monkeypatch: pytest.MonkeyPatch) -> None:
    data = ("a,b\n" + "1,2\n" * 50 + "x,é\n" + "1,2\n" * 50).encode()
    for block in (7, 64, 211, 212):
        monkeypatch.setattr(file_format, "_BLOCK_BYTES", block)
        evidence = file_of(data, Dialect(encoding="cp1252")).utf8_evidence()
        assert evidence is not None
        assert evidence.line == 52


@pytest.mark.parametrize(
    ("data", "encoding", "fix"),
    [
        ("a,b\nCafé 5,2\n".encode("cp1252"), "utf-8", "set dialect.encoding: cp1252"),
        ("a,b\nÁ,2\n".encode(), "cp1252", "set dialect.encoding: utf-8"),
        ("a,b\nÁ,2\n".encode(), "ascii", "set dialect.encoding: utf-8"),
        (b"a,b\n\x81,2\n", "utf-8", "it is not cp1252"),
    ],
)
def test_the_fix_of_invalid_bytes_names_the_encoding_that_would_read_them(data: bytes, encoding: str, fix: str) -> None:
    assert fix in refusal(data, Dialect(encoding=encoding)).fix


# Headers


def test_lines_above_the_header_are_not_read(file: Path) -> None:
    rows = read(file, "Ledger 2025\n\na,b\n1,2\n", header_row=3)
    assert rows == [(4, None, ("1", "2"))]


def test_lines_above_the_header_may_have_quoted_line_breaks(file: Path) -> None:
    rows = read(file, '"Ledger\n2025"\na,b\n1,2\n', header_row=3)
    assert rows == [(4, None, ("1", "2"))]


@pytest.mark.parametrize(
    ("above", "names"),
    [
        ("Actual,,Budget,", "Actual Jan,Actual Feb,Budget Jan,Budget Feb"),
        (",,Budget,", "Jan,Feb,Budget Jan,Budget Feb"),
        # These were Feb and Budget Feb in releases before, so that a feed may name them.
        ("A title,,,Budget", "A title Jan,Feb,Jan,Budget Feb"),
    ],
)
def test_a_text_above_a_header_counts_for_columns_behind_it_that_would_share_a_name(
    above: str, names: str, file: Path
) -> None:
    file.write_text(f"{above}\nJan,Feb,Jan,Feb\n1,2,3,4\n")
    opened = DelimitedFile(lambda: file.open("rb"), Dialect(header_row=2, header_above=(1,)))
    assert ",".join(opened.header) == names


def test_the_header_is_the_first_row_that_begins_on_its_line_or_below(file: Path) -> None:
    file.write_text('"Ledger\n2025"\na,b\n1,2\n')
    opened = DelimitedFile(lambda: file.open("rb"), Dialect(header_row=2))
    assert (opened.header, rows_of(opened.batches())) == (["a", "b"], [(4, None, ("1", "2"))])


def test_a_file_without_a_header_starts_with_its_first_row(file: Path) -> None:
    assert read(file, "1,2\n3,4\n", header_row=0, names=("a", "b")) == [(1, None, ("1", "2")), (2, None, ("3", "4"))]


def test_header_names_lose_surplus_white_space_and_blank_ones_are_numbered() -> None:
    assert file_of(b" a  b ,,c\n1,2,3\n").header == ["a b", "(column 2)", "c"]


def test_columns_that_share_a_name_are_told_apart_by_their_position() -> None:
    assert file_of(b"a,b, A,,A (column 3)\n1,2,3,4,5\n").header == [
        "a (column 1)",
        "b",
        "A (column 3) (column 3)",
        "(column 4)",
        "A (column 3)",
    ]


def test_two_header_lines_are_joined_column_by_column() -> None:
    opened = file_of(b"Budget 2025\n,,Jan,Feb\nDate,Dept,Amount\n1,2,3,4\n", Dialect(header_row=3, header_above=(2,)))
    assert opened.header == ["Date", "Dept", "Jan Amount", "Feb"]
    assert rows_of(opened.batches()) == [(4, None, ("1", "2", "3", "4"))]


@pytest.mark.parametrize("row", ["1,2", '"1",2', '"x\ny",2'])
def test_a_comment_is_a_blank_row_whatever_is_in_it(file: Path, row: str) -> None:
    data = f"a,b\n{row}\n# it's \"open, x,y,z\n3,4\n#\n"
    first = tuple(row.replace('"', "").rsplit(",", 1))
    line = 3 + row.count("\n")
    assert read(file, data, comment="#") == [
        (2, None, first),
        (line, None, ("", "")),
        (line + 1, None, ("3", "4")),
        (line + 2, None, ("", "")),
    ]


def test_the_text_of_a_comment_within_a_row_is_data(file: Path) -> None:
    assert read(file, 'a,b\n1,#2\n"x\n#y",3\n', comment="#") == [(2, None, ("1", "#2")), (3, None, ("x\n#y", "3"))]


@pytest.mark.parametrize(("text", "row"), [("x\ny\n", 3), ("x", 2)])
def test_a_file_that_is_shorter_than_its_header_is_refused(text: str, row: int) -> None:
    assert (
        refusal(text, Dialect(header_row=row)).found == f"the header should be on line {row}, but the file is shorter"
    )


# Files that are not delimited text


def test_an_empty_file_is_refused() -> None:
    assert refusal("").found == "the file is empty"


@pytest.mark.parametrize("start", [b"PK\x03\x04\x14\x00", b"\xd0\xcf\x11\xe0\xa1\xb1"], ids=["xlsx", "xls"])
def test_a_workbook_with_the_name_of_a_text_file_is_refused(start: bytes) -> None:
    error = refusal(start + b"\x00" * 100)
    assert error.found == "the file is a workbook, not delimited text"
    assert error.fix.startswith("save it as CSV; or rename it")


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"PK\x03\x04" + b"\0" * 22 + b"\x0b\0\0\0" + b"ledger.csv\0", "a zip archive"),
        (b"PK\x03\x04" + b"\0" * 22 + b"\x13\0\0\0" + b"[Content_Types].xml", "a workbook"),
        (b"%PDF-1.7\n", "a PDF document"),
        (b"\0" * 300, "zero bytes"),
        (b"\0" * 100_000, "zero bytes"),
        (b"\x1f\x8b\x08\0", "compressed by gzip"),
        (b"PAR1\x15\x04", "a Parquet file"),
        (b"\xef\xbb\xbf\r\n <!DOCTYPE html><html>", "an HTML page"),
        (b"<HTML><body>Please log in", "an HTML page"),
        (b"<table><tr><td>Date", "an HTML page"),
        ('<?xml version="1.0"?><Workbook'.encode("utf-16"), "an XML document"),
    ],
)
def test_a_file_of_another_format_is_refused_by_its_name(data: bytes, found: str) -> None:
    assert refusal(data).found == f"the file is {found}, not delimited text"


def test_quotes_after_spaces_enclose_cells_of_the_header_and_of_rows(file: Path) -> None:
    data = 'a, "b, c"\n1, "x, y"\n2,  "p\nq"\n"3", 4\n'
    assert cells_of(read(file, data)) == [("1", "x, y"), ("2", "p\nq"), ("3", "4")]
    assert file_of(data.encode()).header == ["a", "b, c"]


def test_quotes_after_spaces_are_found_far_into_a_large_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited_file, "_BLOCK_BYTES", 100)
    rows = read(file, "a,b\n" + "1,2\n" * 20_000 + '3, "x, y"\n')
    assert rows[-1] == (20_002, None, ("3", "x, y"))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_the_end_of_file_mark_of_dos_is_a_blank_row(file: Path, encoding: str) -> None:
    rows = read(file, "a,b\n1,2\n\x1a".encode(encoding), encoding=encoding)
    assert rows == [(2, None, ("1", "2")), (3, None, ("", ""))]


def test_header_names_lose_invisible_characters() -> None:
    assert file_of("\u200ba,b\u00ad\n".encode()).header == ["a", "b"]


def test_a_file_without_the_delimiter_has_one_column() -> None:
    assert file_of(b"a;b\n1;2\n").header == ["a;b"]


@pytest.mark.parametrize(("delimiter", "quote"), [("§", '"'), (",", "«"), ("\t", "'"), ("|", '"')])
def test_any_character_may_delimit_and_quote(file: Path, delimiter: str, quote: str) -> None:
    text = f"a{delimiter}b\n1{delimiter}{quote}x{delimiter}y{quote}\n"
    assert cells_of(read(file, text, delimiter=delimiter, quote=quote)) == [("1", f"x{delimiter}y")]


def test_each_iteration_reads_the_file_from_its_start() -> None:
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


@pytest.mark.parametrize("share", [0.001, 0.02, 0.3])
def test_line_ends_inside_quotes_are_found_in_the_same_way_however_many_quotes_there_are(
    share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = np.random.default_rng(int(share * 1_000))
    answers = []
    for size in range(2, 400):
        data = draw.choice(np.frombuffer(b'a"\n', np.uint8), size, p=[1 - 2 * share, share, share])
        quotes = np.flatnonzero(data == ord('"'))
        found = []
        for sparse in (0, 1 << 40):
            monkeypatch.setattr(delimited_file, "_SPARSE", sparse)
            found.append(delimited_file._has_line_ends_inside(np.append(data, np.uint8(10)), quotes))
        assert found[0] == found[1]
        answers.append(found[0])
    assert set(answers) == {True, False}
