"""Orchestration: everything that knows Dagster.

Belongs here: definitions, assets, checks, sensors, schedules, resources, the pages of the UI, the Dagster instance.
Does not belong here: rules; an asset calls one use case of `refresh` and reports its result.
"""
