"""The likely cause of a file that fails as a whole, and the fix with a sample value."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest

from finance_platform.feeds.read_file import FileToRead, read_file
from finance_platform.storage.local import LocalStore
from finance_platform_tests.unit.checked_files import check_text
from finance_platform_tests.unit.factories import LEDGER, feed, with_columns, with_lines, write
from finance_platform_tests.workbooks import Rows, xlsx

HEADER = "Date,Dept,Account,Amount"


def summary_of(root: Path, content: str | bytes, text: str = LEDGER, **values: Any) -> dict[str, Any]:
    """The summary row of a file."""
    data = content if isinstance(content, bytes) else content.encode()
    write(root / "file.csv", data)
    file = FileToRead("d1", "file.csv", "ledger", hashlib.sha256(data).hexdigest())
    batches = read_file("ledger", feed(text, **values), LocalStore(root), file)
    rows: list[dict[str, Any]] = [row for batch in batches for row in batch.to_pylist()]
    return rows[-1]


def findings_of(root: Path, content: str, text: str = LEDGER, **values: Any) -> dict[str, Any]:
    findings: dict[str, Any] = json.loads(summary_of(root, content, text, **values)["findings"])
    return findings


@pytest.mark.parametrize(
    ("content", "text", "fix"),
    [
        ("Date;Dept;Account;Amount\n2025-01-01;D;1;5\n", LEDGER, "set dialect.delimiter: ';' in the descriptor"),
        ("Date\tDept\tAccount\tAmount\n", LEDGER, 'set dialect.delimiter: "\\t" in the descriptor'),
        (f"{HEADER}\n", with_lines(LEDGER, dialect="{delimiter: ';'}"), "set dialect.delimiter: ',' in the descriptor"),
        (f"Ledger of 2025\n\n{HEADER}\n", LEDGER, "set dialect.header_row: 3 in the descriptor"),
        (f"{HEADER}\n1,2,3,4\n", with_lines(LEDGER, dialect="{header_row: 2}"), "set dialect.header_row: 1"),
        (
            "Ledger\nDate|Dept|Account|Amount\n",
            LEDGER,
            "set dialect: {delimiter: '|', header_row: 2} in the descriptor",
        ),
    ],
)
def test_a_missing_column_is_explained_by_delimiter_or_header_row(
    tmp_path: Path, content: str, text: str, fix: str
) -> None:
    summary = summary_of(tmp_path, content, text)
    assert (summary["outcome"], summary["raw_row"][: len(fix)]) == ("refused", fix)
    assert "the header lacks the column for" in summary["reasons"]


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("!TRNS\tDATE\tACCNT\n!ENDTRNS\nTRNS\t3/5/2025\tBank\n", "an IIF file of QuickBooks"),
        ('#FLAGGA 0\r\n#KONTO 5010 "Lokalhyra"\r\n', "a SIE file"),
        ("!Type:Bank\nD03/05/2025\nT-5.00\n^\n", "a QIF file"),
        ("OFXHEADER:100\nDATA:OFXSGML\n", "an OFX file"),
        ("\r\n:20:STARTUMS\r\n:60F:C250301EUR5,00\r\n", "an MT940 file"),
        ('[\n  {"account": "6110"},\n  {"account": "6120"}\n]\n', "a JSON document"),
    ],
)
@pytest.mark.parametrize("delimiter", [",", "\\t"])
def test_a_file_that_programs_exchange_is_named_and_not_its_columns(
    tmp_path: Path, text: str, finding: str, delimiter: str
) -> None:
    summary = summary_of(tmp_path, text, with_lines(LEDGER, dialect=f'{{delimiter: "{delimiter}"}}'))
    assert (summary["outcome"], summary["reasons"]) == ("refused", f"the file is {finding}, not a table")
    assert summary["raw_row"].startswith("export ")


WITH_COVER: dict[str, Rows] = {
    "Cover": [["Budget 2025"]],
    "Data": [HEADER.split(","), ["2025-01-01", "D", "1", 5]],
}


def refusal_of(root: Path, data: bytes, name: str = "x.xlsx", **replaced: str) -> tuple[str, str]:
    check = check_text(root, data, with_lines(LEDGER, path=name, **replaced), name)
    return check.refusal, check.fix


def test_a_sheet_without_the_columns_is_named_if_the_feed_reads_several(tmp_path: Path):
    found, fix = refusal_of(tmp_path, xlsx(WITH_COVER), sheet='["*"]')
    assert found.startswith("sheet 'Cover': the header lacks the column for")
    assert fix.endswith("if this sheet does not belong to the feed, name those that do in sheet: in the descriptor")


def test_hidden_sheets_are_named_if_the_visible_one_lacks_the_columns(tmp_path: Path):
    found, _ = refusal_of(tmp_path, xlsx(WITH_COVER, hidden=["Data"]))
    assert found.startswith("sheet 'Cover': the header lacks the column for")
    assert found.endswith("hidden sheets were not read: 'Data'")


def test_a_web_archive_in_place_of_a_workbook_is_named(tmp_path: Path):
    """As reporting systems export it for Excel."""
    data = b"MIME-Version: 1.0\r\nX-Document-Type: Workbook\r\nContent-Type: multipart/related; boundary=x\r\n\r\n"
    found, fix = refusal_of(tmp_path, data, "x.xls")
    assert found == "the file is a web archive, not a workbook"
    assert "save it as .xlsx" in fix


@pytest.mark.parametrize(("days", "is_serial"), [(["45658", "45689.5"], True), (["4000", "4010"], False)])
def test_days_that_are_numbers_of_a_spreadsheet_are_explained(tmp_path: Path, days: list[str], is_serial: bool):
    rows = "".join(f"{day},D,1,5\n" for day in days)
    advice = findings_of(tmp_path, f"{HEADER}\n{rows}")["advice"]
    assert ("set columns.date.formats: [excel_serial]" in advice) == is_serial


@pytest.mark.parametrize(
    ("content", "dialect"),
    [
        ("2025-01-31,Ann Smith,4000,5.00\n2025-02-28,D,4000,6.00\n", "header_row: 0"),
        ("31.01.2025;Ann Smith;4000;1.234,56\n", "delimiter: ';', header_row: 0"),
    ],
)
def test_a_file_without_a_header_is_explained_and_its_cells_are_not_quoted(
    tmp_path: Path, content: str, dialect: str
) -> None:
    summary = summary_of(tmp_path, content)
    assert summary["reasons"] == (
        "line 1 looks like data and not like a header: it has a date and an amount, "
        "but no column Date, Dept, Account, Amount"
    )
    assert summary["raw_row"] == (
        f"if the file has no header, set dialect: {{{dialect}, names: [...]}} in the descriptor, with a name for each "
        "of the 4 columns, among them Date, Dept, Account, Amount"
    )


@pytest.mark.parametrize(
    "header", ["Day,Area,Code,Net", "Date,2025-01,4000,5", "Area,2025-01,2025-02", "Area,2024,2025"]
)
def test_a_header_of_names_is_not_taken_for_data(tmp_path: Path, header: str) -> None:
    assert "header_row: 0" not in summary_of(tmp_path, f"{header}\n2025-01-31,D,4000,5.00\n")["raw_row"]


def test_a_row_of_data_with_the_same_number_twice_is_not_only_explained_as_a_header(tmp_path: Path) -> None:
    fix = summary_of(tmp_path, "2025-01-31,D,5,5\n")["raw_row"]
    assert "if the file has no header, set dialect: {header_row: 0, names: [...]}" in fix
    assert "header_row: 0" not in summary_of(tmp_path, "Date,D,D\n")["raw_row"]


def test_a_missing_column_that_no_row_has_keeps_its_own_fix(tmp_path: Path) -> None:
    summary = summary_of(tmp_path, "Date,Dept,Acount,Amount\n2025-01-01,D,1,5\n")
    assert "is it 'Acount'?" in summary["reasons"]
    assert "columns.account.from" in summary["raw_row"]


@pytest.mark.parametrize(
    ("header", "row", "words"),
    [
        (
            "Date,Dept,Account,Amounts,Netto",
            "2025-01-01,D,1,n/a,5.00",
            (
                "the header lacks the column for amount: expected 'Amount', found Date, Dept, Account, Amounts, Netto; "
                "is it 'Netto'?"
            ),
        ),
        (
            "Posted,Dept,Acct,Betrag,Memo",
            "2025-01-01,D,1,5.00,x",
            (
                "the header lacks the column for date: expected 'Date', found Posted, Dept, Acct, Betrag, Memo; is it "
                "'Posted'?; it also lacks account ('Account', is it 'Acct'?), amount ('Amount', is it 'Betrag'?)"
            ),
        ),
        (
            "Date,Dept,Account,Net,Gross",
            "2025-01-01,D,1,5.00,6.00",
            "the header lacks the column for amount: expected 'Amount', found Date, Dept, Account, Net, Gross",
        ),
    ],
)
def test_a_column_is_proposed_only_if_its_cells_can_be_read_as_the_field(
    header: str, row: str, words: str, tmp_path: Path
) -> None:
    summary = summary_of(tmp_path, f"{header}\n{row}\n")
    assert (summary["outcome"], summary["reasons"]) == ("refused", words)
    assert list(json.loads(summary["header"])) == header.split(",")


@pytest.mark.parametrize(
    ("amounts", "fix"),
    [
        (('"1.234,56"', '"5,00"'), "set columns.amount.decimal: ',' and columns.amount.thousands: '.'"),
        (('"5,50"',), "set columns.amount.decimal: ',' and columns.amount.thousands: '.'"),
        (("1'234.56",), "set columns.amount.decimal: '.' and columns.amount.thousands: \"'\""),
        (("none", "nil"), "check columns.amount.from, .decimal and .thousands"),
        (("5 CR", "7 DR"), "set sign: debit_positive in the descriptor, if the amounts are debit less credit"),
        (("5 C", "7 D"), "set sign: debit_positive in the descriptor, if the amounts are debit less credit"),
    ],
)
def test_amounts_under_other_marks_are_explained_by_a_sample(
    tmp_path: Path, amounts: tuple[str, ...], fix: str
) -> None:
    rows = "".join(f"2025-01-01,D,1,{amount}\n" for amount in amounts)
    findings = findings_of(tmp_path, f"{HEADER}\n{rows}")
    assert amounts[0].strip('"') in findings["cause"]
    assert findings["advice"].startswith(fix)


@pytest.mark.parametrize(
    ("sign", "amount", "fix"),
    [
        ("credit_positive", "5 C", "set sign: debit_positive"),
        ("debit_positive", "-5 C", "leave out the other sign"),
    ],
)
def test_the_fix_of_amounts_with_a_side_depends_on_the_rule_of_signs(
    sign: str, amount: str, fix: str, tmp_path: Path
) -> None:
    text = f"{LEDGER}\nsign: {sign}\n"
    assert findings_of(tmp_path, f"{HEADER}\n2025-01-01,D,1,{amount}\n", text)["advice"].startswith(fix)


def test_debits_that_state_that_they_are_credits_may_be_in_exchanged_columns(tmp_path: Path) -> None:
    text = LEDGER.replace("amount: {from: Amount,", "amount: {from: {debit: Dr, credit: Cr},")
    assert "debit: Dr" in text
    header = HEADER.replace("Amount", "Dr,Cr")
    findings = findings_of(tmp_path, f"{header}\n2025-01-01,D,1,5.00 C,\n2025-01-02,D,1,,6.00 D\n", text)
    assert findings["advice"].startswith("exchange the headers of debit and credit in columns.amount.from")


def test_a_mark_that_a_feed_does_not_have_is_not_named(tmp_path: Path) -> None:
    text = re.sub("thousands: '?\"?,'?\"?", "", LEDGER)
    cause = findings_of(tmp_path, f"{HEADER}\n2025-01-01,D,1,none\n", text)["cause"]
    assert cause == "no amount is valid under decimal '.' and no thousands, such as 'none'"


@pytest.mark.parametrize(
    ("days", "fix"),
    [
        (("31.01.2025",), "set columns.date.formats: [dd.MM.yyyy]"),
        (("31/01/2025", "01/02/2025"), "set columns.date.formats: [dd/MM/yyyy]"),
        (("01/31/2025", "01/02/2025"), "set columns.date.formats: [MM/dd/yyyy]"),
        (("01/13/2025", "1/2/2025"), "set columns.date.formats: [M/d/yyyy]"),
        (("01/02/2025",), "set columns.date.formats: [dd/MM/yyyy] in the descriptor, or [MM/dd/yyyy]"),
        (("20250131",), "set columns.date.formats: [yyyyMMdd]"),
        (("2025-01-31T23:30:00-05:00",), """set columns.date.formats: ["yyyy-MM-ddTHH:mm:ss'-05:00'"]"""),
        (("2025-01-31 23:30:00 UTC",), """set columns.date.formats: ["yyyy-MM-dd HH:mm:ss' UTC'"]"""),
        (("2025-01-31 23:30:00.123456",), "set columns.date.formats: [yyyy-MM-dd HH:mm:ss.S]"),
        (("4000",), "set columns.date.formats in the descriptor to the form of '4000'"),
    ],
)
def test_dates_of_another_form_are_explained_by_a_sample(tmp_path: Path, days: tuple[str, ...], fix: str) -> None:
    rows = "".join(f"{day},D,1,5\n" for day in days)
    findings = findings_of(tmp_path, f"{HEADER}\n{rows}")
    assert repr(days[0]) in findings["cause"]
    assert findings["advice"].startswith(fix)


@pytest.mark.parametrize("days", [("31/01/2025",), ("31.01.2025", "01.02.2025"), ("01/31/2025",), ("20250131",)])
def test_a_form_that_reads_every_sample_alike_is_no_alternative(tmp_path: Path, days: tuple[str, ...]) -> None:
    rows = "".join(f"{day},D,1,5\n" for day in days)
    assert findings_of(tmp_path, f"{HEADER}\n{rows}")["advice"].endswith("] in the descriptor")


@pytest.mark.parametrize("cell", ["Rosalind Featherstonehaugh", "12 Rosalind Street", "Ms. F. (2nd)"])
def test_a_sample_that_may_name_a_person_is_not_quoted(tmp_path: Path, cell: str) -> None:
    """A mapping to the wrong column must not carry its texts into events and alerts."""
    for row in (f"2025-01-01,D,1,{cell}\n", f"{cell},D,1,5\n"):
        findings = findings_of(tmp_path, f"{HEADER}\n{row}")
        assert findings["cause"].endswith(f"such as a text of {len(cell)} characters")
        assert cell not in str(findings)


def test_what_was_removed_from_free_text_is_noted_without_it(tmp_path: Path) -> None:
    text = with_columns({"description": "Text"})
    row = "2025-01-01,D\u200b1,1,5,Ros\u200balind\n"
    notes = findings_of(tmp_path, f"{HEADER},Text\n{row}", text)["notes"]
    assert sorted(notes) == [
        "department: invisible characters were removed, first on line 2 ('D1')",
        "description: invisible characters were removed, first on line 2",
    ]


@pytest.mark.parametrize("row", ["2025-01-01,D\u200b1,1,5", '2025-01-01,"=""D1""",1,5', '2025-01-01,D1,1,"1,234"'])
def test_every_note_about_cells_has_a_fix(tmp_path: Path, row: str) -> None:
    (note,) = findings_of(tmp_path, f"{HEADER}\n{row}\n")["notes"].values()
    assert (note["count"], len(note["fix"]) > 20) == (1, True)


def test_the_note_about_a_byte_order_mark_has_a_fix(tmp_path: Path) -> None:
    text = with_lines(LEDGER, dialect="{encoding: cp1252}")
    (note,) = findings_of(tmp_path, f"\ufeff{HEADER}\n2025-01-01,D1,1,5\n", text)["notes"].values()
    assert note["fix"].startswith("set dialect.encoding: utf-8 in the descriptor")


def test_a_file_in_one_foreign_currency_is_explained_by_the_home_s_currency(tmp_path: Path) -> None:
    findings = findings_of(tmp_path, f"{HEADER}\n2025-01-01,D,1,€5\n2025-01-02,D,1,EUR 6\n")
    assert findings["cause"] == "every row is in another currency than the home's, USD, such as '€5'"
    assert "FINANCE_PLATFORM_CURRENCY=EUR" in findings["advice"]
    findings = findings_of(tmp_path, f"{HEADER}\n2025-01-01,D,1,5 kr\n2025-01-02,D,1,6 kr\n")
    assert findings["advice"].endswith("FINANCE_PLATFORM_CURRENCY=the file's currency: DKK, ISK, NOK or SEK")
    findings = findings_of(tmp_path, f"{HEADER}\n2025-01-01,D,1,5 kr\n2025-01-02,D,1,SEK 6\n")
    assert findings["advice"].endswith("FINANCE_PLATFORM_CURRENCY=SEK")
    column = with_columns({"currency": "Ccy"})
    findings = findings_of(tmp_path, f"{HEADER},Ccy\n2025-01-01,D,1,5,xx\n", column)
    assert findings["advice"].endswith("FINANCE_PLATFORM_CURRENCY=the file's currency")
    findings = findings_of(tmp_path, f"{HEADER},Ccy\n2025-01-01,D,1,5,SEK\n", column)
    assert "FINANCE_PLATFORM_CURRENCY=SEK" in findings["advice"]


def test_rows_that_are_longer_than_the_header_are_explained_by_the_dialect(tmp_path: Path) -> None:
    findings = findings_of(tmp_path, f"{HEADER}\n2025-01-01,D,1,5,y\n2025-01-02,D,1,6,x\n")
    assert findings["cause"] == "every row has more cells than the header, such as line 2"
    assert findings["advice"] == "check dialect.delimiter, .quote and .header_row in the descriptor"


def test_a_file_with_one_accepted_row_or_without_rows_has_no_cause(tmp_path: Path) -> None:
    for rows in ("2025-01-01,D,1,x\n2025-01-02,D,1,6\n", "", "\n,,,\n"):
        findings = findings_of(tmp_path, f"{HEADER}\n{rows}")
        assert (findings["cause"], findings["advice"]) == ("", "")


def test_rows_that_fail_for_different_reasons_have_no_common_cause(tmp_path: Path) -> None:
    findings = findings_of(tmp_path, f"{HEADER}\n2025-01-01,D,1,x\nx,D,1,6\n")
    assert findings["cause"] == ""


AMBIGUOUS = "amount: one mark before three digits could mean two things and was read as declared"
COMMA = with_columns({"amount": '{from: Amount, decimal: ",", thousands: "."}'})


@pytest.mark.parametrize(
    ("amounts", "text", "is_noted"),
    [
        (("1.234",), COMMA, True),
        (("1.234", "(5.678)", "7"), COMMA, True),
        (("1.234", '"12,50"'), COMMA, False),
        (("1.234", '"1.234.567"'), COMMA, False),
        (('"1,234"',), COMMA, True),
        (('"1,234"',), LEDGER, True),
        (('"1,234"', "12.50"), LEDGER, False),
        (('"1,234"', '"1,234.5"'), LEDGER, False),
        (("1.234",), LEDGER, True),
        (("1.234", "1.2345"), LEDGER, False),
        (("0.234", "1234.567", "12 345", "1000"), LEDGER, False),
    ],
)
def test_an_amount_that_could_mean_two_things_is_noted_unless_another_one_proves_the_marks(
    tmp_path: Path, amounts: tuple[str, ...], text: str, is_noted: bool
) -> None:
    rows = "".join(f"2025-01-01,D,1,{amount}\n" for amount in amounts)
    notes = findings_of(tmp_path, f"{HEADER}\n{rows}", text)["notes"]
    assert [note for note in notes if note.startswith(AMBIGUOUS)] == list(notes)
    assert bool(notes) == is_noted


def test_debits_and_credits_prove_each_other_s_marks(tmp_path: Path) -> None:
    pair = with_columns({"amount": '{from: {debit: Dr, credit: Cr}, decimal: ",", thousands: "."}'})
    content = 'Date,Dept,Account,Dr,Cr\n2025-01-01,D,1,1.234,\n2025-01-01,D,1,,"{}"\n'
    assert findings_of(tmp_path, content.format("5,00"), pair)["notes"] == {}
    assert findings_of(tmp_path, content.format("5"), pair)["notes"] != {}
