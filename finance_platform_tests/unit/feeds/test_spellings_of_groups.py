"""Business units and categories that differ in case only: reports show them as several groups, which is a warning."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from finance_platform.refresh.file_check.feed_check import FileCheck
from finance_platform_tests.unit.checked_files import check_written

CODES = {"departments": ("code", "business_unit"), "accounts": ("number", "category")}


def check(folder: Path, kind: str, names: list[str], **changes: object) -> FileCheck:
    code, field = CODES[kind]
    rows = "".join(f"{number},{name}\n" for number, name in enumerate(names, start=100))
    (folder / "x.csv").write_text(f"Code,Group\n{rows}", encoding="utf-8")
    descriptor = {
        "feed": "x",
        "kind": kind,
        "path": "x.csv",
        "columns": {code: "Code", field: {"from": "Group", **changes}},
    }
    return check_written(folder, descriptor)


@pytest.mark.parametrize("kind", CODES)
def test_groups_that_differ_in_case_only_are_named_and_joined_by_the_fix(tmp_path: Path, kind: str):
    names = ["Sales", "SALES ", "Works", "sales"]
    notes = check(tmp_path, kind, names).findings.notes
    (text,) = notes
    assert (
        text == f"{CODES[kind][1]}: 'Sales' and 'SALES' and 'sales' differ in case only, and views show each as a group"
    )
    fix = notes[text].fix
    assert not check(tmp_path, kind, names, map=yaml.safe_load(fix[fix.index("{") : fix.index("}") + 1])).findings.notes


@pytest.mark.parametrize("kind", CODES)
@pytest.mark.parametrize(
    "names", [["Sales", "Sales", "Works"], ["Sales", " Sales "], ["Sales", "Sale"], ["", "Sales"], ["ß", "b"]]
)
def test_groups_with_one_spelling_are_right(tmp_path: Path, kind: str, names: list[str]):
    assert not check(tmp_path, kind, names).findings.notes
