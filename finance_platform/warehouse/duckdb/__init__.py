"""The embedded warehouse: one DuckDB file, no server.

Belongs here: everything that imports duckdb or knows its SQL. Does not belong here: what a load does (see
`warehouse.load`), SQL text (`sql/`).
"""
