"""The embedded warehouse's file as a BI tool opens it: with DuckDB alone, and without a statement of its own first.

Belongs here: names, states and the format that a plain client sees. Does not belong here: the platform's own queries
(see `test_duckdb`), the figures of the sample queries (see `end_to_end/test_sample_queries`).
"""

from __future__ import annotations

import re
import textwrap
import threading
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from finance_platform.contracts.dictionary import dictionary
from finance_platform.contracts.star import STAR
from finance_platform.contracts.views import VIEWS
from finance_platform.warehouse import statements
from finance_platform.warehouse.duckdb.default_schema import replace_default_names
from finance_platform.warehouse.duckdb.warehouse import DuckDBWarehouse
from finance_platform.warehouse.load import publish
from finance_platform.warehouse.load_request import LoadRequest
from finance_platform.warehouse.query_script import read_script
from finance_platform_tests.profiles import current_profile
from finance_platform_tests.warehouse.star_files import LOADED_AT, StarFiles, january, removed

pytestmark = pytest.mark.usefixtures("opens_readers")

NAMES = [entry.name for entry in dictionary() if entry.name not in {"BusinessUnitAccess", "DepartmentUnit"}]
QUERIES = (statements.sql_folder() / "dml" / "sample_queries.sql").read_text(encoding="utf-8")
GUIDE = (Path(__file__).parents[2] / "docs" / "bi.md").read_text(encoding="utf-8")
EVERY_QUERY = current_profile().is_exhaustive
"""By default the counts of rows and the first questions; a plan for all of them takes seconds."""
STATE = "SELECT (SELECT MAX(LoadNumber) FROM LoadLedger), (SELECT SUM(Actual) FROM ActualVsBudget)"


def test_each_name_is_found_without_its_schema_and_means_the_same(loaded: DuckDBWarehouse, path: Path) -> None:
    assert loaded.path == path
    with duckdb.connect(str(path), read_only=True) as client:
        for name in NAMES:
            described = client.execute(f"DESCRIBE finance.{name}").fetchall()
            assert [column[:2] for column in client.execute(f"DESCRIBE {name}").fetchall()] == [
                column[:2] for column in described
            ], name
        for contract in STAR:
            rows = client.execute(f"FROM {contract.table}").fetchall()
            assert rows
            assert rows == client.execute(f"FROM finance.{contract.table}").fetchall()


def test_the_sample_queries_run_in_a_plain_client_word_for_word(loaded: DuckDBWarehouse) -> None:
    with duckdb.connect(str(loaded.path), read_only=True) as client:
        for statement in read_script(QUERIES, "sample_queries.sql")[: None if EVERY_QUERY else 5]:
            client.execute(statement.sql)


def test_names_of_main_follow_a_change_of_columns_and_leave_another_programs_alone(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "with-a.dot 'and quotes.duckdb")) as connection:
        connection.execute("CREATE SCHEMA finance")
        connection.execute("USE finance")
        connection.execute("CREATE TABLE Thing (a INTEGER)")
        connection.execute("CREATE TABLE Taken (a INTEGER)")
        connection.execute("CREATE VIEW main.taken AS SELECT 'theirs' AS b")
        replace_default_names(connection, "finance")
        connection.execute("ALTER TABLE Thing ADD COLUMN b DECIMAL(18, 2) DEFAULT 7")
        connection.execute("INSERT INTO Thing (a) VALUES (1)")
        connection.execute("CREATE VIEW Later AS FROM Thing")

        replace_default_names(connection, "finance")

        assert connection.execute("SELECT current_schema()").fetchall() == [("finance",)]
        for name in ("Thing", "Later"):
            assert connection.execute(f"FROM main.{name}").fetchall() == [(1, Decimal("7.00"))]
        assert connection.execute("FROM main.Taken").fetchall() == [("theirs",)]
        databases = connection.execute("SELECT COUNT(*) FROM duckdb_databases() WHERE NOT internal").fetchall()
        assert databases == [(1,)]


def test_the_names_and_the_comments_say_where_to_look(loaded: DuckDBWarehouse) -> None:
    with duckdb.connect(str(loaded.path), read_only=True) as client:
        views = dict(
            client.execute("SELECT schema_name, comment FROM duckdb_views() WHERE view_name = 'Kpi'").fetchall()
        )
    assert views["main"] == "The same as finance.Kpi; it has the comments."
    assert views["finance"].startswith("One ")


def test_the_file_has_a_format_that_drivers_of_duckdb_1_2_read(loaded: DuckDBWarehouse) -> None:
    with duckdb.connect(str(loaded.path), read_only=True) as client:
        tags = client.execute("SELECT tags FROM duckdb_databases() WHERE path LIKE '%warehouse.duckdb'").fetchall()
    assert tags == [({"storage_version": "v1.2.0+"},)]


def test_a_client_that_opens_the_file_during_loads_sees_a_whole_state_each_time(
    loaded: DuckDBWarehouse, star_files: StarFiles, path: Path
) -> None:
    seen: set[tuple[int, Decimal]] = set()
    is_over = threading.Event()

    def read() -> None:
        while True:
            is_last = is_over.is_set()
            with duckdb.connect(str(path), read_only=True) as client:
                (state,) = client.execute(STATE).fetchall()
            seen.add(state)
            if is_last:
                return

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for number in range(2, 4):
            facts = removed("2025-01") if number % 2 == 0 else star_files.facts("2025-01", f"j{number}", january())
            publish(loaded, LoadRequest([facts], run_id=f"run-{number}", loaded_at=LOADED_AT))
    finally:
        is_over.set()
        reader.join(timeout=30)

    without_january, with_january = Decimal("1350.50"), Decimal("2681.00")
    assert seen <= {(number, without_january if number % 2 == 0 else with_january) for number in range(1, 4)}
    assert (3, with_january) in seen


@pytest.mark.parametrize("statement", ["DELETE FROM FactFinancials", "DROP VIEW main.DimDate"])
def test_a_client_that_opens_the_file_read_only_cannot_change_it(loaded: DuckDBWarehouse, statement: str) -> None:
    with duckdb.connect(str(loaded.path), read_only=True) as client, pytest.raises(duckdb.Error):
        client.execute(statement)


def test_the_guide_names_what_to_fix_in_each_view_as_the_contracts_do() -> None:
    rows = re.findall(r"^\| [^|]+ \| `(\w+)` \|([^|]*)\|$", GUIDE, flags=re.MULTILINE)
    assert len(rows) == 7
    fix = {view.name: list(view.fix) for view in VIEWS}
    assert {name: re.findall(r"`(\w+)`", columns) for name, columns in rows} == {name: fix[name] for name, _ in rows}


def test_the_example_of_the_guide_runs_and_keeps_decimals(
    loaded: DuckDBWarehouse, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (example,) = re.findall(r"^    import duckdb\n.*?to_arrow_table\(\)$", GUIDE, flags=re.MULTILINE | re.DOTALL)
    assert loaded.path == path
    monkeypatch.chdir(path.parent)
    names: dict[str, pa.Table] = {}
    exec(textwrap.dedent(example), names)  # noqa: S102  the guide's own text
    assert names["lines"].column_names == ["Line", "Actual", "Budget", "Impact"]
    assert names["lines"].schema.field("Actual").type == pa.decimal128(38, 2)
