"""Dagster's webserver behind a guard, and the processes of `finance-platform ui`.

Belongs here: who may reach the UI, serving it, starting and stopping its processes. Does not belong here: the pages of
the UI (see `ui`), the command's arguments (see `cli`).
"""
