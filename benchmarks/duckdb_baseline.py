"""Runs duckdb_baseline.sql in its own process: `python duckdb_baseline.py RAW_FOLDER FILE.duckdb`.

Belongs here: which files the SQL reads. Does not belong here: what it does with them.
"""

from __future__ import annotations

import sys
from pathlib import Path

import duckdb


def main() -> None:
    """Read every file of a raw zone and replace the star schema in a DuckDB file."""
    raw, warehouse = Path(sys.argv[1]), Path(sys.argv[2])
    warehouse.unlink(missing_ok=True)
    transactions = sorted(raw.glob("transactions*.csv"), key=lambda file: (file.stat().st_mtime, file.name))
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("SET VARIABLE transactions = $files", {"files": [str(file) for file in transactions]})
        for name in ("budget", "departments", "accounts"):
            connection.execute(f"SET VARIABLE {name} = $file", {"file": str(raw / f"{name}.csv")})
        connection.execute(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
