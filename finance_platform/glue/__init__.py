"""Glue jobs: the scripts that AWS Glue runs, and the laptop runs as a subprocess.

Belongs here: job bodies (`standardise_job`, `build_star_job`), their harness (`job`), the readers of files, the Spark
session. Ships to Glue with transforms, contracts, feeds' typing, lake and errors.
Does not belong here: Dagster (only dagster_pipes), pydantic, YAML; table logic (see `transforms`).
"""
