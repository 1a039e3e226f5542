"""Feeds: what a source's files look like, and how their text becomes typed lines.

Belongs here: descriptors (`descriptor`, `feed_set`), their resolved form (`resolved`), and the way from bytes to typed
lines: cutting files (`tables`, `delimited_file`), finding a field's text (`cells`), typing it (`amounts`, `dates`,
`codes`, `ledger_lines`, `reference_rows`), all of it for one file (`read_file`).
Does not belong here: object stores (see `storage`), Spark (see `spark_jobs`), the register (see `deliveries`).
"""
