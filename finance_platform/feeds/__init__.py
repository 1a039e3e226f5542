"""Feeds: what a source's files look like, and how their text becomes typed lines.

Belongs here: descriptors (`descriptor`, `draft`, `feed_set`), their resolved form (`resolved`), and the way from bytes
to typed lines: cutting files (`files`), finding a field's text (`cells`), reading it (`values`), rows (`lines`), what a
table shows that its descriptor does not account for (`doubts`), all of it for one file (`read_file`, `ledger_table`).
Does not belong here: object stores (see `storage`), Spark (see `spark_jobs`), the register (see `deliveries`).
"""
