"""The metrics of a whole run, and the folders that the data catalog lists after it.

Belongs here: one run of a small home. Does not belong here: the adapters alone (see `test_metrics`,
`test_data_catalog`).
"""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from finance_platform.contracts.processed import BALANCES, COMMENTS, PROCESSED, STATEMENT_LINES
from finance_platform.contracts.star import STAR
from finance_platform.data_catalog.tables import CatalogTable, catalog_tables
from finance_platform.orchestration.refresh_run import run_refresh
from finance_platform.settings import Settings, StarSettings
from finance_platform.slices.snapshot import read_snapshot
from finance_platform.storage.local import LocalStore
from finance_platform_tests.aws.metric_values import sums
from finance_platform_tests.aws.moto_server import MotoServer, in_environment
from finance_platform_tests.dagster_jobs import dagster_jobs_in_this_process
from finance_platform_tests.shared_spark import shared_session
from finance_platform_tests.unit.factories import settings, write

pytestmark = pytest.mark.end_to_end

TOLERANT = """\
feed: gl
kind: ledger
path: gl*.csv
columns: {transaction_id: id, date: date, department: dept, account: account, amount: amount}
constants: {scenario: Actual}
load: {mode: upsert, key: [transaction_id]}
tolerance: {rejected_rows: 0.9, rejected_amount: 1000.00}
"""
"""A feed of which many lines may be rejected."""


@pytest.fixture(scope="module")
def ran(moto: MotoServer, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Run a home on disk once, with metrics in namespace `Ran`; two of its four lines are rejected."""
    folder = tmp_path_factory.mktemp("ran")
    header = "id,date,dept,account,amount\n"
    lines = ["T1,2025-01-03,D1,4000,100.00", "T2,2025-02-04,D1,4000,-20.00", "T3,2025-02-30,D1,4000,-7.25", "T4,,,,1"]
    write(folder / "raw/gl.csv", header + "\n".join(lines) + "\n")
    write(folder / "feeds/gl.yaml", TOLERANT)
    home = settings(home=folder, metrics_namespace="Ran")
    shared_session()  # a session that starts in this environment would take moto for its own S3, also in later tests
    with dagster_jobs_in_this_process(), in_environment(moto.environment):
        assert run_refresh(home, rebuild=False, periods=(), on_step=lambda _: None).succeeded
    return home


@pytest.mark.usefixtures("ran", "aws")
def test_a_run_sends_rows_and_money_of_the_deliveries_that_it_read():
    assert sums("Ran", "RowsRead", "gl") == (4, 1)
    assert sums("Ran", "RowsAccepted", "gl") == (2, 1)
    assert sums("Ran", "RowsRejected", "gl") == (2, 1)
    assert sums("Ran", "MoneyRejected", "gl") == (8.25, 1), "rejected money is absolute"


@pytest.mark.usefixtures("ran", "aws")
def test_a_run_sends_its_end_and_the_lag_of_its_feeds():
    assert sums("Ran", "RunsSucceeded") == (1, 1)
    assert sums("Ran", "RunsFailed") == (0, 0)
    assert sums("Ran", "RunDuration")[1] == 1
    assert sums("Ran", "FreshnessLag", "gl")[1] == 1
    assert sums("Ran", "FreshnessLag", "budget")[1] == 0, "a feed without files has no lag"


def test_every_contract_has_a_table_after_a_run(ran: Settings):
    zone = LocalStore(ran.processed_root)
    tables = catalog_tables(read_snapshot(zone, StarSettings.of(ran)), zone)
    assert sorted(table.name for table in tables) == sorted(
        contract.name for contract in (*STAR, *PROCESSED, BALANCES, COMMENTS, STATEMENT_LINES)
    )


def test_the_files_in_a_registered_folder_match_the_contract(ran: Settings):
    zone = LocalStore(ran.processed_root)
    by_name = {table.name: table for table in catalog_tables(read_snapshot(zone, StarSettings.of(ran)), zone)}
    rows = {
        name: sum(
            _rows(Path(folder), table) for folder in (table.partitions.values() if table.keys else [table.location])
        )
        for name, table in by_name.items()
    }
    assert {name: rows[name] for name in ("fact_financials", "transactions", "budget", "rejected_rows")} == {
        "fact_financials": 2,
        "transactions": 2,
        "budget": 0,
        "rejected_rows": 2,
    }
    assert (rows["dim_date"], rows["dim_account"]) == (365, 1)
    assert [values[-1] for values in by_name["transactions"].partitions] == ["2025-01", "2025-02"]


def _rows(folder: Path, expected: CatalogTable) -> int:
    rows = 0
    for file in folder.iterdir():
        if not file.name.startswith(("_", ".")):
            table = pq.read_table(file, partitioning=None)
            assert table.column_names == [column.name for column in expected.columns]
            rows += table.num_rows
    return rows
