"""A report of the year to date that is sent each month, as a controller meets it: in the checks and in the gates.

Does not belong here: which months are found (see `unit/quality/test_running_years`).
"""

from __future__ import annotations

from pathlib import Path

import pytest

from finance_platform.quality.checks import AMOUNTS_ARE_USUAL
from finance_platform.quality.published_figures import check_published_figures
from finance_platform.warehouse.duckdb.warehouse import DuckDBWarehouse
from finance_platform_tests.end_to_end.home import Home
from finance_platform_tests.end_to_end.in_process_refresh import Refresher

pytestmark = pytest.mark.end_to_end

HEADER = "transaction_id,transaction_date,department_code,account_number,amount,description\n"
ACCOUNTS = {"4000": 90000, "6000": 41000, "6100": 8000, "6200": 390, "6300": 12000}
SENTENCE = (
    "5 of 5 accounts of profit and loss grow from 2025-01 to 2025-04 without a smaller month, mostly to 4.0 times the "
    "first one, as if each month had the total since 2025-01"
)


def test_totals_of_the_year_that_come_month_by_month_keep_their_periods_open(
    tmp_path: Path, refresh: Refresher
) -> None:
    home = Home(tmp_path)
    types = "".join(f"{number},x,{'Revenue' if number < '6' else 'Expense'},\n" for number in ACCOUNTS)
    home.write("raw/accounts.csv", f"account_number,account_name,account_type,category\n{types}")
    for month in (1, 2, 3, 4):
        lines = (
            f"{number}-{month},2025-0{month}-28,D1,{number},{amount * month - 500 * (month - 1):.2f},x\n"
            for number, amount in ACCOUNTS.items()
            if number != "6200"
        )
        small = f"6200-{month},2025-0{month}-28,D1,6200,{390 * month:.2f},x\n"
        home.write(f"raw/transactions_2025-0{month}.csv", HEADER + "".join(lines) + small)
    refresh(home)
    outcomes = check_published_figures(DuckDBWarehouse(tmp_path / "warehouse.duckdb"), actuals_through=None)
    (outcome,) = [outcome for outcome in outcomes if outcome.check is AMOUNTS_ARE_USUAL]
    assert outcome.summary.startswith("amounts that seem to be totals of the year in 2025-04; ")
    assert [row["what"] for row in outcome.evidence] == [SENTENCE]
    gates = home.command("close", "2025-04", "--dry-run").stdout
    assert SENTENCE in gates
    assert "export the amounts of each month alone" in gates
