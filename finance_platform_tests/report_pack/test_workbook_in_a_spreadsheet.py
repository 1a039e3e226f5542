"""The workbook of a pack, opened and computed by LibreOffice: every check is true, and nothing else changes."""

from __future__ import annotations

import re
import zipfile
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from finance_platform.reports.pack.workbook.write import workbook_bytes
from finance_platform_tests.office import converted
from finance_platform_tests.report_pack.made_figures import made_figures, with_statement
from finance_platform_tests.report_pack.made_packs import made_pack, named
from finance_platform_tests.report_pack.test_workbook import comments_read_from
from finance_platform_tests.report_pack.workbook_formulas import WorkbookFormulas

pytestmark = pytest.mark.office

HOSTILE = '=1+1;"*?~>0'


def without_results(content: bytes, path: Path) -> None:
    """Write a workbook whose formulas have no stored results, so that those in a copy have been computed."""
    path.write_bytes(content)
    with zipfile.ZipFile(path) as package:
        parts = {name: package.read(name) for name in package.namelist()}
    with zipfile.ZipFile(path, "w") as package:
        for name, part in parts.items():
            package.writestr(name, re.sub(rb"(</f>)<v>[^<]*</v>", rb"\1", part))


def test_every_check_is_true_once_it_is_computed(tmp_path: Path):
    pack = with_statement(named(department=HOSTILE, account=HOSTILE, unit=HOSTILE, line=HOSTILE))
    figures = made_figures(pack)
    comment = replace(figures.variances[0], owner="Ann", comment=HOSTILE, nature="timing")
    content = workbook_bytes(pack, replace(figures, variances=(comment, *figures.variances[1:])))
    without_results(content, tmp_path / "report_pack.xlsx")
    (tmp_path / "again").mkdir()
    opened = converted(tmp_path / "report_pack.xlsx", "xlsx", tmp_path / "again").read_bytes()
    written, computed = WorkbookFormulas(content), WorkbookFormulas(opened)
    assert list(computed.sheets) == list(written.sheets)
    checks = [cell.value for row in computed.rows("Checks") if (cell := row.get("G")) and cell.formula]
    assert len(checks) > 30
    assert set(checks) == {True}
    for name, cells in written.sheets.items():
        for place, cell in cells.items():
            found = computed.sheets[name][place].value
            if isinstance(cell.value, Decimal) and isinstance(found, Decimal):
                assert abs(found - cell.value) < Decimal("0.000001"), (name, place)
            else:
                assert found == cell.value, (name, place)
    assert comments_read_from(opened) == comments_read_from(content)
    assert comments_read_from(opened)[0][5] == HOSTILE


def test_a_check_that_was_not_computed_again_is_a_word(tmp_path: Path):
    pack = with_statement(made_pack())
    (tmp_path / "report_pack.xlsx").write_bytes(workbook_bytes(pack, made_figures(pack)))
    page = converted(tmp_path / "report_pack.xlsx", "html", tmp_path, is_computed=False).read_text(encoding="utf-8")
    shown = re.findall(r">Check</font></td>\s*<td[^>]*><b><font[^>]*>(\w+)<", page)
    assert len(shown) > 5
    assert set(shown) == {"TRUE"}
