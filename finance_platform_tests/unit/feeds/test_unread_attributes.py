"""Columns of departments and accounts that a field would read: when they are named, and when not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from finance_platform.feeds.feed_set import shipped_descriptors
from finance_platform.feeds.findings import Note
from finance_platform.refresh.file_check.feed_check import check_file
from finance_platform.storage.local import LocalStore
from finance_platform_tests.unit.checked_files import check_written
from finance_platform_tests.unit.factories import settings

CODES = {"departments": "code", "accounts": "number"}


def own_notes(folder: Path, kind: str, table: str, **changes: Any) -> dict[str, Note]:
    (folder / "x.csv").write_text(table, encoding="utf-8")
    columns = {CODES[kind]: "Code", **changes.pop("columns", {})}
    descriptor = yaml.safe_dump({"feed": "x", "kind": kind, "path": "x.csv", "columns": columns, **changes})
    read = check_written(folder, descriptor)
    assert not read.findings.doubts
    return dict(read.findings.notes)


def shipped_notes(folder: Path, kind: str, table: str) -> dict[str, Note]:
    (folder / f"{kind}.csv").write_text(table, encoding="utf-8")
    (feed,) = [one for one in shipped_descriptors() if one.feed == kind]
    return dict(check_file(LocalStore(folder), f"{kind}.csv", feed, settings()).findings.notes)


def test_balances_that_nothing_reads_as_such_are_named_and_read_by_the_fix(tmp_path: Path):
    table = "Code,Kind\n1000,balance\n4000,\n"
    notes = own_notes(tmp_path, "accounts", table)
    ((text, note),) = notes.items()
    assert text == (
        "nothing reads the column 'Kind', such as 'balance', which may be the field measure of accounts: it is not "
        "known, so every account is a flow, and balances are added up over periods"
    )
    fix = note.fix[note.fix.index("measure:") : note.fix.index("}") + 1]
    assert not own_notes(tmp_path, "accounts", table, columns=yaml.safe_load(fix))
    assert not own_notes(tmp_path, "accounts", table, ignore_columns=["Kind"])


def test_a_share_that_a_shipped_feed_does_not_read_is_named(tmp_path: Path):
    head = "department_code,department_name,valid_from,predecessor"
    rows = "A,a,,,\nC,c,2025-03,A,60%\n"
    (text,) = notes = shipped_notes(tmp_path, "departments", f"{head},share\n{rows}")
    assert text.endswith("so each department takes over all of its predecessor")
    assert "call the column predecessor_share" in notes[text].fix
    assert not shipped_notes(tmp_path, "departments", f"{head},predecessor_share\n{rows}")


def test_a_measure_beside_the_shipped_feed_has_a_fix_that_writes_a_descriptor(tmp_path: Path):
    table = "account_number,account_name,account_type,measure\n1000,Cash,Asset,balance\n"
    (note,) = shipped_notes(tmp_path, "accounts", table).values()
    assert "`finance-platform feed draft`" in note.fix


@pytest.mark.parametrize(
    ("kind", "table", "field"),
    [
        ("departments", "Code,Effective Date\nA,2025-01-01\nB,2025-04-01\n", "valid_from"),
        ("departments", "Code,Gültig ab\nA,01.01.2025\nB,01.04.2025\n", "valid_from"),
        ("departments", "Code,End Date\nA,2025-06-30\nB,9999-12-31\n", "valid_to"),
        ("departments", "Code,Replaces\nA,OLD\n", "predecessor"),
        ("departments", "Code,BusinessUnit\nA,West\n", "business_unit"),
        ("accounts", "Code,Parent Account\n10,1\n", "parent"),
        ("accounts", "Code,Account Type\n10,Aufwand\n", "type"),
        ("accounts", "Code,Account Group\n10,CapEx\n", "category"),
    ],
)
def test_a_column_that_a_field_would_read_is_named(tmp_path: Path, kind: str, table: str, field: str):
    (text,) = own_notes(tmp_path, kind, table)
    assert f"may be the field {field} of {kind}" in text


@pytest.mark.parametrize(
    ("kind", "table"),
    [
        ("accounts", "Code,Kind\n10,flow\n"),
        ("accounts", "Code,Balance\n10,100.00\n"),
        ("accounts", "Code,Valid from,Valid to\n10,2025-01-01,9999-12-31\n11,2025-01-01,9999-12-31\n"),
        ("accounts", "Code,Effective\n10,yes\n11,no\n"),
        ("accounts", "Code,Parent\n10,\n"),
        ("departments", "Code,Share\nA,0.6\n"),
        ("departments", "Code,Manager\nA,Lee\n"),
    ],
)
def test_other_columns_and_blank_ones_are_not(tmp_path: Path, kind: str, table: str):
    assert not own_notes(tmp_path, kind, table)
