"""The job in pandas, as an analyst would write it: `python pandas_peer.py RAW_FOLDER FILE.duckdb`.

Belongs here: CSV files of generated_ledger.py to the star's fact table. Does not belong here: anything of the product.
Amounts are whole cents, so that sums are exact.
"""

from __future__ import annotations

import sys
from pathlib import Path

import duckdb
import pandas as pd


def main() -> None:
    """Read the files, sum them by cell and write the fact table."""
    raw, warehouse = Path(sys.argv[1]), Path(sys.argv[2])
    warehouse.unlink(missing_ok=True)
    read = pd.read_csv(raw / "transactions.csv", dtype=str)
    day = pd.to_datetime(read["transaction_date"], format="%Y-%m-%d", errors="coerce")
    lines = _lines(
        read, day.fillna(pd.to_datetime(read["transaction_date"], format="%d/%m/%Y", errors="coerce")), "amount"
    )
    lines = lines[~lines["transaction_id"].duplicated(keep="last")].assign(scenario="Actual")
    planned = pd.read_csv(raw / "budget.csv", dtype=str)
    budget = _lines(planned, pd.to_datetime(planned["period"], format="%Y-%m", errors="coerce"), "budget_amount")
    budget = budget.assign(scenario="Budget")
    names = ["scenario", "day", "department_code", "account_number"]
    cells = pd.concat([lines, budget])[[*names, "cents"]].groupby(names)["cents"].agg(["sum", "size"]).reset_index()
    cells = cells.rename(columns={"sum": "amount", "size": "lines"})
    of_budget = cells[cells["scenario"] == "Budget"]
    months = cells.loc[cells["scenario"] == "Actual", "day"].dt.to_period("M").unique()
    beside = of_budget[of_budget["day"].dt.to_period("M").isin(months)]
    beside = beside.assign(scenario="Actual", budget=beside["amount"], amount=0, lines=0)
    cells["budget"] = cells["amount"].where(cells["scenario"] == "Budget", 0)
    fact = pd.concat([cells, beside]).groupby(names)[["amount", "budget", "lines"]].sum().reset_index()
    with duckdb.connect(str(warehouse)) as connection:
        connection.register("fact", fact)
        connection.execute(
            "CREATE TABLE DimScenario AS SELECT DISTINCT scenario AS ScenarioKey, scenario AS ScenarioName FROM fact"
        )
        connection.execute("""
            CREATE TABLE FactFinancials AS
            SELECT
                day::DATE AS TransactionDate, department_code AS DepartmentKey, account_number AS AccountKey,
                scenario AS ScenarioKey, (amount / 100)::DECIMAL(18, 2) AS Amount,
                (budget / 100)::DECIMAL(18, 2) AS BudgetAmount, lines AS TransactionCount
            FROM fact
        """)


def _lines(rows: pd.DataFrame, day: pd.Series, column: str) -> pd.DataFrame:
    """Return the rows with a valid day and amount, and their amounts in cents."""
    text = rows[column].str.replace("[$,]", "", regex=True).str.replace(r"^\((.*)\)$", r"-\1", regex=True)
    cents = pd.to_numeric(text.str.replace(".", "", regex=False), errors="coerce").where(
        text.str.match(r"-?\d+\.\d\d$").fillna(False).astype(bool)
    )
    rows = rows.assign(day=day, cents=cents)
    rows = rows[rows["day"].notna() & rows["cents"].notna()]
    return rows.assign(
        cents=rows["cents"].astype("int64"), department_code=rows["department_code"].str.strip().str.upper()
    )


if __name__ == "__main__":
    main()
