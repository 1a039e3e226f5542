"""Refresh: the use cases of the platform, without a framework.

Belongs here: one module per step (register, standardise, build_star, publish, report) and the status, as functions of
ports and plain arguments that return what happened.
Does not belong here: Dagster, the command line, adapters.
"""
