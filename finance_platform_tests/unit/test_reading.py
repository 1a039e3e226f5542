"""Reading: periods that a name declares, the column that says the order, and what a line's delivery replaces.

Does not belong here: cutting a file into cells (see `test_readers`), the rules of a line (see `test_ledger_lines`).
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from finance_platform.feeds.codes import joined_key
from finance_platform.feeds.file_names import order_text
from finance_platform.feeds.read_file import FileToRead, read_file
from finance_platform.storage.local import LocalStore
from finance_platform_tests.unit.factories import LEDGER, feed, ledger_rows, with_columns, with_lines, write

ONE_PERIOD = with_lines(LEDGER, load="{mode: replace_period, covers: {from_name: 'gl_([0-9]+)'}}")
RANGE = with_lines(LEDGER, load="{mode: replace_period, covers: {from_name: 'gl_([0-9]+)_([0-9]+)'}}")
ORDERED = with_lines(LEDGER, order="{from_column: Posted}")
HEADER = "Date,Dept,Account,Amount"


def staged(root: Path, name: str, content: str, text: str = LEDGER, kind: str = "ledger") -> list[dict[str, Any]]:
    """All that reading a file gives; the last row says how it went."""
    data = content.encode()
    write(root / name, data)
    wanted = FileToRead("d1", name, "ledger", hashlib.sha256(data).hexdigest())
    return [row for batch in read_file(kind, feed(text), LocalStore(root), wanted) for row in batch.to_pylist()]


# What a name covers


def test_lines_in_the_period_of_the_name_are_accepted_and_those_outside_are_rejected_with_its_rule(
    tmp_path: Path,
) -> None:
    rows = "2025-01-31,D,1,5\n2025-02-01,D,1,5\n2024-12-31,D,1,5\n"
    *lines, last = staged(tmp_path, "gl_202501.csv", f"{HEADER}\n{rows}", ONE_PERIOD)
    assert [(line["outcome"], line["rules"]) for line in lines] == [
        ("accepted", None),
        ("rejected", "outside_covered_periods"),
        ("rejected", "outside_covered_periods"),
    ]
    assert lines[1]["reasons"] == "period: 2025-02 is not in 2025-01, which the file's name says it covers"
    assert json.loads(last["covers"]) == ["2025-01"]


def test_a_range_is_told_by_its_first_and_last_period(tmp_path: Path) -> None:
    *lines, last = staged(tmp_path, "gl_202412_202502.csv", f"{HEADER}\n2025-01-31,D,1,5\n2025-03-01,D,1,5\n", RANGE)
    assert [line["outcome"] for line in lines] == ["accepted", "rejected"]
    assert "2025-03 is not in 2024-12 to 2025-02" in lines[1]["reasons"]
    assert json.loads(last["covers"]) == ["2024-12", "2025-01", "2025-02"]


def test_a_period_counts_and_not_the_date(tmp_path: Path) -> None:
    text = with_columns({"period": "{from: Period}"}, load="{mode: replace_period, covers: {from_name: 'gl_([0-9]+)'}}")
    rows = "2025-02-03,D,1,5,2025-01\n2025-01-03,D,1,5,2025-02\n"
    *lines, _ = staged(tmp_path, "gl_202501.csv", f"{HEADER},Period\n{rows}", text)
    assert [line["rules"] for line in lines] == [None, "outside_covered_periods"]


def test_a_line_without_a_readable_date_breaks_the_rule_of_dates_alone(tmp_path: Path) -> None:
    *lines, _ = staged(tmp_path, "gl_202501.csv", f"{HEADER}\n2025-02-30,D,1,5\n", ONE_PERIOD)
    assert [line["rules"] for line in lines] == ["invalid_date"]


@pytest.mark.parametrize(("name", "why"), [("gl.csv", "which is not in it"), ("gl_202513.csv", "is no period")])
def test_a_file_whose_name_declares_nothing_is_refused_with_a_fix(tmp_path: Path, name: str, why: str) -> None:
    (last,) = staged(tmp_path, name, f"{HEADER}\n2025-01-31,D,1,5\n", ONE_PERIOD)
    assert last["outcome"] == "refused"
    assert why in last["reasons"]
    assert last["raw_row"]


def test_without_covers_nothing_is_outside(tmp_path: Path) -> None:
    *lines, last = staged(tmp_path, "gl_202501.csv", f"{HEADER}\n2030-01-31,D,1,5\n")
    assert [line["outcome"] for line in lines] == ["accepted"]
    assert json.loads(last["covers"]) == []


# The column that says the order


def test_the_greatest_value_of_the_column_is_measured_by_value(tmp_path: Path) -> None:
    rows = "".join(f"2025-01-31,D,1,5,{number}\n" for number in (9, 10, 2))
    *_, last = staged(tmp_path, "a.csv", f"{HEADER},posted\n{rows}", ORDERED)
    assert last["measured_order"] == order_text("10")


def test_rejected_and_blank_cells_do_not_stand_in_the_way(tmp_path: Path) -> None:
    *_, last = staged(tmp_path, "a.csv", f"{HEADER},Posted\n2025-01-31,D,1,5,\n2025-01-31,D,1,none,7\n", ORDERED)
    assert last["measured_order"] == order_text("7")


def test_the_column_of_the_order_is_no_extra_column(tmp_path: Path) -> None:
    *_, last = staged(tmp_path, "a.csv", f"{HEADER},Posted,Other\n", ORDERED)
    assert (last["extra_columns"], last["measured_order"]) == ('["Other"]', "")


def test_a_file_without_the_column_of_the_order_is_refused(tmp_path: Path) -> None:
    (last,) = staged(tmp_path, "a.csv", f"{HEADER}\n2025-01-31,D,1,5\n", ORDERED)
    assert last["outcome"] == "refused"
    assert "lacks the column 'Posted', which says where the file stands in the order" in last["reasons"]
    assert "order.from_column" in last["raw_row"]


@pytest.mark.parametrize(("kind", "code"), [("departments", "code"), ("accounts", "number")])
def test_reference_files_have_an_order_too(tmp_path: Path, kind: str, code: str) -> None:
    text = f"feed: x\nkind: {kind}\npath: x.csv\ncolumns: {{{code}: Code}}\norder: {{from_column: Version}}\n"
    *_, last = staged(tmp_path, "x.csv", "Code,Version\nA,9\nB,10\n", text, kind)
    assert last["measured_order"] == order_text("10")


# What a line's delivery replaces


SCOPED = with_columns(
    {"business_unit": "{from: Unit}"}, load="{mode: replace_period, scope: [business_unit, department]}"
)


def scope_keys(*rows: dict[str, str], text: str = SCOPED) -> list[str | None]:
    return ledger_rows(text, *rows).column("scope_key")


def test_a_feed_without_a_scope_has_no_scope_keys() -> None:
    assert scope_keys({}, text=LEDGER) == [None]


def test_a_scope_key_is_made_of_every_field_of_the_scope_folded() -> None:
    north = {"Unit": " North ", "Dept": "d100"}
    assert scope_keys(north, {"Unit": "north", "Dept": "D100"}) == [joined_key(("north", "d100"))] * 2


def test_each_field_of_the_scope_makes_another_scope() -> None:
    keys = scope_keys({"Unit": "N", "Dept": "1"}, {"Unit": "N", "Dept": "2"}, {"Unit": "S", "Dept": "1"})
    assert len(set(keys)) == 3


def test_values_do_not_run_into_each_other() -> None:
    assert len(set(scope_keys({"Unit": "a", "Dept": "bc"}, {"Unit": "ab", "Dept": "c"}))) == 2


def test_a_blank_business_unit_is_a_scope_of_its_own() -> None:
    assert scope_keys({"Unit": "", "Dept": "D"}, {"Unit": "N", "Dept": "D"})[0] == joined_key(("", "d"))
