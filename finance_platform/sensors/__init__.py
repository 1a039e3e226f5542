"""Sensors: what starts runs by news, and what tells people.

Belongs here: `raw_files` with its `attempts`, and `alerting`. Does not belong here: what is new, what an alert says.
"""
