"""What a run of the command line does beside the steps that Dagster takes, or before it has Dagster.

Belongs here: a guess whether there is anything to do, the steps that a thread or a fork takes ahead of the run, their
messages, work for a process that waits. Does not belong here: the steps (see `refresh.steps`), what they report (see
`orchestration.assets`), the process of the jobs (see `orchestration.job_runners.job_process`). Dagster is not imported.

A run whose steps are not taken ahead takes them itself, with the same results: nothing here may be needed for any.
"""
