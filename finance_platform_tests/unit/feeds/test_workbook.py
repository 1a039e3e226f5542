"""Reading workbooks: sheets, cells, headers, and what is refused.

Belongs here: bytes to batches. Does not belong here: random damage (see `hostile`), rows of money (see
`feed_examples`).
"""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
import yaml

from finance_platform.errors import UnreadableDeliveryError
from finance_platform.feeds.files import packed_text, workbook_parts, workbook_process
from finance_platform.feeds.files.tables import Table, open_tables
from finance_platform.feeds.findings import Note
from finance_platform.feeds.lines.ledger_lines import LedgerLines
from finance_platform.feeds.resolved import Dialect
from finance_platform_tests.profiles import current_profile
from finance_platform_tests.unit.factories import feed
from finance_platform_tests.workbooks import Formula, Rows, container, ods, xls, xlsx

WRITERS: dict[str, Callable[[Mapping[str, Rows]], bytes]] = {"xlsx": xlsx, "ods": ods, "xls": xls}
HEADER = ["Date", "Dept", "Amount"]
GOOD = {"Date": "2025-03-01", "Dept": "D100", "Account": "4000", "Amount": "1.00"}


def tables(data: bytes, ending: str = "xlsx", sheets: tuple[str, ...] = (), **dialect: Any) -> list[Read]:
    rules = replace(feed().rules, sheets=sheets, dialect=replace(Dialect(), **dialect))
    return [Read(table) for table in open_tables(lambda: io.BytesIO(data), f"book.{ending}", rules)]


class Read:
    """A table, read whole."""

    def __init__(self, table: Table) -> None:
        self.sheet, self.header = table.sheet, table.header
        self.first_rows = table.first_rows(3)
        batches = list(table.batches())
        self.rows = [
            (row, tuple(column[position].as_py() for column in batch.columns.values()))
            for batch in batches
            for position, row in enumerate(batch.source_rows.to_pylist())
        ]
        self.places = [batch.place(position) for batch in batches for position in range(len(batch))]
        self.is_1904 = any(batch.is_1904 for batch in batches)
        self.notes = table.notes


def refusal(data: bytes, ending: str = "xlsx", sheets: tuple[str, ...] = (), **dialect: Any) -> tuple[str, str]:
    with pytest.raises(UnreadableDeliveryError) as error:
        tables(data, ending, sheets, **dialect)
    return error.value.found, error.value.fix


@pytest.mark.parametrize("ending", WRITERS)
def test_every_format_gives_the_same_text_and_places(ending: str):
    (table,) = tables(
        WRITERS[ending]({"Budget": [HEADER, ["x", "0010", 12.5], [], ["y", 10, -3], ["z", "é", ""]]}), ending
    )
    assert (table.sheet, table.header) == ("Budget", HEADER)
    assert table.rows == [(2, ("x", "0010", "12.5")), (3, ("", "", "")), (4, ("y", "10", "-3")), (5, ("z", "é", ""))]
    assert table.places[0] == "sheet 'Budget' row 2"


@pytest.mark.parametrize("copy", ["Budget (2)", "budget_2"])
def test_a_copy_of_a_sheet_that_is_not_read_is_named(copy: str):
    """The corrected figures may be in the copy."""
    (table,) = tables(xlsx({"Budget": [HEADER], copy: [HEADER], "Notes": [["x"]]}), sheets=("Budget",))
    (note,) = table.notes
    assert note == f"the sheet {copy!r} is called like a copy of 'Budget', which is read, and is not read"


@pytest.mark.parametrize("other", ["Budget 2026", "Budget_2026", "Actual (2)", "Budget (old)"])
def test_sheets_of_other_names_that_are_not_read_are_not_named(other: str):
    (table,) = tables(xlsx({"Budget": [HEADER], other: [HEADER]}), sheets=("Budget",))
    assert not table.notes


def test_copies_that_are_read_or_hidden_are_not_called_copies():
    sheets = {"Budget": [HEADER], "Budget (2)": [HEADER]}
    assert not any(table.notes for table in tables(xlsx(sheets), sheets=("Budget*",)))
    (table,) = tables(xlsx({"Budget": [HEADER], "Budget (2)": [HEADER]}, hidden=["Budget (2)"]), sheets=("Budget",))
    assert list(table.notes) == ["hidden sheets were not read: 'Budget (2)'"]


def test_a_workbook_with_macros_is_read_without_them():
    plain = b"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"
    with_macros = b"application/vnd.ms-excel.sheet.macroEnabled.main+xml"
    parts: dict[str, Callable[[bytes], bytes]] = {
        "[Content_Types].xml": lambda xml: xml.replace(plain, with_macros),
        "xl/vbaProject.bin": lambda _: b"not looked at",
    }
    (table,) = tables(changed(xlsx({"Budget": [HEADER, ["x", "0010", 12.5]]}), parts), "xlsm")
    assert (table.sheet, table.rows) == ("Budget", [(2, ("x", "0010", "12.5"))])


@pytest.mark.parametrize("ending", ["xlsx", "ods"])
def test_date_cells_are_iso_text_whatever_their_format(ending: str):
    rows: Rows = [["Date"], [date(2025, 3, 1)], [datetime.fromisoformat("2025-03-01T14:30:00")]]
    (table,) = tables(WRITERS[ending]({"A": rows}), ending)
    assert [cells for _, cells in table.rows] == [("2025-03-01",), ("2025-03-01T14:30:00",)]


@pytest.mark.parametrize("write", [xlsx, xls], ids=["xlsx", "xls"])
@pytest.mark.parametrize("is_1904", [False, True])
def test_the_date_system_of_a_workbook_is_known(write: Callable[..., bytes], is_1904: bool):
    (table,) = tables(write({"A": [["Day"], [45000]]}, is_1904=is_1904), write.__name__)
    assert (table.is_1904, table.rows) == (is_1904, [(2, ("45000",))])


def test_date_cells_of_a_workbook_that_counts_from_1904_are_the_same_days():
    (table,) = tables(xlsx({"A": [["Day"], [date(2025, 3, 1)]]}, is_1904=True))
    assert table.rows == [(2, ("2025-03-01",))]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.1 + 0.2, "0.3"),
        (1234567.891, "1234567.891"),
        (1e-7, "0.0000001"),
        (999999999999999, "999999999999999"),
        (-0.0, "0"),
        (True, "TRUE"),
    ],
)
def test_numbers_have_fifteen_significant_digits_and_no_exponent(value: float, text: str):
    (table,) = tables(xlsx({"A": [["a"], [value]]}))
    assert table.rows == [(2, (text,))]


@pytest.mark.parametrize("ending", WRITERS)
def test_errors_are_never_blank(ending: str):
    error = "#REF!" if ending == "xls" else Formula("A1", "#REF!")
    (table,) = tables(WRITERS[ending]({"A": [["a", "b"], ["x", error], ["y", 2]]}), ending)
    assert [cells for _, cells in table.rows] == [("x", "#REF!"), ("y", "2")]


@pytest.mark.parametrize("ending", ["xlsx", "ods"])
def test_a_formula_without_a_stored_value_is_never_blank(ending: str):
    rows: Rows = [["a", "b"], ["x", Formula("1+1")], ["y", Formula("1+1", 2)], ["z", None]]
    (table,) = tables(WRITERS[ending]({"A": rows}), ending)
    assert [cells for _, cells in table.rows] == [("x", "#NO VALUE!"), ("y", "2"), ("z", "")]


@pytest.mark.parametrize("zero", [b"0", b"0.0"])
def test_formulas_that_a_library_could_not_calculate_are_no_zeros(zero: bytes):
    # XlsxWriter stores 0 for each formula, and asks for a calculation when the workbook is opened; POI stores 0.0.
    rows: Rows = [["a", "b"], ["x", Formula("1+1", 0)], ["y", 0], ["z", Formula("2+2", 0)]]
    data = xlsx({"A": rows})
    (table,) = tables(changed(data, {"xl/worksheets/sheet1.xml": lambda xml: xml.replace(b"v>0<", b"v>%b<" % zero)}))
    assert [cells for _, cells in table.rows] == [("x", "#NO VALUE!"), ("y", "0"), ("z", "#NO VALUE!")]


def test_formulas_that_were_calculated_may_be_zero():
    rows: Rows = [["a", "b"], ["x", Formula("1-1", 0)], ["y", Formula("1+1", 2)]]
    (table,) = tables(xlsx({"A": rows}))
    assert [cells for _, cells in table.rows] == [("x", "0"), ("y", "2")]
    saved = changed(xlsx({"A": rows[:2]}), {"xl/workbook.xml": lambda xml: xml.replace(b' fullCalcOnLoad="1"', b"")})
    (table,) = tables(saved)
    assert [cells for _, cells in table.rows] == [("x", "0")]


def test_cells_that_do_not_state_their_place_are_counted():
    data = changed(
        xlsx({"A": [["a", "b"], ["x", Formula("1+1")]]}),
        {"xl/worksheets/sheet1.xml": lambda xml: xml.replace(b' r="A2"', b"").replace(b' r="B2"', b"")},
    )
    (table,) = tables(data)
    assert table.rows == [(2, ("x", "#NO VALUE!"))]


def test_a_text_that_a_formula_gave_may_be_blank():
    data = changed(
        xlsx({"A": [["a", "b"], ["x", Formula('""')]]}),
        {"xl/worksheets/sheet1.xml": lambda xml: xml.replace(b'<c r="B2">', b'<c r="B2" t="str">')},
    )
    (table,) = tables(data)
    assert table.rows == [(2, ("x", ""))]


# Codes


def typed(rows: Rows) -> tuple[Mapping[str, Any], LedgerLines]:
    """Return the typed rows of a sheet of fewer rows than a batch."""
    for table in open_tables(lambda: io.BytesIO(xlsx({"A": rows})), "book.xlsx", feed().rules):
        lines = LedgerLines(feed(), table.header, "book.xlsx", table.sheet)
        columns = [lines.type_batch(batch)[0] for batch in table.batches()]
    return columns[0], lines


def notes_of(codes: Sequence[object]) -> dict[str, Note]:
    rows: Rows = [list(GOOD), *([*list(GOOD.values())[:2], code, *list(GOOD.values())[3:]] for code in codes)]
    _, lines = typed(rows)
    return lines.notes


@pytest.mark.parametrize("number", [10, "10", "10.0"])
def test_a_code_that_may_have_lost_its_zeros_is_reported_with_an_example(number: object):
    ((text, note),) = notes_of([number, "0010", number, "0020", 30]).items()
    written = "10.0" if number == "10.0" else "10"
    assert text == (
        "account: codes that differ in their zeros only, as if a spreadsheet had made numbers of them: "
        f"'{written}' beside '0010'"
    )
    assert (note.count, f"columns.account.map: {{{written}: '0010'}}" in note.fix) == (1, True)


def test_codes_with_zeros_alone_or_without_any_are_not_reported():
    assert notes_of(["0010", "0020", 30, "0", 0, "A010"]) == {}


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (Formula("1/0", "#DIV/0!"), "'#DIV/0!' is an error of the spreadsheet"),
        (Formula("1+1"), "the cell's formula has no stored value"),
        ("#N/A", "'#N/A' is an error of the spreadsheet"),
    ],
)
def test_a_row_with_an_error_in_a_field_is_rejected(value: object, words: str):
    rows: Rows = [list(GOOD), [*list(GOOD.values())[:2], value, *list(GOOD.values())[3:]], list(GOOD.values())]
    columns, _ = typed(rows)
    assert columns["outcome"].to_pylist() == ["rejected", "accepted"]
    assert words in columns["reasons"][0].as_py()


# Sheets


SHEETS: dict[str, Rows] = {"Budget": [["a"], [1]], "Notes": [["a"], [2]], "Old": [["a"], [3]]}


@pytest.mark.parametrize(
    ("wanted", "read"),
    [
        (("Budget",), ["Budget"]),
        (("budget ", "2"), ["Budget", "Notes"]),
        (("2", "Budget"), ["Budget", "Notes"]),
        (("*",), ["Budget", "Notes"]),
        (("old",), ["Old"]),
        (("3",), ["Old"]),
        (("B*", "Notes"), ["Budget", "Notes"]),
    ],
)
def test_sheets_are_chosen_by_name_number_or_glob(wanted: tuple[str, ...], read: list[str]):
    assert [table.sheet for table in tables(xlsx(SHEETS, hidden=["Old"]), sheets=wanted)] == read


def test_a_sheet_whose_name_is_a_number_is_not_taken_for_a_place():
    assert [table.sheet for table in tables(xlsx({"2": [["a"]], "1": [["a"]]}), sheets=("2",))] == ["2"]


def test_the_only_visible_sheet_is_read_and_hidden_ones_are_reported():
    (table,) = tables(xlsx(SHEETS, hidden=["Notes", "Old"]))
    assert (table.sheet, list(table.notes)) == ("Budget", ["hidden sheets were not read: 'Notes', 'Old'"])
    (table,) = tables(xlsx(SHEETS, hidden=["Notes", "Old"]), sheets=("Budget", "Notes"))[:1]
    assert list(table.notes) == ["hidden sheets were not read: 'Old'"]


def test_a_workbook_with_several_sheets_is_refused_with_their_names():
    found, fix = refusal(xlsx(SHEETS, hidden=["Old"]))
    assert found == (
        "the workbook has 2 visible sheets, and the descriptor does not say which to read: "
        "'Budget', 'Notes', 'Old' (hidden)"
    )
    assert fix.endswith("such as sheet: ['Budget']")


@pytest.mark.parametrize("ending", sorted(WRITERS))
def test_a_visible_sheet_without_a_cell_is_no_second_sheet(ending: str):
    written = WRITERS[ending]
    read: dict[str, Rows] = {"Sheet1": [["a"], [1]]}
    blank = written({"Blank": [], **read, "Sheet2": [], "Sheet3": [[]]})
    assert [table.sheet for table in tables(blank, ending)] == ["Sheet1"]
    for cell in ("x", 0):
        found, _ = refusal(written({**read, "Sheet2": [], "Sheet3": [[None], [None, cell]]}), ending)
        assert "3 visible sheets" in found
    assert "2 visible sheets" in refusal(written({"Sheet1": [], "Sheet2": []}), ending)[0]


def test_a_sheet_with_formats_alone_is_blank_and_one_with_a_formula_is_not():
    def workbook(formula: str) -> bytes:
        stream = io.BytesIO()
        with xlsxwriter.Workbook(stream) as book:
            book.add_worksheet("Data").write_column(0, 0, ["a", 1])
            sheet, bold = book.add_worksheet("Sheet2"), book.add_format({"bold": True})
            sheet.write_blank(0, 0, None, bold)
            if formula:
                sheet.write_formula(1, 0, formula)
        return stream.getvalue()

    assert [table.sheet for table in tables(workbook(""))] == ["Data"]
    assert "2 visible sheets" in refusal(workbook("=Data!A2"))[0]


@pytest.mark.parametrize("name", ["Spend", "2025", "Q1, costs", "John's"])
def test_the_sheet_that_the_fix_names_is_one_of_the_workbook_as_yaml_reads_it(name: str):
    workbook = xlsx({name: [["a"]], "Notes": [["a"]], "Old": [["a"]]}, hidden=["Old"])
    _, fix = refusal(workbook)
    (sheet,) = yaml.safe_load(fix.rpartition("such as ")[2])["sheet"]
    assert [table.sheet for table in tables(workbook, sheets=(sheet,))] == [name]


@pytest.mark.parametrize("wanted", ["Plan", "4", "Pl*", "O*"])
def test_a_workbook_without_a_sheet_is_refused_with_those_that_it_has(wanted: str):
    found, _ = refusal(xlsx(SHEETS, hidden=["Old"]), sheets=("Budget", wanted))
    assert found == f"the workbook has no sheet {wanted!r}; it has 'Budget', 'Notes', 'Old' (hidden)"


# Headers


def test_titles_above_the_header_and_blank_columns_before_it_are_not_read():
    (table,) = tables(xlsx({"A": [["Title"], [], [None, "a", "b"], [None, 1, 2]]}), header_row=3)
    assert (table.header, table.rows) == (["(column 1)", "a", "b"], [(4, ("", "1", "2"))])


def test_a_table_that_begins_below_and_right_of_the_first_cell_has_its_places():
    (table,) = tables(xlsx({"A": [[], [], [None, "a"], [None, 1]]}), header_row=3)
    assert (table.header, table.rows, table.first_rows[0]) == (["(column 1)", "a"], [(4, ("", "1"))], (3, ["", "a"]))


def test_a_merged_cell_of_the_upper_header_line_names_all_of_its_columns():
    stream = io.BytesIO()
    book = xlsxwriter.Workbook(stream)
    sheet = book.add_worksheet("A")
    sheet.merge_range(0, 1, 0, 2, 2025)
    sheet.write_row(1, 0, ["Dept", "Jan", "Feb", "Note"])
    sheet.write_row(2, 0, ["D", 1, 2, "x"])
    book.close()
    (table,) = tables(stream.getvalue(), header_row=2, header_above=(1,))
    assert table.header == ["Dept", "2025 Jan", "2025 Feb", "Note"]


@pytest.mark.parametrize("rows", [[], [["a"], [1]]])
def test_a_sheet_that_ends_before_its_header_is_refused(rows: Rows):
    found, _ = refusal(xlsx({"A": rows}), header_row=5)
    assert found.startswith("the header should be in sheet 'A' row 5, but")


def test_a_comment_is_a_blank_row():
    (table,) = tables(xlsx({"A": [["a", "b"], ["# x", 1], ["y", 2]]}), comment="#")
    assert table.rows == [(2, ("", "")), (3, ("y", "2"))]


def test_many_formatted_blank_rows_are_no_rows():
    count = 1_000_000 if current_profile().is_exhaustive else 100_000
    blank = b"".join(b'<row r="%d"><c r="A%d" s="1"/></row>' % (row, row) for row in range(3, count))
    data = changed(
        xlsx({"A": [["a"], [1]]}),
        {"xl/worksheets/sheet1.xml": lambda xml: xml.replace(b"</sheetData>", blank + b"</sheetData>")},
    )
    (table,) = tables(data)
    assert table.rows == [(2, ("1",))]


def test_a_sheet_is_not_read_after_its_workbook_was_closed():
    (table,) = open_tables(lambda: io.BytesIO(xlsx({"A": [["a"], [1]]})), "book.xlsx", feed().rules)
    with pytest.raises(ValueError, match="the workbook is closed"):
        list(table.batches())


def test_what_follows_the_cells_of_a_sheet_may_be_long():
    links = b"<hyperlinks>" + b'<hyperlink ref="A1"/>' * 1_000_000 + b"</hyperlinks>"
    data = changed(
        xlsx({"A": [["a"], [1]]}),
        {"xl/worksheets/sheet1.xml": lambda xml: xml.replace(b"</sheetData>", b"</sheetData>" + links)},
    )
    (table,) = tables(data)
    assert table.rows == [(2, ("1",))]


# Files that are not read


def changed(data: bytes, parts: Mapping[str, Callable[[bytes], bytes]]) -> bytes:
    """Return a workbook with some of its parts changed; a part that it lacks is made from nothing."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as new:
        for name in dict.fromkeys([*old.namelist(), *parts]):
            content = old.read(name) if name in old.namelist() else b""
            new.writestr(name, parts[name](content) if name in parts else content)
    return stream.getvalue()


BOOK = xlsx({"A": [["a"], [1]]})


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"", "the file is empty"),
        (b"a,b\n1,2\n", "the file is text, not a workbook"),
        (b"<html><table>", "the file is an HTML page, not a workbook"),
        (b"%PDF-1.7\n", "the file is a PDF document, not a workbook"),
        (b'<?xml version="1.0"?><Workbook>', "the file is an XML document, not a workbook"),
        (
            BOOK[: len(BOOK) // 2],
            "the workbook is damaged: its end is missing, as in a file whose transfer was cut off",
        ),
        (changed(BOOK, {"xl/workbook.bin": lambda _: b"x"}), "the file is a binary workbook (xlsb), which is not read"),
        (xls({"A": [["a"]]})[:600], "the workbook is damaged: "),
    ],
    ids=["empty", "csv", "html", "pdf", "xml", "truncated", "xlsb", "truncated xls"],
)
def test_a_file_that_is_no_workbook_is_refused_in_a_sentence(data: bytes, found: str):
    text, fix = refusal(data)
    assert text.startswith(found)
    assert fix


def test_a_zip_archive_is_refused():
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as package:
        package.writestr("ledger.csv", "a,b")
    assert refusal(stream.getvalue())[0] == "the file is a zip archive, not a workbook"


def test_a_workbook_with_a_password_is_refused():
    for ending in ("xlsx", "xls"):
        found, fix = refusal(container("EncryptedPackage", b"x" * 5_000), ending)
        assert (found, fix) == (
            "the workbook is protected by a password",
            "save it without a password and send it again",
        )


def test_a_workbook_that_unpacks_to_too_much_is_refused_before_it_is_unpacked(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(workbook_parts, "MAX_WORKBOOK_BYTES", 100_000)
    monkeypatch.setattr(workbook_parts, "_inflate", lambda *_: pytest.fail("it was unpacked"))
    found, fix = refusal(changed(BOOK, {"xl/media/image1.bin": lambda _: bytes(200_000)}))
    assert found.startswith("the workbook unpacks to 2")
    assert found.endswith("; at most 100,000 are read")
    assert "several smaller workbooks" in fix


def test_a_size_that_is_not_true_is_refused():
    name = b"xl/worksheets/sheet1.xml"
    data = changed(BOOK, {name.decode(): lambda xml: xml.replace(b"</sheetData>", b" " * 50_000 + b"</sheetData>")})
    place = data.rfind(name) - 46 + 24  # the size in the directory
    lying = data[:place] + (10).to_bytes(4, "little") + data[place + 4 :]
    assert "unpacks to more than the 10 bytes that it states" in refusal(lying)[0]


@pytest.mark.parametrize("ending", ["xlsx", "xls", "ods"])
def test_cells_that_lie_far_apart_do_not_take_the_memory_of_the_reader(ending: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(workbook_process, "MAX_WORKBOOK_MEMORY", 400 << 20)
    if ending == "xls":
        rows: list[list[Any]] = [["a"], *([[]] * 65_000), [None] * 65_000 + [1]]
        data = xls({"A": rows})
    elif ending == "ods":
        table = b'<table:table-row table:number-rows-repeated="1000000"><table:table-cell'
        repeat = b' table:number-columns-repeated="100" office:value-type="float" office:value="1"/></table:table-row>'
        data = changed(
            ods({"A": [["a"]]}),
            {"content.xml": lambda xml: xml.replace(b"</table:table>", table + repeat + b"</table:table>")},
        )
    else:
        data = changed(BOOK, {"xl/worksheets/sheet1.xml": lambda xml: xml.replace(b'r="A2"', b'r="XFD1048576"')})
    found, fix = refusal(data, ending)
    causes = {"ods": "the workbook cannot be read: it is damaged"}
    assert found.startswith(causes.get(ending, "the workbook's cells take more than"))
    assert fix


def test_entities_in_a_workbook_are_refused():
    bomb = b'<?xml version="1.0"?><!DOCTYPE w [<!ENTITY a "aaaa">]><workbook/>'
    assert "its XML defines entities" in refusal(changed(BOOK, {"xl/workbook.xml": lambda _: bomb}))[0]


def test_a_hanging_parser_is_stopped(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(workbook_process, "MAX_WORKBOOK_SECONDS", 0)
    found, _ = refusal(xlsx({"A": [["a"], *[[number] for number in range(30_000)]]}))
    assert "seconds of processor time" in found


# Text that is packed


def test_packed_text_is_read_as_its_content():
    (table,) = tables(gzip.compress(b"a,b\n1,2\n"), "csv.gz")
    assert (table.sheet, table.header, table.rows) == (None, ["a", "b"], [(2, ("1", "2"))])


@pytest.mark.parametrize("kind", ["truncated", "damaged", "plain", "bomb"])
def test_packed_text_that_cannot_be_unpacked_is_refused(kind: str, monkeypatch: pytest.MonkeyPatch):
    packed = gzip.compress(b"a,b\n" + b"1,2\n" * 50_000)
    data, found = {
        "truncated": (packed[:-100], "the file is damaged"),
        "damaged": (packed[:60] + b"\xff" * 40 + packed[100:], "the file is damaged"),
        "plain": (b"a,b\n1,2\n", "the file is text, not compressed by gzip"),
        "bomb": (packed, "the file unpacks to more than 100,000 bytes"),
    }[kind]
    if kind == "bomb":
        monkeypatch.setattr(packed_text, "MAX_UNPACKED_BYTES", 100_000)
    assert refusal(data, "csv.gz")[0].startswith(found)


def test_the_rest_of_a_sheet_is_not_read_if_another_one_is_asked_for(tmp_path: Path):
    rows: Rows = [["Date", "Amount"], *(["2025-01-31", number] for number in range(70_000))]
    path = tmp_path / "book.xlsx"
    path.write_bytes(xlsx({"A": rows, "B": [["Other"], [7]], "C": rows}))
    with path.open("rb") as stream, workbook_process.WorkbookProcess(stream) as process:
        _, batches = process.open_sheet(0)
        assert next(batches)[1][:2] == ["Amount", "0"]
        area, others = process.open_sheet(1)
        assert (area.width, list(others)) == (1, [[["Other", "7"]]])
        _, again = process.open_sheet(2)
        assert [text for columns in again for text in columns[1]] == ["Amount", *map(str, range(70_000))]
