"""Open tables: what Delta's readers see of a home, after refreshes, killed runs, damage and vacuum.

Belongs here: Delta's logs in a home of this machine. Does not belong here: those on S3 (see `aws.test_open_tables`).
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

import deltalake
import pytest
from deltalake import DeltaTable, write_deltalake
from pyspark.sql import SparkSession

from finance_platform.contracts.model import Contract
from finance_platform.contracts.star import FACT_FINANCIALS, STAR
from finance_platform.data_catalog.delta_log import OpenTableError, sync_open_tables
from finance_platform.data_catalog.open_tables import open_tables
from finance_platform.settings import StarSettings, load_settings
from finance_platform.slices.snapshot import read_snapshot
from finance_platform.spark_jobs import batches
from finance_platform.storage.local import LocalStore
from finance_platform_tests.end_to_end.home import Home
from finance_platform_tests.end_to_end.in_process_refresh import Refresher
from finance_platform_tests.end_to_end.small_home import create_small_home
from finance_platform_tests.profiles import at_night

pytestmark = pytest.mark.end_to_end

HEADER = "transaction_id,transaction_date,department_code,account_number,amount,description\n"
SECOND = f"{HEADER}T6,2024-03-06,D100,4000,70.00,\n"
CORRECTED = f"{HEADER}T6,2024-03-06,D100,4000,71.00,\n"


def sync(home: Home) -> dict[str, str]:
    """Bring the open tables up to date, as the step that builds the star does at its end."""
    processed = LocalStore(home.path / "processed")
    snapshot = read_snapshot(processed, StarSettings.of(load_settings(home=home.path)))
    return sync_open_tables(processed, open_tables(snapshot), {})


def folder(home: Home, name: str) -> Path:
    return home.path / "processed" / name


def rows(home: Home, name: str, version: int | None = None) -> list[dict[str, Any]]:
    """Return the rows of an open table, as Delta's library reads them."""
    return list(DeltaTable(folder(home, name), version=version).to_pyarrow_table().to_pylist())


def amounts(home: Home) -> dict[str, Decimal]:
    return {row["transaction_id"]: row["amount"] for row in rows(home, "transactions")}


def facts(home: Home, version: int | None = None) -> list[tuple[Any, ...]]:
    return star_rows(home, FACT_FINANCIALS, version)


def published_facts(home: Home) -> list[tuple[Any, ...]]:
    return by_text(home.tables()[FACT_FINANCIALS.table])


def star_rows(home: Home, contract: Contract, version: int | None = None) -> list[tuple[Any, ...]]:
    names = [column.name for column in contract.stored_columns]
    return by_text(tuple(row[name] for name in names) for row in rows(home, contract.name, version))


def by_text(values: Iterable[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return sorted(values, key=repr)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory, refresh: Refresher) -> Home:
    """A home whose ledger files were read at once, so that they share a file; one is held. Nobody changes it."""
    home = create_small_home(tmp_path_factory.mktemp("open") / "home")
    home.write("raw/transactions_2.csv", SECOND)
    home.write("raw/transactions_3.csv", f"{HEADER}T7,2024-02-06,D100,4000,30.00,\n")
    home.write("raw/transactions_4.csv", f"{HEADER}T8,never,D100,4000,1.00,\nT9,2024-03-07,D100,4000,2.00,\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batches, "FEWEST_SHARING", 2)  # otherwise sixteen small files
        refresh(home)
    assert any(file.is_shared for commit in home.commits().values() for file in commit.files.get("transactions", ()))
    sync(home)
    return home


@pytest.fixture
def home(original: Home, tmp_path: Path) -> Home:
    shutil.copytree(original.path, tmp_path / "home")
    return Home(tmp_path / "home")


def test_a_delta_table_of_each_table_has_the_rows_that_count(original: Home):
    published = original.tables()
    for contract in STAR:
        assert star_rows(original, contract) == by_text(published[contract.table])
    assert set(amounts(original)) == {"T1", "T2", "T3", "T4", "T5", "T6", "T7"}
    assert len(rows(original, "budget")) == 3
    (rejected,) = rows(original, "rejected_rows")
    assert (rejected["source_file"], rejected["source_row"]) == ("transactions_4.csv", 2)


def test_another_engine_reads_the_same(original: Home, spark: SparkSession):
    table = spark.read.format("delta").load(str(folder(original, "fact_financials")))
    (row,) = table.selectExpr("SUM(amount) AS amount", "COUNT(*) AS count").collect()
    expected = rows(original, "fact_financials")
    assert (row["amount"], row["count"]) == (sum(fact["amount"] for fact in expected), len(expected))
    assert table.where("slice = '2024-02'").count() == sum(fact["slice"] == "2024-02" for fact in expected) > 0


@at_night("one other engine reads them above")
def test_polars_reads_the_same_as_docs_open_tables_says(original: Home):
    import polars  # a tenth of a second in each worker

    tables = [path.parent.name for path in sorted((original.path / "processed").glob("*/_delta_log"))]
    assert {contract.name for contract in STAR} < set(tables)
    for name in tables:
        read = polars.read_delta(str(folder(original, name)), use_pyarrow=True).to_dicts()
        assert sorted(read, key=repr) == sorted(rows(original, name), key=repr), name
    # Without the option, Polars takes `split_by=…` in the paths of files for a partition column of Hive.
    with pytest.raises(polars.exceptions.SchemaFieldNotFoundError, match="split_by"):
        polars.read_delta(str(folder(original, "fact_financials")))


def test_nothing_is_written_when_nothing_changed(original: Home):
    assert sync(original) == {}


def test_one_commit_replaces_the_slices_that_changed_and_the_version_before_can_still_be_read(
    home: Home, refresh: Refresher
):
    before = facts(home)
    home.write("raw/transactions_2.csv", CORRECTED)
    refresh(home)
    assert sync(home) == {
        "fact_financials": "1 file added, 1 removed",
        # The corrected file is read by itself; what is left of the shared one is copied anew.
        "transactions": "2 files added, 1 removed",
    }
    assert facts(home) == published_facts(home) != before
    assert facts(home, version=0) == before
    assert amounts(home) == {**amounts(home), "T6": Decimal("71.00"), "T7": Decimal("30.00")}


@pytest.fixture(scope="module")
def withdrawn(original: Home, refresh: Refresher, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home after a run with a corrected file that was killed before its logs, and one after a withdrawal."""
    home = Home(tmp_path_factory.mktemp("withdrawn") / "home")
    shutil.copytree(original.path, home.path)
    home.write("raw/transactions_2.csv", CORRECTED)
    refresh(home)  # and killed here
    assert home.command("withdraw", "transactions_3.csv", "--why", "sent to the wrong company").returncode == 0
    refresh(home)
    sync(home)
    return home


def test_the_lines_of_a_withdrawn_file_go_although_it_shares_a_parquet_file(withdrawn: Home):
    assert set(amounts(withdrawn)) == {"T1", "T2", "T3", "T4", "T5", "T6"}


def test_a_run_that_was_killed_before_the_commit_of_a_log_is_made_up_for_by_the_next(withdrawn: Home):
    assert facts(withdrawn) == published_facts(withdrawn)
    assert amounts(withdrawn)["T6"] == Decimal("71.00")


@pytest.mark.parametrize("damage", ["no log", "garbage", "cut", "a commit of somebody else", "other columns"])
def test_a_log_that_is_not_as_it_should_be_is_made_again(home: Home, damage: str):
    log = folder(home, "fact_financials") / "_delta_log"
    (commit,) = log.glob("*.json")
    expected = facts(home)
    if damage == "no log":
        shutil.rmtree(log)
    elif damage == "garbage":
        commit.write_bytes(b"\x00garbage")
    elif damage == "cut":
        commit.write_bytes(commit.read_bytes()[:-200])
    elif damage == "a commit of somebody else":
        DeltaTable(folder(home, "fact_financials")).delete("slice = '2024-01'")
        assert facts(home) != expected
    else:
        write_deltalake(
            folder(home, "fact_financials"),
            rows_of_another_shape(home),
            mode="overwrite",
            schema_mode="overwrite",
        )
    assert list(sync(home)) == ["fact_financials"]
    assert facts(home) == expected
    assert sync(home) == {}


def rows_of_another_shape(home: Home) -> Any:
    table = DeltaTable(folder(home, "fact_financials")).to_pyarrow_table()
    return table.rename_columns([name if name == "slice" else f"old_{name}" for name in table.column_names])


def test_vacuum_leaves_what_the_tables_consist_of_and_takes_what_no_version_needs(home: Home, refresh: Refresher):
    home.write("raw/transactions_2.csv", CORRECTED)
    refresh(home)
    result = home.command("vacuum", "--yes", FINANCE_PLATFORM_RETENTION_DAYS="0")
    assert result.returncode == 0
    assert facts(home) == published_facts(home)
    assert amounts(home)["T6"] == Decimal("71.00")
    copies = {f"open/{file.name}" for file in (folder(home, "transactions") / "open").iterdir()}
    assert copies < {Path(uri).relative_to(folder(home, "transactions")).as_posix() for uri in uris(home)}
    assert home.command("vacuum", "--yes", FINANCE_PLATFORM_OPEN_TABLES="false").returncode == 0
    assert not list((home.path / "processed").rglob("_delta_log/*"))
    assert any(folder(home, "fact_financials").rglob("*.parquet"))


def test_vacuum_leaves_the_tables_of_a_star_that_the_next_run_builds_again(home: Home):
    """As after an upgrade: the slices that are published are not those that the platform would build now."""
    before = {contract.name: star_rows(home, contract) for contract in STAR}
    settings = {"FINANCE_PLATFORM_FISCAL_YEAR_START_MONTH": "7", "FINANCE_PLATFORM_BASELINE_SCENARIO": "Forecast"}
    result = home.command("vacuum", "--yes", FINANCE_PLATFORM_RETENTION_DAYS="0", **settings)
    assert result.returncode == 0
    assert {contract.name: star_rows(home, contract) for contract in STAR} == before


def uris(home: Home) -> list[str]:
    return DeltaTable(folder(home, "transactions")).file_uris()


def disk_is_full(*_: object, **__: object) -> None:
    raise OSError("Generic LocalFileSystem error: No space left on device (os error 28)")


def test_a_log_that_cannot_be_written_is_an_error_with_a_fix(home: Home, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(deltalake.transaction, "create_table_with_add_actions", disk_is_full)
    shutil.rmtree(folder(home, "fact_financials") / "_delta_log")
    with pytest.raises(OpenTableError, match="the log of fact_financials cannot be read or written") as caught:
        sync(home)
    assert "_delta_log, which a run makes again" in caught.value.fix
