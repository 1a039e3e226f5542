"""Open tables on S3, on a fake of AWS: the same logs, and the credentials that boto3 finds.

Belongs here: what differs on S3. Does not belong here: the tables themselves (see `end_to_end.test_open_tables`).
"""

from __future__ import annotations

from io import BytesIO

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

from finance_platform.contracts.schemas import arrow_schema
from finance_platform.contracts.star import DIM_SCENARIO
from finance_platform.data_catalog.delta_log import OpenTableError, sync_open_tables
from finance_platform.data_catalog.open_tables import OpenFile, OpenTable
from finance_platform.storage.factory import open_store
from finance_platform.storage.port import ObjectStore
from finance_platform.storage.s3 import object_store_options
from finance_platform.storage.s3_options import NO_OPTIONS


@pytest.fixture
def processed(bucket: str) -> ObjectStore:
    return open_store(f"s3://{bucket}/processed")


def write(processed: ObjectStore, attempt: str, *names: str) -> OpenTable:
    """Return the table of scenarios with one file, which has these scenarios."""
    schema = arrow_schema(DIM_SCENARIO.stored_columns)
    rows = [{field.name: name if field.type == pa.string() else None for field in schema} for name in names]
    content = BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), content)
    key = f"{DIM_SCENARIO.name}/{attempt}/a.parquet"
    processed.write(key, content.getvalue())
    file = OpenFile(key, None, len(content.getvalue()), len(names))
    return OpenTable(DIM_SCENARIO.name, DIM_SCENARIO.grain, DIM_SCENARIO.stored_columns, (), {key: file})


def scenarios(processed: ObjectStore) -> list[str]:
    table = DeltaTable(processed.uri(DIM_SCENARIO.name), storage_options=object_store_options(NO_OPTIONS))
    return sorted(table.to_pyarrow_table()["scenario_name"].to_pylist())


def test_a_table_on_s3_is_made_changed_and_left_alone(processed: ObjectStore):
    options = object_store_options(NO_OPTIONS)
    first, second = write(processed, "a1", "Actual"), write(processed, "a2", "Actual", "Budget")
    assert sync_open_tables(processed, [first], options) == {"dim_scenario": "made with 1 file"}
    assert scenarios(processed) == ["Actual"]
    assert sync_open_tables(processed, [second], options) == {"dim_scenario": "1 file added, 1 removed"}
    assert scenarios(processed) == ["Actual", "Budget"]
    assert sync_open_tables(processed, [second], options) == {}


def test_credentials_are_in_no_message(processed: ObjectStore):
    options = {**object_store_options(NO_OPTIONS), "AWS_ENDPOINT": "http://127.0.0.1:9"}
    options |= {"AWS_SECRET_ACCESS_KEY": "not-for-logs", "max_retries": "0", "retry_timeout": "1s"}
    with pytest.raises(OpenTableError) as caught:
        sync_open_tables(processed, [write(processed, "a1", "Actual")], options)
    assert "not-for-logs" not in f"{caught.value} {caught.value.fix}"
