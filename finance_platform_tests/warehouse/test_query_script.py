"""Queries of a file: their headings and the positions in their errors, also in those of both engines.

Belongs here: `query_script`. Does not belong here: the command (see `test_query_command`), the subset (see
`test_dialect`).
"""

from __future__ import annotations

from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finance_platform.errors import QueryError
from finance_platform.warehouse.port import NoWarehouseYetError, QueryTimeoutError, Warehouse
from finance_platform.warehouse.query_script import errors_in_file, read_script
from finance_platform_tests.warehouse.engines import EVERY_ENGINE

ENGINES = EVERY_ENGINE

FILE = """-- Of the whole file.

-- How many days
--   are there?
SELECT COUNT(*) FROM DimDate; -- belongs to the query before it

SELECT 'a;b' AS "x;y";
/* Which
 * months? */ SELECT DISTINCT YearMonth
FROM DimDate;;

-- No heading: an empty line is between.

  SELECT 1
"""


def test_a_statement_has_the_comment_directly_above_it_as_its_heading_and_else_its_own_beginning():
    statements = [(each.heading, each.line, each.column) for each in read_script(FILE, "f.sql")]
    assert statements == [
        ("How many days are there?", 5, 1),
        ("SELECT 'a;b' AS \"x;y\"", 7, 1),
        ("Which months?", 9, 15),
        ("SELECT 1", 14, 3),
    ]


@given(st.lists(st.sampled_from(["\n", " ", "-- c\n", "/* c */", ";"])), st.sampled_from(["SELECT 1", "SELECT ';'"]))
def test_comments_and_empty_statements_change_neither_text_nor_position(noise: list[str], sql: str):
    before = "".join(noise)
    (statement,) = read_script(f"{before}{sql};{before}", "")
    offset = len(before)
    assert statement.text == sql
    assert statement.sql.splitlines()[-1] == " " * (statement.column - 1) + sql
    assert (statement.line, statement.column) == (before.count("\n") + 1, offset - before.rfind("\n"))


@pytest.mark.parametrize(
    ("script", "found"),
    [
        ("SELECT 1;\nSELECT 'abc\n FROM x", "f.sql: .* a quote or comment is not closed, line 2, column 8"),
        ("SELECT 'it''s \\' 1';\n SELECT 1 /* x", "not closed, line 2, column 11"),
        ("SELECT 1; -- it's\nSELECT \"a", "not closed, line 2, column 8"),
        ("SELECT 1;\nSELECT a FROM t WHERE\n  WHERE b", "cannot be parsed: incomplete at 'WHERE', line 3, column 3\n"),
        ("SELECT 1;\n\nSELECT 1 / 2", ": f.sql: '1 / 2', line 3, column 8: a division"),
        ("SELECT 1;\n\n DROP TABLE x", ": f.sql, line 3, column 2: 'DROP TABLE x' does not begin with SELECT"),
        ("-- nothing\n;;", ": f.sql: there is no statement"),
    ],
)
def test_an_error_is_found_before_the_first_query_runs_and_names_file_line_and_column(script: str, found: str):
    with pytest.raises(QueryError, match=found):
        read_script(script, "f.sql")


@pytest.mark.parametrize(
    ("script", "place"),
    [
        ("SELECT 1;\n\n  SELECT Yeer\nFROM DimDate", "f.sql, line 3, column 10: "),
        ("SELECT 1;\nSELECT Year FROM\n   Nowhere", "f.sql, line 3, column 4: "),
        ("SELECT 1;\n SELECT CAST(MonthName AS INTEGER)\nFROM DimDate", "f.sql, line 2, column 2: "),
    ],
)
def test_an_error_of_the_engine_names_the_word_or_else_the_statement(loaded: Warehouse, script: str, place: str):
    statement = read_script(script, "f.sql")[1]
    with (
        pytest.raises(QueryError) as caught,
        errors_in_file("f.sql", statement),
        loaded.stream(statement.sql, timeout_seconds=60) as result,
    ):
        list(result.rows)
    assert caught.value.found.startswith(place)


def test_only_errors_of_a_query_are_placed_and_they_keep_their_title():
    (statement,) = read_script("\nSELECT 1", "f.sql")
    placed = partial(errors_in_file, "f.sql")
    with pytest.raises(QueryError, match=r"f.sql, line 2, column 1: it was stopped") as caught, placed(statement):
        raise QueryTimeoutError(1)
    assert caught.value.title == QueryTimeoutError.title
    with pytest.raises(NoWarehouseYetError) as missing, placed(statement):
        raise NoWarehouseYetError("no file")
    assert missing.value.found == "no file"
