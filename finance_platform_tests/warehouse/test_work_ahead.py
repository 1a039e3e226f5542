"""What a run translates while its jobs are at work.

Belongs here: which statements, and that nothing else happens. Does not belong here: when (see `test_job_process`).
"""

from pathlib import Path

import pytest

from finance_platform.orchestration.work_ahead import work_ahead
from finance_platform.warehouse import dialect
from finance_platform.warehouse.duckdb import translation
from finance_platform.warehouse.duckdb import work_ahead as ahead
from finance_platform.warehouse.statements import SqlFile, definitions, statement
from finance_platform_tests.unit.factories import settings


@pytest.fixture(autouse=True)
def nothing_translated():
    """No statement that another test has translated."""
    translation.to_duckdb.cache_clear()
    dialect.parse.cache_clear()
    dialect.parse_query.cache_clear()


def test_the_work_leaves_no_file_in_a_new_home(tmp_path: Path):
    for _ in work_ahead(settings(home=tmp_path)):
        pass
    assert not list(tmp_path.iterdir())


def test_tables_and_views_of_a_new_home_are_translated_once(tmp_path: Path):
    for _ in ahead.translate_ahead(tmp_path / "warehouse.duckdb"):
        pass
    before = translation.to_duckdb.cache_info()
    for sql in definitions():
        translation.to_duckdb(sql)
    after = translation.to_duckdb.cache_info()
    assert (after.misses, after.hits) == (before.misses, before.hits + len(definitions()))


def test_a_home_with_a_warehouse_needs_no_definition(tmp_path: Path):
    path = tmp_path / "warehouse.duckdb"
    path.touch()
    for _ in ahead.translate_ahead(path):
        pass
    misses = translation.to_duckdb.cache_info().misses
    translation.to_duckdb(definitions()[0])
    assert translation.to_duckdb.cache_info().misses == misses + 1


def test_queries_of_a_run_are_parsed_and_checked_once(tmp_path: Path):
    for _ in ahead.translate_ahead(tmp_path / "warehouse.duckdb"):
        pass
    misses = dialect.parse_query.cache_info().misses
    dialect.parse_query(statement(SqlFile.PACK_CELLS))
    dialect.parse_query(statement(SqlFile.REFERENCES_RESOLVE))
    assert dialect.parse_query.cache_info().misses == misses


def test_the_statements_of_a_run_and_the_definitions_fit_in_what_is_kept(tmp_path: Path):
    for _ in ahead.translate_ahead(tmp_path / "warehouse.duckdb"):
        pass
    for kept in (translation.to_duckdb, dialect.parse):
        found = kept.cache_info()
        # Beside them there must be room for what a load makes from contracts.
        assert found.maxsize is not None
        assert found.currsize + 100 < found.maxsize
