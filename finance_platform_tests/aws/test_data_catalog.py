"""The Glue Data FeedSet, over a real wire to a stand-in of it: what is registered, and that only changes are written.

Belongs here: tables, partitions, the comparison. Does not belong here: the files themselves (see `lake`).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import pytest

from finance_platform.contracts.processed import PROCESSED
from finance_platform.contracts.star import FACT_FINANCIALS
from finance_platform.data_catalog.glue import PERSONAL, VERSION, GlueDataCatalog
from finance_platform.data_catalog.port import CatalogColumn, DataCatalogError
from finance_platform.data_catalog.sync import Changes, register
from finance_platform.data_catalog.tables import catalog_tables, hive_type
from finance_platform.deliveries.commits import DataFile
from finance_platform.deliveries.overlaps import Overlaps
from finance_platform.orchestration.resources.data_catalog import DataCatalogResource, register_or_warn
from finance_platform.orchestration.resources.wiring import platform_resources
from finance_platform.slices.commits import SliceCommit
from finance_platform.slices.snapshot import Snapshot
from finance_platform.storage.local import LocalStore
from finance_platform_tests.aws.fault_responses import answering
from finance_platform_tests.aws.moto_server import MotoServer, environment
from finance_platform_tests.unit.factories import commit_of, delivered, in_period, settings, state_of

ZONE = LocalStore("/lake/processed")
LOG = logging.getLogger("test")


def files(*keys: str) -> tuple[DataFile, ...]:
    return tuple(DataFile(key, 1) for key in keys)


def look(*, fact: Mapping[str, str], content: str = "v1") -> Snapshot:
    """Return a lake with one delivery of two months; `fact` says in which attempt each period was built."""
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


@pytest.fixture
def database(aws: MotoServer) -> str:
    """An empty database of the test's own."""
    name = f"finance_{uuid4().hex[:8]}"
    boto3.client("glue", endpoint_url=aws.address).create_database(DatabaseInput={"Name": name})
    return name


def table(database: str, name: str) -> dict[str, Any]:
    found: dict[str, Any] = boto3.client("glue").get_table(DatabaseName=database, Name=name)["Table"]
    return found


def partitions(database: str, name: str) -> dict[tuple[str, ...], str]:
    found = boto3.client("glue").get_partitions(DatabaseName=database, TableName=name)["Partitions"]
    return {tuple(one["Values"]): one["StorageDescriptor"]["Location"] for one in found}


def update(database: str, snapshot: Snapshot) -> Changes:
    return register(GlueDataCatalog(database), catalog_tables(snapshot, ZONE))


def test_every_table_of_the_processed_zone_is_registered_with_the_columns_of_its_contract(database: str):
    update(database, look(fact={"2025-01": "a1"}))
    for contract in (FACT_FINANCIALS, *PROCESSED):
        found = table(database, contract.name)
        columns = [(one["Name"], one["Type"], one["Comment"]) for one in found["StorageDescriptor"]["Columns"]]
        assert columns == [(one.name, hive_type(one.type), one.description) for one in contract.stored_columns]
        assert found["Description"] == contract.grain
        assert found["Parameters"]["classification"] == "parquet"


def test_a_partition_key_is_no_column_of_the_files():
    for found in catalog_tables(look(fact={}), ZONE):
        assert not {key.name for key in found.keys} & {column.name for column in found.columns}


def test_columns_that_may_hold_personal_data_are_marked(database: str):
    update(database, look(fact={}))
    found = table(database, "transactions")
    assert found["Parameters"][PERSONAL] == "line_key,description"
    marked = [one["Name"] for one in found["StorageDescriptor"]["Columns"] if one.get("Parameters", {}).get(PERSONAL)]
    assert marked == ["line_key", "description"]
    assert PERSONAL not in table(database, "departments")["Parameters"]


def test_the_first_look_registers_all_and_the_second_nothing(database: str):
    snapshot = look(fact={"2025-01": "a1", "2025-02": "a1"})
    assert update(database, snapshot) == Changes(tables=8, added=2 + 2 + 1)
    assert update(database, snapshot) == Changes()
    assert partitions(database, "fact_financials") == {
        ("2025-01",): "/lake/processed/fact_financials/a1/split_by=2025-01/",
        ("2025-02",): "/lake/processed/fact_financials/a1/split_by=2025-02/",
    }
    assert table(database, "dim_date")["StorageDescriptor"]["Location"] == "/lake/processed/dim_date/a1/"
    assert table(database, "dim_account")["StorageDescriptor"]["Location"] == "/lake/processed/dim_account/a1/"


def test_only_what_has_changed_is_written_and_what_is_gone_is_dropped(database: str):
    update(database, look(fact={"2025-01": "a1", "2025-02": "a1", "2025-03": "a1"}))
    assert update(database, look(fact={"2025-01": "a1", "2025-02": "a2"})) == Changes(updated=1, dropped=1)
    assert partitions(database, "fact_financials") == {
        ("2025-01",): "/lake/processed/fact_financials/a1/split_by=2025-01/",
        ("2025-02",): "/lake/processed/fact_financials/a2/split_by=2025-02/",
    }


def test_a_delivery_that_replaces_another_takes_its_place(database: str):
    update(database, look(fact={}))
    (first, *_) = partitions(database, "transactions")
    assert update(database, look(fact={}, content="v2")) == Changes(added=3, dropped=3)
    assert first not in partitions(database, "transactions")
    assert len(partitions(database, "transactions")) == 2


def test_other_columns_change_the_table_and_each_partition(database: str):
    snapshot = look(fact={"2025-01": "a1"})
    wanted = {one.name: one for one in catalog_tables(snapshot, ZONE)}["fact_financials"]
    register(GlueDataCatalog(database), [wanted])
    wider = replace(wanted, columns=(*wanted.columns, CatalogColumn("more", "int", "More.")))
    assert register(GlueDataCatalog(database), [wider]) == Changes(tables=1, updated=1)


def test_other_keys_make_the_table_again(database: str):
    wanted = {one.name: one for one in catalog_tables(look(fact={"2025-01": "a1"}), ZONE)}["fact_financials"]
    register(GlueDataCatalog(database), [wanted])
    other = replace(wanted, keys=(CatalogColumn("month", "string", "Month."),))
    assert register(GlueDataCatalog(database), [other]) == Changes(tables=1, added=1)
    assert [key["Name"] for key in table(database, "fact_financials")["PartitionKeys"]] == ["month"]


def test_many_partitions_go_in_as_many_calls_as_glue_asks_for(database: str, monkeypatch: pytest.MonkeyPatch):
    calls: list[str] = []
    session = boto3.Session()
    session.events.register("before-call.glue", lambda model, **_: calls.append(model.name))
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", session)
    periods = [f"20{year}-{month:02}" for year in range(10, 20) for month in range(1, 13)]
    wanted = {one.name: one for one in catalog_tables(look(fact=dict.fromkeys(periods, "a1")), ZONE)}["fact_financials"]
    moved = {one.name: one for one in catalog_tables(look(fact=dict.fromkeys(periods, "a2")), ZONE)}["fact_financials"]
    for one in (wanted, moved, replace(wanted, partitions={})):
        register(GlueDataCatalog(database), [one])
    assert [calls.count(f"Batch{verb}Partition") for verb in ("Create", "Update", "Delete")] == [2, 2, 5]
    assert partitions(database, "fact_financials") == {}


def test_other_peoples_tables_are_left_alone(database: str):
    boto3.client("glue").create_table(DatabaseName=database, TableInput={"Name": "theirs"})
    update(database, look(fact={}))
    assert VERSION not in table(database, "theirs").get("Parameters", {})


def test_a_table_of_somebody_else_under_our_name_is_not_touched(database: str):
    boto3.client("glue").create_table(DatabaseName=database, TableInput={"Name": "dim_date", "Description": "theirs"})
    with pytest.raises(DataCatalogError, match=f"{database} has a table dim_date that this platform has not made"):
        update(database, look(fact={}))
    assert table(database, "dim_date")["Description"] == "theirs"


@pytest.mark.usefixtures("aws")
def test_a_database_that_is_not_there_costs_a_warning_with_the_way_out(caplog: pytest.LogCaptureFixture):
    register_or_warn(GlueDataCatalog("gone"), look(fact={}), ZONE, LOG)
    assert "The data catalog is not up to date: the Glue database gone: cannot create dim_date" in caplog.text
    assert "create the database in the Glue Data Catalog" in caplog.text


def test_a_no_says_what_was_attempted_and_what_to_allow(monkeypatch: pytest.MonkeyPatch):
    said = '{"__type": "AccessDeniedException", "Message": "not yours"}'
    with answering(400, said, "application/x-amz-json-1.1") as service:
        for name, value in environment(service.address).items():
            monkeypatch.setenv(name, value)
        with pytest.raises(DataCatalogError, match=r"cannot find dim_date.*not yours") as caught:
            update("finance", look(fact={}))
    assert "allow the platform's role" in caught.value.fix


def test_partitions_that_glue_refuses_within_a_good_answer_are_an_error(database: str):
    wanted = {one.name: one for one in catalog_tables(look(fact={"2025-01": "a1"}), ZONE)}["fact_financials"]
    catalog = GlueDataCatalog(database)
    register(catalog, [wanted])
    with pytest.raises(DataCatalogError, match=r"add partitions to fact_financials: 1 of them, the first 2025-01"):
        catalog.create_partitions(wanted, [("2025-01",)])


def test_nothing_is_listed_unless_a_database_is_set_and_the_lake_is_on_aws(tmp_path: Path):
    assert DataCatalogResource().open() is None
    local = settings(home=tmp_path, data_catalog_database="finance")
    assert platform_resources(local)["data_catalog"].open() is None
    register_or_warn(None, look(fact={}), ZONE, LOG)


def test_a_type_that_no_contract_has_is_refused():
    with pytest.raises(ValueError, match="is no type of a contract"):
        hive_type("float")
