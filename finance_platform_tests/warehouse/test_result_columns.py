"""Names of a result's columns: the query's spelling, else Redshift's name, never DuckDB's.

Belongs here: names on the embedded warehouse. Does not belong here: Redshift (see `test_result_parity`).
"""

from __future__ import annotations

import pytest

from finance_platform.warehouse.duckdb.warehouse import DuckDBWarehouse

SCENARIO = ["ScenarioKey", "ScenarioName", "ScenarioType", "IsBaseline"]

NAMED = {
    "SELECT COUNT(*) FROM DimDate": ["count"],
    "SELECT count(DISTINCT Year), MAX(Year), Min(Year) FROM DimDate": ["count", "max", "min"],
    "SELECT Year, year, YEAR FROM DimDate": ["Year", "year", "YEAR"],
    "SELECT d.yEAR FROM DimDate AS d": ["yEAR"],
    'SELECT Year AS "The Year", Month AS m FROM DimDate': ["The Year", "m"],
    "SELECT (Year) FROM DimDate": ["Year"],
    "SELECT Year + 1, -Year, 'a', 1, Year || 'x', Year = 1 FROM DimDate": ["?column?"] * 6,
    "SELECT CAST(Year AS BIGINT), Year::VARCHAR(4), CAST(SUM(Day) AS BIGINT) FROM DimDate GROUP BY Year": [
        "Year",
        "Year",
        "sum",
    ],
    "SELECT CAST(1 + 1 AS INTEGER), CAST(1 + 1 AS DECIMAL(18, 2)), CAST('1' AS VARCHAR(1))": [
        "int4",
        "numeric",
        "varchar",
    ],
    "SELECT NVL(Year, 0), COALESCE(Year, 0), NULLIF(Year, 0) FROM DimDate": ["coalesce", "coalesce", "nullif"],
    "SELECT CASE WHEN Year > 0 THEN 1 END, CASE WHEN Year > 0 THEN 1 ELSE Month END FROM DimDate": ["case", "Month"],
    "SELECT SUM(Day) OVER (ORDER BY DateKey), ROW_NUMBER() OVER (ORDER BY DateKey) FROM DimDate": ["sum", "row_number"],
    "SELECT DATEADD(day, 1, FullDate), DATEDIFF(day, FullDate, FullDate) FROM DimDate": ["date_add", "date_diff"],
    "SELECT EXTRACT(year FROM FullDate), DATE_TRUNC('month', FullDate) FROM DimDate": ["date_part", "date_trunc"],
    "SELECT LEN(MonthName), Upper(MonthName), SUBSTRING(MonthName, 1, 3) FROM DimDate": ["len", "upper", "substring"],
    "SELECT LISTAGG(Year, ',') WITHIN GROUP (ORDER BY Year) FROM DimDate": ["listagg"],
    "SELECT (SELECT MAX(Year) FROM DimDate), EXISTS (SELECT 1 FROM DimDate)": ["max", "exists"],
    "SELECT year FROM DimDate UNION ALL SELECT Month FROM DimDate": ["year"],
    "WITH y AS (SELECT Year FROM DimDate) SELECT yeaR FROM y": ["yeaR"],
    "SELECT * FROM DimScenario": SCENARIO,
    "SELECT s.* FROM DimScenario AS s": SCENARIO,
    "SELECT scenarioname, *, COUNT(*) OVER () FROM DimScenario": ["scenarioname", *SCENARIO, "count"],
    "SELECT a.*, 1 AS one, b.*, b.isbaseline FROM DimScenario AS a, DimScenario AS b": [
        *SCENARIO,
        "one",
        *SCENARIO,
        "isbaseline",
    ],
}


@pytest.mark.parametrize("sql", NAMED)
def test_columns_are_named_as_the_query_spells_them(loaded: DuckDBWarehouse, sql: str) -> None:
    assert loaded.query(sql).columns == NAMED[sql]


def test_a_view_s_columns_are_named_as_its_definition_spells_them(loaded: DuckDBWarehouse) -> None:
    columns = loaded.query("SELECT * FROM actualvsbudget").columns

    assert columns[:2] == ["Period", "Year"]
    assert columns[-4:] == ["FavourableVariance", "IsComplete", "HasBudget", "TransactionCount"]
