"""Files of which a part reads otherwise than it looks: signs of credits, second blocks, sheets that are not read."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from finance_platform.feeds.cells import FieldSource, RawBatch
from finance_platform.feeds.doubts import repeated_headers
from finance_platform.feeds.limits import MAX_VALUE_CHARACTERS
from finance_platform.feeds.resolved import FieldRule
from finance_platform.feeds.values.codes import fold
from finance_platform.feeds.values.hidden_characters import clean_cell
from finance_platform.feeds.violations import REJECTED
from finance_platform.refresh.file_check.feed_check import FileCheck
from finance_platform_tests.unit.checked_files import check_text, check_written, net
from finance_platform_tests.workbooks import xlsx

LEDGER = """\
feed: x
kind: ledger
path: x.csv
columns: {date: Date, department: Unit, account: Account, amount: %s}
constants: {scenario: Actual}
tolerance: {rejected_rows: 0.9}
"""
WIDE = """\
feed: x
kind: ledger
path: x.csv
columns: {date: {formats: [yyyy-MM]}, department: Unit, account: Account}
unpivot: {columns: ["2025-01", "2025-02"], into: date}
constants: {scenario: Budget}
tolerance: {rejected_rows: 0.9}
"""
PAIR = "{debit: Dr, credit: Cr%s}"


def of_sides(folder: Path, lines: list[str], signed: str = "") -> FileCheck:
    pair = PAIR % (f", signed: {signed}" if signed else "")
    rows = "".join(f"2025-01-31,D1,4000,{line}\n" for line in lines)
    return check_text(folder, "Date,Unit,Account,Dr,Cr\n" + rows, LEDGER % pair)


def of_signs(check: FileCheck) -> list[str]:
    """Return the reasons about the sign of credits."""
    return [reason for reason in check.holds if "column 'Cr'" in reason]


def test_credits_that_all_have_a_minus_hold_the_file(tmp_path: Path):
    """Debit less credit of 100.00 and -30.00 would be 130.00."""
    check = of_sides(tmp_path, ["100.00,", ",-30.00", "0.00,-5.00"])
    (reason,) = check.holds
    assert reason == (
        "every amount of the column 'Cr' has a minus, so that debit less credit adds it; its 2 amounts add up to -35.00"
    )
    assert check.holds[reason] == (
        "if the minus marks a credit, write from: {debit: Dr, credit: Cr, signed: true} in the descriptor; if these "
        "lines reverse credits, accept the file, or write {debit: Dr, credit: Cr, signed: false}"
    )


def test_signed_credits_are_added_to_the_debits(tmp_path: Path):
    check = of_sides(tmp_path, ["100.00,", ",-30.00", "0.005,-5.00"], signed="true")
    assert not check.holds
    assert net(check) == Decimal("65.01")
    assert check.rounding == Decimal("0.005")


def test_debits_with_a_minus_beside_credits_without_hold_the_file(tmp_path: Path):
    """Of -10.00 and 5.00, as a bank prints them, debit less credit would be -15.00."""
    lines = ["-10.00,", ",5.00"]
    check = of_sides(tmp_path, lines)
    (reason,) = check.holds
    assert reason == (
        "every amount of the column 'Dr' has a minus and none of 'Cr' has, so that debit less credit subtracts both; "
        "the credits' amount is 5.00"
    )
    assert "write from: {debit: Dr, credit: Cr, signed: true}" in check.holds[reason]
    signed = of_sides(tmp_path, lines, signed="true")
    assert not of_signs(signed)
    assert net(signed) == Decimal("-5.00")


def test_credits_without_a_minus_under_signed_hold_the_file(tmp_path: Path):
    check = of_sides(tmp_path, ["100.00,", ",30.00"], signed="true")
    (reason,) = check.holds
    assert reason.startswith("no amount of the column 'Cr' has a minus, although the descriptor has signed: true")


@pytest.mark.parametrize(
    ("lines", "signed", "amount"),
    [
        (["100.00,", ",30.00"], "", "70.00"),
        (["100.00,", ",30.00", ",-5.00"], "", "75.00"),  # one credit is reversed
        (["-100.00,", ",-30.00"], "", "-70.00"),  # every line is reversed
        (["100.00,", ",-30.00"], "false", "130.00"),
        (["-100.00,", ",30.00"], "false", "-130.00"),
        (["-100.00,", ",30.00", "5.00,"], "", "-125.00"),  # one debit is reversed
        (["100.00,", ",0.00"], "", "100.00"),
        (["100.00,", ",-30.00", ",5.00"], "true", "75.00"),
    ],
)
def test_other_signs_of_debits_and_credits_hold_nothing(tmp_path: Path, lines: list[str], signed: str, amount: str):
    check = of_sides(tmp_path, lines, signed)
    assert of_signs(check) == []
    assert net(check) == Decimal(amount)


def test_a_second_block_with_its_columns_in_another_order_holds_the_file(tmp_path: Path):
    """Every value below it is valid in the wrong column, and the one rejected row is tolerated."""
    text = "Date,Unit,Account,Net\n2025-01-03,460,6110,10.00\n\nDate,Account,Unit,Net\n2025-01-05,6110,460,99.00\n"
    check = check_text(tmp_path, text, LEDGER % "Net")
    (reason,) = check.holds
    assert reason == (
        "line 4 is a header again, with the columns in another order: 'Account' is where the header has 'Unit', so the "
        "rows below it are read wrong"
    )
    assert "send each block as a file of its own" in check.holds[reason]


def test_a_rejected_cell_that_is_longer_than_any_value_is_not_folded_to_look_for_a_header(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Marks in the worst order take four seconds."""
    folded: list[int] = []

    def measured(text: str) -> str:
        folded.append(len(text))
        return fold(text)

    monkeypatch.setattr(repeated_headers, "fold", measured)
    long = "x" * (MAX_VALUE_CHARACTERS + 1)
    check = check_text(
        tmp_path, f"Date,Unit,Account,Amount\nno day,D1,{long},1.00\nno day,D1,4000,2.00\n", LEDGER % "Amount"
    )
    assert check.outcomes["rejected"].rows == 2
    assert 0 < max(folded) <= MAX_VALUE_CHARACTERS


BETWEEN = st.sampled_from(["", "", "", " ", "\t", "\u200b", "\u00a0", "\x01", "\u00ad"])
NAMES = ("Cost Centre", "Kürzel 2", "ASSET_ID")


@st.composite
def spellings(draw: st.DrawFn) -> str:
    """A name of a column with other letters for some of its own, what cannot be seen between them, or a guard."""
    name = draw(st.sampled_from(NAMES))
    written = "".join(
        draw(
            st.sampled_from(
                [letter, letter.upper(), letter.lower(), *{"k": "\u212a", "s": "ſ"}.get(letter.lower(), "")]
            )
        )
        + draw(BETWEEN)
        for letter in name
    )
    return draw(st.sampled_from(["{}", " {} ", "'{}", '="{}"', "{}.", "{}2"])).format(written)


@given(st.tuples(*[spellings() | st.none() | st.text(max_size=4)] * len(NAMES)))
@example(("asset_id", "cost  centre", "KU\u0308RZEL 2"))
def test_a_header_again_is_found_however_its_names_are_spelled(row: tuple[str | None, ...]):
    header = [*NAMES]
    sources = {name: FieldSource(FieldRule(), (name,)) for name in header}
    headers = repeated_headers.RepeatedHeaders(header, sources)
    cells = {name: pa.array([text], pa.string()) for name, text in zip(header, row, strict=True)}
    headers.add(RawBatch(cells, pa.array([2]), pa.nulls(1, pa.string())), pa.array([REJECTED]))
    of_names = {fold(name): name for name in header}
    named = [None if text is None else of_names.get(fold(clean_cell(text)[0])) for text in row]
    has_moved = any(other not in (None, name) for name, other in zip(header, named, strict=True))
    assert bool(headers.doubts()) == (has_moved and len({*named} - {None}) >= 2)


def test_a_rule_that_skips_repeated_headers_does_not_skip_one_of_another_order(tmp_path: Path):
    first = "Date,Unit,Account,Net,Tax\n2025-01-03,D1,6110,10.00,1.00\n"
    second = "DATE,unit,account,tax,net\n2025-01-05,D1,6110,1.00,9.00\n"
    check = check_text(tmp_path, first + second, LEDGER % "Net" + 'skip: [{column: Date, matches: "(?i)^Date$"}]\n')
    assert [reason.partition(",")[0] for reason in check.holds] == ["line 3 is a header again"]


def test_months_in_another_order_in_a_second_block_hold_the_file(tmp_path: Path):
    text = "Unit,Account,2025-01,2025-02\nD1,4000,1.00,2.00\nUnit,Account,2025-02,2025-01\nD1,4100,4.00,3.00\n"
    check = check_text(tmp_path, text, WIDE)
    assert ["'2025-02' is where the header has '2025-01'" in reason for reason in check.holds] == [True]


@pytest.mark.parametrize(
    "repeated", ["Date,Unit,Account,Net", " date , UNIT,Account,Net", "Unit,,,", "Date,D1,Account,Net", "Page 1,,,"]
)
def test_a_header_that_is_repeated_as_it_is_holds_nothing(tmp_path: Path, repeated: str):
    rows = "2025-01-03,D1,6110,10.00\n"
    check = check_text(tmp_path, f"Date,Unit,Account,Net\n{rows}{repeated}\n{rows}", LEDGER % "Net")
    assert not check.holds
    assert net(check) == Decimal("20.00")


def test_a_total_is_no_header_although_a_column_has_its_name(tmp_path: Path):
    text = "Unit,Account,2025-01,2025-02,Total\nD1,4000,1.00,2.00,3.00\nTotal,Total,1.00,2.00,3.00\n"
    skip = "skip: [{column: Unit, matches: Total, may_hold_money: true}]\n"
    assert not check_text(tmp_path, text, WIDE + skip).holds


SHEETS = """\
feed: x
kind: ledger
path: x.xlsx
sheet: %s
columns: {date: {from_name: "^.+$", formats: [MMM yyyy, yyyy]}, department: Unit, account: Account, amount: Net}
constants: {scenario: Actual}
"""


@pytest.mark.parametrize(
    ("sheet", "names", "unread"),
    [
        ("[Jan 2025, Feb 2025]", ["Jan 2025", "Feb 2025", "Mar 2025"], "the sheet 'Mar 2025' is called like those"),
        ("['2023', '2024']", ["2023", "2024", "2025", "2026"], "the sheets '2025', '2026' are called like those"),
        ("[Jan 2025, Feb 2025]", ["Jan 2025", "Feb 2025", "Notes", "Sheet1"], ""),
        ("Jan 2025", ["Jan 2025", "Feb 2025"], ""),  # one of several was chosen
        ('"* 2025"', ["Jan 2025", "Feb 2025", "Mar 2025"], ""),
    ],
)
def test_a_sheet_that_is_called_like_those_that_are_read_holds_the_file(
    tmp_path: Path, sheet: str, names: list[str], unread: str
):
    """A workbook that grows by a sheet a month would lose it without a word."""
    (tmp_path / "x.xlsx").write_bytes(xlsx({name: [["Unit", "Account", "Net"], ["D1", "4000", 10]] for name in names}))
    check = check_written(tmp_path, SHEETS % sheet, "x.xlsx")
    assert [reason[: len(unread)] for reason in check.holds] == ([unread] if unread else [])
