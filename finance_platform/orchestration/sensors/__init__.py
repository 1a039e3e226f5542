"""Sensors: what Dagster evaluates every so often.

`raw_files` starts runs on changes, with its `attempts`; `alerts` send alerts and metrics; `run_retention` removes old
runs.

Belongs here: when Dagster evaluates something. Does not belong here: change detection (see `deliveries.changes`), the
content of alerts (see `run_alerts`).
"""
