"""The subset of Redshift's dialect: rejected queries and their fixes, and the translation to DuckDB.

Belongs here: `dialect` and `translation`, without a warehouse.
Does not belong here: names of results (see `test_result_columns`).
"""

from __future__ import annotations

from decimal import Decimal

import pytest

from finance_platform.errors import QueryError
from finance_platform.warehouse.dialect import READ_ONLY, SUBSET, parse, parse_query, require_cast_decimals, split
from finance_platform.warehouse.duckdb.translation import to_duckdb

REJECTED = {
    "INSERT INTO DimDate (DateKey) VALUES (1)": "does not begin with SELECT or WITH",
    "DELETE FROM DimDate": "does not begin with SELECT or WITH",
    "DROP TABLE DimDate": "does not begin with SELECT or WITH",
    "CREATE TABLE Mine AS SELECT 1 AS One": "does not begin with SELECT or WITH",
    "TRUNCATE DimDate": "does not begin with SELECT or WITH",
    "VACUUM": "does not begin with SELECT or WITH",
    "UNLOAD ('SELECT 1') TO 's3://bucket/'": "does not begin with SELECT or WITH",
    "COPY DimDate FROM 's3://bucket/'": "does not begin with SELECT or WITH",
    "EXPLAIN SELECT 1": "does not begin with SELECT or WITH",
    "FROM DimDate": "does not begin with SELECT or WITH",
    "TABLE DimDate": "does not begin with SELECT or WITH",
    "VALUES (1)": "does not begin with SELECT or WITH",
    "": "does not begin with SELECT or WITH",
    "SELECT 1; SELECT 2": "2 statements where one is expected",
    "SELECT 1; DROP TABLE DimDate": "2 statements where one is expected",
    "SELECT * INTO Mine FROM DimDate": "a query may only read",
    "SELECT * FROM DimDate FOR UPDATE": "a query may only read",
    "WITH gone AS (DELETE FROM DimDate) SELECT 1": "a query may only read",
    "WITH added AS (INSERT INTO DimDate VALUES (1)) SELECT 1": "a query may only read",
    "WITH x AS (SELECT 1) DELETE FROM DimDate": "a query may only read",
    "SELECT Amount / BudgetAmount FROM FactFinancials": "a division has another type",
    "SELECT Amount / 12 FROM FactFinancials": "a division has another type",
    "SELECT CAST(Amount AS DOUBLE PRECISION) / 12 FROM FactFinancials": "a division has another type",
    "SELECT CAST(Amount AS DECIMAL(18, 2)) / CAST(12 AS DECIMAL(18, 2)) FROM FactFinancials": "a division has another",
    "SELECT 1 FROM FactFinancials WHERE Amount / 2 > 1": "a division has another type",
    "SELECT AVG(Amount) FROM FactFinancials": "an average has another type",
    "SELECT AVG(CAST(Year AS INTEGER)) FROM DimDate": "an average has another type",
    "SELECT CAST(Amount AS DECIMAL) FROM FactFinancials": "a decimal without precision",
    "SELECT SUM(Amount)::NUMERIC FROM FactFinancials": "a decimal without precision",
    "SELECT GETDATE()": "a query that reads the clock",
    "SELECT SYSDATE": "a query that reads the clock",
    "SELECT 1 FROM DimDate WHERE FullDate < CURRENT_DATE": "a query that reads the clock",
    "SELECT Year FROM DimDate LIMIT :count": "Redshift accepts no bound number of rows",
    "SELECT Year FROM DimDate LIMIT 1 OFFSET :count": "Redshift accepts no bound number of rows",
    "SELECT DISTINCT ON (Year) Month FROM DimDate": "Redshift has no DISTINCT ON",
    "SELECT * FROM read_csv('/etc/passwd')": "a function cannot replace a table",
    "SELECT Year FROM DimDate, generate_series(1, 2) AS g": "a function cannot replace a table",
    "SELECT COLUMNS('.*') FROM DimDate": r"line 1, column 8: Redshift has no COLUMNS",
    "SELECT Year,\n  MIN(COLUMNS(*)) FROM DimDate": r"line 2, column 7: Redshift has no COLUMNS",
    "SELECT COALESCE(*COLUMNS(['Year', 'Month'])) FROM DimDate": "Redshift has no COLUMNS",
    "SELECT PG_SLEEP(10)": "a query reads the warehouse's tables",
    "SELECT pg_catalog.pg_sleep(10)": "a query reads the warehouse's tables",
    'SELECT "pg_sleep"(10)': "a query reads the warehouse's tables",
    "SELECT 1 FROM DimDate WHERE sleep_ms(10) IS NULL": "a query reads the warehouse's tables",
    "SELECT pg_advisory_lock(1)": "a query reads the warehouse's tables",
    "SELECT pg_terminate_backend(1)": "a query reads the warehouse's tables",
    "SELECT current_setting('temp_directory')": "a query reads the warehouse's tables",
    "SELECT setting FROM pg_settings": "the engine's settings",
    "SELECT 1 FROM DimDate, pg_catalog.PG_SETTINGS": "the engine's settings",
    "SELECT path FROM (SELECT * FROM duckdb_databases) AS d": "the engine's settings",
    "SELECT getenv('HOME')": "a query reads the warehouse's tables",
    "SELECT read_text('/etc/passwd')": "a query reads the warehouse's tables",
    "SELECT pg_read_file('/etc/passwd')": "a query reads the warehouse's tables",
    "SELECT set_config('search_path', 'public', false)": "a query reads the warehouse's tables",
    "SELECT write_log('x')": "a query reads the warehouse's tables",
    "SELECT nextval('s')": "a query reads the warehouse's tables",
    "SELECT query_to_xml('DELETE FROM DimDate', true, true, '')": "a query reads the warehouse's tables",
    "ATTACH 'other.duckdb'": "does not begin with SELECT or WITH",
    "INSTALL httpfs": "does not begin with SELECT or WITH",
    "PRAGMA database_list": "does not begin with SELECT or WITH",
    "SET threads = 1": "does not begin with SELECT or WITH",
    "CALL pragma_version()": "does not begin with SELECT or WITH",
    "SELECT '\ud800'": "not valid UTF-8",
    f"SELECT {'(' * 500}1{')' * 500}": "nested too deeply",
    f"SELECT {'NOT ' * 3000}TRUE": "nested too deeply",
    f"SELECT {'CASE WHEN TRUE THEN ' * 500}1{' END' * 500}": "nested too deeply",
    "SELECT FROM WHERE": "cannot be parsed: ",
    "SELECT 'never closed": "cannot be read",
}

ACCEPTED = [
    "SELECT COUNT(*) FROM DimDate;",
    "  -- a comment; with a semicolon\n  SELECT 1",
    "WITH y AS (SELECT Year FROM DimDate) SELECT * FROM y",
    "(SELECT 1 AS a) UNION ALL (SELECT 2) ORDER BY a",
    "SELECT ';' AS semicolon",
    "SELECT CAST(Amount AS DOUBLE PRECISION) / CAST(NULLIF(BudgetAmount, 0) AS DOUBLE PRECISION) FROM FactFinancials",
    "SELECT (SUM(Amount)::FLOAT8) / (2::INTEGER) FROM FactFinancials",
    "SELECT AVG(CAST(Amount AS DOUBLE PRECISION)) FROM FactFinancials",
    "SELECT DISTINCT Year FROM finance.DimDate ORDER BY Year DESC LIMIT 3",
    "SELECT Year FROM DimDate WHERE DateKey = :key",
]


@pytest.mark.parametrize("sql", REJECTED)
def test_a_query_outside_the_subset_is_rejected_with_a_reason_and_a_fix(sql: str) -> None:
    with pytest.raises(QueryError, match=REJECTED[sql]) as caught:
        parse_query(sql)

    assert caught.value.fix


DIVIDED = "CAST(a AS DOUBLE PRECISION) / CAST(NULLIF(b, 0) AS DOUBLE PRECISION)"


@pytest.mark.parametrize(
    ("expression", "written"),
    [
        (
            "SUM(Amount) / COUNT(*)",
            "CAST(SUM(Amount) AS DOUBLE PRECISION) / CAST(NULLIF(COUNT(*), 0) AS DOUBLE PRECISION)",
        ),
        (
            "SUM(Amount) / SUM(SUM(Amount)) OVER ()",
            "CAST(SUM(Amount) AS DOUBLE PRECISION) / CAST(NULLIF(SUM(SUM(Amount)) OVER (), 0) AS DOUBLE PRECISION)",
        ),
        (
            "CAST(a + 1 AS REAL) / CAST(Month AS REAL) / CAST(2 AS INTEGER)",
            "CAST(CAST(a + 1 AS REAL) / CAST(Month AS REAL) AS DOUBLE PRECISION) / CAST(2 AS INTEGER)",
        ),
        ("(a / b) / 2", f"CAST({DIVIDED} AS DOUBLE PRECISION) / CAST(2 AS DOUBLE PRECISION)"),
        ("AVG(Amount)", "AVG(CAST(Amount AS DOUBLE PRECISION))"),
    ],
)
def test_the_fix_of_a_division_or_an_average_is_the_expression_as_it_can_be_pasted(expression: str, written: str):
    query = "SELECT Month, {} AS Share FROM t GROUP BY Month"
    with pytest.raises(QueryError) as caught:
        parse_query(query.format(expression))
    assert caught.value.fix == f"write {written}"
    assert parse_query(query.format(written))


@pytest.mark.parametrize("expression", ["AVG(DISTINCT Amount)", f"{'Amount + ' * 50}1 / Month"])
def test_the_fix_of_another_average_or_a_long_division_is_a_pattern(expression: str):
    with pytest.raises(QueryError) as caught:
        parse_query(
            f"SELECT {expression} FROM t" if "AVG" in expression else f"SELECT ({expression[:-8]}) / Month FROM t"
        )
    assert caught.value.fix.startswith(("write AVG(CAST(x", "write CAST(a AS"))


@pytest.mark.parametrize("sql", ACCEPTED)
def test_a_query_of_the_subset_is_accepted(sql: str) -> None:
    assert parse_query(sql)


def test_every_rule_has_a_query_that_breaks_it() -> None:
    rules = [rule for rule in (*SUBSET, *READ_ONLY) if "only one of the warehouses" not in rule.reason]

    for rule in rules:
        assert any(rule.reason.startswith(reason) for reason in REJECTED.values()), rule.reason


@pytest.mark.parametrize("sql", ["VACUUM FactFinancials", "CALL refresh()", "LOCK TABLE DimDate"])
def test_a_statement_that_the_parser_does_not_understand_is_rejected(sql: str) -> None:
    with pytest.raises(QueryError, match="only one of the warehouses may know it"):
        parse(sql)


def test_a_message_has_the_parser_s_position_without_terminal_colours() -> None:
    with pytest.raises(QueryError, match=r"line 2, column \d+") as caught:
        parse_query("SELECT Year\nFROM DimDate WHERE (Year = 1")

    assert "\x1b" not in str(caught.value)


def test_a_script_is_split_only_at_the_ends_of_statements() -> None:
    script = """-- Grain: one; row.
    SELECT 'a;b' AS "c;d" /* e; f */ FROM t -- g; h
    ; ;
    COMMENT ON COLUMN t.a IS 'it''s; so'"""

    assert split(script) == (
        "SELECT 'a;b' AS \"c;d\" /* e; f */ FROM t",
        "COMMENT ON COLUMN t.a IS 'it''s; so'",
    )


def test_storage_and_unenforced_keys_are_dropped_for_duckdb_and_byte_limits_are_added() -> None:
    translated = to_duckdb(
        "CREATE TABLE t (a INTEGER PRIMARY KEY, b VARCHAR(3) NOT NULL REFERENCES u (b), c VARCHAR, PRIMARY KEY (a), "
        "CONSTRAINT once UNIQUE (b), FOREIGN KEY (b) REFERENCES u (b)) "
        "DISTSTYLE KEY DISTKEY (a) COMPOUND SORTKEY (a, b)"
    )

    assert translated == "CREATE TABLE t (a INT, b TEXT(3) NOT NULL CHECK (STRLEN(b) <= 3), c TEXT)"


def test_descending_order_puts_nulls_first_as_redshift_does() -> None:
    assert to_duckdb("SELECT a FROM t ORDER BY a DESC") == "SELECT a FROM t ORDER BY a DESC NULLS FIRST"


@pytest.mark.parametrize(
    ("sql", "translated"),
    [
        ("SELECT a FROM t LIMIT 4", "SELECT a FROM t LIMIT 4 OFFSET 0"),
        ("SELECT TOP 4 a FROM t", "SELECT a FROM t LIMIT 4 OFFSET 0"),
        ("SELECT a FROM t LIMIT 4 OFFSET 2", "SELECT a FROM t LIMIT 4 OFFSET 2"),
        (
            "SELECT a FROM t UNION ALL SELECT a FROM u LIMIT 4",
            "SELECT a FROM t UNION ALL SELECT a FROM u LIMIT 4 OFFSET 0",
        ),
        ("SELECT a FROM (SELECT a FROM t LIMIT 4) AS b", "SELECT a FROM (SELECT a FROM t LIMIT 4 OFFSET 0) AS b"),
    ],
)
def test_each_limit_has_an_offset_since_duckdb_may_drop_a_bare_one(sql: str, translated: str) -> None:
    assert to_duckdb(sql) == translated


def test_bound_values_keep_their_names() -> None:
    assert to_duckdb("SELECT a FROM t WHERE b = :b AND c > :c_1") == "SELECT a FROM t WHERE b = $b AND c > $c_1"


def test_translating_does_not_change_the_parsed_statement() -> None:
    sql = "CREATE TABLE t (a VARCHAR(3) NOT NULL) DISTSTYLE ALL"
    before = parse(sql).sql(dialect="redshift")

    to_duckdb(sql)

    assert parse(sql).sql(dialect="redshift") == before


# Bound decimals


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT CAST(:amount AS DECIMAL(18, 2)) AS Amount",
        "SELECT :amount::NUMERIC(18, 2) AS Amount",
        "INSERT INTO DimDate (DateKey) SELECT 1 WHERE CAST(:amount AS DECIMAL(38, 4)) > 0",
    ],
)
def test_a_decimal_that_is_bound_in_a_cast_is_accepted(sql: str) -> None:
    require_cast_decimals(sql, {"amount": Decimal("1.25"), "other": 1})


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT DateKey FROM FactFinancials WHERE Amount > :amount",
        "SELECT CAST(:amount AS NUMERIC(18)) AS Amount",
        "SELECT CAST(:amount AS VARCHAR(20)) AS Amount",
        "SELECT CAST(:amount + 1 AS DECIMAL(18, 2)) AS Amount",
        "SELECT CAST(:amount AS DECIMAL(18, 2)) AS Amount FROM DimDate WHERE DateKey > :amount",
    ],
)
def test_a_decimal_that_redshift_would_take_for_a_whole_number_is_rejected(sql: str) -> None:
    with pytest.raises(ValueError, match="binds the decimal :amount without a cast"):
        require_cast_decimals(sql, {"amount": Decimal("1.25")})
    require_cast_decimals(sql, {"amount": 1})
