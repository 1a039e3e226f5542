"""Within a block, the embedded warehouse is opened once for all queries on the same state."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pytest

from finance_platform.errors import QueryError
from finance_platform.warehouse.duckdb import warehouse
from finance_platform.warehouse.duckdb.existing_schema import read_schema_version
from finance_platform.warehouse.duckdb.kept_readers import keep_answers, kept_readers, known_answers, reader_of
from finance_platform.warehouse.duckdb.warehouse import DuckDBWarehouse
from finance_platform.warehouse.known_answers import KnownAnswers, NotedAnswers

pytestmark = pytest.mark.usefixtures("opens_readers")

FACTS = "SELECT COUNT(*) FROM FactFinancials"
LOADS = "SELECT COUNT(DISTINCT LoadNumber) FROM LoadLedger"
DAYS = "SELECT COUNT(*) FROM DimDate WHERE Year = :year"
OPEN_FOR_WRITING = "import duckdb, sys; duckdb.connect(sys.argv[1]).execute('CREATE TABLE other (id INTEGER)')"


@pytest.fixture
def instances(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """Returns how many instances of DuckDB were created so far."""
    created: list[object] = []
    connect = duckdb.connect

    def counted(*arguments: object, **options: object) -> duckdb.DuckDBPyConnection:
        if arguments == (":memory:",) or arguments not in created:  # by its name, an instance is the same one
            created.append(arguments)
        return connect(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(duckdb, "connect", counted)
    return lambda: len(created)


def test_queries_on_the_same_state_open_the_file_once(loaded: DuckDBWarehouse, instances: Callable[[], int]) -> None:
    with kept_readers():
        assert loaded.query(FACTS).rows == [(12,)]
        with kept_readers():
            loaded.query(LOADS)
        loaded.prepare()
        assert instances() == 1
    loaded.query(FACTS)
    loaded.query(FACTS)
    assert instances() == 3


def test_every_way_to_read_uses_the_same_reader(loaded: DuckDBWarehouse, instances: Callable[[], int]) -> None:
    loaded.changed_views()  # the first time in a process, it creates the views to compare with
    before = instances()
    with kept_readers():
        loaded.query(FACTS)
        with loaded.reading() as reading:
            assert reading.query(FACTS).rows == [(12,)]
        with loaded.stream(FACTS, timeout_seconds=0) as stream:
            assert list(stream.rows) == [(12,)]
        assert loaded.changed_views() == []
    assert instances() == before + 1


def test_a_reader_that_has_returned_very_many_rows_is_not_used_again(
    loaded: DuckDBWarehouse, instances: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(warehouse, "_MANY_ROWS", 1)
    with kept_readers():
        assert len(loaded.query_columns(FACTS)) == 1
        loaded.query(FACTS)
        assert instances() == 1
        assert len(loaded.query_columns("SELECT DateKey FROM FactFinancials")) == 12
        assert instances() == 1
        assert loaded.query(FACTS).rows == [(12,)]
        assert instances() == 2


def test_what_another_process_has_read_is_not_read_again(loaded: DuckDBWarehouse, instances: Callable[[], int]) -> None:
    noted = NotedAnswers(loaded)
    asked = [noted.query(FACTS), noted.query(DAYS, {"year": 2024})]
    answers = KnownAnswers(loaded.content_version(), noted.results)
    before = instances()
    with kept_readers():
        keep_answers(loaded.path, answers)
        first = loaded.query(FACTS)
        first.rows.clear()  # a caller may change what it gets
        assert [loaded.query(FACTS), loaded.query(DAYS, {"year": 2024})] == asked
        assert instances() == before
        assert loaded.query(LOADS).rows == [(1,)]
        assert loaded.query(DAYS, {"year": 1999}).rows == [(0,)]
        assert instances() == before + 1, "it answers what was not asked, and other bound values"


def test_what_another_process_has_read_holds_until_the_next_load_and_the_end_of_the_block(
    loaded: DuckDBWarehouse,
) -> None:
    noted = NotedAnswers(loaded)
    assert noted.query(FACTS).rows == [(12,)]
    answers = KnownAnswers(loaded.content_version(), noted.results)
    with kept_readers():
        with kept_readers():
            keep_answers(loaded.path, answers)
        with loaded.transaction() as loading:
            loading.execute("DELETE FROM FactFinancials")
        assert loaded.query(FACTS).rows == [(0,)]
    assert known_answers(loaded.path) is None
    keep_answers(loaded.path, answers)
    assert known_answers(loaded.path) is None, "outside of a block, nothing is kept"


def test_rows_that_a_stream_did_not_deliver_are_not_seen_by_the_next_query(loaded: DuckDBWarehouse) -> None:
    with kept_readers():
        with loaded.stream("SELECT DateKey FROM DimDate", timeout_seconds=0) as stream:
            next(iter(stream.rows))
        assert loaded.query(FACTS).rows == [(12,)]


def test_columns_are_read_after_rows_that_were_not(loaded: DuckDBWarehouse) -> None:
    with kept_readers():
        with loaded.stream("SELECT DateKey FROM DimDate", timeout_seconds=0) as stream:
            next(iter(stream.rows))
        assert loaded.query_columns("SELECT COUNT(*) AS Facts FROM FactFinancials").to_pydict() == {"Facts": [12]}
        with reader_of(loaded.path) as connection:
            read_schema_version(connection)
        assert loaded.query_columns("SELECT COUNT(*) AS Facts FROM FactFinancials").to_pydict() == {"Facts": [12]}


def test_a_load_within_the_block_is_seen_by_the_next_query(loaded: DuckDBWarehouse) -> None:
    with kept_readers():
        assert loaded.query(FACTS).rows == [(12,)]
        with loaded.transaction() as loading:
            loading.execute("DELETE FROM FactFinancials")
        assert loaded.query(FACTS).rows == [(0,)]


def test_a_query_that_fails_leaves_no_trace(loaded: DuckDBWarehouse) -> None:
    with kept_readers():
        with pytest.raises(QueryError, match="Nothing") as caught:
            loaded.query("SELECT Nothing FROM DimDate")
        assert "`finance-platform tables NAME`" in caught.value.fix
        assert loaded.query(FACTS).rows == [(12,)]


@pytest.mark.usefixtures("loaded")
def test_a_reader_within_the_use_of_another_is_its_own(path: Path) -> None:
    with kept_readers(), reader_of(path) as first, reader_of(path) as second:
        assert first is not second
        assert [one.execute(FACTS).fetchall() for one in (first, second)] == [[(12,)]] * 2


def test_after_the_block_another_program_may_write_to_the_file(loaded: DuckDBWarehouse, path: Path) -> None:
    with kept_readers():
        loaded.query(FACTS)
    subprocess.run([sys.executable, "-c", OPEN_FOR_WRITING, str(path)], check=True)
    assert loaded.query(FACTS).rows == [(12,)]


@pytest.fixture
def thread() -> Iterator[ThreadPoolExecutor]:
    """Another thread."""
    with ThreadPoolExecutor(1) as pool:
        yield pool


def read_in_a_block(warehouse: DuckDBWarehouse) -> list[tuple[object, ...]]:
    with kept_readers(threads=2):
        return warehouse.query(FACTS).rows


def test_threads_that_read_at_once_share_what_the_first_one_opens(
    loaded: DuckDBWarehouse, instances: Callable[[], int], thread: ThreadPoolExecutor
) -> None:
    before = instances()
    with kept_readers(threads=2):
        assert loaded.query(FACTS).rows == [(12,)]
        assert thread.submit(read_in_a_block, loaded).result() == [(12,)]
        assert instances() == before + 1
        assert thread.submit(read_in_a_block, loaded).result() == [(12,)]
        assert instances() == before + 2, "there is one session for each thread, and no more"


def test_threads_of_a_block_within_another_one_share_what_is_opened_in_it(
    loaded: DuckDBWarehouse, instances: Callable[[], int], thread: ThreadPoolExecutor
) -> None:
    before = instances()
    with kept_readers():
        with kept_readers(threads=2):
            assert loaded.query(FACTS).rows == [(12,)]
            assert thread.submit(read_in_a_block, loaded).result() == [(12,)]
            assert instances() == before + 1
        loaded.query(FACTS)
        assert instances() == before + 1, "the outer block still has its reader"
        with loaded.transaction() as loading:
            loading.execute("DELETE FROM FactFinancials")
        assert loaded.query(FACTS).rows == [(0,)]
        now = instances()
        assert thread.submit(loaded.query, FACTS).result().rows == [(0,)]
        assert instances() == now + 1, "after the inner block, a reader is for its own thread"


def test_a_thread_without_a_block_takes_a_session_of_one_that_shares(
    loaded: DuckDBWarehouse, instances: Callable[[], int], thread: ThreadPoolExecutor
) -> None:
    before = instances()
    with kept_readers(threads=2):
        loaded.query(FACTS)
        assert thread.submit(loaded.query, FACTS).result().rows == [(12,)]
        assert instances() == before + 1


def test_each_session_of_an_instance_has_the_settings_of_a_reader(
    loaded: DuckDBWarehouse, path: Path, thread: ThreadPoolExecutor, tmp_path: Path
) -> None:
    other = tmp_path / "other.csv"
    other.write_text("a\n1\n", encoding="utf-8")

    def divide() -> list[tuple[object, ...]]:
        with reader_of(path) as connection:
            return connection.execute("SELECT 7 / 2, current_setting('TimeZone')").fetchall()

    def read_another_file() -> None:
        with reader_of(path) as connection:
            connection.execute(f"SELECT * FROM read_csv('{other}')")

    def change_settings() -> None:
        with reader_of(path) as connection:
            connection.execute("SET enable_external_access = true")

    with kept_readers(threads=4):
        loaded.query(FACTS)
        assert thread.submit(divide).result() == divide() == [(3, "UTC")]
        with pytest.raises(QueryError, match="configuration"):
            thread.submit(change_settings).result()
        with pytest.raises(QueryError, match="other"):
            thread.submit(read_another_file).result()


def test_a_thread_reads_what_was_loaded_since_another_one_opened_the_file(
    loaded: DuckDBWarehouse, thread: ThreadPoolExecutor
) -> None:
    with kept_readers(threads=2):
        assert loaded.query(FACTS).rows == [(12,)]
        with loaded.transaction() as loading:
            loading.execute("DELETE FROM FactFinancials")
        assert thread.submit(read_in_a_block, loaded).result() == [(0,)]
        assert loaded.query(FACTS).rows == [(0,)]


def test_a_session_lasts_longer_than_the_block_of_the_thread_that_opened_the_file(
    loaded: DuckDBWarehouse, path: Path, thread: ThreadPoolExecutor
) -> None:
    with kept_readers(threads=2):

        def open_first() -> None:
            with kept_readers(threads=2):
                loaded.query(FACTS)
                taken.append(other.submit(take).result())

        def take() -> Callable[[], list[tuple[object, ...]]]:
            block = kept_readers(threads=2)
            block.__enter__()
            loaded.query(FACTS)
            return lambda: (loaded.query(FACTS).rows, block.__exit__(None, None, None))[0]

        taken: list[Callable[[], list[tuple[object, ...]]]] = []
        with ThreadPoolExecutor(1) as other:
            thread.submit(open_first).result()
            assert other.submit(taken[0]).result() == [(12,)]
    subprocess.run([sys.executable, "-c", OPEN_FOR_WRITING, str(path)], check=True)
