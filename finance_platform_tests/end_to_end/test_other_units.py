"""A month that was sent in thousands, as a controller meets it: in the checks of a run and in the gates of the close.

Does not belong here: which amounts are in another unit (see `unit/quality/test_other_units`).
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
ACCOUNTS = {"4000": 90000, "6000": 41000, "6100": 8000, "6200": 390}
SENTENCE = (
    "4 of 4 accounts in Actual of 2025-03 are about 1,000 times smaller than in other months, such as 4000 with 93.00 "
    "beside 91,500.00: they seem to be in another unit"
)


def test_a_month_in_thousands_is_a_warning_and_keeps_its_period_open(tmp_path: Path, refresh: Refresher) -> None:
    home = Home(tmp_path)
    types = "".join(f"{number},x,{'Revenue' if number < '6' else 'Expense'},\n" for number in ACCOUNTS)
    home.write("raw/accounts.csv", f"account_number,account_name,account_type,category\n{types}")
    for month, factor in ((1, 1), (2, 1), (3, 1000)):
        lines = (
            f"{number}-{month},2025-0{month}-15,D1,{number},{(amount + 1000 * month) / factor:.2f},x\n"
            for number, amount in ACCOUNTS.items()
        )
        home.write(f"raw/transactions_2025-0{month}.csv", HEADER + "".join(lines))
    refresh(home)
    outcomes = check_published_figures(DuckDBWarehouse(tmp_path / "warehouse.duckdb"), actuals_through=None)
    (outcome,) = [outcome for outcome in outcomes if outcome.check is AMOUNTS_ARE_USUAL]
    assert outcome.summary.startswith("amounts in another unit in 2025-03; ")
    assert [row["what"] for row in outcome.evidence] == [SENTENCE]
    gates = home.command("close", "2025-03", "--dry-run").stdout
    assert SENTENCE in gates
    assert "set scale: 1000 of columns.amount in the descriptor" in gates
