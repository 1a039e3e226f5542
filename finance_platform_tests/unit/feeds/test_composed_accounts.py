"""Accounts of several segments: `part` takes one of them, and drafts ask for its number."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from finance_platform.feeds.descriptor.parser import parse_descriptor
from finance_platform.feeds.resolved import ResolvedFeed
from finance_platform.refresh.file_check.feed_check import FileCheck
from finance_platform_tests.unit.checked_files import check_text
from finance_platform_tests.unit.factories import settings
from finance_platform_tests.unit.feeds.drafts import checked, draft, mistakes_of
from finance_platform_tests.unit.feeds.test_feed_draft_levels import account_sums

SEGMENTS = """\
feed: segments
kind: ledger
path: segments*.csv
columns:
  date: Date
  department: {from: String, part: {split: "-", number: 2, of: 4}}
  account: {from: String, part: {split: "-", number: 3, of: 4}}
  amount: Amount
constants: {scenario: Actual}
"""
HEADER = "Date,String,Amount\n"


def check_segments(folder: Path, rows: str, descriptor: str = SEGMENTS) -> FileCheck:
    return check_text(folder, HEADER + rows, descriptor, "segments.csv")


def test_several_fields_are_parts_of_one_column(tmp_path: Path):
    rows = "2025-01-31,01-110-6110-0000,1.00\n2025-01-31,01-120-6110-0000,2.00\n2025-01-31,01-120-0400-0000,4.00\n"
    assert check_segments(tmp_path, rows).is_fine
    feed = parse_descriptor(SEGMENTS, "segments.yaml")
    assert account_sums(tmp_path, "segments.csv", feed) == {"6110": "3.00", "0400": "4.00"}
    assert account_sums(tmp_path, "segments.csv", feed, "department_code") == {"110": "1.00", "120": "6.00"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("01-110-6110", "'01-110-6110' in the column 'String' has 3 parts (split: '-'), not 4"),
        ("1-1-6110-0-000", "'1-1-6110-0-000' in the column 'String' has 5 parts (split: '-'), not 4"),
        ("6110", "'6110' in the column 'String' has 1 part (split: '-'), not 4"),
        ("01-110- -0000", "'01-110- -0000' in the column 'String' has nothing in part 3"),
        ("", ""),
    ],
)
def test_a_text_with_another_number_of_parts_rejects_its_row(text: str, reason: str, tmp_path: Path):
    """One that lacks a segment would otherwise have its parts in other places."""
    check = check_segments(tmp_path, f"2025-01-31,01-110-6110-0000,1.00\n2025-01-31,{text},2.00\n")
    assert [row.row for row in check.refused_rows] == [3]
    reason = f"account: {reason}" if reason else "account is blank"
    assert reason in check.refused_rows[0].reasons


def test_a_text_that_lacks_the_part_says_which_number_it_needs(tmp_path: Path):
    check = check_segments(tmp_path, "2025-01-31,01-110,1.00\n", SEGMENTS.replace(", of: 4", ""))
    assert check.refused_rows[0].reasons == (
        "account: '01-110' in the column 'String' has 2 parts (split: '-'), and number 3 is needed"
    )


def test_a_part_that_is_mapped_to_nothing_is_blank(tmp_path: Path):
    check = check_segments(
        tmp_path, "2025-01-31,1-2-6110-0,1.00\n", SEGMENTS.replace("3, of: 4}", "3, of: 4}, map: {'6110': ''}")
    )
    assert check.refused_rows[0].reasons == "account is blank"


def test_without_a_number_of_parts_a_name_may_follow_the_code(tmp_path: Path):
    descriptor = SEGMENTS.replace('split: "-", number: 3, of: 4', 'split: " ", number: 1')
    descriptor = descriptor.replace('{from: String, part: {split: "-", number: 2, of: 4}}', "Date")
    check_segments(tmp_path, "2025-01-31,6110 Rent of offices,1.00\n2025-01-31,6110,2.00\n", descriptor)
    feed = parse_descriptor(descriptor, "segments.yaml")
    assert account_sums(tmp_path, "segments.csv", feed) == {"6110": "3.00"}


def test_a_part_is_mapped_and_padded_like_a_cell(tmp_path: Path):
    descriptor = SEGMENTS.replace("number: 3, of: 4}", "number: 3, of: 4}, pad: 6, map: {'7000': '6110'}")
    check_segments(tmp_path, "2025-01-31,1-2-6110-0,1.00\n2025-01-31,1-2-7000-0,2.00\n", descriptor)
    feed = parse_descriptor(descriptor, "segments.yaml")
    assert account_sums(tmp_path, "segments.csv", feed) == {"006110": "3.00"}


def test_rules_that_an_earlier_release_stored_have_no_parts():
    document = parse_descriptor(SEGMENTS, "segments.yaml").resolve(settings()).to_json()
    assert ResolvedFeed.from_json(document).rules.fields["account"].part == 3
    for key in ("split", "part", "parts"):
        del document["rules"]["fields"]["account"][key]
    assert ResolvedFeed.from_json(document).rules.fields["account"].split is None


def composed(header: str, mark: str, *, names: bool = True) -> str:
    """Return a file of two departments and two accounts in one column."""
    rows = "".join(
        f"2025-01-31,{mark.join(('01', department, account, '0000'))},{name if names else 'x'},{amount}.50\n"
        for department, account, name, amount in (
            ("110", "6110", "Rent", 1), ("110", "6200", "Travel", 2), ("120", "6110", "Rent", 4),
        )
    )  # fmt: skip
    return f"Date,{header},Account Description,Amount\n{rows}"


@pytest.mark.parametrize("mark", ["-", ".", "/"])
@pytest.mark.parametrize("header", ["ACCOUNT_COMBINATION", "Account", "Ledger account", "GL Account String"])
def test_a_draft_asks_for_the_number_of_the_department_in_an_account_of_segments(
    header: str, mark: str, tmp_path: Path
):
    text = composed(header, mark)
    written = draft(text)
    assert [mistake.split(": ")[1] for mistake in mistakes_of(written)] == [
        "columns.department.part.number is not decided"
    ]
    comment = " ".join(line.strip(" #") for line in written.splitlines())
    assert "1 is 01; 2 is 110, 120; 3 is 6110, 6200; 4 is 0000. Write the number of each in part.number" in comment
    check = checked(tmp_path, text, number="2")
    assert check.is_fine
    feed = parse_descriptor(written.replace("DECIDE", "2"), "draft.yaml")
    assert account_sums(tmp_path, "ledger.csv", feed) == {"6110": "6.00", "6200": "2.50"}
    assert account_sums(tmp_path, "ledger.csv", feed, "department_code") == {"110": "4.00", "120": "4.50"}


def test_a_person_decides_the_part_of_the_account_where_no_name_shows_it():
    columns = yaml.safe_load(draft(composed("Account", "-", names=False)))["columns"]
    assert columns["account"] == {"from": "Account", "part": {"split": "-", "number": "DECIDE", "of": 4}}


@pytest.mark.parametrize(
    ("header", "rows"),
    [
        ("Account", ["6-6110", "6-6200", "4-4000"]),  # the first digit of the account, as MYOB has it
        ("Account", ["6110-01", "6200-02", "4000-03"]),
        ("Account", ["01-110-6110", "01-120-6200", "6300"]),
        ("Account", ["Rent-Office A", "Rent-Office B", "Sales-Office A"]),
        ("Reference", ["01-110-6110", "01-120-6110", "01-110-6200"]),
    ],
)
def test_an_account_with_a_mark_is_not_always_composed(header: str, rows: list[str]):
    text = f"Date,{header},Amount\n" + "".join(f"2025-01-31,{row},5.50\n" for row in rows)
    assert "part: {" not in draft(text)


def test_an_account_is_taken_whole_beside_a_column_of_departments():
    text = composed("Account", "-").replace("Account Description", "Dept")
    assert yaml.safe_load(draft(text))["columns"]["account"] == "Account"
