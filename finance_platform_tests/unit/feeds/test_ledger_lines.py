"""Ledger lines: a row becomes a typed line, or is rejected with the rule that it broke."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finance_platform.contracts.processed import TRANSACTIONS
from finance_platform.errors import FileNameError, UnreadableDeliveryError
from finance_platform.feeds.cells import DistinctValues
from finance_platform.feeds.lines.ledger_lines import LedgerLines
from finance_platform.feeds.reasons import Reason, reasons_from_json, reasons_in_words, reasons_to_json
from finance_platform.feeds.values.codes import ACCOUNT_TYPES, MAX_NAME_BYTES, joined_key, surrogate_key
from finance_platform_tests.unit.factories import (
    GOOD,
    HEADER,
    LEDGER,
    Typed,
    as_written,
    feed,
    ledger_rows,
    raw_batch,
    raw_cells,
    with_columns,
    with_lines,
)

PAIR = with_columns({"amount": '{from: {debit: Dr, credit: Cr}, thousands: ","}'})
PERIOD = with_columns({"period": "{from: Period}"})
PERIOD_AS_WORDS = with_columns({"period": "{from: Period, formats: [MMM yyyy]}"})
SCENARIO = with_columns({"scenario": "{from: Scenario}"}, constants="{}")
PLANS = with_lines(SCENARIO, plans_only="true")
KEYED = with_columns({"transaction_id": "{from: Id}"}, load="{mode: upsert, key: [transaction_id]}")
CURRENCY = with_columns({"currency": "{from: Ccy}"})
JOINED = with_columns({"account": '{from: "{Group}-{Account}"}'})
NAMED = with_columns({"scenario": '{from_name: "^([a-z]+)"}'}, constants="{}")
COVERING = with_lines(LEDGER, load='{mode: replace_period, covers: {from_name: "_([0-9]{4}-[0-9]{2})"}}')
TYPED = with_columns({"account_type": "{from: Type}"})

CONVERT = "; send the amount in USD, or the line to a home of its own currency"
OR_IGNORE = (
    "; or, if the amounts are in USD all the same, name the column in ignore_columns in place of columns.currency"
)
MOST = "an amount is at most 9,999,999,999,999,999.99"
TOO_LONG = "more than the 128 of the warehouse's column; shorten it by map: in the descriptor"
OR_SHORTEN = ", or set columns.{}.shorten: 128"

REJECTIONS = [
    (LEDGER, {"Amount": ""}, "blank_amount", "amount is blank"),
    (LEDGER, {"Amount": "n/a"}, "invalid_amount", "amount: 'n/a' is not a valid amount"),
    (
        LEDGER,
        {"Amount": "10000000000000000"},
        "invalid_amount",
        f"amount: '10000000000000000' is not a valid amount; it is too large: {MOST}",
    ),
    (
        LEDGER,
        {"Amount": "(USD 9999999999999999.995)"},
        "invalid_amount",
        f"amount: '(USD 9999999999999999.995)' is not a valid amount; it is too large: {MOST}",
    ),
    (PAIR, {"Dr": " ", "Cr": ""}, "blank_amount", "both Dr and Cr are blank"),
    (
        PAIR,
        {"Dr": "", "Cr": "10,000,000,000,000,000"},
        "invalid_amount",
        f"amount: '' or '10,000,000,000,000,000' is not a valid amount; it is too large: {MOST}",
    ),
    (
        PAIR,
        {"Dr": "9000000000000000", "Cr": "-9000000000000000"},
        "invalid_amount",
        f"amount: '9000000000000000' and '-9000000000000000' are together too large: {MOST}",
    ),
    (PAIR, {"Dr": "1.00", "Cr": "x"}, "invalid_amount", "amount: '1.00' or 'x' is not a valid amount"),
    (PAIR, {"Dr": "x", "Cr": ""}, "invalid_amount", "amount: 'x' or '' is not a valid amount"),
    (LEDGER, {"Date": " "}, "blank_date", "date is blank"),
    (LEDGER, {"Date": "31/01/2025"}, "invalid_date", "date: '31/01/2025' is not a valid date of the form yyyy-MM-dd"),
    (LEDGER, {"Date": "2025-02-30"}, "invalid_date", "date: '2025-02-30' is not a valid date of the form yyyy-MM-dd"),
    (
        LEDGER,
        {"Date": "1999-12-31"},
        "date_out_of_range",
        "date: 1999-12-31 is outside the accepted range 2000-01-01 to 2049-12-31",
    ),
    (
        LEDGER,
        {"Date": "2050-01-01"},
        "date_out_of_range",
        "date: 2050-01-01 is outside the accepted range 2000-01-01 to 2049-12-31",
    ),
    (
        PERIOD,
        {"Period": "2025-13"},
        "invalid_period",
        (
            "period: '2025-13' is not a valid date of the form yyyy-MM or yyyyMM; if it is a period of the year-end, "
            'columns.period.map: {"2025-13": "2025-12"} reads it as the twelfth'
        ),
    ),
    (
        PERIOD_AS_WORDS,
        {"Period": "2025-01"},
        "invalid_period",
        "period: '2025-01' is not a valid date of the form MMM yyyy",
    ),
    (
        PERIOD,
        {"Period": "1999-12"},
        "period_out_of_range",
        "period: 1999-12-01 is outside the accepted range 2000-01-01 to 2049-12-31",
    ),
    (LEDGER, {"Dept": "\u00a0"}, "blank_department", "department is blank"),
    (LEDGER, {"Account": ""}, "blank_account", "account is blank"),
    (
        LEDGER,
        {"Dept": "é" * 65},
        "department_too_long",
        f"department: '{'é' * 60}…' has 130 bytes, {TOO_LONG}{OR_SHORTEN.format('department')}",
    ),
    (
        LEDGER,
        {"Account": "9" * 129},
        "account_too_long",
        f"account: '{'9' * 60}…' has 129 bytes, {TOO_LONG}{OR_SHORTEN.format('account')}",
    ),
    (SCENARIO, {"Scenario": ""}, "blank_scenario", "scenario is blank"),
    (
        SCENARIO,
        {"Scenario": "Budgt"},
        "undeclared_scenario",
        "scenario: 'Budgt' is not declared; did you mean 'Budget'?",
    ),
    (PLANS, {"Scenario": " ACTUAL"}, "actual_in_plan", "scenario: Actual in a feed that has plans only"),
    (SCENARIO, {"Scenario": "zzz"}, "undeclared_scenario", "scenario: 'zzz' is not declared"),
    (
        SCENARIO,
        {"Scenario": "Budget " + "x" * 122},
        "scenario_too_long",
        f"scenario: 'Budget {'x' * 53}…' has 129 bytes, {TOO_LONG}",
    ),
    (
        CURRENCY,
        {"Ccy": "EUR"},
        "foreign_currency",
        f"currency: 'EUR' is not the home's currency, USD{CONVERT}{OR_IGNORE}",
    ),
    (
        LEDGER,
        {"Amount": "€5"},
        "foreign_currency",
        f"amount: '€5' is in EUR, not in the home's currency, USD{CONVERT}",
    ),
    (
        LEDGER,
        {"Amount": "5 kr"},
        "foreign_currency",
        f"amount: '5 kr' is in kr, not in the home's currency, USD{CONVERT}",
    ),
    (
        PAIR,
        {"Dr": "", "Cr": "CHF 5"},
        "foreign_currency",
        f"amount: 'CHF 5' is in CHF, not in the home's currency, USD{CONVERT}",
    ),
    (
        LEDGER,
        {"Dept": "D\0"},
        "nul_character",
        "department: 'D' is written with a NUL character; export the file again without it",
    ),
    (
        LEDGER,
        {"Account": "Caf\x80"},
        "control_character",
        "account: 'Caf\\x80' has a control character; the file is probably cp1252: set dialect.encoding: cp1252",
    ),
    (
        LEDGER,
        {"Account": "12\u202e43"},
        "control_character",
        "account: '12\\u202e43' has a character that hides or reverses its neighbours; remove it at the source",
    ),
    (
        TYPED,
        {"Type": "Takings"},
        "unknown_account_type",
        f"account_type: 'Takings' is not one of {', '.join(ACCOUNT_TYPES)}; map it in the descriptor",
    ),
    (KEYED, {"Id": ""}, "blank_transaction_id", "transaction_id is blank, but part of the key"),
]


@pytest.mark.parametrize(
    ("text", "row", "rule", "reason"), REJECTIONS, ids=[f"{r[2]}-{i}" for i, r in enumerate(REJECTIONS)]
)
def test_a_row_that_breaks_a_rule_is_rejected_with_what_was_expected_and_found(
    text: str, row: Mapping[str, str], rule: str, reason: str
) -> None:
    typed = ledger_rows(text, row)
    assert (typed.one("outcome"), typed.rules, typed.one("reasons")) == ("rejected", [rule], reason)


ACCEPTED = [
    (LEDGER, {}),
    (LEDGER, {"Date": "2000-01-01"}),
    (LEDGER, {"Date": "2049-12-31"}),
    (LEDGER, {"Dept": "é" * 64}),
    (LEDGER, {"Amount": "-"}),
    (PAIR, {"Dr": "", "Cr": "1.00"}),
    (PERIOD, {"Period": "202501"}),
    (SCENARIO, {"Scenario": "Budget " + "x" * 121}),
    (CURRENCY, {"Ccy": " usd "}),
    (CURRENCY, {"Ccy": "$", "Amount": "$5 USD"}),
    (LEDGER, {"Amount": "\u200e'5.00"}),
    (TYPED, {"Type": ""}),
    (TYPED, {"Type": "EXPENSE"}),
    (KEYED, {"Id": "0"}),
]


@pytest.mark.parametrize(("text", "row"), ACCEPTED)
def test_a_row_that_breaks_no_rule_is_accepted_without_rules_and_reasons(text: str, row: Mapping[str, str]) -> None:
    typed = ledger_rows(text, row)
    values = [typed.one(name) for name in ("outcome", "rules", "reasons", "raw_row")]
    assert values == ["accepted", None, None, None]


def test_a_row_that_breaks_several_rules_names_each_of_them() -> None:
    typed = ledger_rows(LEDGER, {"Date": "x", "Dept": "", "Amount": "y"})
    assert set(typed.rules) == {"invalid_date", "blank_department", "invalid_amount"}
    assert len(typed.one("reasons").split("; ")) == 3


@pytest.mark.parametrize(
    ("text", "row", "expected"),
    [
        (LEDGER, {"Amount": " 1O0 "}, ("invalid_amount", "Amount", " 1O0 ")),
        (LEDGER, {"Amount": "x" * 600}, ("cell_too_long", "Amount", "x" * 200 + "…")),
        (LEDGER, {"Date": " "}, ("blank_date", "Date", " ")),
        (PAIR, {"Dr": "x", "Cr": "2.00"}, ("invalid_amount", "Dr | Cr", "x | 2.00")),
        (PAIR, {"Dr": "", "Cr": ""}, ("blank_amount", "Dr | Cr", "")),
        (JOINED, {"Group": ""}, ("blank_account", "Group | Account", " | 4000")),
        (NAMED, {}, ("undeclared_scenario", "", "ledger")),
        (COVERING, {}, ("outside_covered_periods", "Date", GOOD["Date"])),
    ],
)  # fmt: skip
def test_a_reason_has_the_rule_the_column_of_the_file_and_the_cell_as_delivered(
    text: str, row: Mapping[str, str], expected: tuple[str, str, str]
) -> None:
    first = ledger_rows(text, row, object_key="ledger_2020-01.csv").reasons[0]
    assert (first.rule, first.column, first.value) == expected
    assert first.words


@given(st.lists(st.builds(Reason, st.text(min_size=1), st.text(), st.text(), st.text()), min_size=1))
def test_reasons_can_be_read_again(reasons: list[Reason]) -> None:
    assert reasons_from_json(reasons_to_json(reasons)) == reasons
    assert reasons_in_words(reasons_to_json(reasons)) == "; ".join(reason.words for reason in reasons)


def test_a_row_without_reasons_has_no_words() -> None:
    assert reasons_in_words(None) == ""


def test_a_row_with_another_number_of_cells_than_the_header_is_rejected_with_the_reader_s_reason() -> None:
    lines = LedgerLines(feed(), list(HEADER))
    columns, _ = lines.type_batch(raw_batch(HEADER, [list(GOOD.values())], ["the row has 3 cells, the header 4"]))
    typed = Typed(columns)
    assert (typed.rules, typed.one("reasons")) == (["malformed_row"], "the row has 3 cells, the header 4")


def test_what_broken_rules_give_does_not_depend_on_later_batches() -> None:
    batches = [
        raw_batch(HEADER, [list({**GOOD, **row}.values())]) for _, row, _, _ in REJECTIONS if row.keys() <= GOOD.keys()
    ]
    alone = [LedgerLines(feed(), list(HEADER)).type_batch(batch)[0] for batch in batches]
    lines = LedgerLines(feed(), list(HEADER))
    typed = [lines.type_cells(batch) for batch in batches]
    assert [cells | violations.columns() for cells, _, violations in typed] == alone


def test_distinct_values_give_the_columns_of_accepted_rows_whatever_texts_they_have() -> None:
    spellings = [{"Dept": code, "Date": day} for code in ("a1", " A1", "b2") for day in ("2025-01-15", "2025-01-16")]
    batch = raw_batch(HEADER, [list({**GOOD, **row}.values()) for row in spellings])
    columns, _, violations = LedgerLines(feed(), list(HEADER)).type_cells(batch)
    assert violations.accepted.all()
    assert columns.distinct.keys() >= {"scenario", "scenario_type", "period", "department_code", "account_number"}
    for name, values in columns.distinct.items():
        encoded = values.encoded()
        assert encoded.cast(pa.string()).to_pylist() == columns[name].to_pylist()
        assert len(set(encoded.dictionary.to_pylist())) == len(encoded.dictionary)


@pytest.mark.parametrize("texts", [["b", "a", None, "b", "c"], [None, None], [], [None, "c", "c", "a"]])
def test_the_first_row_of_each_distinct_value_is_known(texts: list[str | None]) -> None:
    values = DistinctValues.of(pa.array(texts, pa.string()))
    assert values.first_positions() == [texts.index(text) for text in values.values.to_pylist()]


def test_a_rejected_row_keeps_its_cells_as_delivered() -> None:
    typed = ledger_rows(LEDGER, {"Amount": " n/a ", "Dept": "Ü \t1"})
    assert raw_cells(typed.one("raw_row")) == {**GOOD, "Amount": " n/a ", "Dept": "Ü \t1"}


def test_a_rejected_row_keeps_the_amount_that_parses() -> None:
    assert ledger_rows(LEDGER, {"Date": "x", "Amount": "12.00"}).one("amount") == Decimal("12.00")


def test_a_row_of_blank_cells_is_skipped_and_not_rejected() -> None:
    typed = ledger_rows(LEDGER, {}, dict.fromkeys(HEADER, ""), dict.fromkeys(HEADER, " \u00a0\t"))
    assert typed.column("outcome") == ["accepted", "skipped", "skipped"]
    assert typed.column("reasons")[1:] == ["every cell is blank"] * 2


def test_a_row_with_a_text_in_an_unused_column_is_not_skipped() -> None:
    typed = ledger_rows(LEDGER, {**dict.fromkeys(HEADER, ""), "Note": "Page 3"})
    assert typed.one("outcome") == "rejected"


def test_the_accepted_range_comes_from_the_settings() -> None:
    day = date(2020, 1, 1)
    typed = ledger_rows(LEDGER, {"Date": "2019-12-31"}, {"Date": "2020-01-01"}, earliest_date=day, latest_date=day)
    assert typed.column("outcome") == ["rejected", "accepted"]


def test_the_home_s_currency_comes_from_the_settings() -> None:
    assert ledger_rows(CURRENCY, {"Ccy": "EUR"}, {"Ccy": "USD"}, currency="EUR").column("outcome") == [
        "accepted",
        "rejected",
    ]


# Where a field comes from


def test_columns_are_matched_by_name_in_any_order_and_case() -> None:
    typed = ledger_rows(
        LEDGER,
        {"AMOUNT ": "7", "date": "2025-03-01", "dept": "X", "ACCOUNT": "1"},
        header=[
            "AMOUNT ",
            "Extra",
            "ACCOUNT",
            "dept",
            "date",
        ],
    )
    assert (typed.one("amount"), typed.one("department_code"), typed.one("account_number")) == (Decimal(7), "X", "1")


def test_the_first_alternative_header_that_the_file_has_is_used() -> None:
    text = with_columns({"amount": "{from: [Net Amount, Amount]}"})
    assert ledger_rows(text, {"Amount": "1"}).one("amount") == 1
    assert ledger_rows(text, {"Amount": "1", "Net Amount": "2"}).one("amount") == 2


def test_a_file_without_a_needed_column_is_refused_with_the_header_and_a_suggestion() -> None:
    with pytest.raises(UnreadableDeliveryError) as caught:
        LedgerLines(feed(), ["Date", "Dept", "Acount", "Amount"])
    assert caught.value.found == (
        "the header lacks the column for account: expected 'Account', found Date, Dept, Acount, Amount; is it 'Acount'?"
    )
    assert "columns.account.from" in caught.value.fix


def test_no_column_is_suggested_if_none_resembles_the_missing_one() -> None:
    with pytest.raises(UnreadableDeliveryError) as caught:
        LedgerLines(feed(), ["Date", "Dept", "x", "Amount"])
    assert caught.value.found.endswith("expected 'Account', found Date, Dept, x, Amount")


def test_a_file_without_one_side_of_debit_and_credit_is_refused() -> None:
    with pytest.raises(UnreadableDeliveryError, match="expected 'Dr' and 'Cr'"):
        LedgerLines(feed(PAIR), ["Date", "Dept", "Account", "Dr"])


def test_a_file_with_a_column_in_two_spellings_is_refused() -> None:
    with pytest.raises(UnreadableDeliveryError, match="'AMOUNT' twice"):
        LedgerLines(feed(), [*HEADER, "AMOUNT"])


def test_a_missing_optional_column_leaves_the_field_empty() -> None:
    text = with_columns({"description": "{from: Text, required: false}"})
    typed = ledger_rows(text, {})
    assert (typed.one("outcome"), typed.one("description")) == ("accepted", None)


def test_a_line_may_name_the_line_that_it_reverses() -> None:
    text = with_columns({"transaction_id": "Id", "reverses": "{from: Reversal of, required: false}"})
    rows = ledger_rows(text, {"Id": "R1", "Reversal of": " M1 "}, {"Id": "M1", "Reversal of": " "})
    assert rows.column("outcome") == ["accepted", "accepted"]
    assert rows.column("reverses_transaction_id") == ["M1", None]
    assert ledger_rows(text, {"Id": "R1"}).one("reverses_transaction_id") is None


def test_a_missing_column_with_a_default_has_the_default_in_every_row() -> None:
    text = with_columns({"department": "{from: Cost Centre, required: false, default: D999}"})
    assert ledger_rows(text, {}).one("department_code") == "D999"


def test_a_missing_column_with_a_default_and_a_map_has_the_mapped_default() -> None:
    text = with_columns({"department": "{from: Cost Centre, required: false, default: none, map: {none: D999}}"})
    assert ledger_rows(text, {}).one("department_code") == "D999"


def test_a_template_joins_columns_into_one_code() -> None:
    text = with_columns({"account": "{from: '{Group}-{Account}.'}"})
    assert ledger_rows(text, {"Group": " 07 ", "Account": "010"}).one("account_number") == "07-010."


def test_a_template_is_blank_if_any_of_its_parts_is() -> None:
    text = with_columns({"account": "{from: '{Group}-{Account}'}"})
    assert ledger_rows(text, {"Group": " ", "Account": "010"}).rules == ["blank_account"]


def test_the_columns_of_a_template_are_matched_by_folded_name() -> None:
    text = with_columns({"account": "{from: '{GROUP}{account}'}"})
    assert ledger_rows(text, {"Group": "1", "Account": "0"}).one("account_number") == "10"


def test_the_next_alternative_is_used_if_a_column_of_a_template_is_missing() -> None:
    text = with_columns({"account": "{from: ['{Group}-{Account}', Account]}"})
    assert ledger_rows(text, {"Account": "0"}).one("account_number") == "0"


NAMED = "{from: Version, from_name: '_([qv][0-9])', map: {q1: Budget Q1, v2: Budget V2}, default: Budget}"


@pytest.mark.parametrize(
    ("object_key", "scenario"),
    [("plan_q1.csv", "Budget Q1"), ("plan_v2.csv", "Budget V2"), ("plan_hr.csv", "Budget")],
)
def test_a_field_without_a_column_comes_from_the_name_of_the_file(object_key: str, scenario: str) -> None:
    text = with_columns({"scenario": NAMED}, constants="{}")
    typed = ledger_rows(text, {}, {}, object_key=object_key)
    assert typed.column("scenario") == [scenario, scenario]
    assert typed.column("scenario_type") == ["Budget", "Budget"]
    assert typed.column("scenario_key") == [surrogate_key(scenario)] * 2


def test_a_column_takes_precedence_over_the_name_which_fills_its_blank_cells() -> None:
    text = with_columns({"scenario": NAMED}, constants="{}")
    rows = ({"Version": "Forecast"}, {"Version": " "}, {"Version": "v2"})
    typed = ledger_rows(text, *rows, object_key="plan_q1.csv")
    assert typed.column("scenario") == ["Forecast", "Budget Q1", "Budget V2"]
    assert ledger_rows(text, {"Version": ""}, object_key="plan.csv").column("scenario") == ["Budget"]


def test_a_date_from_the_name_is_parsed_by_its_formats() -> None:
    text = with_columns({"date": "{from_name: '_([0-9]{4})([0-9]{2})', template: '{1}-{2}', formats: [yyyy-MM]}"})
    assert ledger_rows(text, {}, object_key="gl_202503.csv").one("document_date") == date(2025, 3, 1)
    typed = ledger_rows(text, {}, object_key="gl_202513.csv")
    assert typed.rules == ["invalid_date"]
    assert typed.one("reasons") == "date: '2025-13' is not a valid date of the form yyyy-MM"


def test_codes_keys_and_scopes_may_come_from_the_name() -> None:
    name = "{from_name: '^([^/]+)/'}"
    keyed = with_columns({"department": name}, load="{mode: upsert, key: [department, account]}")
    typed = ledger_rows(keyed, {}, object_key="0460/gl.csv")
    assert (typed.one("department_code"), typed.one("line_key")) == ("0460", joined_key(["0460", "4000"]))
    scoped = with_columns({"business_unit": name}, load="{mode: replace_period, scope: business_unit}")
    assert ledger_rows(scoped, {}, object_key="North/gl.csv").one("scope_key") == joined_key(["north"])


def test_a_currency_from_the_name_is_checked() -> None:
    text = with_columns({"currency": "{from_name: '_([A-Z]{3})[.]'}"})
    assert ledger_rows(text, {}, object_key="gl_USD.csv").one("outcome") == "accepted"
    assert ledger_rows(text, {}, object_key="gl_EUR.csv").rules == ["foreign_currency"]


def test_a_name_that_does_not_give_a_needed_field_is_refused_with_a_fix() -> None:
    text = with_columns({"department": "{from: [Cost Centre, CC], from_name: '_([0-9]{4})'}"})
    with pytest.raises(FileNameError) as caught:
        ledger_rows(text, {}, object_key="gl_north.csv")
    assert caught.value.found == (
        "gl_north.csv: the name gives no department: it does not match '_([0-9]{4})',"
        " and the header lacks 'Cost Centre' or 'CC'"
    )
    assert caught.value.fix == (
        "rename the file, or correct columns.department.from_name in the descriptor, or give it a default:"
    )


def test_invisible_characters_of_a_name_are_removed_and_control_characters_are_refused() -> None:
    text = with_columns({"department": "{from_name: '^([^/]+)/'}"})
    assert ledger_rows(text, {}, object_key="04\u200b60/gl.csv").one("department_code") == "0460"
    with pytest.raises(FileNameError, match="has a control character"):
        ledger_rows(text, {}, object_key="04\x1b60/gl.csv")


def test_a_blank_cell_that_the_name_does_not_fill_is_rejected() -> None:
    text = with_columns({"department": "{from: Dept, from_name: '_([0-9]{4})'}"})
    typed = ledger_rows(text, {"Dept": ""}, {"Dept": "D1"}, object_key="gl_north.csv")
    assert typed.column("outcome") == ["rejected", "accepted"]


def test_an_optional_field_that_the_name_does_not_give_is_empty() -> None:
    text = with_columns({"description": "{from_name: '_([0-9]{4})', required: false}"})
    assert ledger_rows(text, {}, object_key="gl_north.csv").one("description") is None
    assert ledger_rows(text, {}, object_key="gl_2025.csv").one("description") == "2025"


def test_a_default_fills_blank_cells_only() -> None:
    text = with_columns({"department": "{from: Dept, default: D999}"})
    assert ledger_rows(text, {"Dept": " "}, {"Dept": "D1"}).column("department_code") == ["D999", "D1"]


def test_a_map_matches_folded_values_and_keeps_other_values() -> None:
    text = with_columns({"department": "{from: Dept, map: {Head  Office: '0001'}}"})
    assert ledger_rows(text, {"Dept": " head office"}, {"Dept": "X"}).column("department_code") == ["0001", "X"]


def test_a_map_may_contain_dates() -> None:
    text = with_columns({"date": "{from: Date, formats: [yyyy-MM-dd], map: {FY14-15: 2014-07-01}}"})
    assert ledger_rows(text, {"Date": "fy14-15"}).one("document_date") == date(2014, 7, 1)


def test_a_value_that_is_mapped_to_an_empty_text_is_blank() -> None:
    text = with_columns({"department": "{from: Dept, map: {N/A: ''}}"})
    assert ledger_rows(text, {"Dept": "n/a"}).rules == ["blank_department"]


def test_an_amount_that_is_mapped_to_white_space_is_blank_and_not_invalid() -> None:
    text = with_columns({"amount": "{from: Amount, map: {nil: ' '}}"})
    assert ledger_rows(text, {"Amount": "nil"}).rules == ["blank_amount"]


def test_a_constant_is_in_every_row() -> None:
    text = with_lines(LEDGER, constants="{scenario: Budget 2025, department_name: Group}")
    typed = ledger_rows(text, {}, {})
    assert typed.column("scenario") == ["Budget 2025"] * 2
    assert typed.column("department_name") == ["Group"] * 2


# Values of a line


def test_codes_keep_case_and_leading_zeros_and_lose_only_surplus_white_space() -> None:
    typed = ledger_rows(LEDGER, {"Dept": " d  100 ", "Account": "0010"})
    assert (typed.one("department_code"), typed.one("account_number")) == ("d 100", "0010")
    assert typed.one("department_key") == surrogate_key("D 100")
    assert typed.one("account_key") == surrogate_key("0010")


def test_names_are_cut_to_the_length_of_the_warehouse_column() -> None:
    text = with_columns({"department_name": "{from: Name}", "account_category": "{from: Cat}"})
    typed = ledger_rows(text, {"Name": "x" * 300, "Cat": " a  b "})
    assert len(typed.one("department_name")) == MAX_NAME_BYTES
    assert typed.one("account_category") == "a b"


def test_an_account_type_has_its_canonical_spelling() -> None:
    assert ledger_rows(TYPED, {"Type": " revenue"}).one("account_type") == "Revenue"


def test_an_amount_is_rounded_half_up_and_known_as_written() -> None:
    typed = ledger_rows(LEDGER, {"Amount": "1.005"}, {"Amount": "-1.005"}, {"Amount": "2.001"})
    assert typed.column("amount") == [Decimal("1.01"), Decimal("-1.01"), Decimal("2.00")]
    assert typed.parsed is not None
    assert as_written(typed.parsed) == [Decimal("1.005"), Decimal("-1.005"), Decimal("2.001")]


def test_the_amounts_of_rejected_rows_are_known_as_written() -> None:
    typed = ledger_rows(LEDGER, {"Amount": "1"}, {"Amount": "2.001", "Date": "x"}, {"Amount": "z"})
    assert typed.parsed is not None
    assert as_written(typed.parsed) == [Decimal(1), Decimal("2.001"), None]


def test_the_amount_of_a_pair_is_debit_less_credit() -> None:
    rows = [{"Dr": "5", "Cr": ""}, {"Dr": "", "Cr": "5"}, {"Dr": "7", "Cr": "2.50"}, {"Dr": "0", "Cr": "0"}]
    typed = ledger_rows(PAIR, *rows)
    assert typed.column("amount") == [Decimal(5), Decimal(-5), Decimal("4.50"), Decimal(0)]
    assert typed.column("is_debit_positive") == [True] * 4


def test_the_valid_side_of_an_invalid_pair_is_no_amount() -> None:
    typed = ledger_rows(PAIR, {"Dr": "5", "Cr": "x"}, {"Dr": "1.004", "Cr": ""})
    assert typed.column("amount") == [None, Decimal(1)]
    assert typed.parsed is not None
    assert as_written(typed.parsed) == [None, Decimal("1.004")]


def test_a_difference_beyond_the_limit_of_money_is_not_a_valid_amount() -> None:
    typed = ledger_rows(PAIR, {"Dr": "9000000000000000", "Cr": "-9000000000000000"}, {"Dr": "1", "Cr": "2"})
    assert typed.column("amount") == [None, Decimal(-1)]
    assert typed.column("rules") == ["invalid_amount", None]
    assert typed.parsed is not None
    assert as_written(typed.parsed) == [None, Decimal(-1)]


sides = st.sampled_from(["", "1.00", "2.345", "-7", "x", "(3.10)", "9999999999999999.99", "-9999999999999999.99"])


@given(st.lists(st.tuples(sides, sides), max_size=8))
def test_pairs_as_written_differ_from_their_values_by_their_rounding(
    pairs: list[tuple[str, str]],
) -> None:
    rows = ({"Dr": debit, "Cr": credit} for debit, credit in pairs)
    typed = ledger_rows(PAIR, *rows, header=[*HEADER, "Dr", "Cr"])
    assert typed.parsed is not None
    for written, amount in zip(as_written(typed.parsed), typed.column("amount"), strict=True):
        assert (written is None) == (amount is None)
        assert written is None or abs(amount - written) <= Decimal("0.01"), "half a cent of each side"


def test_the_sign_of_a_single_column_is_natural_unless_declared_otherwise() -> None:
    assert ledger_rows(LEDGER, {}).one("is_debit_positive") is False
    assert ledger_rows(with_lines(LEDGER, sign="debit_positive"), {}).one("is_debit_positive") is True


def test_an_actual_line_is_booked_on_its_own_day() -> None:
    typed = ledger_rows(LEDGER, {"Date": "2025-01-15"})
    values = [typed.one(name) for name in ("document_date", "posting_date", "period")]
    assert values == [date(2025, 1, 15), date(2025, 1, 15), "2025-01"]


@pytest.mark.parametrize("scenario", ["Budget", "Forecast 3+9"])
def test_a_plan_line_is_booked_on_the_first_day_of_its_period(scenario: str) -> None:
    typed = ledger_rows(SCENARIO, {"Date": "2025-01-15", "Scenario": scenario})
    values = [typed.one(name) for name in ("document_date", "posting_date", "period")]
    assert values == [date(2025, 1, 15), date(2025, 1, 1), "2025-01"]


@pytest.mark.parametrize(
    ("day", "posted"), [("2025-02-03", "2025-01-31"), ("2024-12-30", "2025-01-01"), ("2025-01-09", "2025-01-09")]
)
def test_the_period_column_decides_the_period_and_the_document_date_stays(day: str, posted: str) -> None:
    typed = ledger_rows(PERIOD, {"Date": day, "Period": "2025-01"})
    assert (typed.one("period"), typed.one("outcome")) == ("2025-01", "accepted")
    assert typed.one("document_date") == date.fromisoformat(day)
    assert typed.one("posting_date") == date.fromisoformat(posted)


def test_a_plan_line_with_a_period_column_is_booked_on_the_first_day_of_that_period() -> None:
    text = with_columns({"period": "{from: Period}"}, constants="{scenario: Budget}")
    assert ledger_rows(text, {"Date": "2024-11-30", "Period": "2025-01"}).one("posting_date") == date(2025, 1, 1)


def test_a_constant_period_applies_to_every_line() -> None:
    text = with_lines(LEDGER, constants="{scenario: Actual, period: 2025-03}")
    typed = ledger_rows(text, {"Date": "2025-01-15"})
    assert (typed.one("period"), typed.one("posting_date")) == ("2025-03", date(2025, 3, 1))


def test_a_declared_scenario_has_its_declared_type_and_spelling() -> None:
    text = with_columns({"scenario": "{from: Scenario}"}, constants="{}", scenarios="{Outlook May: Forecast}")
    typed = ledger_rows(text, {"Scenario": "OUTLOOK  may"})
    assert (typed.one("scenario"), typed.one("scenario_type")) == ("Outlook May", "Forecast")


def test_two_spellings_of_a_scenario_have_one_key() -> None:
    typed = ledger_rows(SCENARIO, {"Scenario": "budget q1"}, {"Scenario": "Budget  Q1"})
    assert len(set(typed.column("scenario_key"))) == 1


# Keys


def test_lines_of_a_feed_without_a_key_have_no_key() -> None:
    assert ledger_rows(LEDGER, {}).one("line_key") is None


def test_a_key_of_one_field_is_its_text() -> None:
    assert ledger_rows(KEYED, {"Id": " T 1 "}).one("line_key") == "T 1"


def composite(*fields: str) -> str:
    columns = {
        "transaction_id": "{from: Id}",
        "period": "{from: Period, required: false, default: 2025-01}",
        "date": "{from: Date, formats: [yyyy-MM-dd, dd/MM/yyyy]}",
    }
    return with_columns(columns, load=f"{{mode: upsert, key: [{', '.join(fields)}]}}")


def test_a_composite_key_keeps_its_parts_apart() -> None:
    text = composite("department", "account")
    typed = ledger_rows(text, {"Id": "1", "Dept": "ab", "Account": "c"}, {"Id": "1", "Dept": "a", "Account": "bc"})
    assert len(set(typed.column("line_key"))) == 2


def test_a_composite_key_differs_where_any_of_its_parts_differs() -> None:
    text = composite("transaction_id", "date", "account")
    rows = [{"Id": "1"}, {"Id": "2"}, {"Id": "1", "Date": "2025-01-16"}, {"Id": "1", "Account": "4001"}]
    assert len(set(ledger_rows(text, *rows).column("line_key"))) == 4


def test_two_spellings_of_a_key_are_one_key() -> None:
    text = composite("date", "period", "department", "account", "scenario")
    first = {"Id": "1", "Date": "2025-02-01", "Period": "2025-02", "Dept": "d 100", "Account": "ab"}
    second = {"Id": "2", "Date": "01/02/2025", "Period": "202502", "Dept": "D  100", "Account": "AB"}
    assert len(set(ledger_rows(text, first, second).column("line_key"))) == 1


def test_a_composite_key_with_a_blank_part_rejects_the_row() -> None:
    typed = ledger_rows(composite("transaction_id", "account"), {"Id": "", "Account": "1"})
    assert (typed.rules, typed.one("line_key")) == (["blank_transaction_id"], None)


def test_a_blank_key_part_that_is_needed_anyway_breaks_one_rule() -> None:
    assert ledger_rows(composite("date", "department"), {"Id": "1", "Date": "", "Dept": ""}).rules == [
        "blank_date",
        "blank_department",
    ]


# Scopes

SCOPED = with_columns(
    {"business_unit": "{from: Unit}"}, load="{mode: replace_period, scope: [business_unit, department]}"
)


def scope_keys(*rows: dict[str, str], text: str = SCOPED) -> list[str | None]:
    return ledger_rows(text, *rows).column("scope_key")


def test_a_feed_without_a_scope_has_no_scope_keys() -> None:
    assert scope_keys({}, text=LEDGER) == [None]


def test_a_scope_key_consists_of_every_folded_field_of_the_scope() -> None:
    north = {"Unit": " North ", "Dept": "d100"}
    assert scope_keys(north, {"Unit": "north", "Dept": "D100"}) == [joined_key(("north", "d100"))] * 2


def test_scope_keys_differ_where_any_field_differs() -> None:
    keys = scope_keys({"Unit": "N", "Dept": "1"}, {"Unit": "N", "Dept": "2"}, {"Unit": "S", "Dept": "1"})
    assert len(set(keys)) == 3


def test_a_scope_key_keeps_its_parts_apart() -> None:
    assert len(set(scope_keys({"Unit": "a", "Dept": "bc"}, {"Unit": "ab", "Dept": "c"}))) == 2


def test_a_blank_business_unit_is_a_scope_of_its_own() -> None:
    assert scope_keys({"Unit": "", "Dept": "D"}, {"Unit": "N", "Dept": "D"})[0] == joined_key(("", "d"))


# Properties

cells = st.one_of(
    st.sampled_from(
        ["", " ", "2025-01-31", "2025-13-01", "D1", "4000", "12.50", "(1)", "Actual", "Budget", "x", "\x1f"]
    ),
    st.text(max_size=6),
)
usual = {**GOOD, "Scenario": "Actual", "Period": "2025-01-01"}
table = st.lists(
    st.fixed_dictionaries({name: st.one_of(st.just(text), st.just(text), cells) for name, text in usual.items()}),
    max_size=6,
)
WIDE = with_columns({"scenario": "{from: Scenario}", "period": "{from: Period, formats: [yyyy-MM-dd]}"}, constants="{}")
LINEAGE_COLUMNS = {"delivery_id", "feed", "source_file", "source_sheet", "source_row"}


@given(table)
def test_an_accepted_line_has_every_value_that_its_contract_requires(rows: list[dict[str, str]]) -> None:
    typed = ledger_rows(WIDE, *rows, header=[*HEADER, "Scenario", "Period"])
    required = [c.name for c in TRANSACTIONS.columns if not c.nullable and c.name not in LINEAGE_COLUMNS]
    for position, outcome in enumerate(typed.column("outcome")):
        if outcome == "accepted":
            assert [name for name in required if typed.column(name)[position] in {None, ""}] == []


@given(table)
def test_every_row_has_one_outcome_and_a_reason_unless_it_is_accepted(rows: list[dict[str, str]]) -> None:
    typed = ledger_rows(WIDE, *rows, header=[*HEADER, "Scenario", "Period"])
    assert len(typed.column("outcome")) == len(rows)
    for outcome, rules, reasons in zip(*(typed.column(n) for n in ("outcome", "rules", "reasons")), strict=True):
        assert outcome in {"accepted", "rejected", "skipped"}
        assert (rules is None) == (reasons is None) == (outcome == "accepted")


@given(table, st.integers(0, 6))
def test_rows_are_typed_alike_in_one_batch_and_in_two(rows: list[dict[str, str]], cut: int) -> None:
    header = [*HEADER, "Scenario", "Period"]
    whole = ledger_rows(WIDE, *rows, header=header).columns
    first, second = (ledger_rows(WIDE, *part, header=header).columns for part in (rows[:cut], rows[cut:]))
    for name, values in whole.items():
        assert pa.concat_arrays([first[name], second[name]]).equals(values)
