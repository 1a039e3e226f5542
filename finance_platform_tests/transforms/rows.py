"""Rows for the tests of the transforms, and DataFrames of them.

Belongs here: valid values of the columns that most tests do not care about. Does not belong here: expectations.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa
from hypothesis import HealthCheck, settings
from pyspark.sql import DataFrame, SparkSession

from finance_platform.contracts.model import Column, Contract
from finance_platform.contracts.processed import TRANSACTIONS
from finance_platform.contracts.schemas import STAGED_ROWS, arrow_schema, spark_schema
from finance_platform.feeds.values.codes import surrogate_key
from finance_platform.feeds.values.dates import first_day, period_of
from finance_platform.transforms.fact_tables import LINE_COLUMNS, PeriodSums
from finance_platform_tests.profiles import current_profile

Row = dict[str, Any]

few_examples = settings(
    max_examples=current_profile().examples_of_slow(25), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
"""For property tests: each example costs some calls of Spark, about 20 ms each."""


def frame(spark: SparkSession, columns: Sequence[Column], rows: Iterable[Mapping[str, Any]]) -> DataFrame:
    """Return rows as a DataFrame with exactly these columns; a column that a row lacks is null."""
    table = pa.Table.from_pylist([dict(row) for row in rows], arrow_schema(columns))
    return spark.createDataFrame(table) if len(table) else spark.createDataFrame([], spark_schema(columns))


def rows_of(result: DataFrame) -> list[Row]:
    """Return the rows of a DataFrame as dictionaries."""
    rows: list[Row] = result.toArrow().to_pylist()
    return rows


def assert_matches(result: DataFrame, contract: Contract) -> list[Row]:
    """Compare a result with its contract, the stored columns, in order, with their types; return its rows."""
    expected = [(field.name, str(field.type)) for field in arrow_schema(contract.stored_columns)]
    # Sail returns some texts in Arrow's wide or view layouts; in Parquet they are all the same.
    table = result.toArrow()
    actual = [(f.name, str(f.type).replace("large_", "").replace("_view", "")) for f in table.schema]
    assert actual == expected
    rows: list[Row] = table.to_pylist()
    return rows


def ledger_line(day: str = "2025-01-15", amount: str = "100.00", **others: Any) -> Row:
    """Return an accepted, staged ledger line; `others` are columns that matter to the test."""
    scenario = others.get("scenario", "Actual")
    department, account = others.get("department_code", "D100"), others.get("account_number", "4000")
    document_date = date.fromisoformat(day)
    period = others.get("period", period_of(document_date))
    scenario_type = others.get("scenario_type", scenario.split(" ")[0])
    return {
        "delivery_id": "d1",
        "feed": "ledger",
        "source_file": "ledger.csv",
        "source_row": 2,
        "scenario": scenario,
        "scenario_type": scenario_type,
        "scenario_key": surrogate_key(scenario),
        "period": period,
        "document_date": document_date,
        "posting_date": document_date if scenario_type == "Actual" else first_day(period),
        "department_code": department,
        "department_key": surrogate_key(department),
        "account_number": account,
        "account_key": surrogate_key(account),
        "amount": Decimal(amount),
        "is_debit_positive": False,
        "outcome": "accepted",
        **others,
    }


def ledger_lines(spark: SparkSession, rows: Iterable[Row]) -> DataFrame:
    """Return lines as they are in the processed zone."""
    names = set(TRANSACTIONS.column_names)
    return frame(spark, TRANSACTIONS.columns, ({k: v for k, v in row.items() if k in names} for row in rows))


def sums_of_lines(rows: Iterable[Row], period: str, credit_accounts: Collection[int] = ()) -> PeriodSums:
    """Return the sums of lines of a period, all of which count."""
    lines = list(rows)
    counted = {(line["delivery_id"], line["scenario"]) for line in lines}
    sums = PeriodSums(period, counted, credit_accounts)
    schema = arrow_schema(LINE_COLUMNS)
    sums.add(pa.Table.from_pylist([{name: line[name] for name in schema.names} for line in lines], schema))
    return sums


def staged_ledger(spark: SparkSession, rows: Iterable[Row]) -> DataFrame:
    """Return ledger rows as the reader stages them, each with its outcome."""
    return frame(spark, STAGED_ROWS["ledger"], rows)


def staged_department(code: str, row: int = 2, **others: Any) -> Row:
    """Return an accepted, staged department."""
    return {
        "delivery_id": "r1",
        "feed": "departments",
        "source_file": "departments.csv",
        "source_row": row,
        "department_code": code,
        "department_key": surrogate_key(code),
        "line_key": code,
        "outcome": "accepted",
        **others,
    }


def staged_account(number: str, row: int = 2, **others: Any) -> Row:
    """Return an accepted, staged account."""
    return {
        "delivery_id": "r1",
        "feed": "accounts",
        "source_file": "accounts.csv",
        "source_row": row,
        "account_number": number,
        "account_key": surrogate_key(number),
        "line_key": number,
        "outcome": "accepted",
        **others,
    }


def member(dimension: str, code: str, **others: Any) -> Row:
    """Return a department or account as the lines of delivery d1 mention it."""
    return {"delivery_id": "d1", "dimension": dimension, "member_key": surrogate_key(code), "code": code, **others}


def table_of(contract: Contract, rows: Iterable[Row]) -> pa.Table:
    """Return rows as they are read from the processed zone by Arrow."""
    return pa.Table.from_pylist(list(rows), arrow_schema(contract.columns))
