"""Sensors: `raw_files`, which starts runs on changes, with its `attempts`; `alerts`, which send alerts and metrics;
`run_retention`, which removes old runs.

Belongs here: when Dagster evaluates something. Does not belong here: change detection (see `deliveries.changes`), the
content of alerts (see `run_alerts`).
"""
