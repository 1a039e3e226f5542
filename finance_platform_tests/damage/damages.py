"""Kinds of files in a home, and what may happen to them.

Belongs here: choosing a file of each kind, and damaging it. Does not belong here: what must follow from that.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from finance_platform_tests.end_to_end.home import Home

_DUCKDB_HEADERS = 3 * 4096
_FOREIGN_JSON = b'[{"name": "of another program", "files": 3}]'


def _first(pattern: str) -> Callable[[Home], Path]:
    """Return a function that finds the first file of a pattern."""
    return lambda home: min(path for path in home.path.glob(pattern) if path.is_file())


def _commit_of(object_key: str) -> Callable[[Home], Path]:
    return lambda home: home.path / "processed" / "deliveries" / f"{home.commits()[object_key].delivery_id}.json"


DERIVED: dict[str, Callable[[Home], Path]] = {
    "commit of a ledger delivery": _commit_of("transactions.csv"),
    "commit of master data": _commit_of("accounts.csv"),
    "commit of a fact slice": _first("processed/slices/fact_financials/2024-01/*.json"),
    "commit of a dimension": _first("processed/slices/dim_account/all/*.json"),
    "overlaps": _first("processed/overlaps/*.json"),
    "record of a scan": _first("processed/looks/refreshed.json"),
    "listing of a scan": _first("processed/looks/*.jsonl.gz"),
    "checkpoint of the commits": _first("processed/checkpoints/deliveries/*.parquet"),
    "checkpoint of the register": _first("processed/checkpoints/register/*.parquet"),
    "checkpoint of the members": _first("processed/checkpoints/members/*.parquet"),
    "ledger lines": _first("processed/transactions/**/*.parquet"),
    "plan lines": _first("processed/budget/**/*.parquet"),
    "master data": _first("processed/accounts/**/*.parquet"),
    "members": _first("processed/members/**/*.parquet"),
    "counts by account": _first("processed/account_counts/**/*.parquet"),
    "rows of a fact slice": _first("processed/fact_financials/**/*.parquet"),
    "rows of a dimension": _first("processed/dim_department/**/*.parquet"),
    "the warehouse": _first("warehouse.duckdb"),
    "the report": _first("reports/variance_report.csv"),
}
"""Everything in a home that is derived from the register and the raw zone."""


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _replace_by_foreign(path: Path) -> None:
    """Replace a file by a valid one of its format that something else has written."""
    if path.suffix == ".parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        pq.write_table(pa.table({"of_another_program": [1, 2, 3]}), path)
    elif path.suffix == ".duckdb":
        import sqlite3

        path.unlink()
        with sqlite3.connect(path) as connection:
            connection.execute("CREATE TABLE t (a INTEGER)")
        connection.close()
    else:
        path.write_bytes(_FOREIGN_JSON)


def _replace_by_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()
    (path / "something").write_text("in a folder")


def _overwrite_the_middle(path: Path) -> None:
    """Overwrite the middle half, or all blocks of a DuckDB file; the size and the first bytes stay."""
    data = path.read_bytes()
    if path.suffix == ".duckdb":
        path.write_bytes(data[:_DUCKDB_HEADERS] + b"\xa7" * (len(data) - _DUCKDB_HEADERS))
        return
    quarter = len(data) // 4
    path.write_bytes(data[:quarter] + b"\xa7" * (len(data) - 2 * quarter) + data[-quarter:])


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _replace_by_garbage(path: Path) -> None:
    path.write_bytes(b"\x00\xff\xfe garbage \x80" * 7)


DAMAGES: dict[str, Callable[[Path], None]] = {
    "missing": Path.unlink,
    "empty": _empty,
    "truncated": _truncate,
    "garbage": _replace_by_garbage,
    "foreign": _replace_by_foreign,
}
"""What may happen to a file of any kind."""

OTHER_DAMAGES: dict[str, Callable[[Path], None]] = {
    "a folder": _replace_by_folder,
    "overwritten in the middle": _overwrite_the_middle,
}
"""What may happen to some kinds."""
