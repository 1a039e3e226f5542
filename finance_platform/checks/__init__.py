"""Checks: the quality catalogue in Dagster's words.

Belongs here: check specs for the steps, check results from outcomes. Does not belong here: what is checked (`quality`).
"""
