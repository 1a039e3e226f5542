"""Spark jobs: the scripts that AWS Glue runs, and a laptop runs as subprocesses.

Belongs here: job bodies (`standardise_job`, `build_star_job`), their harness, arguments, requests, Spark session and
control totals. Ships to Glue with transforms, contracts, feeds, storage and errors.
Does not belong here: Dagster (only dagster_pipes), pydantic, YAML; table logic (see `transforms`).
"""
