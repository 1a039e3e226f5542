"""The Glue Data Catalog, on a fake of AWS: the listed tables, and that only changes are written.

Belongs here: `data_catalog`. Does not belong here: the contents of the files (see `test_metrics_and_catalog_of_a_run`).
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from uuid import uuid4

import boto3
import pytest

from finance_platform.contracts.processed import PROCESSED
from finance_platform.contracts.star import FACT_FINANCIALS
from finance_platform.data_catalog.glue import PERSONAL, VERSION, DataCatalogError, GlueDataCatalog
from finance_platform.data_catalog.sync import Changes, sync_or_warn, sync_tables
from finance_platform.data_catalog.tables import CatalogColumn, CatalogTable, catalog_tables, hive_type
from finance_platform.deliveries.commits import DataFile
from finance_platform.deliveries.overlaps import Overlaps
from finance_platform.orchestration.resources import platform_resources
from finance_platform.slices.commits import SliceCommit
from finance_platform.slices.snapshot import Snapshot
from finance_platform.storage.local import LocalStore
from finance_platform_tests.aws.fault_responses import fault_server
from finance_platform_tests.aws.moto_server import MotoServer, environment
from finance_platform_tests.unit.factories import commit_of, delivered, in_period, settings, state_of

ZONE = LocalStore("/zone/processed")
LOG = logging.getLogger("test")


def files(*keys: str) -> tuple[DataFile, ...]:
    return tuple(DataFile(key, 1) for key in keys)


def snapshot_with(*, fact: Mapping[str, str], content: str = "v1") -> Snapshot:
    """Return a snapshot with one delivery of two months; `fact` has the attempt that built each period."""
    event = delivered(content=content)
    folder = f"transactions/{content}/ledger/split_by={event.delivery_id}"
    commit = commit_of(
        event,
        in_period("2025-01"),
        in_period("2025-02"),
        files={
            "transactions": files(f"{folder}/then_by=2025-01/a.parquet", f"{folder}/then_by=2025-02/b.parquet"),
            "rejected_rows": files(f"rejected_rows/{content}/ledger/split_by={event.delivery_id}/c.parquet"),
        },
    )
    built = {
        ("fact_financials", period): SliceCommit(
            "fact_financials", period, "v", 1, files(f"fact_financials/{attempt}/split_by={period}/d.parquet")
        )
        for period, attempt in fact.items()
    }
    built["dim_date", "all"] = SliceCommit("dim_date", "all", "v", 1, files("dim_date/a1/e.parquet"))
    built["dim_account", "all"] = SliceCommit("dim_account", "all", "v", 0, (), attempt="a1")
    return Snapshot({commit.delivery_id: commit}, state_of((event, commit)), Overlaps({}), (), built)


def fact_table(periods: Iterable[str], attempt: str) -> CatalogTable:
    """Return the table of facts with these periods, each built by one attempt."""
    tables = catalog_tables(snapshot_with(fact=dict.fromkeys(periods, attempt)), ZONE)
    (table,) = [table for table in tables if table.name == "fact_financials"]
    return table


@pytest.fixture
def database(aws: MotoServer) -> str:
    """Return the name of a new empty database."""
    name = f"finance_{uuid4().hex[:8]}"
    boto3.client("glue", endpoint_url=aws.address).create_database(DatabaseInput={"Name": name})
    return name


def table(database: str, name: str) -> dict[str, Any]:
    entry: dict[str, Any] = boto3.client("glue").get_table(DatabaseName=database, Name=name)["Table"]
    return entry


def partitions(database: str, name: str) -> dict[tuple[str, ...], str]:
    entries = boto3.client("glue").get_partitions(DatabaseName=database, TableName=name)["Partitions"]
    return {tuple(entry["Values"]): entry["StorageDescriptor"]["Location"] for entry in entries}


def sync(database: str, snapshot: Snapshot) -> Changes:
    return sync_tables(GlueDataCatalog(database), catalog_tables(snapshot, ZONE))


def test_tables_are_compared_at_once():
    met = threading.Barrier(3, timeout=120)

    class Catalog:
        name = "finance"

        def find(self, _: str) -> None:
            met.wait()

        def create_table(self, _: CatalogTable) -> None:
            met.wait()

    tables = [CatalogTable(name, "", (), (), "s3://zone") for name in ("a", "b", "c")]
    assert sync_tables(cast(GlueDataCatalog, Catalog()), tables) == Changes(tables=3)


def test_every_table_of_the_processed_zone_is_registered_with_the_columns_of_its_contract(database: str):
    sync(database, snapshot_with(fact={"2025-01": "a1"}))
    for contract in (FACT_FINANCIALS, *PROCESSED):
        entry = table(database, contract.name)
        listed = [
            (column["Name"], column["Type"], column["Comment"]) for column in entry["StorageDescriptor"]["Columns"]
        ]
        expected = [(column.name, hive_type(column.type), column.description) for column in contract.stored_columns]
        assert listed == expected
        assert entry["Description"] == contract.grain
        assert entry["Parameters"]["classification"] == "parquet"


def test_a_partition_key_is_not_a_column_of_the_files():
    for listed in catalog_tables(snapshot_with(fact={}), ZONE):
        assert not {key.name for key in listed.keys} & {column.name for column in listed.columns}


def test_columns_that_may_hold_personal_data_are_marked(database: str):
    sync(database, snapshot_with(fact={}))
    entry = table(database, "transactions")
    assert entry["Parameters"][PERSONAL] == "line_key,description"
    columns = entry["StorageDescriptor"]["Columns"]
    marked = [column["Name"] for column in columns if column.get("Parameters", {}).get(PERSONAL)]
    assert marked == ["line_key", "description"]
    assert PERSONAL not in table(database, "departments")["Parameters"]


def test_the_first_sync_writes_everything_and_the_second_nothing(database: str):
    snapshot = snapshot_with(fact={"2025-01": "a1", "2025-02": "a1"})
    assert sync(database, snapshot) == Changes(tables=11, added=2 + 2 + 1)
    assert sync(database, snapshot) == Changes()
    assert partitions(database, "fact_financials") == {
        ("2025-01",): "/zone/processed/fact_financials/a1/split_by=2025-01/",
        ("2025-02",): "/zone/processed/fact_financials/a1/split_by=2025-02/",
    }
    assert table(database, "dim_date")["StorageDescriptor"]["Location"] == "/zone/processed/dim_date/a1/"
    assert table(database, "dim_account")["StorageDescriptor"]["Location"] == "/zone/processed/dim_account/a1/"


def test_changed_partitions_are_updated_and_outdated_ones_dropped(database: str):
    sync(database, snapshot_with(fact={"2025-01": "a1", "2025-02": "a1", "2025-03": "a1"}))
    assert sync(database, snapshot_with(fact={"2025-01": "a1", "2025-02": "a2"})) == Changes(updated=1, dropped=1)
    assert partitions(database, "fact_financials") == {
        ("2025-01",): "/zone/processed/fact_financials/a1/split_by=2025-01/",
        ("2025-02",): "/zone/processed/fact_financials/a2/split_by=2025-02/",
    }


def test_the_partitions_of_a_replaced_delivery_are_dropped(database: str):
    sync(database, snapshot_with(fact={}))
    (first, *_) = partitions(database, "transactions")
    assert sync(database, snapshot_with(fact={}, content="v2")) == Changes(added=3, dropped=3)
    assert first not in partitions(database, "transactions")
    assert len(partitions(database, "transactions")) == 2


def test_other_columns_update_the_table_and_each_partition(database: str):
    original = fact_table(["2025-01"], "a1")
    sync_tables(GlueDataCatalog(database), [original])
    wider = replace(original, columns=(*original.columns, CatalogColumn("more", "int", "More.")))
    assert sync_tables(GlueDataCatalog(database), [wider]) == Changes(tables=1, updated=1)


def test_other_keys_replace_the_table(database: str):
    original = fact_table(["2025-01"], "a1")
    sync_tables(GlueDataCatalog(database), [original])
    other = replace(original, keys=(CatalogColumn("month", "string", "Month."),))
    assert sync_tables(GlueDataCatalog(database), [other]) == Changes(tables=1, added=1)
    assert [key["Name"] for key in table(database, "fact_financials")["PartitionKeys"]] == ["month"]


def test_partitions_are_written_in_batches(database: str, monkeypatch: pytest.MonkeyPatch):
    calls: list[str] = []
    session = boto3.Session()
    session.events.register("before-call.glue", lambda model, **_: calls.append(model.name))
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", session)
    periods = [f"20{year}-{month:02}" for year in range(10, 20) for month in range(1, 13)]
    original = fact_table(periods, "a1")
    moved = fact_table(periods, "a2")
    for changed in (original, moved, replace(original, partitions={})):
        sync_tables(GlueDataCatalog(database), [changed])
    assert [calls.count(f"Batch{verb}Partition") for verb in ("Create", "Update", "Delete")] == [2, 2, 5]
    assert partitions(database, "fact_financials") == {}


def test_the_partitions_of_a_large_table_are_listed_in_segments_at_once(database: str, monkeypatch: pytest.MonkeyPatch):
    periods = [f"{year}-{month:02}" for year in range(2000, 2010) for month in range(1, 13)]
    large = fact_table(periods, "a1")
    catalog = GlueDataCatalog(database)
    sync_tables(catalog, [replace(large, partitions={})])
    entries = [
        {"Values": list(values), "Parameters": {VERSION: large.partition_version(values)}}
        for values in large.partitions
    ]
    first_of_all = threading.Barrier(10, timeout=120)

    def answer(params: Mapping[str, Any], **_: Any) -> tuple[Any, dict[str, Any]]:
        """Answer as Glue does, with five partitions in a page."""
        asked = json.loads(params["body"])
        segment = asked.get("Segment", {"SegmentNumber": 0, "TotalSegments": 1})
        of_segment = entries[segment["SegmentNumber"] :: segment["TotalSegments"]]
        first = int(asked.get("NextToken", 0))
        if "Segment" in asked and not first:
            first_of_all.wait()
        token = {"NextToken": str(first + 5)} if first + 5 < len(of_segment) else {}
        return SimpleNamespace(status_code=200), {"Partitions": of_segment[first : first + 5], **token}

    session = boto3.Session()
    session.events.register("before-call.glue.GetPartitions", answer)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", session)
    assert sync_tables(GlueDataCatalog(database), [large]) == Changes()


def test_other_tables_are_not_touched(database: str):
    boto3.client("glue").create_table(DatabaseName=database, TableInput={"Name": "theirs"})
    sync(database, snapshot_with(fact={}))
    assert VERSION not in table(database, "theirs").get("Parameters", {})


def test_a_table_of_another_owner_is_an_error_and_not_touched(database: str):
    boto3.client("glue").create_table(DatabaseName=database, TableInput={"Name": "dim_date", "Description": "theirs"})
    with pytest.raises(DataCatalogError, match=f"{database} has a table dim_date that this platform did not create"):
        sync(database, snapshot_with(fact={}))
    assert table(database, "dim_date")["Description"] == "theirs"


@pytest.mark.usefixtures("aws")
def test_a_missing_database_is_a_warning_with_a_fix(caplog: pytest.LogCaptureFixture):
    sync_or_warn(GlueDataCatalog("gone"), snapshot_with(fact={}), ZONE, LOG)
    assert "The data catalog is not up to date: the Glue database gone: cannot create dim_date" in caplog.text
    assert "create the database in the Glue Data Catalog" in caplog.text


def test_a_refusal_is_an_error_with_the_missing_permission(monkeypatch: pytest.MonkeyPatch):
    denied = '{"__type": "AccessDeniedException", "Message": "not yours"}'
    with fault_server(400, denied, "application/x-amz-json-1.1") as service:
        for name, value in environment(service.address).items():
            monkeypatch.setenv(name, value)
        with pytest.raises(DataCatalogError, match=r"cannot find dim_date.*not yours") as caught:
            sync("finance", snapshot_with(fact={}))
    assert "allow the platform's role" in caught.value.fix


def test_partitions_that_fail_in_a_successful_call_are_an_error(database: str):
    original = fact_table(["2025-01"], "a1")
    catalog = GlueDataCatalog(database)
    sync_tables(catalog, [original])
    with pytest.raises(DataCatalogError, match=r"add partitions to fact_financials: 1 of them, the first 2025-01"):
        catalog.create_partitions(original, [("2025-01",)])


def test_there_is_no_catalog_without_a_database_or_outside_of_aws(tmp_path: Path):
    local = settings(home=tmp_path, data_catalog_database="finance")
    assert platform_resources(local)["data_catalog"] is None
    sync_or_warn(None, snapshot_with(fact={}), ZONE, LOG)


def test_a_type_of_no_contract_is_an_error():
    with pytest.raises(ValueError, match="is not a contract type"):
        hive_type("float")
