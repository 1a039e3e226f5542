"""Lines whose amount is a formula that adds up other lines: a total with a code of its own, which would count twice."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from finance_platform.feeds.files.formula_sums import Area, FormulaSum, FormulaSums, add_sums, read_sum
from finance_platform.feeds.files.xls_formulas import Place, read_tokens
from finance_platform.refresh.file_check.feed_check import FileCheck
from finance_platform_tests.unit.checked_files import check_written
from finance_platform_tests.unit.feeds.other_formats import ENDINGS, declare
from finance_platform_tests.workbooks import Formula, Rows, container, xls_stream, xlsx

WIDE = """\
feed: x
kind: ledger
path: "x.{xlsx,xls,ods}"
columns: {date: {formats: [yyyy-MM]}, department: Unit, account: Account}
unpivot: {columns: "20.*", into: date}
constants: {scenario: Budget}
"""
LINES = """\
feed: x
kind: ledger
path: x.xlsx
columns: {date: Date, department: Unit, account: Account, amount: %s}
constants: {scenario: Actual}
"""
HEADER = ["Unit", "Account", "2025-01", "2025-02"]
TOTALS: Rows = [
    HEADER,
    ["D1", "6999", Formula("SUM(C3:C4)", 5), Formula("D3+D4", 7)],
    ["D1", "6000", 1, 2],
    ["D1", "6001", 4, 5],
    ["D1", "9999", Formula("ROUND(SUM(C$2)+SUBTOTAL(9,$C$5:C5),2)", 5), None],
]
PLAN = declare("plan with totals that are formulas", lambda path: path.write_bytes(xlsx({"Plan": TOTALS})))


def read(folder: Path, descriptor: str = WIDE, ending: str = "xlsx") -> FileCheck:
    return check_written(folder, descriptor, f"x.{ending}")


def check(folder: Path, rows: Rows, descriptor: str = WIDE) -> FileCheck:
    (folder / "x.xlsx").write_bytes(xlsx({"Plan": rows}))
    return read(folder, descriptor)


@pytest.mark.parametrize("ending", ENDINGS)
def test_totals_that_are_formulas_hold_the_file_wherever_they_are(
    tmp_path: Path, take: Callable[[str, str], None], ending: str
):
    take(PLAN, ending)
    (reason,) = (held := read(tmp_path, ending=ending).holds)
    assert reason == (
        "3 amounts are the sum of other amounts by a formula, first =SUM(C3:C4) of '2025-01' on sheet 'Plan' row 2, "
        "and count beside them"
    )
    assert "add a rule of control_total or skip" in held[reason]


def test_totals_that_the_descriptor_claims_hold_nothing(tmp_path: Path):
    skip = 'skip: [{column: Account, matches: "999$", may_hold_money: true}]\n'
    assert not check(tmp_path, TOTALS, WIDE + skip).holds


def test_a_column_that_adds_up_months_holds_the_file(tmp_path: Path):
    rows: Rows = [[*HEADER, "2025-03"], ["D1", "6000", 1, 2, Formula("SUM(C2:D2)", 3)]]
    (reason,) = check(tmp_path, rows).holds
    assert reason.startswith("1 amount is the sum of other amounts by a formula, first =SUM(C2:D2) of '2025-03' on")


@pytest.mark.parametrize(
    "total",
    [
        Formula("C2*0.2", 2),
        Formula("C2", 1),  # as the line above
        Formula("-SUM(C2:C3)", -5),  # the line against them
        Formula("SUM(Detail!C2:C9)", 5),
        Formula("SUM(C2:C3)*1.05", 5.25),
        Formula("SUM(A2:B3)", 5),  # no amounts
        Formula("SUM(C7:C9)", 5),  # below the lines
        5,
    ],
)
def test_formulas_that_are_no_totals_of_lines_hold_nothing(tmp_path: Path, total: object):
    assert not check(tmp_path, [HEADER, ["D1", "6000", 1, 2], ["D1", "6001", 4, 5], ["D1", "6002", total, 3]]).holds


def test_an_amount_that_is_paid_for_earlier_months_holds_nothing(tmp_path: Path):
    header = [*HEADER, "2025-03"]
    tax: Rows = [header, ["D1", "6000", 1, 2, 4], ["D1", "6001", None, None, Formula("C2+D2", 3)]]
    assert not check(tmp_path, tax).holds
    assert check(tmp_path, [header, tax[1], ["D1", "6001", None, None, Formula("SUM(C2:E2)", 7)]]).holds


def journal(header: Sequence[str], *more: object) -> Rows:
    first = ["2025-01-31", "D1"]
    lines = [["6000", 1, *more[:1]], ["6001", 4, *more[:1]], ["9000", Formula("SUM(D2:D3)", 5), *more[1:]]]
    return [[*header], *([*first, *line] for line in lines)]


def test_a_line_that_is_the_sum_of_others_holds_the_file_unless_it_has_another_side(tmp_path: Path):
    header = ["Date", "Unit", "Account", "Amount"]
    assert check(tmp_path, journal(header), LINES % "Amount").holds
    sided = "{from: Amount, sign_column: {from: Side, negative: [H], positive: [S]}}"
    checked = check(tmp_path, journal([*header, "Side"], "S", "H"), LINES % sided)
    assert not checked.holds


@pytest.mark.parametrize(
    "total",
    [
        Formula('SUMIF(A$2:A$4,"D1",C$2:C$4)', 5),
        Formula("SUMIF($A$2:$A$4,A5,C2:C4)", 5),
        Formula('SUMIFS(C2:C4,A2:A4,"D1",B2:B4,">5")', 5),
    ],
)
def test_a_sum_of_lines_that_a_condition_chooses_holds_the_file(tmp_path: Path, total: object):
    lines: Rows = [["D1", "6000", 1, 2], ["D1", "6001", 4, 5], ["D2", "6001", None, 3]]
    (reason,) = check(tmp_path, [HEADER, *lines, ["D1", "6999", total, 3]]).holds
    assert reason.startswith("1 amount is the sum of other amounts by a formula, first =SUMIF")


@pytest.mark.parametrize(
    "total",
    [
        Formula('SUMIF(A$2:A$9,"D1",C$2:C$9)', 5),  # most cells are no lines
        Formula('SUMIF(Detail!A2:A4,"D1",Detail!C2:C4)', 5),
        Formula('-SUMIF(A2:A3,"D1",C2:C3)', -5),
        Formula('SUMIF(A2:A3,"D1",C2:C3)*0.2', 1),
        Formula('SUMIF(C2:C3,">1")', 4),
    ],
)
def test_other_sums_with_a_condition_hold_nothing(tmp_path: Path, total: object):
    lines: Rows = [["D1", "6000", 1, 2], ["D1", "6001", 4, 5]]
    assert not check(tmp_path, [HEADER, *lines, ["D1", "6002", total, 3]]).holds


@pytest.mark.parametrize(
    ("formula", "areas"),
    [
        ("SUM(C2:C3)", [Area(2, 2, 3, 2)]),
        ("of:=SUM([.C2:.C3];[.AA5])", [Area(2, 2, 3, 2), Area(5, 26, 5, 26)]),
        ("=$C$3+C2", [Area(3, 2, 3, 2), Area(2, 2, 2, 2)]),
        ("SUBTOTAL(109,D9:C2)", [Area(2, 2, 9, 3)]),
        ('of:=SUMIF([.A2:.A3];"D 1";[.C2:.C3])', [Area(2, 2, 3, 2)]),
        ("SUMIFS($D2:D3,A2:A3,F$1,B2:B3,10)", [Area(2, 3, 3, 3)]),
        ("SUMIF(A2:A3,F1)", None),
        ("C2", None),
        ("SUM(C2:C3)-C4", None),
        ("of:=SUM([Detail.C2:.C3])", None),
        ("AVERAGE(C2:C3)", None),
        ("SUBTOTAL(1,C2:C3)", None),
        ("SUM(C2:C3", None),
        ("+".join(["C2"] * 200), None),
    ],
)
def test_a_formula_that_only_adds_up_cells_is_read(formula: str, areas: list[Area] | None):
    found = read_sum(formula)
    assert (list(found.areas) if found else None) == areas


def test_sums_are_found_in_any_form_of_xml():
    sums: FormulaSums = {}
    add_sums(
        b'<c r="C4" s="1"><f t="shared" ref="C4:D4" si="0">SUM(C2:C3)</f><v>5</v></c><c r="D4"><f t="shared" si="0"/>'
        b"<v>7</v></c><x:c r='AA5'><x:f>C2+C3</x:f><x:v>5</x:v></x:c>",
        sums,
    )
    assert {place: found.text for place, found in sums.items()} == {(4, 2): "SUM(C2:C3)", (5, 26): "C2+C3"}


def cell(row: int, column: int) -> bytes:
    return struct.pack("<BHH", 0x44, row, column)


def area(first: int, last: int, left: int, right: int, kind: int = 0x25) -> bytes:
    return struct.pack("<BHHHH", kind, first, last, left, right)


@pytest.mark.parametrize(
    ("tokens", "text"),
    [
        (area(2, 3, 2, 2) + b"\x19\x10\0\0", "SUM(C3:C4)"),
        (area(2, 3, 0xC002, 0xC002) + b"\x19\x10\0\0", "SUM(C3:C4)"),  # as relative references
        (area(2, 3, 2, 2) + cell(7, 27) + b"\x42\x02\x04\0", "SUM(C3:C4,AB8)"),
        (b"\x19\x40\0\1" + cell(2, 2) + cell(4, 2) + b"\x03\x15", "(C3+C5)"),
        (b"\x1e\x09\0" + area(2, 3, 2, 2) + b"\x42\x02\x58\x01", "SUBTOTAL(9,C3:C4)"),
        (area(2, 3, 2, 2) + b"\x19\x10\0\0\x1e\x02\0\x41\x1b\0", "ROUND(SUM(C3:C4),2)"),
        (area(0xFFFD, 0xFFFE, 0xC000, 0xC000, 0x2D) + b"\x19\x10\0\0", "SUM(C7:C8)"),  # three and two rows above
        (struct.pack("<BHH", 0x4C, 0xFFFF, 0xC0FF) + struct.pack("<BHH", 0x4C, 3, 1) + b"\x03", "B9+B4"),
        (cell(2, 2), None),  # a copy
        (cell(2, 2) + cell(4, 2) + b"\x04", None),  # a difference
        (cell(2, 2) + b"\x1e\x02\0\x05", None),  # a product
        (area(2, 3, 2, 2) + b"\x42\x01\x05\0", None),  # AVERAGE
        (b"\x3a\0\0\1\0\2\0" + cell(4, 2) + b"\x03", None),  # a cell of another sheet
        (area(2, 3, 2, 2)[:5], None),
        (b"\x03", None),
        (b"\x42\x09\x04\0", None),
        (b"", None),
        (cell(2, 2) * 200, None),
    ],
)
def test_a_formula_of_an_older_workbook_is_read_from_its_tokens(tokens: bytes, text: str | None):
    found = read_tokens(tokens, Place(9, 2))
    assert (found and found.text) == text


def test_a_shared_formula_of_an_older_workbook_is_read_for_each_of_its_cells(tmp_path: Path):
    rows: Rows = [HEADER, ["D1", "6000", 1, 2], ["D1", "6001", 4, 5], ["D1", "6999", 5, 7]]
    shared = area(0xFFFE, 0xFFFF, 0xC000, 0xC000, 0x2D) + b"\x19\x10\0\0"
    formula = struct.pack("<HHHdHIHBHH", 3, 2, 15, 5, 0, 0, 5, 1, 3, 2)
    other = struct.pack("<HHHdHIHBHH", 3, 3, 15, 7, 0, 0, 5, 1, 3, 2)
    record = struct.pack("<HHBBBBH", 3, 3, 2, 3, 0, 2, len(shared)) + shared
    numbers = [struct.pack("<HHHHHd", 0x203, 14, 3, column, 15, value) for column, value in ((2, 5), (3, 7))]
    stream = xls_stream({"Plan": rows})
    assert numbers[0] + numbers[1] in stream
    parts = [(0x06, formula), (0x4BC, record), (0x06, other)]
    new = b"".join(struct.pack("<HH", kind, len(data)) + data for kind, data in parts)
    (tmp_path / "x.xls").write_bytes(container("Workbook", stream.replace(numbers[0] + numbers[1], new)))
    (reason,) = read(tmp_path, ending="xls").holds
    assert reason.startswith("2 amounts are the sum of other amounts by a formula, first =SUM(C2:C3) of '2025-01'")


def test_a_condition_is_read_with_its_quotes_escaped_and_with_bytes_that_are_no_text():
    """LibreOffice escapes quotes; a file with such bytes is damaged, which its parser reports."""
    sums: FormulaSums = {}
    add_sums(b'<c r="C5"><f>SUMIF(A2:A4,&quot;R&amp;D&quot;,C2:C4)</f></c>', sums)
    add_sums(b'<c r="C6"><f>SUMIF(A2:A4,"D\xff",C2:C4)</f></c>', sums)
    assert sums[5, 2] == FormulaSum('SUMIF(A2:A4,"R&D",C2:C4)', (Area(2, 2, 4, 2),), is_of_some=True)
