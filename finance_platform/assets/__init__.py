"""Assets: one module per step of the way that data goes, and how each shows in the UI.

Belongs here: the steps (`register`, `standardise`, `star`, `warehouse`, `reporting`); the pages of their assets
(`specs`, made from `meanings`, `reading`, `raw_columns`, `lineage`, `sources`); what a run adds to them
(`figures`, `previews`, `published_page`, `describing`), and how it fails (`failures`); and
the events beside them (`by_period`, `delivery_events`).
Does not belong here: rules, SQL, Spark; a step asks the layers below and tells Dagster what came of it.
"""
