"""Comments and statement lines: a row is accepted, or rejected with the rule that it broke; under the shipped feeds."""

from __future__ import annotations

from pathlib import Path

import pytest

from finance_platform.contracts.views import SECTIONS
from finance_platform.feeds.lines import report_rows
from finance_platform.feeds.lines.report_rows import MAX_COMMENT_BYTES, ReportRows
from finance_platform.feeds.values.codes import MAX_NAME_BYTES, surrogate_key
from finance_platform_tests.unit.factories import Typed, feed, raw_batch

BUILTIN = Path(report_rows.__file__).parents[1] / "builtin"
COMMENT_HEADER = ("period", "department_code", "account_number", "owner", "comment", "kind")
LINE_HEADER = ("account_number", "category", "section", "line", "order")


def typed(name: str, header: tuple[str, ...], *rows: tuple[str, ...]) -> Typed:
    descriptor = (BUILTIN / f"{name}.yaml").read_text(encoding="utf-8")
    return Typed(ReportRows(feed(descriptor), list(header)).type_batch(raw_batch(header, rows)))


def comment(
    period: str = "2025-09",
    department: str = "0460",
    account: str = "6110",
    owner: str = "Ann",
    text: str = "Late invoice",
    nature: str = "timing",
) -> Typed:
    return typed("comments", COMMENT_HEADER, (period, department, account, owner, text, nature))


def line(
    account: str = "6110", category: str = "", section: str = "Revenue", name: str = "Sales", order: str = ""
) -> Typed:
    return typed("statement_lines", LINE_HEADER, (account, category, section, name, order))


def test_a_comment_has_its_cell_owner_text_and_nature():
    row = comment("2025-09-30", " 0460 ", "6110", " Ann  Lee", "Late\ninvoice,  paid in October", " TIMING ")
    names = ("outcome", "period", "department_code", "account_number", "owner", "comment", "nature")
    assert [row.one(name) for name in names] == [
        *("accepted", "2025-09", "0460", "6110", "Ann Lee", "Late invoice, paid in October", "timing"),
    ]
    assert (row.one("department_key"), row.one("account_key")) == (surrogate_key("0460"), surrogate_key("6110"))


def test_an_owner_may_come_before_the_explanation_and_the_nature_may_be_missing():
    assert comment(text="", nature="").one("outcome") == "accepted"
    assert comment(owner="").one("outcome") == "accepted"
    without = typed("comments", (*COMMENT_HEADER[:3], "comment"), ("2025-09", "0460", "6110", "x"))
    assert [without.one(name) for name in ("outcome", "owner", "nature")] == ["accepted", None, None]


@pytest.mark.parametrize(
    ("row", "rule", "reason"),
    [
        (comment(period=""), "blank_period", "period is blank"),
        (comment(period="2025-13"), "invalid_period", "'2025-13' is not a valid date of the form yyyy-MM"),
        (comment(department=""), "blank_department", "department is blank"),
        (comment(account=""), "blank_account", "account is blank"),
        (comment(owner="", text=""), "blank_comment", "comment and owner are both blank"),
        (comment(nature="maybe"), "unknown_nature", "'maybe' is not one of timing, permanent"),
        (comment(text="ä" * 2049), "comment_too_long", "has 4,098 bytes, more than the 4,096"),
        (comment(account="9" * 129), "account_too_long", "129 bytes"),
        (comment(text="#REF!"), "spreadsheet_error", "'#REF!' is an error of the spreadsheet"),
        (line(account=""), "account_or_category", "has neither an account nor a category"),
        (line(category="Payroll"), "account_or_category", "has an account and a category"),
        (line(section=""), "blank_section", "section is blank"),
        (line(section="Profit"), "unknown_section", f"'Profit' is not one of {', '.join(SECTIONS)}"),
        (line(name=""), "blank_line", "line is blank"),
        (line(order="1.5"), "invalid_order", "'1.5' is not a whole number"),
        (line(order="-1"), "invalid_order", "'-1' is not a whole number"),
    ],
)
def test_a_row_is_rejected_by_the_rule_that_it_broke_and_by_no_other(row: Typed, rule: str, reason: str):
    assert (row.one("outcome"), row.rules) == ("rejected", [rule])
    assert reason in row.one("reasons")


def test_a_comment_of_the_greatest_length_is_kept_and_a_name_is_cut():
    row = comment(text="ä" * 2048, owner="é" * 200)
    assert row.one("outcome") == "accepted"
    assert len(row.one("comment").encode()) == MAX_COMMENT_BYTES
    assert row.one("owner") == "é" * (MAX_NAME_BYTES // 2)


def test_a_line_has_an_account_or_its_beginning_or_a_category():
    rows = typed(
        "statement_lines",
        LINE_HEADER,
        *(
            ("0100", "", "revenue", "Sales", "07"),
            ("61*", "", "COGS", "Freight", ""),
            ("", "Payroll", "Opex", "Staff", ""),
        ),
    )
    assert rows.column("outcome") == ["accepted"] * 3
    assert rows.column("account") == ["0100", "61*", None]
    assert rows.column("category") == [None, None, "Payroll"]
    assert rows.column("section") == ["Revenue", "Cost of Sales", "Operating Expense"]
    assert rows.column("line_order") == [7, None, None]


def test_the_key_of_a_row_is_its_cell_or_what_it_maps_in_any_spelling():
    def key(row: Typed) -> str:
        return str(row.one("line_key"))

    assert key(comment(department="d 1")) == key(comment("2025-09-01", "D  1", text="other"))
    assert len({key(comment()), key(comment("2025-10")), key(comment(department="1")), key(comment(account="1"))}) == 4
    assert key(line(account="", category="Payroll")) == key(line(account="", category="PAYROLL", name="x"))
    assert key(line(account="Payroll")) != key(line(account="", category="Payroll"))
    assert comment(period="x").one("line_key") is None
