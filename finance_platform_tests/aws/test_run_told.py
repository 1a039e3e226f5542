"""What a whole run tells beside its numbers: CloudWatch how much and how long, a data catalog which folders hold what.

Belongs here: one run of a small home. Does not belong here: the ports by themselves (see `test_metrics`,
`test_data_catalog`).
"""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from finance_platform.contracts.processed import PROCESSED
from finance_platform.contracts.star import STAR
from finance_platform.data_catalog.port import CatalogTable
from finance_platform.data_catalog.tables import catalog_tables
from finance_platform.orchestration.refresh_run import run_refresh
from finance_platform.settings import Settings, StarSettings
from finance_platform.slices.snapshot import take_snapshot
from finance_platform.storage.local import LocalStore
from finance_platform_tests.aws.measured import sums
from finance_platform_tests.aws.moto_server import MotoServer, in_environment
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
"""A feed that may lose many lines."""


@pytest.fixture(scope="module")
def ran(moto: MotoServer, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A home on disk that has run once and measured it in namespace `Ran`; two of its four lines are rejected."""
    folder = tmp_path_factory.mktemp("ran")
    header = "id,date,dept,account,amount\n"
    lines = ["T1,2025-01-03,D1,4000,100.00", "T2,2025-02-04,D1,4000,-20.00", "T3,2025-02-30,D1,4000,-7.25", "T4,,,,1"]
    write(folder / "raw/gl.csv", header + "\n".join(lines) + "\n")
    write(folder / "feeds/gl.yaml", TOLERANT)
    found = settings(home=folder, metrics_namespace="Ran")
    with in_environment(moto.environment):
        assert run_refresh(found, rebuild=False, periods=(), on_step=lambda _: None).succeeded
    return found


@pytest.mark.usefixtures("ran", "aws")
def test_a_run_tells_rows_and_money_of_what_it_has_read():
    assert sums("Ran", "RowsRead", "gl") == (4, 1)
    assert sums("Ran", "RowsAccepted", "gl") == (2, 1)
    assert sums("Ran", "RowsRejected", "gl") == (2, 1)
    assert sums("Ran", "MoneyRejected", "gl") == (8.25, 1), "money counts whichever way it goes"


@pytest.mark.usefixtures("ran", "aws")
def test_a_run_tells_its_own_end_and_how_old_its_feeds_are():
    assert sums("Ran", "RunsSucceeded") == (1, 1)
    assert sums("Ran", "RunsFailed") == (0, 0)
    assert sums("Ran", "RunDuration")[1] == 1
    assert sums("Ran", "FreshnessLag", "gl")[1] == 1
    assert sums("Ran", "FreshnessLag", "budget")[1] == 0, "a feed that never had a file has no age"


def test_every_contract_has_a_table_once_it_is_built(ran: Settings):
    zone = LocalStore(ran.processed_root)
    found = catalog_tables(take_snapshot(zone, StarSettings.of(ran), record=False), zone)
    assert sorted(one.name for one in found) == sorted(contract.name for contract in (*STAR, *PROCESSED))


def test_what_lies_in_a_registered_folder_is_what_the_contract_says(ran: Settings):
    zone = LocalStore(ran.processed_root)
    by_name = {one.name: one for one in catalog_tables(take_snapshot(zone, StarSettings.of(ran), record=False), zone)}
    rows = {
        name: sum(_rows(Path(folder), one) for folder in (one.partitions.values() if one.keys else [one.location]))
        for name, one in by_name.items()
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
    counted = 0
    for file in folder.iterdir():
        if not file.name.startswith(("_", ".")):
            read = pq.read_table(file, partitioning=None)
            assert read.column_names == [column.name for column in expected.columns]
            counted += read.num_rows
    return counted
