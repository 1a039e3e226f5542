"""Assets: one module per step, each a use case of `refresh` followed by its report to Dagster.

Belongs here: the steps (`register`, `standardise`, `star`, `warehouse`, `reporting`) and the events beside them
(`period_partitions`, `delivery_events`). Does not belong here: rules, SQL, Spark; what a page says (see `ui`).
"""
