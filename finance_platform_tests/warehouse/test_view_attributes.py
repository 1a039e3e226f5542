"""Every attribute that a view reads is compared by a load, so that no change of a view goes unreported.

Belongs here: the columns that the views' SQL reads, by table, and the comparison with `COMPARED_ATTRIBUTES`.
Does not belong here: the rows of Movements (see `test_movements`).
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlglot import exp
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import traverse_scope

from finance_platform.contracts.model import Contract
from finance_platform.contracts.star import (
    DIM_DATE,
    FACT_FINANCIALS,
    LOAD_LEDGER,
    MOVEMENTS,
    PERIOD_STATUS,
    SCENARIO_PERIOD,
    WAREHOUSE,
)
from finance_platform.slices.kept_members import GROUPING_COLUMNS
from finance_platform.warehouse.dialect import REDSHIFT, parse
from finance_platform.warehouse.movements import COMPARED_ATTRIBUTES
from finance_platform.warehouse.statements import definitions

DERIVED_FROM_THE_DAY = {
    "FullDate",
    "Year",
    "Quarter",
    "Month",
    "Day",
    "WeekOfYear",
    "DayOfWeek",
    "IsoYear",
    "MonthName",
    "YearMonth",
    "IsMonthEnd",
}
"""Columns of DimDate that are the same for a DateKey for ever."""

COMPARED_MEASURES = {"Amount", "BudgetAmount", "TransactionCount"}
DERIVED_FROM_MEASURES = {"Variance"}
"""Amount less BudgetAmount, by a blocking check."""

WHICH_LOAD = {"TableName", "Slice", "LoadNumber", "LoadedAt"}
"""Columns of LoadLedger that name a load; it is append-only."""

STATED_BY_THE_PLATFORM = {*(column.sql_name for column in PERIOD_STATUS.columns), "IsCovered"}
"""Columns of PeriodStatus and ScenarioPeriod: what the platform says about a period, not a figure (decision 022)."""

EARLIER_ATTRIBUTES = {"DepartmentHistory", "AccountHistory"}
"""Compared by a load together with their dimensions, each attribute in the periods in which it was valid."""

NO_FIGURES = {
    "DepartmentReorganisation",
    "WaitingChange",
    "DepartmentMapping",
    "StatementMapping",
    "Commentary",
    "Materiality",
    "DeliveredBalance",
    "FeedTerm",
    "RejectedFile",
    "FeedPeriod",
    "DecisionAmount",
    "SignedClose",
    "RestatementStep",
}
"""Tables of the home's own words and thresholds, and of deliveries; the register has their changes."""


def views() -> dict[str, exp.Create]:
    trees = [parse(text) for text in definitions()]
    return {
        tree.this.name: tree for tree in trees if isinstance(tree, exp.Create) and tree.args["kind"].upper() == "VIEW"
    }


def columns_read(query: exp.Expr) -> set[tuple[str, str]]:
    """The columns of tables that a query reads, by table; those of other views are left out."""
    schema: dict[str, object] = {
        contract.table: {column.sql_name: column.type for column in contract.columns} for contract in WAREHOUSE
    }
    schema |= {name: dict.fromkeys(tree.expression.named_selects, "varchar") for name, tree in views().items()}
    spelling = {
        (contract.table.lower(), column.sql_name.lower()): (contract.table, column.sql_name)
        for contract in WAREHOUSE
        for column in contract.columns
    }
    qualified = qualify(query.copy(), schema=schema, dialect=REDSHIFT)
    read = [
        (source.name.lower(), column.name.lower())
        for scope in traverse_scope(qualified)
        for column in scope.columns
        if isinstance(source := scope.sources.get(column.table), exp.Table)
    ]
    return {spelling[one] for one in read if one in spelling}


def keys_of(contract: Contract) -> set[str]:
    references = [reference.column for reference in contract.references]
    names = [*([contract.surrogate_key] if contract.surrogate_key else []), *references]
    return {contract.column(name).sql_name for name in names}


def unreported(view: exp.Expr) -> Iterator[str]:
    """The columns of tables that a view reads and whose changes no load would report."""
    for contract in (
        one for one in WAREHOUSE if one is not MOVEMENTS and one.table not in NO_FIGURES | EARLIER_ATTRIBUTES
    ):
        reported = {contract.column(a.column).sql_name for a in COMPARED_ATTRIBUTES.get(contract, ())}
        if contract is FACT_FINANCIALS:
            reported |= COMPARED_MEASURES | DERIVED_FROM_MEASURES
        if contract is DIM_DATE:
            reported |= DERIVED_FROM_THE_DAY
        if contract is LOAD_LEDGER:
            reported |= WHICH_LOAD
        if contract in (PERIOD_STATUS, SCENARIO_PERIOD):
            reported |= STATED_BY_THE_PLATFORM | {"ScenarioKey"}
        read = {column for table, column in columns_read(view) if table == contract.table}
        yield from (f"{contract.table}.{column}" for column in sorted(read - reported - keys_of(contract)))


def test_the_columns_that_a_view_reads_are_found_through_its_steps_and_filters() -> None:
    read = columns_read(views()["ActualVsBudget"].expression)

    assert {("DimDate", "FiscalYear"), ("DimScenario", "IsBaseline")} <= read
    of_accounts = columns_read(views()["AccountClass"].expression)
    assert {("DimAccount", "Measure"), ("DimAccount", "IsMonetary")} <= of_accounts
    assert ("DimAccount", "ParentAccountNumber") not in of_accounts


@pytest.mark.parametrize("view", sorted(views()))
def test_every_attribute_that_a_view_reads_is_compared_by_a_load(view: str) -> None:
    assert list(unreported(views()[view].expression)) == []


@pytest.mark.parametrize(
    ("sql", "column"),
    [
        ("SELECT IsInferred FROM DimAccount", "DimAccount.IsInferred"),
        ("SELECT d.DepartmentKey FROM DimDepartment AS d WHERE d.IsInferred", "DimDepartment.IsInferred"),
        ("WITH a AS (SELECT * FROM DimAccount) SELECT AccountName FROM a WHERE IsInferred", "DimAccount.IsInferred"),
        ("SELECT SUM(Amount) FROM FactFinancials GROUP BY LoadTimestamp", "FactFinancials.LoadTimestamp"),
        ("SELECT Slice FROM LoadLedger WHERE RowCount > 0", "LoadLedger.RowCount"),
    ],
)
def test_an_attribute_that_is_not_compared_is_found(sql: str, column: str) -> None:
    assert column in list(unreported(parse(sql)))


def test_a_reported_attribute_fits_into_movements_and_names_each_change_once() -> None:
    names = [attribute.name for attributes in COMPARED_ATTRIBUTES.values() for attribute in attributes]

    assert len(set(names)) == len(names)
    assert MOVEMENTS.column("attribute").type == "varchar(16)"
    assert max(len(name.encode()) for name in names) <= 16


def test_what_waits_in_closed_periods_is_what_would_be_a_restatement():
    restating = {
        contract: {attribute.column for attribute in attributes if not attribute.is_name}
        for contract, attributes in COMPARED_ATTRIBUTES.items()
    }
    assert {contract: set(columns) for contract, columns in GROUPING_COLUMNS.items()} == restating
