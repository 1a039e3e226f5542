"""The embedded adapter: its sessions, COPY and readers, and recovery from a killed load.

Belongs here: DuckDB's implementation of `port`.
Does not belong here: the order of a load (see `test_load`), the rename (see `test_atomic_file`).
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from finance_platform.contracts.star import DIM_DEPARTMENT, DIM_SCENARIO
from finance_platform.errors import HomeError, LoadError, QueryError
from finance_platform.warehouse import statements
from finance_platform.warehouse.duckdb.warehouse import DuckDBWarehouse
from finance_platform.warehouse.load import publish
from finance_platform.warehouse.load_request import LoadRequest
from finance_platform.warehouse.port import LoadConnection, NoWarehouseYetError, QueryTimeoutError
from finance_platform_tests.profiles import current_profile
from finance_platform_tests.warehouse.star_files import (
    LOADED_AT,
    StarFiles,
    departments,
    february,
    january,
    removed,
    scenarios,
    write_parquet,
)

ROOT = Path(__file__).resolve().parents[2]
COLUMNS = list(DIM_SCENARIO.column_names)

pytestmark = pytest.mark.usefixtures("opens_readers")


@contextmanager
def stage(warehouse: DuckDBWarehouse) -> Iterator[LoadConnection]:
    with warehouse.transaction() as connection:
        connection.execute(statements.create_stage(DIM_SCENARIO))
        yield connection


def test_a_query_before_the_first_load_fails_with_the_fix(warehouse: DuckDBWarehouse) -> None:
    with pytest.raises(NoWarehouseYetError, match="There is no warehouse yet") as caught:
        warehouse.query("SELECT COUNT(*) FROM DimDate")

    assert "finance-platform run" in caught.value.fix


def test_a_pipe_in_place_of_the_warehouse_is_refused_instead_of_waited_for(
    warehouse: DuckDBWarehouse, path: Path
) -> None:
    path.parent.mkdir(exist_ok=True)
    os.mkfifo(path)
    with pytest.raises(HomeError, match="is not a plain file") as caught:
        warehouse.query("SELECT COUNT(*) FROM DimDate")
    assert "remove it" in caught.value.fix


def test_prepare_creates_every_table_and_the_view_and_a_second_time_changes_nothing(
    warehouse: DuckDBWarehouse, path: Path
) -> None:
    warehouse.prepare()
    first = (path.read_bytes(), path.stat().st_ino)
    warehouse.prepare()

    assert (path.read_bytes(), path.stat().st_ino) == first
    assert warehouse.query("SELECT COUNT(*) FROM FactFinancials").rows == [(0,)]
    assert warehouse.query("SELECT COUNT(*) FROM ActualVsBudget").rows == [(0,)]


def test_a_transaction_without_changes_publishes_nothing(loaded: DuckDBWarehouse, path: Path) -> None:
    inode = path.stat().st_ino

    with loaded.transaction() as connection:
        assert connection.query("SELECT COUNT(*) FROM FactFinancials").rows == [(12,)]

    assert path.stat().st_ino == inode


def test_a_load_writes_its_copy_without_a_log(
    loaded: DuckDBWarehouse, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A log would be written, synced, read and removed again, with the copy that is not published yet."""
    after_commit: list[str] = []

    class Watched:
        def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
            self.connection = connection

        def __getattr__(self, name: str) -> Any:
            return getattr(self.connection, name)

        def commit(self) -> None:
            self.connection.commit()
            after_commit.extend(file.suffix for file in path.parent.iterdir() if ".loading-" in file.name)

    connect = duckdb.connect
    monkeypatch.setattr(duckdb, "connect", lambda *given, **named: Watched(connect(*given, **named)))
    with loaded.transaction() as connection:
        connection.execute("DELETE FROM FactFinancials")
    monkeypatch.undo()
    assert len(after_commit) == 1
    assert after_commit != [".wal"]
    assert loaded.query("SELECT COUNT(*) FROM FactFinancials").rows == [(0,)]


def test_money_and_dates_are_returned_as_exact_python_values(loaded: DuckDBWarehouse) -> None:
    rows = loaded.query(
        "SELECT SUM(Amount), MIN(TransactionDate), SUM(TransactionCount), CAST(7 AS INTEGER) / CAST(2 AS INTEGER), "
        "CAST(7 AS DOUBLE PRECISION) / CAST(2 AS DOUBLE PRECISION) FROM FactFinancials WHERE ScenarioKey = 31"
    ).rows

    assert [tuple(map(repr, row)) for row in rows] == [
        ("Decimal('7693.00')", "datetime.date(2025, 1, 1)", "8", "3", "3.5")
    ]


def test_values_are_bound_by_name(loaded: DuckDBWarehouse) -> None:
    result = loaded.query(
        "SELECT ScenarioName FROM DimScenario WHERE ScenarioKey = :key AND ScenarioType = :kind",
        {"key": 32, "kind": "Budget"},
    )

    assert result.rows == [("Budget",)]


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELECT Nothing FROM DimDate", "Nothing"),
        ("SELECT 1 FROM NoSuchTable", "NoSuchTable"),
        ("SELECT Year FROM DimDate WHERE DateKey = :key", "key"),
        ("SELECT CAST('x' AS INTEGER)", "Could not convert"),
        ("SELECT CAST(1 AS INTEGER) / CAST(0 AS INTEGER)", "[Dd]ivision by zero"),
        ("SELECT * FROM '/etc/hostname'", "disabled|does not exist"),
        ("SELECT Amount / 2 FROM FactFinancials", "a division has another type"),
    ],
)
def test_a_failing_query_raises_the_platform_s_own_error_with_the_reason(
    loaded: DuckDBWarehouse, sql: str, message: str
) -> None:
    with pytest.raises(QueryError, match=message) as caught:
        loaded.query(sql)

    assert caught.value.fix


LONG = "FROM DimDate AS a, DimDate AS b, DimDate AS c, DimDate AS d"


def test_a_query_is_stopped_at_its_limit_with_the_fix(loaded: DuckDBWarehouse) -> None:
    with (
        pytest.raises(QueryTimeoutError, match="stopped after 1 s") as caught,
        loaded.stream(f"SELECT COUNT(*) {LONG}", timeout_seconds=1),
    ):
        pass

    assert "FINANCE_PLATFORM_QUERY_TIMEOUT_SECONDS" in caught.value.fix


def test_a_query_is_stopped_while_its_rows_are_read_and_the_reader_s_own_time_does_not_count(
    loaded: DuckDBWarehouse,
) -> None:
    with loaded.stream(f"SELECT a.DateKey {LONG}", timeout_seconds=1) as result:
        next(result.rows)
        time.sleep(1)
        next(result.rows)
        with pytest.raises(QueryTimeoutError):
            for _ in result.rows:
                pass


@contextmanager
def interrupted_soon() -> Iterator[None]:
    """Interrupt this process, as Ctrl-C does, wherever the block then is; on a busy machine it may have just begun."""
    threading.Timer(0.3, os.kill, [os.getpid(), signal.SIGINT]).start()
    yield


ENDLESS = "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT COUNT(*) FROM r"


@pytest.mark.parametrize("sql", [f"SELECT COUNT(*) {LONG}", ENDLESS], ids=["a cross join", "a recursion without end"])
def test_ctrl_c_ends_a_query_at_once_and_is_no_error_of_the_query(sql: str, loaded: DuckDBWarehouse) -> None:
    # A shell starts background jobs with SIGINT ignored, and the tests may be one.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        # To the process, as a terminal does: while the main thread waits in DuckDB's code, it sees no signal.
        with pytest.raises(KeyboardInterrupt), interrupted_soon(), loaded.stream(sql, timeout_seconds=120):
            pass
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_query_without_a_limit_streams_every_row(loaded: DuckDBWarehouse) -> None:
    with loaded.stream("SELECT a.DateKey FROM DimDate AS a, DimDate AS b", timeout_seconds=0) as result:
        ((days,),) = loaded.query("SELECT COUNT(*) FROM DimDate").rows
        assert (result.columns, sum(1 for _ in result.rows)) == (["DateKey"], days**2)


UNUSUAL = (
    "SELECT * LIKE '%Key' FROM DimDate",
    "SELECT a.COLUMNS('.*') FROM DimDate AS a",
    "SELECT * FROM query('SELECT 1')",
    "SELECT * FROM duckdb_secrets()",
    "SELECT * FROM duckdb_settings",
    "SELECT * FROM glob('/etc/*')",
    "SELECT * FROM '/etc/passwd'",
    "SELECT * FROM sqlite_scan('a', 'b')",
    "SELECT lambda x : x + 1",
    "SELECT {'a': 1",
    "SELECT [x for x in",
    "SELECT U&'\\00' UESCAPE",
    "SELECT $1",
    "SELECT ?",
    "SELECT CAST(1 AS ENUM('a'))",
    "SELECT CAST(1 AS DECIMAL(50, 2))",
    "SELECT * FROM DimDate AT (VERSION => 1)",
    "SELECT * EXCLUDE (Nothing) FROM DimDate",
    "SELECT * REPLACE (1 AS Nothing) FROM DimDate",
    "PIVOT DimDate ON Year",
    "SELECT @",
    "SELECT \x00",
    "SELECT /*",
    "SELECT e'\\",
    "SELECT $$",
)


@pytest.mark.parametrize("sql", UNUSUAL)
def test_unusual_sql_is_answered_or_refused_in_one_sentence(loaded: DuckDBWarehouse, sql: str) -> None:
    error = None
    try:
        result = loaded.query(sql)
    except QueryError as refusal:
        error = refusal
    if error:
        assert "\n" not in error.found
        assert error.fix
    else:
        assert all(len(row) == len(result.columns) for row in result.rows)


@given(st.lists(st.sampled_from(UNUSUAL), min_size=1, max_size=2).map(" ".join), st.data())
@settings(
    max_examples=current_profile().examples_of_slow(25),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    deadline=None,
)
def test_cut_and_joined_sql_never_ends_in_another_error(loaded: DuckDBWarehouse, sql: str, data: st.DataObject) -> None:
    end = data.draw(st.integers(0, len(sql)))
    with suppress(QueryError):
        loaded.query(sql[:end])


def test_an_error_of_the_engine_names_the_part_of_the_query_instead_of_drawing_it(loaded: DuckDBWarehouse) -> None:
    with pytest.raises(QueryError) as caught:
        loaded.query("SELECT Yeer FROM DimDate")

    assert caught.value.found.endswith(", at 'Yeer'")


def test_a_file_that_another_program_has_opened_for_writing_cannot_be_queried(
    loaded: DuckDBWarehouse, path: Path
) -> None:
    writer = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    with _python(writer, str(path)) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        with pytest.raises(QueryError) as caught:
            loaded.query("SELECT COUNT(*) FROM DimDate")

    assert "read-only" in caught.value.fix


def test_parquet_is_copied_by_position_and_counted(warehouse: DuckDBWarehouse, tmp_path: Path) -> None:
    odd = tmp_path / "period=2025-01" / "a [b] *?.parquet"
    files = [
        write_parquet(odd, DIM_SCENARIO, scenarios()),
        write_parquet(tmp_path / "b", DIM_SCENARIO, scenarios()[:1]),
    ]
    write_parquet(tmp_path / "period=2025-01" / "a b *?.parquet", DIM_SCENARIO, scenarios())
    with stage(warehouse) as connection:
        assert connection.copy("StageDimScenario", COLUMNS, [odd.as_uri(), files[1]]) == 4
        assert connection.copy("StageDimScenario", COLUMNS, []) == 0
        assert connection.query("SELECT COUNT(*), MAX(ScenarioName) FROM StageDimScenario").rows == [(4, "Forecast")]


WRONG_FILES: dict[str, dict[str, list[Any]]] = {
    "columns in another order": {
        "scenario_name": ["a"],
        "scenario_key": [1],
        "scenario_type": ["a"],
        "is_baseline": [True],
    },
    "a column too many": {
        "scenario_key": [1],
        "scenario_name": ["a"],
        "scenario_type": ["a"],
        "is_baseline": [True],
        "x": [1],
    },
    "a column too few": {"scenario_key": [1], "scenario_name": ["a"], "scenario_type": ["a"]},
    "a float for a key": {"scenario_key": [1.5], "scenario_name": ["a"], "scenario_type": ["a"], "is_baseline": [True]},
}


@pytest.mark.parametrize("fault", WRONG_FILES)
def test_a_file_with_other_columns_or_types_is_rejected(warehouse: DuckDBWarehouse, tmp_path: Path, fault: str) -> None:
    pq.write_table(pa.table(WRONG_FILES[fault]), tmp_path / "wrong.parquet")

    with (
        pytest.raises(LoadError, match=r"wrong\.parquet has columns .* StageDimScenario takes"),
        stage(warehouse) as connection,
    ):
        connection.copy("StageDimScenario", COLUMNS, [str(tmp_path / "wrong.parquet")])


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"department_code": "é" * 65}, "STRLEN|strlen"),
        ({"business_unit": None}, "NOT NULL"),
    ],
)
def test_duckdb_rejects_rows_that_redshift_would_reject(
    loaded: DuckDBWarehouse, star_files: StarFiles, path: Path, row: dict[str, str | None], message: str
) -> None:
    before = path.read_bytes()
    bad = star_files.dimension(DIM_DEPARTMENT, [{**departments()[0], **row}], "d2")

    with pytest.raises(LoadError, match=message):
        publish(loaded, LoadRequest([bad], run_id="run-2", loaded_at=LOADED_AT))

    assert path.read_bytes() == before


def test_readers_during_a_load_see_the_old_state_without_waiting_and_then_the_new_one(
    loaded: DuckDBWarehouse,
) -> None:
    counts: list[int] = []

    def read() -> None:
        counts.append(loaded.query("SELECT COUNT(*) FROM FactFinancials").rows[0][0])

    with loaded.transaction() as connection:
        connection.execute("DELETE FROM FactFinancials")
        reader = threading.Thread(target=read)
        reader.start()
        reader.join(timeout=120)
        assert connection.query("SELECT COUNT(*) FROM FactFinancials").rows == [(0,)]
    read()

    assert counts == [12, 0]


def test_a_reader_that_keeps_its_connection_does_not_hide_a_load_from_later_readers_of_the_process(
    loaded: DuckDBWarehouse, path: Path
) -> None:
    with duckdb.connect(str(path), read_only=True) as kept:
        with loaded.transaction() as loading:
            loading.execute("DELETE FROM FactFinancials")

        assert loaded.query("SELECT COUNT(*) FROM FactFinancials").rows == [(0,)]
        assert kept.execute("SELECT COUNT(*) FROM finance.FactFinancials").fetchall() == [(12,)]


def test_a_bi_tool_in_another_process_blocks_no_load_and_keeps_the_state_that_it_opened(
    loaded: DuckDBWarehouse, path: Path
) -> None:
    tool = (
        "import duckdb, sys\n"
        "connection = duckdb.connect(sys.argv[1], read_only=True)\n"
        "print(connection.execute('SELECT SUM(Actual) FROM finance.ActualVsBudget').fetchone()[0], flush=True)\n"
        "sys.stdin.readline()\n"
        "print(connection.execute('SELECT SUM(Actual) FROM finance.ActualVsBudget').fetchone()[0], flush=True)\n"
    )
    with _python(tool, str(path)) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "2681.00\n"
        publish(loaded, LoadRequest([removed("2025-01")], run_id="run-2", loaded_at=LOADED_AT))
        process.stdin.write("go on\n")
        process.stdin.flush()
        assert process.stdout.readline() == "2681.00\n"

    assert loaded.query("SELECT SUM(Actual) FROM ActualVsBudget").rows == [(Decimal("1350.50"),)]


KILLED = """
import os, sys
from pathlib import Path
from finance_platform.warehouse.duckdb.warehouse import DuckDBWarehouse
from finance_platform.warehouse.duckdb.atomic_file import AtomicFile

warehouse = DuckDBWarehouse(Path(sys.argv[1]))
if sys.argv[2] == "before the rename":
    AtomicFile._publish = lambda *arguments: os._exit(9)
with warehouse.transaction() as connection:
    connection.execute("DELETE FROM FactFinancials")
    if sys.argv[2] == "in the transaction":
        os._exit(9)
"""


@pytest.mark.parametrize("moment", ["in the transaction", "before the rename"])
def test_a_killed_load_leaves_the_old_state_and_the_next_one_removes_its_files(
    loaded: DuckDBWarehouse, star_files: StarFiles, path: Path, moment: str
) -> None:
    before = path.read_bytes()

    killed = subprocess.run([sys.executable, "-c", KILLED, str(path), moment], cwd=ROOT, check=False)

    assert killed.returncode == 9
    assert path.read_bytes() == before
    assert len(list(path.parent.iterdir())) > 1
    publish(
        loaded, LoadRequest([star_files.facts("2025-01", "j2", january()[:1])], run_id="run-2", loaded_at=LOADED_AT)
    )
    assert loaded.query("SELECT COUNT(*) FROM FactFinancials").rows == [(1 + len(february()),)]
    assert [entry.name for entry in path.parent.iterdir()] == ["warehouse.duckdb"]


@contextmanager
def _python(code: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", code, *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        yield process


def test_a_slow_query_draws_no_progress_bar_into_the_output_of_a_process_without_a_main_file():
    code = """
import duckdb
from finance_platform.warehouse.duckdb.session import begin_session

def shows_progress():
    return connection.execute("SELECT current_setting('enable_progress_bar')").fetchone()[0]

connection = duckdb.connect()
before = shows_progress()
begin_session(connection, "main")
print(before, shows_progress())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "False"]  # DuckDB takes such a process for a person's prompt
