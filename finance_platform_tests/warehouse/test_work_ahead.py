"""What a run translates while its jobs are at work.

Belongs here: which statements, and that nothing else happens. Does not belong here: when (see `test_job_process`).
"""

import subprocess
import sys
from pathlib import Path

import pytest

from finance_platform.contracts.star import DIM_DEPARTMENT
from finance_platform.orchestration.ahead.work_ahead import work_ahead
from finance_platform.warehouse import dialect
from finance_platform.warehouse.duckdb import session, translation
from finance_platform.warehouse.duckdb import work_ahead as ahead
from finance_platform.warehouse.duckdb.new_file import NEW_FILE
from finance_platform.warehouse.duckdb.warehouse import DuckDBWarehouse
from finance_platform.warehouse.load import publish
from finance_platform.warehouse.load_request import LoadRequest
from finance_platform.warehouse.statements import SqlFile, first_rows, statement
from finance_platform_tests.environment import unmeasured_environment
from finance_platform_tests.unit.factories import settings
from finance_platform_tests.warehouse.engines import load_first
from finance_platform_tests.warehouse.star_files import LOADED_AT, StarFiles, february, january


@pytest.fixture(autouse=True)
def nothing_translated():
    """No statement that another test has translated, and no file that it has made."""
    NEW_FILE.take()
    translation.to_duckdb.cache_clear()
    dialect.parse.cache_clear()
    dialect.parse_query.cache_clear()


def test_the_work_leaves_no_file_in_a_new_home(tmp_path: Path):
    for _ in work_ahead(settings(home=tmp_path)):
        pass
    assert not list(tmp_path.iterdir())


def test_a_home_with_a_warehouse_needs_no_content_of_a_new_one(tmp_path: Path):
    path = tmp_path / "warehouse.duckdb"
    path.touch()
    for _ in ahead.translate_ahead(path):
        pass
    assert NEW_FILE.take() == b""
    for _ in ahead.translate_ahead(tmp_path / "other.duckdb"):
        pass
    assert NEW_FILE.take()


def test_neither_a_new_warehouse_nor_its_loads_parse_a_statement(tmp_path: Path):
    for _ in ahead.translate_ahead(tmp_path / "warehouse.duckdb"):
        pass
    files = StarFiles(tmp_path / "star")
    warehouse = load_first(DuckDBWarehouse(tmp_path / "warehouse.duckdb"), files)
    slices = [files.facts("2025-01", "j2", january()[:-1]), files.facts("2025-02", "f1", february())]
    publish(warehouse, LoadRequest(slices, run_id="run-2", loaded_at=LOADED_AT))
    assert warehouse.query(first_rows(DIM_DEPARTMENT)).rows
    assert parsed() == 0


def test_a_statement_that_was_changed_since_it_was_prepared_is_translated_ahead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(session, "find_prepared", lambda _: None)
    (tmp_path / "warehouse.duckdb").touch()
    for _ in ahead.translate_ahead(tmp_path / "warehouse.duckdb"):
        pass
    in_advance = parsed()
    session.in_duckdb(statement(SqlFile.PACK_CELLS))
    session.in_duckdb(statement(SqlFile.REFERENCES_RESOLVE))
    assert parsed() == in_advance > 0


_IMPORTED_AHEAD = """
import sys
from finance_platform.orchestration.ahead.work_ahead import work_ahead
from finance_platform.settings import load_settings

for _ in work_ahead(load_settings(home=sys.argv[1])):
    pass
print(*sys.modules)
"""


_OF_THE_REPORT = {"finance_platform.refresh.report_pack", "jinja2", "pyarrow.dataset"}


def test_modules_of_the_report_are_imported_ahead(tmp_path: Path):
    assert {*_OF_THE_REPORT, "xlsxwriter"} <= imported_ahead(tmp_path)


def test_a_home_whose_last_pack_is_too_large_for_a_workbook_imports_no_library_of_workbooks_ahead(tmp_path: Path):
    reports = tmp_path / "reports"
    reports.mkdir()
    (reports / "report_pack.html").touch()
    imported = imported_ahead(tmp_path)
    assert imported >= _OF_THE_REPORT
    assert "xlsxwriter" not in imported
    (reports / "report_pack.xlsx").touch()
    assert "xlsxwriter" in imported_ahead(tmp_path)


def imported_ahead(home: Path) -> set[str]:
    command = [sys.executable, "-c", _IMPORTED_AHEAD, str(home)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=unmeasured_environment())
    return set(done.stdout.split())


def parsed() -> int:
    return dialect.parse.cache_info().misses
