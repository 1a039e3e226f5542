"""The embedded warehouse: one DuckDB file, no server.

Belongs here: everything that imports duckdb or knows its SQL; files are called as in `redshift` where they do the same.
Does not belong here: the steps of a load (see `warehouse.load`), SQL text (`sql/`).
"""
