"""Revenue and expense of periods, where accounts change their type, on every engine.

Belongs here: which type an amount counts under. Does not belong here: totals beside the cells of a whole ledger (see
`test_report_views`).
"""

from __future__ import annotations

from finance_platform.contracts.star import ACCOUNT_HISTORY
from finance_platform.reports.period_totals import period_totals
from finance_platform.warehouse.load import publish
from finance_platform.warehouse.load_request import LoadRequest
from finance_platform.warehouse.port import Warehouse
from finance_platform.warehouse.statements import insert
from finance_platform_tests.warehouse.engines import EVERY_ENGINE
from finance_platform_tests.warehouse.star_files import LOADED_AT, StarFiles, february, january

ENGINES = EVERY_ENGINE
ON_REDSHIFT_BY_DAY: tuple[str, ...] = ()


def test_an_amount_counts_under_the_type_that_its_account_had_in_the_period(
    warehouse: Warehouse, star_files: StarFiles
) -> None:
    months = [star_files.facts("2025-01", "j1", january()), star_files.facts("2025-02", "f1", february())]
    publish(warehouse, LoadRequest([*star_files.dimensions(), *months], run_id="run-1", loaded_at=LOADED_AT))
    (key,) = warehouse.query("SELECT AccountKey FROM DimAccount WHERE AccountType = 'Expense'").rows[0]
    names = {"account_key": key, "account_class_key": key, "account_name": "Rent", "category": "Lease"}
    rent = names | {"measure": "flow", "profit_sign": 1, "is_monetary": True, "parent_account_number": None}
    revenue = {"valid_from": "0001-01", "valid_to": "2025-01", "is_current": False, "account_type": "Revenue"}
    expense = {"valid_from": "2025-02", "valid_to": "9999-12", "is_current": True, "account_type": "Expense"}
    with warehouse.transaction() as connection:
        insert(connection, ACCOUNT_HISTORY, [rent | revenue, rent | expense | {"account_class_key": key + 1}])

    of_cells = warehouse.query(
        "SELECT Period, ScenarioName, AccountType, SUM(Amount) FROM PeriodAmount "
        "WHERE AccountType IN ('Revenue', 'Expense') AND Measure = 'flow' "
        "GROUP BY Period, ScenarioName, AccountType ORDER BY Period, ScenarioName, AccountType"
    ).rows
    totals = period_totals(warehouse)

    assert [(period, *total) for period, of_period in totals.items() for total in of_period] == of_cells
    types = [{total.account_type for total in totals[period]} for period in ("2025-01", "2025-02")]
    assert types == [{"Revenue"}, {"Revenue", "Expense"}]
