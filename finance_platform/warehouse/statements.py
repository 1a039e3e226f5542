"""The statements that the platform sends to a warehouse; the only reader of `sql/`.

Belongs here: the list of the files, reading them, and the statements whose names come from a contract.
Does not belong here: the comparison of members' attributes (see `attribute_changes`), statements of one engine (LOCK,
COPY, search_path: see the adapters), the order in which they run.
sqlglot is imported by the functions that need it: it takes 0.1 to 0.2 s. Statements on one table are made as it would
write them, and DuckDB takes them as they are (289).
"""
# ruff: noqa: S608  every name in a statement is one of a contract's, every value is bound

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from functools import lru_cache
from pathlib import Path

import finance_platform
from finance_platform.contracts.model import Column, Contract
from finance_platform.contracts.star import WAREHOUSE
from finance_platform.contracts.views import VIEWS
from finance_platform.warehouse.port import LoadConnection
from finance_platform.warehouse.prepared_queries import find_prepared_script, note_plain

_ROWS_PER_INSERT = 100


class SqlFile(StrEnum):
    """The files under `sql/` that the platform runs. `dml/sample_queries.sql` is for people."""

    CREATE_SCHEMA_VERSION = "ddl/create_schema_version.sql"
    CREATE_DIMENSIONS = "ddl/create_dimensions.sql"
    CREATE_FACTS = "ddl/create_facts.sql"
    CREATE_LOAD_LEDGER = "ddl/create_load_ledger.sql"
    CREATE_MOVEMENTS = "ddl/create_movements.sql"
    CREATE_PERIOD_STATUS = "ddl/create_period_status.sql"
    CREATE_REPORTING = "ddl/create_reporting.sql"
    DEPARTMENT_SPAN = "views/department_span.sql"
    ACCOUNT_SPAN = "views/account_span.sql"
    DEPARTMENT_CLASS = "views/department_class.sql"
    ACCOUNT_CLASS = "views/account_class.sql"
    ACTUAL_VS_BUDGET = "views/actual_vs_budget.sql"
    PERIOD_CALENDAR = "views/period_calendar.sql"
    COMPARABLE_PERIOD = "views/comparable_period.sql"
    STATEMENT_LINE = "views/statement_line.sql"
    PERIOD_AMOUNT = "views/period_amount.sql"
    STRUCTURE_AMOUNT = "views/structure_amount.sql"
    SCENARIO_COMPARISON = "views/scenario_comparison.sql"
    UNBUDGETED_ACTUAL = "views/unbudgeted_actual.sql"
    UNSPENT_BUDGET = "views/unspent_budget.sql"
    OUTLOOK_SOURCE = "views/outlook_source.sql"
    OUTLOOK = "views/outlook.sql"
    HORIZON_PERIOD = "views/horizon_period.sql"
    HORIZON_SPAN = "views/horizon_span.sql"
    VARIANCE_BY_HORIZON = "views/variance_by_horizon.sql"
    PROFIT_AND_LOSS = "views/profit_and_loss.sql"
    PROFIT_AND_LOSS_BY_HORIZON = "views/profit_and_loss_by_horizon.sql"
    KPI = "views/kpi.sql"
    VARIANCE_BRIDGE = "views/variance_bridge.sql"
    TOP_VARIANCE = "views/top_variance.sql"
    CAPEX_VS_PLAN = "views/capex_vs_plan.sql"
    FORECAST_ACCURACY = "views/forecast_accuracy.sql"
    UNCLASSIFIED = "views/unclassified.sql"
    DEPARTMENT_TREE = "views/department_tree.sql"
    ACCOUNT_TREE = "views/account_tree.sql"
    PLAN_VERSION = "views/plan_version.sql"
    TRIAL_BALANCE = "views/trial_balance.sql"
    REJECTED_MONEY = "views/rejected_money.sql"
    FEED_COMPLETENESS = "views/feed_completeness.sql"
    DECISION_LOG = "views/decision_log.sql"
    SIGNED_AMOUNT = "views/signed_amount.sql"
    RESTATEMENT = "views/restatement.sql"
    SCHEMA_VERSION = "load/schema_version.sql"
    SCHEMA_TIMES = "load/schema_times.sql"
    PUBLISHED_SLICES = "load/published_slices.sql"
    PUBLISHED_AT = "load/published_at.sql"
    LAST_LOAD_NUMBER = "load/last_load_number.sql"
    STAGED_FACT_SUMS = "load/staged_fact_sums.sql"
    STAGE_REPLACED_CELLS = "load/stage_replaced_cells.sql"
    COUNT_RECLASSIFICATIONS = "load/count_reclassifications.sql"
    STAGE_RECLASSIFIED_CELLS = "load/stage_reclassified_cells.sql"
    STAGE_CELLS = "load/stage_cells.sql"
    COUNT_FIRST_CELLS = "load/count_first_cells.sql"
    STAGE_EARLIER_MEASURES = "load/stage_earlier_measures.sql"
    WRITE_MOVEMENTS = "load/write_movements.sql"
    WRITE_RECLASSIFICATIONS = "load/write_reclassifications.sql"
    PERIOD_STATUSES = "load/period_statuses.sql"
    SCENARIO_LINES = "load/scenario_lines.sql"
    SCENARIO_PERIODS = "load/scenario_periods.sql"
    FACT_KEY_NUMBERS = "quality/fact_key_numbers.sql"
    FACT_GRAIN_IS_UNIQUE = "quality/fact_grain_is_unique.sql"
    REFERENCES_RESOLVE = "quality/references_resolve.sql"
    VARIANCE_IDENTITY = "quality/variance_identity.sql"
    KEYS_COLLIDE_NOWHERE = "quality/keys_collide_nowhere.sql"
    BASELINE_BOOKED_ONCE = "quality/baseline_booked_once.sql"
    SPECIAL_MEMBERS = "quality/special_members.sql"
    INFERRED_DEPARTMENTS = "quality/inferred_departments.sql"
    INFERRED_ACCOUNTS = "quality/inferred_accounts.sql"
    DEPARTMENT_PARENTS = "quality/department_parents.sql"
    ACCOUNT_PARENTS = "quality/account_parents.sql"
    PARENT_ACCOUNTS = "quality/parent_accounts.sql"
    PARENT_DEPARTMENTS = "quality/parent_departments.sql"
    SUMS_BY_SCENARIO_AND_PERIOD = "quality/sums_by_scenario_and_period.sql"
    ACTUAL_BY_ACCOUNT_AND_PERIOD = "quality/actual_by_account_and_period.sql"
    NEW_PERIODS = "quality/new_periods.sql"
    ACCOUNTS_WITHOUT_TYPES = "quality/accounts_without_types.sql"
    UNCLASSIFIED_ACTUAL = "quality/unclassified_actual.sql"
    UNTYPED_ACCOUNTS = "quality/untyped_accounts.sql"
    BALANCES_TO_COMPARE = "quality/balances_to_compare.sql"
    VARIANCE_BY_PERIOD = "reporting/variance_by_period.sql"
    PERIOD_TOTALS = "reporting/period_totals.sql"
    LINES_IN_WAREHOUSE = "reporting/lines_in_warehouse.sql"
    MOVEMENTS_SINCE = "reporting/movements_since.sql"
    MOVEMENT_SUMMARY = "reporting/movement_summary.sql"
    RESTATEMENTS = "reporting/restatements.sql"
    PACK_DECISIONS = "reporting/pack_decisions.sql"
    PACK_PERIODS = "reporting/pack_periods.sql"
    PACK_SCENARIOS = "reporting/pack_scenarios.sql"
    PACK_DEPARTMENTS = "reporting/pack_departments.sql"
    PACK_ACCOUNTS = "reporting/pack_accounts.sql"
    PACK_STATEMENT = "reporting/pack_statement.sql"
    PACK_CELLS = "reporting/pack_cells.sql"
    PACK_FEEDS = "reporting/pack_feeds.sql"
    PACK_OUTLOOK = "reporting/pack_outlook.sql"
    PACK_PROFIT_AND_LOSS = "reporting/pack_profit_and_loss.sql"
    PACK_MATERIALITY = "reporting/pack_materiality.sql"
    PACK_COMMENTS = "reporting/pack_comments.sql"
    PACK_HORIZONS = "reporting/pack_horizons.sql"
    PACK_TOP_VARIANCES = "reporting/pack_top_variances.sql"
    PACK_TOTAL_AMOUNTS = "reporting/pack_total_amounts.sql"
    PACK_TOTAL_PROFIT = "reporting/pack_total_profit.sql"
    PACK_TOTAL_OUTLOOK = "reporting/pack_total_outlook.sql"
    CELL = "reporting/cell.sql"
    TOTAL_CELLS = "reporting/total_cells.sql"
    TOTAL_PERIODS = "reporting/total_periods.sql"
    CLASS_SPANS = "reporting/class_spans.sql"
    STATEMENT_ACCOUNTS = "reporting/statement_accounts.sql"
    DEPARTMENT_CODES = "reporting/department_codes.sql"
    ACCOUNT_NUMBERS = "reporting/account_numbers.sql"
    EARLIER_ACCOUNT_TYPES = "reporting/earlier_account_types.sql"
    SCENARIO_NAMES = "reporting/scenario_names.sql"
    SECURITY_ROLES = "security/roles.sql"
    SECURITY_ACCESS = "security/access.sql"
    SECURITY_ACCESS_RIGHTS = "security/access_rights.sql"
    SECURITY_DEPARTMENT_UNITS = "security/department_units.sql"
    SECURITY_IS_SECURED = "security/is_secured.sql"
    SECURITY_READS_UNITS = "security/reads_department_units.sql"
    SECURITY_PROTECTED = "security/protected_tables.sql"
    SECURITY_SEES_DEPARTMENTS = "security/sees_departments.sql"
    SECURITY_ROWS = "security/row_level_security.sql"
    SECURITY_LAKE_SCHEMA = "security/lake_schema.sql"
    SECURITY_LEDGER_LINES = "security/ledger_lines.sql"
    SECURITY_GRANTS = "security/grants.sql"


DEFINITIONS = tuple(file for file in SqlFile if file.value.startswith(("ddl/", "views/")))
"""Tables, then the views, each after those that it reads."""


def sql_folder() -> Path:
    """Return the folder of the SQL files: inside the package once installed, beside it in a checkout."""
    package = Path(finance_platform.__file__).parent
    installed = package / "sql"
    return installed if installed.is_dir() else package.parent / "sql"


@lru_cache
def script(file: SqlFile) -> str:
    """Return a file's text."""
    return (sql_folder() / file.value).read_text(encoding="utf-8")


@lru_cache
def statements(file: SqlFile) -> tuple[str, ...]:
    """Return a file's statements, word for word, in order."""
    text = script(file)
    if (prepared := find_prepared_script(text)) is not None:
        return prepared
    from finance_platform.warehouse.dialect import split

    return split(text)


def statement(file: SqlFile) -> str:
    """Return the only statement of a file.

    Raises:
        ValueError: it has no statement, or more than one.
    """
    (only,) = statements(file)
    return only


def definitions() -> tuple[str, ...]:
    """Return the statements that create every table and view, in the order in which they can run."""
    return tuple(text for file in DEFINITIONS for text in statements(file))


@lru_cache
def comments() -> tuple[str, ...]:
    """Return the statements that describe every table, view and column; equal on both warehouses, so never parsed."""
    tables = [
        (
            "TABLE",
            contract.table,
            contract.grain,
            [(column.sql_name, column.description) for column in contract.columns],
        )
        for contract in WAREHOUSE
    ]
    views = [
        ("VIEW", view.name, view.comment, [(column.name, column.description) for column in view.columns])
        for view in VIEWS
    ]
    return tuple(
        text
        for kind, name, description, columns in (*tables, *views)
        for text in (
            comment(kind, name, description),
            *(comment("COLUMN", f"{name}.{column}", meaning) for column, meaning in columns),
        )
    )


def comment(kind: str, name: str, text: str) -> str:
    """Return the statement that describes a table, a view or a column.

    Args:
        kind: TABLE, VIEW or COLUMN.
        name: its name; that of a column begins with its table's or view's.
        text: the description.
    """
    return f"COMMENT ON {kind} {name} IS {text_literal(text)}"


def definitions_fingerprint() -> str:
    """Return a hash that changes when any definition does."""
    texts = (*(script(file) for file in DEFINITIONS), *comments())
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()


def stage_table(contract: Contract) -> str:
    """Return the name of the table that stages `contract`'s slices."""
    return f"Stage{contract.table}"


def create_stage(contract: Contract) -> str:
    """Return the DDL of a contract's stage table: the stored columns, in the order of Parquet."""
    return _create_temporary(stage_table(contract), contract.stored_columns)


def create_scratch(contract: Contract) -> str:
    """Return the DDL of a table for intermediate results of one load."""
    return _create_temporary(contract.table, contract.columns)


@lru_cache
def count_staged(contract: Contract) -> str:
    """Return the query for the number of staged rows."""
    return note_plain(f"SELECT COUNT(*) FROM {stage_table(contract)}", ["count"])


PREVIEW_ROWS = 3
"""So many first rows of a table its page shows."""


@lru_cache
def first_rows(contract: Contract, count: int = PREVIEW_ROWS) -> str:
    """Return the query for a table's first rows by natural key."""
    names = [column.sql_name for column in contract.non_personal_columns]
    order = ", ".join(f"{contract.column(name).sql_name} NULLS FIRST" for name in contract.natural_key)
    return note_plain(f"{_select(names, contract)} ORDER BY {order} LIMIT {count} OFFSET 0", names)


def select_columns(contract: Contract, names: Sequence[str]) -> str:
    """Return the query for some columns of every row of a table, in no order."""
    return _select_columns(contract, tuple(names))


@lru_cache
def _select_columns(contract: Contract, names: tuple[str, ...]) -> str:
    columns = [contract.column(name).sql_name for name in names]
    return note_plain(_select(columns, contract), columns)


@lru_cache
def count_by(contract: Contract, name: str) -> str:
    """Return the query for each value of a column and the number of rows that have it, in no order."""
    column = contract.column(name).sql_name
    return note_plain(f"{_select([column, 'COUNT(*)'], contract)} GROUP BY {column}", [column, "count"])


def select_between(contract: Contract, names: Sequence[str], column_name: str) -> str:
    """Return the query for some columns of the rows with a column between `:first` and `:last`, in no order."""
    return _select_between(contract, tuple(names), column_name)


@lru_cache
def _select_between(contract: Contract, names: tuple[str, ...], column_name: str) -> str:
    columns = [contract.column(name).sql_name for name in names]
    column = contract.column(column_name).sql_name
    return note_plain(f"{_select(columns, contract)} WHERE {column} BETWEEN :first AND :last", columns)


@lru_cache
def delete_all(contract: Contract) -> str:
    """Return the statement that empties a table; TRUNCATE would commit the transaction on Redshift."""
    return note_plain(f"DELETE FROM {contract.table}")


@lru_cache
def delete_ranges(contract: Contract, column_name: str, count: int) -> str:
    """Return the DELETE of `count` ranges of a column; bind `:first_0`, `:last_0`, `:first_1` and so on."""
    column = contract.column(column_name).sql_name
    ranges = " OR ".join(f"{column} BETWEEN :first_{index} AND :last_{index}" for index in range(count))
    return note_plain(f"DELETE FROM {contract.table} WHERE {ranges}")


@lru_cache
def insert_staged(contract: Contract) -> str:
    """Return the INSERT of all staged rows into their table; bind each column that is set by the load."""
    values = [_cast(column, column.name) if column.set_by_load else column.sql_name for column in contract.columns]
    return note_plain(f"{_insert(contract)} SELECT {', '.join(values)} FROM {stage_table(contract)}")


@lru_cache
def insert_rows(contract: Contract, count: int) -> str:
    """Return the INSERT of `count` rows; bind `:<column>_<row>`, as in `:slice_0`."""
    rows = (
        ", ".join(_bound_value(column, f"{column.name}_{index}") for column in contract.columns)
        for index in range(count)
    )
    return note_plain(f"{_insert(contract)} VALUES {', '.join(f'({row})' for row in rows)}")


def insert(connection: LoadConnection, contract: Contract, rows: Sequence[Mapping[str, object]]) -> None:
    """Insert rows that the platform itself creates, each a value by column name.

    A hundred rows go in one statement: redshift-connector's `executemany` takes a round trip for each.
    """
    for begin in range(0, len(rows), _ROWS_PER_INSERT):
        batch = rows[begin : begin + _ROWS_PER_INSERT]
        values = {f"{name}_{index}": value for index, row in enumerate(batch) for name, value in row.items()}
        connection.execute(insert_rows(contract, len(batch)), values)


def insert_into_stage(connection: LoadConnection, contract: Contract, rows: Sequence[Mapping[str, object]]) -> None:
    """Create the stage table of a table whose rows the platform computes itself, and insert them."""
    connection.execute(create_stage(contract))
    insert(connection, replace(contract, table=stage_table(contract)), rows)


def text_literal(text: str) -> str:
    """Return a text as an SQL literal, for the few places that take no bound value."""
    return "'" + text.replace("'", "''") + "'"


def _create_temporary(table: str, columns: Sequence[Column]) -> str:
    return f"CREATE TEMPORARY TABLE {table} ({', '.join(_definition(column) for column in columns)})"


def _select(expressions: Sequence[str], contract: Contract) -> str:
    return f"SELECT {', '.join(expressions)} FROM {contract.table}"


def _insert(contract: Contract) -> str:
    return f"INSERT INTO {contract.table} ({', '.join(column.sql_name for column in contract.columns)})"


def _definition(column: Column) -> str:
    return f"{column.sql_name} {column.type.upper()}{'' if column.nullable else ' NOT NULL'}"


def _bound_value(column: Column, name: str) -> str:
    """A bound value of a column; Redshift takes a bound decimal without a cast for a NUMERIC(18, 0)."""
    return _cast(column, name) if column.type.startswith("decimal") else f":{name}"


def _cast(column: Column, name: str) -> str:
    return f"CAST(:{name} AS {column.type.upper().replace(',', ', ')})"
