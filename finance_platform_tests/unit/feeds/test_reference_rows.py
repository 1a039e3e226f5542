"""Reference rows: a row becomes a department or an account, or is rejected with the rule that it broke."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finance_platform.errors import UnreadableDeliveryError
from finance_platform.feeds.lines.reference_rows import ReferenceRows
from finance_platform.feeds.values.codes import ACCOUNT_TYPES, MAX_NAME_BYTES, surrogate_key
from finance_platform.feeds.values.hidden_characters import clean_cell
from finance_platform_tests.unit.factories import Typed, feed, raw_batch, raw_cells, reference_rows, with_lines

DEPARTMENTS = """\
feed: departments
kind: departments
path: departments*.csv
columns:
  code: {from: [Code, Cost Centre]}
  name: {from: Name}
  business_unit: {from: Unit, required: false, default: Group}
  parent: {from: Parent, required: false}
  valid_from: {from: Since, required: false}
  valid_to: {from: Until, required: false, formats: [yyyy-MM-dd, dd.MM.yyyy]}
  predecessor: {from: Before, required: false, pad: 2}
  share: {from: Share, required: false, decimal: ","}
  origin_share: {from: Origin, required: false}
"""
HEADER = ("Code", "Name", "Unit", "Parent")
ACCOUNTS = """\
feed: accounts
kind: accounts
path: accounts*.csv
columns:
  number: {from: '{Class}{No}'}
  name: {from: Name}
  type: {from: Type, map: {P&L income: Revenue}}
  category: {from: Category, required: false}
  measure: {from: Measure, required: false}
  parent: {from: Parent, required: false}
"""
ACCOUNT_HEADER = ("Class", "No", "Name", "Type", "Measure", "Parent")


def department(code: str = "D1", name: str = "Sales", unit: str = "Trade", parent: str = "") -> Typed:
    return reference_rows(DEPARTMENTS, HEADER, (code, name, unit, parent))


def account(number: str = "10", kind: str = "Asset", measure: str = "", parent: str = "", name: str = "Cash") -> Typed:
    return reference_rows(ACCOUNTS, ACCOUNT_HEADER, ("0", number, name, kind, measure, parent))


def test_a_department_has_its_code_name_unit_parent_and_key() -> None:
    typed = department(" d  1 ", " Sales  North", "Trade", "D0")
    names = ("outcome", "department_code", "department_name", "business_unit", "parent_department_code")
    assert [typed.one(name) for name in names] == ["accepted", "d 1", "Sales North", "Trade", "D0"]
    assert typed.one("department_key") == surrogate_key("D 1")


def successor(before: str = "7", since: str = "2025-04", share: str = "", origin: str = "") -> Typed:
    header = ("Code", "Name", "Since", "Before", "Share", "Origin")
    return reference_rows(DEPARTMENTS, header, ("D1", "Sales", since, before, share, origin))


def test_a_department_names_what_it_replaces_from_when_and_to_which_part() -> None:
    typed = successor(share="33,3333 %", origin="0.50")
    names = ("outcome", "valid_from", "predecessor_department_code", "predecessor_share", "origin_share")
    assert [typed.one(name) for name in names] == ["accepted", "2025-04", "07", "0.333333", "0.5"]
    assert typed.one("line_key") == "d1 from 2025-04 after 07"
    assert successor(before="", since="").one("line_key") == "d1"
    assert [successor(share=text).one("predecessor_share") for text in ("1", "100%", "1,0")] == ["1", "1", "1"]
    assert successor(origin="0").one("origin_share") == "0"


@pytest.mark.parametrize(
    ("given", "rule", "reason"),
    [
        ({"since": ""}, "predecessor_without_date", "'07' is replaced, and valid_from does not say from when"),
        ({"before": "D1"}, "own_predecessor", "'D1' is the department itself"),
        ({"before": "", "share": "1"}, "share_without_predecessor", "does not say of which department"),
        ({"share": "0"}, "invalid_share", "'0' is not a share above 0 and up to 1"),
        ({"share": "60"}, "invalid_share", "write 0,6 or 60%"),
        ({"share": "-0,5"}, "invalid_share", "is not a share"),
        ({"share": "0,3333333"}, "invalid_share", "with at most 6 decimals"),
        ({"origin": "1.1"}, "invalid_origin_share", "'1.1' is not a share"),
    ],
)
def test_a_row_that_cannot_say_what_it_replaces_is_rejected(given: dict[str, str], rule: str, reason: str) -> None:
    typed = successor(**given)
    assert (typed.one("outcome"), typed.one("rules")) == ("rejected", rule)
    assert reason in str(typed.one("reasons"))


def test_an_account_has_its_number_name_type_measure_parent_and_key() -> None:
    typed = account("010", "EXPENSE", "Balance", "0100")
    names = (
        "outcome",
        "account_number",
        "account_name",
        "account_type",
        "measure",
        "parent_account_number",
        "category",
    )
    assert [typed.one(name) for name in names] == ["accepted", "0010", "Cash", "Expense", "balance", "0100", None]
    assert typed.one("account_key") == surrogate_key("0010")


TOO_LONG = "more than the 128 of the warehouse's column; shorten it by map: in the descriptor"


def or_shorten(field: str) -> str:
    return f", or set columns.{field}.shorten: 128"


@pytest.mark.parametrize(
    ("make", "cells", "rule", "reason"),
    [
        (department, {"code": " "}, "blank_code", "code is blank"),
        (account, {"number": ""}, "blank_number", "number is blank"),
        (
            department,
            {"code": "x" * 129},
            "code_too_long",
            f"code: '{'x' * 60}…' has 129 bytes, {TOO_LONG}{or_shorten('code')}",
        ),
        (
            account,
            {"number": "9" * 128},
            "number_too_long",
            f"number: '0{'9' * 59}…' has 129 bytes, {TOO_LONG}{or_shorten('number')}",
        ),
        (
            department,
            {"parent": "é" * 65},
            "parent_too_long",
            f"parent: '{'é' * 60}…' has 130 bytes, {TOO_LONG}{or_shorten('parent')}",
        ),
        (
            account,
            {"kind": "Incomes"},
            "unknown_type",
            f"type: 'Incomes' is not one of {', '.join(ACCOUNT_TYPES)}; map it in the descriptor",
        ),
        (
            account,
            {"measure": "stock"},
            "unknown_measure",
            "measure: 'stock' is not one of flow, balance; map it in the descriptor",
        ),
    ],
)
def test_a_row_that_breaks_a_rule_is_rejected_with_what_was_expected_and_found(
    make: Callable[..., Typed], cells: dict[str, str], rule: str, reason: str
) -> None:
    typed = make(**cells)
    assert (typed.one("outcome"), typed.rules, typed.one("reasons")) == ("rejected", [rule], reason)


@pytest.mark.parametrize(
    ("make", "cells"),
    [
        (department, {"code": "x" * 128}),
        (department, {"parent": "é" * 64}),
        (account, {"kind": ""}),
        (account, {"kind": "Statistical"}),
    ],
)
def test_a_row_at_the_edge_of_a_rule_is_accepted(make: Callable[..., Typed], cells: dict[str, str]) -> None:
    assert make(**cells).one("outcome") == "accepted"


def test_a_row_with_another_number_of_cells_than_the_header_is_rejected_with_the_reader_s_reason() -> None:
    rows = ReferenceRows(feed(DEPARTMENTS), list(HEADER))
    typed = Typed(rows.type_batch(raw_batch(HEADER, [["D1", "", "", ""]], ["the row has 1 cells, the header 4"])))
    assert (typed.rules, typed.one("reasons")) == (["malformed_row"], "the row has 1 cells, the header 4")


def test_a_rejected_row_keeps_its_cells_as_delivered() -> None:
    assert raw_cells(department(code="", name=" Ü ").one("raw_row")) == {
        "Code": "",
        "Name": " Ü ",
        "Unit": "Trade",
        "Parent": "",
    }


def test_a_row_of_blank_cells_is_skipped_even_if_a_field_has_a_default() -> None:
    typed = department("", " ", "\u00a0", "\t")
    assert (typed.one("outcome"), typed.one("reasons")) == ("skipped", "every cell is blank")


def test_a_default_fills_blank_cells_only() -> None:
    assert department(unit=" ").one("business_unit") == "Group"
    assert department(unit="X").one("business_unit") == "X"


def test_a_missing_optional_column_has_its_default() -> None:
    assert reference_rows(DEPARTMENTS, ("Code", "Name"), ("D1", "Sales")).one("business_unit") == "Group"


def test_a_missing_optional_column_without_a_default_is_empty() -> None:
    assert reference_rows(DEPARTMENTS, ("Code", "Name"), ("D1", "Sales")).one("parent_department_code") is None


def test_a_file_without_a_needed_column_is_refused_with_the_alternatives() -> None:
    with pytest.raises(UnreadableDeliveryError, match="for code: expected 'Code' or 'Cost Centre', found Name"):
        ReferenceRows(feed(DEPARTMENTS), ["Name"])


def test_an_alternative_header_is_found() -> None:
    assert reference_rows(DEPARTMENTS, ("cost  centre", "NAME"), ("D1", "Sales")).one("department_code") == "D1"


def test_a_template_is_blank_if_any_of_its_parts_is() -> None:
    assert account(number=" ").rules == ["blank_number"]


def test_a_map_replaces_values_of_the_source() -> None:
    assert account(kind="p&l  INCOME").one("account_type") == "Revenue"


def test_a_constant_is_in_every_row() -> None:
    text = with_lines(DEPARTMENTS, columns="{code: Code}", constants="{business_unit: Group}")
    assert reference_rows(text, ("Code",), ("D1",), ("D2",)).column("business_unit") == ["Group", "Group"]


def test_a_code_that_is_mapped_to_an_empty_text_is_blank() -> None:
    text = with_lines(DEPARTMENTS, columns="{code: {from: Code, map: {none: ''}}}")
    assert reference_rows(text, ("Code",), ("None",)).rules == ["blank_code"]


def test_names_are_cut_to_the_length_of_the_warehouse_column() -> None:
    assert department(name="x" * 300).one("department_name") == "x" * MAX_NAME_BYTES


@given(st.text(max_size=20))
def test_a_department_is_accepted_if_and_only_if_its_code_is_neither_blank_nor_harmful(code: str) -> None:
    typed = department(code=code)
    cleaned, findings = clean_cell(code.strip())
    assert bool(typed.one("department_code")) == bool(cleaned)
    assert (typed.one("outcome") == "accepted") == (bool(cleaned) and not findings & {"nul", "harmful"})


@pytest.mark.parametrize(("object_key", "units"), [("d_north.csv", ["Trade", "north"]), ("d.csv", ["Trade", "Group"])])
def test_an_attribute_may_come_from_the_name_of_the_file(object_key: str, units: list[str]) -> None:
    text = DEPARTMENTS.replace("{from: Unit, required", "{from: Unit, from_name: '_([a-z]+)', required")
    rows = (("D1", "Sales", "Trade", ""), ("D2", "HR", "", ""))
    assert reference_rows(text, HEADER, *rows, object_key=object_key).column("business_unit") == units
    without_column = reference_rows(text, HEADER[:2], ("D1", "Sales"), object_key=object_key)
    assert without_column.column("business_unit") == units[1:]


@pytest.mark.parametrize(
    ("written", "period"),
    [
        ("2025-03-31", "2025-03"),
        ("31.12.9999", "9999-12"),
        ("", None),
        ("open", None),
        ("#N/A", None),
        ("9" * 600, None),
    ],
)
def test_the_end_of_a_member_is_read_and_never_rejects_its_row(written: str, period: str | None) -> None:
    typed = reference_rows(DEPARTMENTS, ("Code", "Name", "Until"), ("D1", "Sales", written))
    assert (typed.one("outcome"), typed.one("valid_to")) == ("accepted", period)


def test_an_end_that_is_not_a_date_is_a_warning() -> None:
    rows = ReferenceRows(feed(DEPARTMENTS), ["Code", "Name", "Until"])
    cells = [("D1", "Sales", "open"), ("D2", "Trade", ""), ("D3", "Group", "2025-03-31"), ("D4", "Group", "n/a")]
    rows.type_batch(raw_batch(["Code", "Name", "Until"], cells))
    ((text, note),) = rows.notes.items()
    assert text == (
        "valid_to: a text is not a valid date of the form yyyy-MM-dd or dd.MM.yyyy, so the member has no end, first on "
        "line 2 ('open')"
    )
    assert (note.count, note.fix) == (2, "correct the text, or give its form in columns.valid_to.formats")
