"""The warehouse: the star schema that BI tools read, and the one way to change it.

Belongs here: `port` (the protocols), its adapters `duckdb` and `redshift` (the same file names for the same work),
`statements` (the only reader of `sql/`), `dialect` and `result_columns` (the tested subset of Redshift's SQL),
`load`, `load_request`, `ledger`, `movements` and `attribute_changes` (the load transaction), `migration`,
`column_changes` and `schema_version` (tables of an older release).
Does not belong here: which slices are stale (see `slices`), building them (see `transforms`), evaluating what was
loaded (see `quality`). Only an adapter imports its driver, and only when it is used.
"""
