"""Every rule that rejects a row: the smallest row that breaks it, with its place and reason, beside one that does not.

Does not belong here: every form of what a rule rejects (see the tests of the rule's module).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest

from finance_platform.feeds.descriptor.columns import FIELDS
from finance_platform.feeds.rule_names import ROW_RULES
from finance_platform.refresh.file_check.feed_check import FileCheck
from finance_platform_tests.unit.checked_files import check_text

LONG = "x" * 129
LEDGER = ("date", "department", "account", "amount")
ROW = "2025-01-03,D1,6000,10.00"


class Case(NamedTuple):
    """A rule, and what breaks it.

    Attributes:
        rule: its name.
        bad: the row that breaks it, or the cells after those of `ROW`.
        reason: a part of the reason.
        good: the near miss.
        fields: of the file, in the order of its cells.
        keys: of the descriptor.
    """

    rule: str
    bad: str
    reason: str
    good: str = ROW
    fields: tuple[str, ...] = LEDGER
    keys: Mapping[str, Any] = MappingProxyType({})


def row(at: int, text: str) -> str:
    """Return the usual row with another cell."""
    cells = ROW.split(",")
    return ",".join([*cells[:at], text, *cells[at + 1 :]])


def also(*fields: str) -> tuple[str, ...]:
    return (*LEDGER, *fields)


def of_kind(kind: str, *fields: str, **keys: Any) -> dict[str, Any]:
    """Return what a case of another kind of feed has."""
    return {"fields": fields, "keys": {"kind": kind, "constants": {}, **keys}}


DEPARTMENTS = of_kind("departments", "code", "name", "valid_from", "predecessor", "share", "origin_share", "parent")
ACCOUNTS = of_kind("accounts", "number", "name", "type", "measure")
COMMENTS = of_kind("comments", "period", "department", "account", "comment", "nature")
STATEMENT = of_kind("statement_lines", "account", "category", "section", "line", "order")
BALANCES = of_kind("balances", "period", "account", "balance", "opening")
UPSERT = {"load": {"mode": "upsert", "key": ["transaction_id"]}}
SIDES = {"columns.amount": {"from": {"debit": "amount", "credit": "credit"}}, "sign": "debit_positive"}
SIGNS = {"columns.amount": {"from": "amount", "sign_column": {"from": "sign", "negative": ["H"]}}}
SKIP = {"skip": [{"column": "department", "matches": "^Page"}]}

CASES = [
    Case("blank_date", row(0, ""), "date is blank"),
    Case("invalid_date", row(0, "2025-02-30"), "'2025-02-30' is not a valid date", good=row(0, "2024-02-29")),
    Case("date_out_of_range", row(0, "1999-12-31"), "1999-12-31", good=row(0, "2000-01-01")),
    Case("blank_department", row(1, " "), "department is blank"),
    Case("department_too_long", row(1, LONG), "129 bytes", good=row(1, LONG[1:])),
    Case("blank_account", row(2, ""), "account is blank"),
    Case("account_too_long", row(2, LONG), "129 bytes", good=row(2, LONG[1:])),
    Case("changed_code", row(2, "1.23457E+11"), "1.23457E+11", good=row(2, "1E5")),
    Case("shared_key", row(2, "37468311"), "has the surrogate key of '14901400'", good=row(2, "14901400")),
    Case("blank_amount", row(3, ""), "amount is blank"),
    Case("invalid_amount", row(3, "1O.00"), "'1O.00' is not a valid amount", good=row(3, "(10.00)")),
    Case("foreign_currency", row(3, "£10.00"), "£", good=row(3, "$10.00")),
    Case("malformed_row", f"{ROW},more", "5", good=f"{ROW},"),
    Case("nul_character", row(1, "D\x001"), "NUL"),
    Case("control_character", row(1, "D\u202e1"), "hides or reverses", good=row(1, "D\x011")),
    Case("cell_too_long", row(1, "y" * 501), "has more than 500 characters", good=row(1, "y" * 100)),
    Case("spreadsheet_error", row(1, "#REF!"), "#REF!", good=row(1, "REF")),
    Case("blank_period", ",6000,1.00,", "period is blank", good="2025-01,6000,1.00,", **BALANCES),
    Case("invalid_period", "2025-13,6000,1.00,", "'2025-13'", good="2025-12,6000,1.00,", **BALANCES),
    Case("period_out_of_range", f"{ROW},1999-12", "1999-12", good=f"{ROW},2025-02", fields=also("period")),
    Case("blank_scenario", f"{ROW},", "scenario is blank", good=f"{ROW},Actual", fields=also("scenario")),
    Case("scenario_too_long", f"{ROW},Budget {LONG}", "bytes", good=f"{ROW},Budget A", fields=also("scenario")),
    Case("undeclared_scenario", f"{ROW},Bugdet", "did you mean", good=f"{ROW},Budget", fields=also("scenario")),
    Case(
        "actual_in_plan",
        f"{ROW},Actual",
        "Actual in a feed that has plans only",
        good=f"{ROW},Budget",
        fields=also("scenario"),
        keys={"plans_only": True},
    ),
    Case(
        "blank_transaction_id",
        f"{ROW},",
        "is blank, but part of the key",
        good=f"{ROW},T1",
        fields=also("transaction_id"),
        keys=UPSERT,
    ),
    Case(
        "conflicting_key",
        f"{row(3, '11.00')},T1\n{row(3, '12.00')},T1",
        "T1",
        good=f"{ROW},T2",
        fields=also("transaction_id"),
        keys=UPSERT,
    ),
    Case("unknown_account_type", f"{ROW},Costs", "'Costs'", good=f"{ROW},expense", fields=also("account_type")),
    Case("blank_sign", f"{ROW},", "blank", good=f"{ROW},S", fields=also("sign"), keys=SIGNS),
    Case("unknown_sign", f"{ROW},X", "'X'", good=f"{ROW},S", fields=also("sign"), keys=SIGNS),
    Case("signed_twice", f"{row(3, '-10.00')},H", "-10.00", good=f"{ROW},H", fields=also("sign"), keys=SIGNS),
    Case("skipped_money", row(1, "Page 2"), "10.00", good=row(1, "D2"), keys=SKIP),
    Case(
        "unbalanced_voucher",
        f"{ROW},,V1",
        "V1",
        good=f"{ROW},,V2\n{row(3, '')},10.00,V2",
        fields=also("credit", "voucher"),
        keys={**SIDES, "balanced": {"by": "voucher"}},
    ),
    Case(
        "half_voucher",
        f"{row(3, 'x')},,V1\n{row(3, '')},10.00,V1",
        "V1",
        good=f"{ROW},,V2\n{row(3, '')},10.00,V2",
        fields=also("credit", "voucher"),
        keys={**SIDES, "balanced": {"by": "voucher"}},
    ),
    Case(
        "outside_covered_periods",
        row(0, "2025-02-01"),
        "2025-02 is outside 2025-01",
        keys={"path": "x_*.csv", "load": {"mode": "replace_period", "covers": {"from_name": "_([0-9]{4}-[0-9]{2})"}}},
    ),
    Case("blank_code", ",Sales,,,,,", "code is blank", good="D1,Sales,,,,,", **DEPARTMENTS),
    Case("code_too_long", f"{LONG},Sales,,,,,", "129 bytes", good=f"{LONG[1:]},Sales,,,,,", **DEPARTMENTS),
    Case("parent_too_long", f"D1,Sales,,,,,{LONG}", "129 bytes", good="D1,Sales,,,,,D9", **DEPARTMENTS),
    Case(
        "predecessor_too_long",
        f"D1,Sales,2025-01,{LONG},,,",
        "129 bytes",
        good="D1,Sales,2025-01,D0,,,",
        **DEPARTMENTS,
    ),
    Case("invalid_valid_from", "D1,Sales,2025-13,,,,", "'2025-13'", good="D1,Sales,2025-12,,,,", **DEPARTMENTS),
    Case("invalid_share", "D1,Sales,2025-01,D0,1.5,,", "'1.5'", good="D1,Sales,2025-01,D0,0.5,,", **DEPARTMENTS),
    Case(
        "invalid_origin_share",
        "D1,Sales,2025-01,D0,0.5,x,",
        "'x'",
        good="D1,Sales,2025-01,D0,0.5,0.5,",
        **DEPARTMENTS,
    ),
    Case("own_predecessor", "D1,Sales,2025-01,d1,,,", "department itself", good="D1,A,2025-01,D0,,,", **DEPARTMENTS),
    Case("predecessor_without_date", "D1,Sales,,D0,,,", "valid_from", good="D1,Sales,2025-01,D0,,,", **DEPARTMENTS),
    Case(
        "share_without_predecessor",
        "D1,Sales,2025-01,,0.5,,",
        "predecessor",
        good="D1,Sales,2025-01,D0,0.5,,",
        **DEPARTMENTS,
    ),
    Case("blank_number", ",Rent,Expense,", "number is blank", good="6000,Rent,Expense,", **ACCOUNTS),
    Case("number_too_long", f"{LONG},Rent,Expense,", "129 bytes", good="6000,Rent,Expense,", **ACCOUNTS),
    Case("unknown_type", "6000,Rent,Cots,", "'Cots'", good="6000,Rent,Kosten,", **ACCOUNTS),
    Case("unknown_measure", "6000,Rent,Expense,stock", "'stock'", good="6000,Rent,Expense,balance", **ACCOUNTS),
    Case("blank_comment", "2025-01,D1,6000,,", "owner are both blank", good="2025-01,D1,6000,Late,", **COMMENTS),
    Case(
        "comment_too_long",
        f"2025-01,D1,6000,{'late ' * 1000},",
        "bytes",
        good="2025-01,D1,6000,Late,",
        **COMMENTS,
    ),
    Case("blank_section", "6000,,,Rent,1", "section is blank", good="6000,,Operating Expense,Rent,1", **STATEMENT),
    Case(
        "blank_line",
        "6000,,Operating Expense,,1",
        "line is blank",
        good="6000,,Operating Expense,Rent,1",
        **STATEMENT,
    ),
    Case(
        "account_or_category",
        "6000,Payroll,Operating Expense,Rent,1",
        "account",
        good=",Payroll,Operating Expense,Rent,1",
        **STATEMENT,
    ),
    Case(
        "invalid_order",
        "6000,,Operating Expense,Rent,first",
        "'first'",
        good="6000,,Operating Expense,Rent,1",
        **STATEMENT,
    ),
    Case("blank_balance", "2025-01,6000,,", "balance is blank", good="2025-01,6000,1.00,", **BALANCES),
    Case("invalid_balance", "2025-01,6000,x,", "'x'", good="2025-01,6000,1.00,", **BALANCES),
    Case("invalid_opening", "2025-01,6000,1.00,x", "'x'", good="2025-01,6000,1.00,2.00", **BALANCES),
]

ELSEWHERE = {
    "blank_row": "`test_shapes`: a row of which every column of months is blank",
    "no_amount": "`test_shapes`: a row of which no cell gives a line",
    "missing_lookup": "`end_to_end/test_lookups`: another feed's file",
    "missing_weights": "`test_years_like`: another scenario's lines",
    "repeated_row": "`transforms/test_repeated_keys`: an outcome of its own, no rejection",
}
OPTIONAL = {f"blank_{name}" for names in FIELDS.values() for name in names}
"""A field is needed where a descriptor names it as a part of a key or a voucher."""


def check(folder: Path, case: Case, *rows: str) -> FileCheck:
    columns: dict[str, Any] = {name: name for name in case.fields if name not in {"sign", "credit", "voucher"}}
    keys = {"feed": "x", "kind": "ledger", "path": "x_*.csv", "constants": {"scenario": "Actual"}, **case.keys}
    columns |= {name.split(".")[1]: value for name, value in keys.items() if name.startswith("columns.")}
    keys = {name: value for name, value in keys.items() if not name.startswith("columns.")}
    if "scenario" in case.fields:
        keys["constants"] = {}
    keys = {name: value for name, value in keys.items() if value != {}}
    text = "\n".join([",".join(case.fields), *rows, ""])
    return check_text(folder, text, {**keys, "columns": columns}, "x_2025-01.csv")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.rule)
def test_a_row_that_breaks_a_rule_is_rejected_with_its_place_and_the_reason(tmp_path: Path, case: Case):
    before = row(2, "14901400") if case.rule == "shared_key" else case.good
    place = 2 + len(before.split("\n"))
    found = check(tmp_path, case, before, case.bad)
    assert not found.refusal
    assert case.rule in found.rules
    reasons = [one.reasons for one in found.refused_rows if one.row in range(place, place + 1 + case.bad.count("\n"))]
    assert any(case.reason in text for text in reasons), reasons


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.rule)
def test_a_near_miss_is_accepted(tmp_path: Path, case: Case):
    found = check(tmp_path, case, case.good)
    assert not found.refusal
    assert not found.refused_rows


def test_every_rule_has_a_row_that_breaks_it() -> None:
    assert {case.rule for case in CASES} <= ROW_RULES
    assert ROW_RULES - {case.rule for case in CASES} - OPTIONAL == ELSEWHERE.keys()
