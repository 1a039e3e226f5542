"""The job with dlt: `python dlt_peer.py RAW_FOLDER FILE.duckdb`. dlt loads the files, the baseline's SQL does the rest.

Belongs here: a pipeline as dlt's documentation has it. Does not belong here: anything of the product.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import dlt
import duckdb
import pyarrow as pa
from pyarrow import csv

_BASELINE = Path(__file__).parents[1] / "duckdb_baseline.sql"
_TABLES = ("transactions", "budget", "departments", "accounts")


def main() -> None:
    """Load the files as text, then build the star schema from the loaded tables."""
    raw, warehouse = Path(sys.argv[1]), Path(sys.argv[2])
    warehouse.unlink(missing_ok=True)
    pipeline = dlt.pipeline(
        "peer",
        destination=dlt.destinations.duckdb(str(warehouse)),
        dataset_name="loaded",
        pipelines_dir=str(warehouse.parent / "dlt"),
    )
    pipeline.run([dlt.resource(_rows(raw / f"{name}.csv"), name=name) for name in _TABLES], write_disposition="replace")
    sql = _BASELINE.read_text(encoding="utf-8")
    with duckdb.connect(str(warehouse)) as connection:
        for name in _TABLES:
            sql = sql.replace(
                f"READ_CSV(GETVARIABLE('{name}'), ALL_VARCHAR = TRUE, FILENAME = TRUE)",
                f"(FROM loaded.{name} SELECT COLUMNS(lambda c: NOT STARTS_WITH(c, '_dlt')), 'file' AS filename)",
            ).replace(f"READ_CSV(GETVARIABLE('{name}'), ALL_VARCHAR = TRUE)", f"loaded.{name}")
        connection.execute("SET VARIABLE transactions = ['file']")
        connection.execute(sql)


def _rows(file: Path) -> Iterator[pa.RecordBatch]:
    with file.open("rb") as stream:
        names = stream.readline().decode().strip().split(",")
    options = csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()))
    yield from csv.open_csv(file, convert_options=options)


if __name__ == "__main__":
    main()
