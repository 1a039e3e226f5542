"""Rules of values: signs in a column, scales, types by prefix, codes that are filled or shortened, blank periods."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finance_platform.errors import DescriptorError, MissingColumnError
from finance_platform.feeds.cells import RawBatch
from finance_platform.feeds.descriptor.parser import parse_descriptor
from finance_platform.feeds.lines.ledger_lines import LedgerLines
from finance_platform.feeds.resolved import ResolvedFeed
from finance_platform.feeds.values.codes import fold, shorten_code
from finance_platform_tests.unit.factories import (
    LEDGER,
    Typed,
    feed,
    ledger_rows,
    raw_batch,
    reference_rows,
    with_columns,
    with_lines,
)

SIGNED = with_columns({"amount": "{from: Amount, sign_column: {from: [S/H, DC], negative: [H]}}"})


def notes_of(text: str, header: list[str], *rows: list[str]) -> dict[str, int]:
    lines = LedgerLines(feed(text), header)
    lines.type_batch(raw_batch(header, rows))
    return {words: note.count for words, note in lines.notes.items()}


# Signs in a column


def test_a_column_gives_amounts_their_sign_whatever_its_case() -> None:
    typed = ledger_rows(SIGNED, {"Amount": "1.005", "S/H": "S"}, {"Amount": "1.005", "S/H": " h "})
    assert typed.column("amount") == [Decimal("1.01"), Decimal("-1.01")]
    assert typed.parsed is not None
    assert typed.parsed.exact == {0: Decimal("1.005"), 1: Decimal("-1.005")}


@pytest.mark.parametrize(
    ("row", "rule", "words"),
    [
        ({"S/H": ""}, "blank_sign", "the column of the amount's sign is blank"),
        (
            {"S/H": "X"},
            "unknown_sign",
            "sign: 'X' is none of H (negative) and S (positive); add it to columns.amount.sign_column",
        ),
        (
            {"S/H": "H", "Amount": "-5"},
            "signed_twice",
            "amount: '-5' has a sign of its own beside the sign column's 'H', so it could mean two things",
        ),
    ],
)
def test_a_sign_that_is_blank_unknown_or_given_twice_rejects_the_row(
    row: dict[str, str], rule: str, words: str
) -> None:
    typed = ledger_rows(SIGNED, row)
    assert (typed.rules, typed.one("outcome")) == ([rule], "rejected")
    assert words in typed.one("reasons")


def test_a_blank_sign_has_the_default_of_the_descriptor() -> None:
    text = with_columns({"amount": "{from: Amount, sign_column: {from: DC, negative: [C], default: D}}"})
    assert ledger_rows(text, {"DC": ""}, {"DC": "c"}).column("amount") == [Decimal(100), Decimal(-100)]


def test_a_file_without_the_sign_column_is_refused_with_the_key_to_correct() -> None:
    with pytest.raises(MissingColumnError) as caught:
        ledger_rows(SIGNED, {})
    assert "'S/H' or 'DC'" in caught.value.found
    assert "columns.amount.sign_column.from" in caught.value.fix


def test_a_sign_column_does_not_change_the_rule_of_signs() -> None:
    assert ledger_rows(SIGNED, {"S/H": "S"}).one("is_debit_positive") is False
    debit = with_lines(SIGNED, sign="debit_positive")
    assert ledger_rows(debit, {"S/H": "S"}).one("is_debit_positive") is True
    assert ledger_rows(debit, {"S/H": "S", "Amount": "5 CR"}).rules == ["invalid_amount"]


# Amounts


def test_a_side_beside_an_amount_is_read_under_debit_positive_only_and_the_reason_says_so() -> None:
    signed = with_lines(LEDGER, sign="debit_positive")
    assert [ledger_rows(signed, {"Amount": text}).one("amount") for text in ("5.00 CR", "5.00 C", "5.00 S")] == [
        -5,
        -5,
        5,
    ]
    typed = ledger_rows(LEDGER, {"Amount": "5.00 CR"})
    assert typed.rules == ["invalid_amount"]
    assert "CR beside an amount is read under sign: debit_positive" in typed.one("reasons")


@pytest.mark.parametrize("text", ["١٢٣٤٫٥٠", "۱۲", "१२.50"])
def test_digits_of_another_script_are_the_reason_of_an_amount_that_is_not_read(text: str) -> None:
    typed = ledger_rows(LEDGER, {"Amount": text})
    assert "is not a valid amount; its digits are of a script that is not read" in typed.one("reasons")
    assert ledger_rows(LEDGER, {"Amount": "１２.50"}).one("amount") == Decimal("12.50")


def test_figures_in_thousands_are_money() -> None:
    text = with_columns({"amount": '{from: Amount, thousands: ",", scale: 1000}'})
    typed = ledger_rows(text, {"Amount": "1,234.5"}, {"Amount": "(0.0005)"}, {"Amount": "0.0000049"})
    assert typed.column("amount") == [Decimal("1234500.00"), Decimal("-0.50"), Decimal("0.00")]
    assert typed.parsed is not None
    assert typed.parsed.exact == {2: Decimal("0.0049")}


def test_debits_and_credits_in_cents_are_scaled_too() -> None:
    text = with_columns({"amount": "{from: {debit: Dr, credit: Cr}, scale: 0.01}"})
    rows = [{"Dr": "1250", "Cr": ""}, {"Dr": "1", "Cr": "3"}]
    assert ledger_rows(text, *rows).column("amount") == [Decimal("12.50"), Decimal("-0.02")]


def test_a_number_of_a_sheet_is_read_under_a_decimal_comma() -> None:
    resolved = feed(with_columns({"amount": '{from: Amount, decimal: ",", thousands: "."}'}))
    batch = raw_batch(["Date", "Dept", "Account", "Amount"], [["2025-01-15", "D", "1", text] for text in NUMBERS])
    in_sheet = RawBatch(batch.columns, batch.source_rows, batch.problems, "Sheet1")
    lines = LedgerLines(resolved, list(batch.columns), sheet="Sheet1")
    columns, parsed = lines.type_batch(in_sheet)
    assert columns["amount"].to_pylist() == [Decimal("12.50"), Decimal("-1234.56"), Decimal("7.00"), Decimal("1234.00")]
    assert list(parsed.ambiguous) == [3]


NUMBERS = ["12.5", "-1234.56", "7", "1.234"]


# Codes


def test_codes_that_a_spreadsheet_made_numbers_are_filled_with_zeros() -> None:
    text = with_columns({"account": "{from: Account, pad: 4}"})
    rows = [{"Account": code} for code in ("10", "10.0", "0010", "12345", "10.5", "A1", "10.")]
    accounts = ledger_rows(text, *rows).column("account_number")
    assert accounts == ["0010", "0010", "0010", "12345", "10.5", "A1", "10."]


def test_a_long_code_is_shortened_and_reported_with_its_length_and_money() -> None:
    text = with_columns({"account": "{from: Account, shorten: 40}"})
    first, second = "Temporary agency staff costs, first half of the year", "Temporary agency staff costs, second half"
    rows = [{"Account": first}, {"Account": first.upper()}, {"Account": second}, {"Account": "4000"}]
    typed = ledger_rows(text, *rows)
    numbers = typed.column("account_number")
    assert len({fold(number) for number in numbers}) == 3
    assert all(len(number.encode()) <= 40 for number in numbers)
    assert numbers[0].startswith("Temporary agency staff cost~")
    assert len(set(typed.column("account_key"))) == 3
    header = ["Date", "Dept", "Account", "Amount"]
    cells = [["2025-01-15", "D", row["Account"], "-100.00"] for row in rows]
    assert notes_of(text, header, *cells) == {
        "account: codes of more than 40 bytes were shortened, the longest of 52 bytes, with 300.00 in all, first on "
        f"line 2 ({first!r})": 3
    }


@given(st.text(min_size=1, max_size=60), st.text(min_size=1, max_size=60), st.integers(20, 60))
def test_shortened_codes_are_equal_exactly_if_the_whole_ones_are(first: str, second: str, limit: int) -> None:
    for one, other in ((first, second), (first, first.upper()), (first + "x" * 60, first + "x" * 59 + "y")):
        is_equal = fold(shorten_code(one, limit)) == fold(shorten_code(other, limit))
        assert is_equal == (fold(one) == fold(other))


def test_reference_feeds_fill_and_shorten_their_codes_alike() -> None:
    text = """\
feed: chart
kind: accounts
path: chart.csv
columns: {number: {from: No, pad: 4, shorten: 128}, parent: {from: Up, pad: 4}}
types_by_prefix: {type: {0: Asset, 6: Expense}}
"""
    typed = reference_rows(text, ["No", "Up"], ["10.0", "1"], ["x" * 200, ""], ["6100", ""])
    assert typed.column("account_number")[0] == "0010"
    assert typed.column("parent_account_number")[0] == "0001"
    assert typed.column("account_number")[1] == shorten_code("x" * 200, 128)
    assert typed.column("account_type") == ["Asset", None, "Expense"]


# Types by prefix


def test_the_longest_prefix_of_an_account_gives_its_type_where_no_column_does() -> None:
    text = with_columns(
        {"account_type": "{from: Type, required: false}"},
        types_by_prefix="{account_type: {6: Expense, 61: Asset, t: Revenue}}",
    )
    rows = [
        {"Account": "6200", "Type": ""},
        {"Account": "6100", "Type": ""},
        {"Account": "6100", "Type": "Revenue"},
        {"Account": "T1", "Type": ""},
        {"Account": "9", "Type": ""},
    ]
    assert ledger_rows(text, *rows).column("account_type") == ["Expense", "Asset", "Revenue", "Revenue", None]


# Dates


def test_a_blank_period_is_that_of_the_date() -> None:
    text = with_columns({"period": "{from: Period}"})
    typed = ledger_rows(text, {"Period": "", "Date": "2025-02-03"}, {"Period": "2025-01", "Date": "2025-02-03"})
    assert typed.column("period") == ["2025-02", "2025-01"]
    assert typed.column("posting_date") == [date(2025, 2, 3), date(2025, 1, 31)]
    assert ledger_rows(text, {"Period": "", "Date": ""}).rules == ["blank_date"]


def test_a_constant_date_is_the_date_of_every_line() -> None:
    columns = "{department: Dept, account: Account, amount: Amount}"
    text = with_lines(LEDGER, columns=columns, constants="{scenario: Actual, date: 2024-12-31}")
    assert ledger_rows(text, {}).one("document_date") == date(2024, 12, 31)


def test_a_year_is_the_first_day_of_the_home_s_fiscal_year_if_the_field_s_calendar_is_fiscal() -> None:
    fiscal = with_columns({"date": "{from: Date, formats: [\"'FY'yyyy\"], calendar: fiscal}"})
    plain = with_columns({"date": "{from: Date, formats: [\"'FY'yyyy\"]}"})
    row = {"Date": "FY2025"}
    assert ledger_rows(fiscal, row, fiscal_year_start_month=7).one("document_date") == date(2024, 7, 1)
    assert ledger_rows(plain, row, fiscal_year_start_month=7).one("document_date") == date(2025, 1, 1)


def test_dates_of_a_sheet_are_read_whatever_the_formats_and_serials_by_its_calendar() -> None:
    resolved = feed(with_columns({"date": "{from: Date, formats: [dd.MM.yyyy, excel_serial]}"}))
    texts = ["2025-01-15", "2025-01-15T10:30:00", "15.01.2025", "44210"]
    batch = raw_batch(["Date", "Dept", "Account", "Amount"], [[text, "D", "1", "5"] for text in texts])
    in_sheet = RawBatch(batch.columns, batch.source_rows, batch.problems, "Sheet1", is_1904=True)
    columns, _ = LedgerLines(resolved, list(batch.columns), sheet="Sheet1").type_batch(in_sheet)
    assert columns["document_date"].to_pylist() == [date(2025, 1, 15)] * 4


def test_a_cell_that_is_mapped_to_blank_takes_its_text_from_the_name() -> None:
    text = with_columns(
        {
            "date": '{from: Date, map: {"00:00:00": ""}, from_name: "([a-z]{3})-[a-z]{3}-([0-9]{4})", '
            'template: "{1} {2}", formats: [dd/MM/yyyy, MMM yyyy]}'
        }
    )
    typed = ledger_rows(text, {"Date": "00:00:00"}, {"Date": "02/05/2014"}, object_key="spend-apr-jun-2014.csv")
    assert typed.column("document_date") == [date(2014, 4, 1), date(2014, 5, 2)]


# Descriptors


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        (
            "{department: {from: Dept, scale: 1000}}",
            "columns.department: scale: is only for amount, opening, balance; remove it",
        ),
        (
            "{account: {from: Account, decimal: ','}}",
            "columns.account: decimal: is only for amount, opening, balance, share, origin_share; remove it",
        ),
        ("{amount: {from: Amount, pad: 4}}", "columns.amount: pad: is only for department, account, code"),
        ("{account: {from: Account, formats: [yyyy]}}", "columns.account: formats: is only for date, period"),
        (
            "{amount: {from: {debit: D, credit: C}, sign_column: {from: S, negative: [H]}}}",
            "not for debit and credit",
        ),
        (
            "{amount: {from: A, sign_column: {from: S, negative: [X]}}}",
            "'X' has no opposite",
        ),
        ("{amount: {from: A, sign_column: {from: S, negative: [H], positive: [h]}}}", "both have 'h'"),
        (
            "{amount: {from: A, sign_column: {from: S, negative: [H], default: X}}}",
            "'X' is none of the values",
        ),
        ("{amount: {from: A, scale: 12}}", "'12' is not a power of ten"),
        ("{account: {from: A, shorten: 5}}", "5 leaves too little of a code"),
        ("{date: {from: D, calendar: fiscal}}", "calendar: changes only formats of years, quarters and periods"),
        (
            "{date: {from: D, formats: [yyyy-MM], calendar: fiscal}}",
            "calendar: changes only formats of years, quarters",
        ),
        ("{date: {from: D, formats: [yyyy-PP]}}", "'yyyy-PP' has a part of a fiscal year; add calendar: fiscal"),
        ("{date: {from: D, formats: [MMM FFFF]}}", "'MMM FFFF' has a part of a fiscal year; add calendar: fiscal"),
        ("{date: {from: D, formats: [yyyy, excel_serial]}}", "could both be meant by the same digits"),
    ],
)
def test_a_key_that_makes_no_sense_is_refused(columns: str, words: str) -> None:
    name, _, value = columns[1:-1].partition(": ")
    with pytest.raises(DescriptorError, match=r"line [0-9]+") as caught:
        parse_descriptor(with_columns({name: value}), "feeds/test.yaml")
    assert words in caught.value.found


def test_every_mistake_of_values_is_reported_at_once() -> None:
    text = with_columns(
        {"department": "{from: Dept, scale: 1000}", "account": "{from: Account, thousands: ','}"},
        types_by_prefix="{type: {6: Expense}}",
        constants="{scenario: Actual, period: 2025-13}",
    )
    with pytest.raises(DescriptorError) as caught:
        parse_descriptor(text, "feeds/test.yaml")
    for words in ("columns.department: scale:", "columns.account: thousands:", "types_by_prefix.type is", "'2025-13'"):
        assert words in caught.value.found


def test_keys_of_values_survive_the_way_to_glue_and_change_the_identity_only_of_feeds_with_them() -> None:
    text = with_columns(
        {
            "amount": "{from: A, scale: 0.01, sign_column: {from: S, negative: [H], default: S}}",
            "account": "{from: B, pad: 4, shorten: 128}",
            "date": "{from: D, formats: [yyyy], calendar: fiscal}",
        },
        types_by_prefix="{account_type: {6: Expense}}",
    )
    resolved = feed(text, fiscal_year_start_month=7)
    assert ResolvedFeed.from_json(resolved.to_json()) == resolved
    assert resolved.rules.identity != feed(text).rules.identity
    assert feed(LEDGER).rules.identity == feed(LEDGER, fiscal_year_start_month=7).rules.identity


def test_typed_rows_have_the_types_of_their_columns() -> None:
    typed: Typed = ledger_rows(SIGNED, {"S/H": "H"})
    assert typed.columns["amount"].type == pa.decimal128(18, 2)
