"""Adapters of the port `spark_jobs.job_runner`: how a step starts a Spark job and gets its result.

Belongs here: `SubprocessJobRunner` on this machine, `GlueJobRunner` on AWS, and the Dagster Pipes session of both.
Does not belong here: the jobs themselves (see `spark_jobs`).
"""
