"""The warehouse: the star schema as BI tools read it, and the one way in which it changes.

Belongs here: `port` (what a warehouse is), its adapters (`duckdb` and `redshift` with the modules named after them),
`migration` (what a release adds to the tables of an older one), `dialect` and `result_columns` (the tested subset
of Redshift's SQL), `statements` (the only reader of `sql/`), `plan`, `load`, `ledger`, `movements` and `inserting`
(the load transaction).
Does not belong here: deciding which slices are stale, building them (see `lake`, `transforms`), judging what was
loaded (see `quality`), Dagster. Only an adapter imports its driver, and only when it is used.
"""
