"""The files under `sql/` and the statements generated from contracts.

Belongs here: DDL equals contracts, every file is in the subset and is used, generated statements.
Does not belong here: results of queries (see `test_views`, `test_quality_queries`).
"""

from __future__ import annotations

import logging
import re
import subprocess
import sys
from pathlib import Path

import pytest
from sqlglot import exp

import finance_platform
from finance_platform.contracts.model import Column, Contract
from finance_platform.contracts.star import (
    DIM_DATE,
    DIM_DEPARTMENT,
    DIM_SCENARIO,
    FACT_FINANCIALS,
    LOAD_LEDGER,
    STAR,
    WAREHOUSE,
)
from finance_platform.contracts.views import VIEWS
from finance_platform.warehouse import statements
from finance_platform.warehouse.attribute_changes import ComparedAttribute, insert_changed_attributes
from finance_platform.warehouse.dialect import parse, split
from finance_platform.warehouse.duckdb.warehouse import DuckDBWarehouse
from finance_platform.warehouse.load import publish
from finance_platform.warehouse.load_request import LoadRequest
from finance_platform.warehouse.statements import SqlFile
from finance_platform_tests.warehouse.star_files import LOADED_AT, StarFiles, february

ROOT = Path(__file__).resolve().parents[2]
SQL = ROOT / "sql"
FOR_PEOPLE = "dml/sample_queries.sql"
EXACT_TEXT = "security/"
RESERVED = frozenset(
    re.findall(
        r"\w+",
        """
AES128 AES256 ALL ALLOWOVERWRITE ANALYSE ANALYZE AND ANY ARRAY AS ASC AUTHORIZATION AZ64 BACKUP BETWEEN BINARY
BLANKSASNULL BOTH BYTEDICT BZIP2 CASE CAST CHECK COLLATE COLUMN CONNECT CONSTRAINT CREATE CREDENTIALS CROSS
CURRENT_DATE CURRENT_TIME CURRENT_TIMESTAMP CURRENT_USER CURRENT_USER_ID DEFAULT DEFERRABLE DEFLATE DEFRAG DELTA
DELTA32K DESC DISABLE DISTINCT DO ELSE EMPTYASNULL ENABLE ENCODE ENCRYPT ENCRYPTION END EXCEPT EXPLICIT FALSE
FOR FOREIGN FREEZE FROM FULL GLOBALDICT256 GLOBALDICT64K GRANT GROUP GZIP HAVING IDENTITY IGNORE ILIKE IN
INITIALLY INNER INTERSECT INTERVAL INTO IS ISNULL JOIN LEADING LEFT LIKE LIMIT LOCALTIME LOCALTIMESTAMP LUN LUNS
LZO LZOP MINUS MOSTLY16 MOSTLY32 MOSTLY8 NATURAL NEW NOT NOTNULL NULL NULLS OFF OFFLINE OFFSET OID OLD ON ONLY
OPEN OR ORDER OUTER OVERLAPS PARALLEL PARTITION PERCENT PERMISSIONS PIVOT PLACING PRIMARY RAW READRATIO RECOVER
REFERENCES REJECTLOG RESORT RESPECT RESTORE RIGHT SELECT SESSION_USER SIMILAR SNAPSHOT SOME START SYSDATE SYSTEM
TABLE TAG TDES TEXT255 TEXT32K THEN TIMESTAMP TO TOP TRAILING TRUE TRUNCATECOLUMNS UNION UNIQUE UNNEST UNPIVOT
USER USING VERBOSE WALLET WHEN WHERE WITH WITHOUT
""",
    )
)
"""The reserved words of Redshift, and two that its page of them warns of as names of tables
(https://docs.aws.amazon.com/redshift/latest/dg/r_pg_keywords.html). Neither DuckDB nor PostgreSQL refuses all."""
FILES = sorted(
    name
    for name in (file.relative_to(SQL).as_posix() for file in SQL.rglob("*.sql"))
    if not name.startswith(EXACT_TEXT)
)


def created_tables() -> dict[str, exp.Create]:
    trees = [parse(text) for text in statements.definitions()]
    return {
        tree.this.this.name: tree for tree in trees if isinstance(tree, exp.Create) and tree.args["kind"] == "TABLE"
    }


def ddl_columns(create: exp.Create) -> list[tuple[str, str, bool]]:
    return [
        (
            column.name,
            column.kind.sql(dialect="redshift").replace(" ", "").lower() if column.kind else "",
            not any(isinstance(constraint.kind, exp.NotNullColumnConstraint) for constraint in column.constraints),
        )
        for column in create.this.expressions
        if isinstance(column, exp.ColumnDef)
    ]


def contract_column(column: Column) -> tuple[str, str, bool]:
    return column.sql_name, column.type, column.nullable


def key_columns(create: exp.Create, kind: type[exp.Expression]) -> list[list[str]]:
    return [[item.name for item in node.find_all(exp.Identifier)] for node in create.this.find_all(kind)]


def branches(query: exp.Query) -> list[exp.Query]:
    return [*branches(query.left), *branches(query.right)] if isinstance(query, exp.SetOperation) else [query]


def untyped_columns(query: exp.Query) -> list[str]:
    columns = zip(*(branch.selects for branch in branches(query)), strict=True)
    return [column[0].alias_or_name for column in columns if all(map(is_untyped, column))]


def is_untyped(column: exp.Expr) -> bool:
    value = column.unalias()
    return isinstance(value, exp.Null) or (isinstance(value, exp.Literal) and value.is_string)


def test_the_ddl_creates_the_tables_of_the_contracts_and_no_other() -> None:
    assert sorted(created_tables()) == sorted(contract.table for contract in WAREHOUSE)


@pytest.mark.parametrize("contract", WAREHOUSE, ids=lambda contract: contract.table)
def test_a_table_s_columns_are_the_contract_s_in_name_order_type_and_nullability(contract: Contract) -> None:
    assert ddl_columns(created_tables()[contract.table]) == [contract_column(column) for column in contract.columns]


@pytest.mark.parametrize("contract", STAR, ids=lambda contract: contract.table)
def test_a_table_s_keys_are_the_contract_s(contract: Contract) -> None:
    create = created_tables()[contract.table]
    named = {column.name: column.sql_name for column in contract.columns}
    primary = [contract.surrogate_key] if contract.surrogate_key else list(contract.natural_key)
    unique = [[named[name] for name in contract.natural_key]] if contract.surrogate_key else []

    assert key_columns(create, exp.PrimaryKey) == [[named[name] for name in primary]]
    assert key_columns(create, exp.UniqueColumnConstraint) == unique


def test_the_fact_table_refers_to_each_dimension_that_its_contract_names() -> None:
    tables = {contract.name: contract for contract in STAR}
    create = created_tables()["FactFinancials"]

    references = {
        (key.expressions[0].name, reference.this.this.name, reference.this.expressions[0].name)
        for key in create.this.find_all(exp.ForeignKey)
        for reference in key.find_all(exp.Reference)
    }

    assert references == {
        (
            FACT_FINANCIALS.column(reference.column).sql_name,
            tables[reference.contract].table,
            tables[reference.contract].column(reference.key).sql_name,
        )
        for reference in FACT_FINANCIALS.references
    }


def test_every_table_view_and_column_has_a_comment_and_none_is_typed_in_the_sql() -> None:
    trees = [parse(text) for text in statements.comments()]
    objects = {tree.this.name for tree in trees if tree.args["kind"] != "COLUMN"}
    columns = {(tree.this.table, tree.this.name) for tree in trees if tree.args["kind"] == "COLUMN"}

    assert all(isinstance(tree, exp.Comment) and tree.expression.name for tree in trees)
    assert objects == {contract.table for contract in WAREHOUSE} | {view.name for view in VIEWS}
    assert columns == {(c.table, column.sql_name) for c in WAREHOUSE for column in c.columns} | {
        (view.name, column.name) for view in VIEWS for column in view.columns
    }
    assert not [text for text in statements.definitions() if isinstance(parse(text), exp.Comment)]


def test_the_views_of_the_definitions_are_those_of_the_contracts_in_their_order_and_columns() -> None:
    created = [tree for tree in map(parse, statements.definitions()) if isinstance(tree, exp.Create)]
    views = {tree.this.name: tree.expression.named_selects for tree in created if tree.args["kind"] == "VIEW"}

    assert views == {view.name: [column.name for column in view.columns] for view in VIEWS}
    assert list(views) == [view.name for view in VIEWS]


@pytest.mark.parametrize("name", FILES)
def test_every_statement_of_a_file_is_in_the_subset(name: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="sqlglot"):
        trees = [parse(text) for text in split((SQL / name).read_text(encoding="utf-8"))]

    assert trees
    assert caplog.records == []


@pytest.mark.parametrize("name", FILES)
def test_no_or_contains_a_subquery(name: str) -> None:
    trees = [parse(text) for text in split((SQL / name).read_text(encoding="utf-8"))]

    either = [node for tree in trees for node in tree.find_all(exp.Or)]

    assert [node.sql() for node in either if node.find(exp.Select, exp.Exists)] == [], "Redshift cannot join it"


@pytest.mark.parametrize("name", FILES)
def test_no_column_of_a_view_or_of_a_part_of_a_statement_is_a_text_without_a_type(name: str) -> None:
    trees = [parse(text) for text in split((SQL / name).read_text(encoding="utf-8"))]

    parts = [part for tree in trees for part in tree.find_all(exp.CTE, exp.Subquery, exp.Create)]
    queries = [part.expression if isinstance(part, exp.Create) else part.this for part in parts]
    untyped = [column for query in queries if isinstance(query, exp.Query) for column in untyped_columns(query)]

    assert untyped == [], "Redshift may find no conversion from `unknown`: cast it"


@pytest.mark.parametrize("name", FILES)
def test_a_rounded_amount_is_cast_before_it_meets_another(name: str) -> None:
    trees = [parse(text) for text in split((SQL / name).read_text(encoding="utf-8"))]

    rounded = [node for tree in trees for node in tree.find_all(exp.Round)]
    uncast = [
        node.sql() for node in rounded if not isinstance(node.find_ancestor(exp.Cast, exp.Case, exp.Select), exp.Cast)
    ]

    assert uncast == [], "it has the scale of its argument on Redshift, and 19 digits beside an amount of another scale"


def test_a_text_without_a_type_is_found_in_all_branches_of_a_union() -> None:
    query = parse(
        "SELECT 'a' AS One, 'b' AS Two, 1 AS Three UNION ALL SELECT Month, NULL, 2 FROM DimDate UNION SELECT 'c', '', 3"
    )

    assert isinstance(query, exp.Query)
    assert untyped_columns(query) == ["Two"]


@pytest.mark.parametrize("name", FILES)
def test_no_name_is_a_reserved_word_of_redshift(name: str) -> None:
    trees = [parse(text) for text in split((SQL / name).read_text(encoding="utf-8"))]

    names = {node.name for tree in trees for node in tree.find_all(exp.Identifier) if not node.quoted}

    assert sorted(one for one in names if one.upper() in RESERVED) == []


@pytest.mark.parametrize("name", FILES)
def test_every_file_begins_by_stating_its_grain(name: str) -> None:
    first = (SQL / name).read_text(encoding="utf-8").splitlines()[0]

    assert first.startswith("-- Grain: ")
    assert first.endswith(".")


def test_the_registered_files_are_the_existing_ones() -> None:
    registered = [file.value for file in SqlFile if not file.value.startswith(EXACT_TEXT)]

    assert sorted(registered) == sorted(set(FILES) - {FOR_PEOPLE})


@pytest.mark.parametrize("file", [file for file in SqlFile if not file.value.startswith(("ddl/", EXACT_TEXT))], ids=str)
def test_every_file_outside_ddl_has_one_statement(file: SqlFile) -> None:
    assert statements.statement(file)


def test_a_file_with_several_statements_has_no_only_statement() -> None:
    with pytest.raises(ValueError, match="too many values"):
        statements.statement(SqlFile.CREATE_DIMENSIONS)


def test_the_files_are_found_beside_the_package_in_a_checkout_and_inside_it_when_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert statements.sql_folder() == SQL

    (tmp_path / "finance_platform" / "sql").mkdir(parents=True)
    monkeypatch.setattr(finance_platform, "__file__", str(tmp_path / "finance_platform" / "__init__.py"))
    assert statements.sql_folder() == tmp_path / "finance_platform" / "sql"


def test_a_stage_table_has_the_stored_columns_in_the_order_of_parquet() -> None:
    create = parse(statements.create_stage(FACT_FINANCIALS))

    assert isinstance(create, exp.Create)
    assert create.this.this.name == "StageFactFinancials"
    assert ddl_columns(create) == [contract_column(column) for column in FACT_FINANCIALS.stored_columns]


def test_the_statements_generated_from_contracts() -> None:
    assert statements.create_stage(DIM_DEPARTMENT) == (
        "CREATE TEMPORARY TABLE StageDimDepartment (DepartmentKey BIGINT NOT NULL, "
        "DepartmentName VARCHAR(256) NOT NULL, DepartmentCode VARCHAR(128) NOT NULL, "
        "BusinessUnit VARCHAR(256) NOT NULL, ParentDepartmentCode VARCHAR(128), "
        "IsInferred BOOLEAN NOT NULL)"
    )
    scratch = Contract("scratch", "StageOne", "One.", ("one",), (Column("one", "bigint", "One.", nullable=True),))
    assert statements.create_scratch(scratch) == "CREATE TEMPORARY TABLE StageOne (One BIGINT)"
    assert statements.count_staged(DIM_DATE) == "SELECT COUNT(*) FROM StageDimDate"
    assert statements.first_rows(DIM_SCENARIO) == (
        "SELECT ScenarioKey, ScenarioName, ScenarioType, IsBaseline FROM DimScenario "
        "ORDER BY ScenarioName NULLS FIRST LIMIT 3 OFFSET 0"
    )
    assert statements.delete_all(DIM_DATE) == "DELETE FROM DimDate"
    assert statements.delete_ranges(FACT_FINANCIALS, "date_key", 2) == (
        "DELETE FROM FactFinancials WHERE DateKey BETWEEN :first_0 AND :last_0 OR DateKey BETWEEN :first_1 AND :last_1"
    )
    assert statements.insert_staged(FACT_FINANCIALS) == (
        "INSERT INTO FactFinancials (DateKey, DepartmentKey, AccountKey, ScenarioKey, Amount, BudgetAmount, Variance, "
        "TransactionDate, LoadTimestamp, TransactionCount) SELECT DateKey, DepartmentKey, AccountKey, ScenarioKey, "
        "Amount, BudgetAmount, Variance, TransactionDate, CAST(:load_timestamp AS TIMESTAMP), TransactionCount "
        "FROM StageFactFinancials"
    )
    assert statements.insert_rows(LOAD_LEDGER, 1) == (
        "INSERT INTO LoadLedger (LoadNumber, TableName, Slice, Version, IsRemoved, RowCount, Amount, RunId, LoadedAt) "
        "VALUES (:load_number_0, :table_name_0, :slice_0, :version_0, :is_removed_0, :row_count_0, "
        "CAST(:amount_0 AS DECIMAL(18, 2)), :run_id_0, :loaded_at_0)"
    )
    compared = (ComparedAttribute("is_baseline", "IsBaseline", "scenario_key"),)
    assert insert_changed_attributes(scratch, DIM_SCENARIO, "ScenarioKey", compared) == (
        "INSERT INTO StageOne (ScenarioKey, Attribute, IsName, OldValue, NewValue, OldVersion, NewVersion, Cause) "
        "SELECT DISTINCT Published.ScenarioKey, 'IsBaseline' AS Attribute, FALSE AS IsName, "
        "CASE WHEN Published.IsBaseline THEN 'true' ELSE 'false' END AS OldValue, "
        "CASE WHEN Staged.IsBaseline THEN 'true' ELSE 'false' END AS NewValue, "
        "StageSlice.OldVersion, StageSlice.NewVersion, StageSlice.Cause FROM DimScenario AS Published "
        "JOIN StageDimScenario AS Staged ON Staged.ScenarioKey = Published.ScenarioKey "
        "JOIN StageSlice ON StageSlice.TableName = 'DimScenario' "
        "WHERE COALESCE(CASE WHEN Published.IsBaseline THEN 'true' ELSE 'false' END, '') <> "
        "COALESCE(CASE WHEN Staged.IsBaseline THEN 'true' ELSE 'false' END, '')"
    )


def test_the_sample_query_about_movements_returns_what_moved(loaded: DuckDBWarehouse, star_files: StarFiles) -> None:
    moved = star_files.facts("2025-02", "f2", february()[:1])
    publish(loaded, LoadRequest([moved], run_id="run-2", loaded_at=LOADED_AT))
    (query,) = [query for query in split((SQL / FOR_PEOPLE).read_text(encoding="utf-8")) if "FROM Movements" in query]

    assert loaded.query(query).rows  # the sample, on which the others are tried, has no movements


def test_importing_the_warehouse_loads_neither_an_engine_nor_the_parser() -> None:
    modules = "duckdb.atomic_file, duckdb.warehouse, ledger, load, load_request, movements, port, statements"
    code = (
        "import sys; "
        + "".join(f"import finance_platform.warehouse.{module}; " for module in modules.split(", "))
        + "print([name for name in ('duckdb', 'sqlglot', 'pyarrow', 'pandas') if name in sys.modules])"
    )

    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)

    assert result.stdout.strip() == "[]"
