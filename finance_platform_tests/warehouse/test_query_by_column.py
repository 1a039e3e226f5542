"""CSV of a query by column: the same bytes as of its rows, its errors, its limit.

Belongs here: `warehouse.duckdb.column_stream`, `cli.csv_columns`. Does not belong here: the command (see
`test_query_command`).
"""

from __future__ import annotations

import io
from collections.abc import Iterator

import duckdb
import pytest

from finance_platform.cli.console import SafeConsole
from finance_platform.cli.rendering import print_batches, print_rows
from finance_platform.warehouse.duckdb.column_stream import open_batches
from finance_platform.warehouse.duckdb.session import begin_session
from finance_platform.warehouse.duckdb.warehouse import DuckDBWarehouse
from finance_platform.warehouse.port import QueryTimeoutError

HOSTILE = (
    "(VALUES (''), ('a,b'), ('q\"x'), ('\"'), ('\"\"'), ('a' || chr(10) || 'b'), ('a' || chr(13) || 'b'), (chr(13)),"
    " ('=1+1'), ('+49 30 1'), ('-1'), (' a '), ('a' || chr(9)), (chr(9) || 'a'), (chr(0)), (NULL), ('ü' || chr(8203)),"
    " (chr(128512)), (chr(8232)), ('@a'), ('NULL'), ('\\N'), (repeat('a', 70000))) AS hostile (a)"
)
NUMBERS = """
SELECT
    i::TINYINT, i::SMALLINT, i::INTEGER, -i::BIGINT, i::UBIGINT, i::DECIMAL(18, 0), (i * -1.005)::DECIMAL(18, 2),
    (i / 1e6)::DECIMAL(18, 6), -(i / 1e9)::DECIMAL(38, 10), i::FLOAT / 3, i::DOUBLE / 7, i / 1e9, i * 1e20, i % 2 = 0
FROM range(120) AS r (i)
"""
TIMES = """
SELECT DATE '2020-01-01' + i::INTEGER, TIMESTAMP '2020-01-01 00:00:00' + i * INTERVAL '100 milliseconds',
    (TIMESTAMP '1969-12-01 00:00:00' + i * INTERVAL '1 hour')::TIMESTAMPTZ
FROM range(120) AS r (i)
"""
SAME = {
    "texts": f"SELECT a, a AS b FROM {HOSTILE}",
    "one column of texts": f"SELECT a FROM {HOSTILE}",
    "names that repeat and need quotes": 'SELECT 1 AS "a,b", 2 AS "a,b", \'x\' AS "=1"',
    "one column of nothing": "SELECT NULL::BIGINT AS a",
    "nothing of each type": (
        "SELECT NULL::INTEGER, NULL::DECIMAL(18, 2), NULL::DATE, NULL::TIMESTAMP, NULL::BOOLEAN, NULL::DOUBLE, ''"
    ),
    "numbers": NUMBERS,
    "numbers that are none, and two zeros": (
        "SELECT 'nan'::DOUBLE, '-infinity'::DOUBLE, -0.0::DOUBLE UNION ALL SELECT 0.0, 0.0, 0.0"
    ),
    "large numbers": "SELECT -9223372036854775808, '-99999999999999999999999999999999.999999'::DECIMAL(38, 6)",
    "days and times": TIMES,
    "days that Python lacks": (
        "SELECT 'a,b', DATE '10000-01-01', 'infinity'::DATE, DATE '0044-03-15 (BC)', "
        "DATE '9999-12-31', DATE '0001-01-01'"
    ),
    "times that Python lacks": (
        "SELECT 1 AS a, TIMESTAMP '10000-01-01 00:00:00', TIMESTAMPTZ '10000-01-01 00:00:00+00', 2 AS a UNION ALL "
        "SELECT NULL, NULL, '-infinity', NULL"
    ),
    "several batches": "SELECT i, CASE WHEN i % 3 > 0 THEN 'a,' || i END FROM range(50000) AS r (i)",
    "no row": "SELECT 1 AS a, 'b' AS b WHERE FALSE",
}


@pytest.fixture(name="connection")
def _connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        begin_session(connection, "main")
        yield connection


def console(*, is_terminal: bool) -> tuple[SafeConsole, io.StringIO]:
    output = io.StringIO(newline="")
    return SafeConsole(file=output, width=250, no_color=True, force_terminal=is_terminal), output


@pytest.mark.parametrize(
    ("is_raw", "is_terminal"), [(True, False), (False, False), (True, True)], ids=["raw", "spreadsheet", "terminal"]
)
@pytest.mark.parametrize("sql", SAME.values(), ids=SAME)
def test_csv_by_column_has_the_bytes_of_csv_by_row(
    connection: duckdb.DuckDBPyConnection, sql: str, is_raw: bool, is_terminal: bool
):
    by_row, expected = console(is_terminal=is_terminal)
    by_column, actual = console(is_terminal=is_terminal)
    cursor = connection.execute(sql)
    print_rows(by_row, [column[0] for column in cursor.description], cursor.fetchall(), "csv", is_raw=is_raw)

    stream = open_batches(connection, sql, lambda work: work())
    assert stream is not None
    print_batches(by_column, stream.names, stream.batches, is_raw=is_raw)

    assert actual.getvalue() == expected.getvalue()


@pytest.mark.parametrize(
    "sql",
    ["SELECT SUM(i) FROM range(9) AS r (i)", "SELECT TIME '01:02:03'", "SELECT [1, 2]", "SELECT NULL"],
    ids=["a sum of integers", "a time of day", "a list", "no type"],
)
def test_a_type_that_arrow_has_otherwise_is_read_by_row(connection: duckdb.DuckDBPyConnection, sql: str):
    assert open_batches(connection, sql, lambda work: work()) is None


DAYS = "FROM DimDate AS a, DimDate AS b, DimDate AS c, DimDate AS d"


def test_a_query_by_column_is_stopped_at_its_limit(loaded: DuckDBWarehouse):
    with loaded.stream(f"SELECT a.DateKey {DAYS}", timeout_seconds=1, by_column=True) as result:
        assert result.columns == ["DateKey"]
        assert result.batches is not None
        with pytest.raises(QueryTimeoutError):
            for _ in result.batches:
                pass


def test_an_error_between_two_batches_is_one_of_duckdb(connection: duckdb.DuckDBPyConnection):
    late = "SELECT CASE WHEN i > 900000 THEN ('a' || i)::INTEGER ELSE 1 END AS b FROM range(1000000) AS r (i)"
    stream = open_batches(connection, late, lambda work: work())
    assert stream is not None
    assert len(next(stream.batches))

    with pytest.raises(duckdb.Error, match="Could not convert string 'a900001'"):
        list(stream.batches)
