"""Metrics: figures over time, for dashboards and alarms, through one port.

Belongs here: the port and its adapters. Does not belong here: which figures there are in a run (see `reporting`,
`resources`); the numbers that people add up, which come from the warehouse alone.
"""
