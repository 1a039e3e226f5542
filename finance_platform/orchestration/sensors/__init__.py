"""Sensors: what starts runs when the raw zone changes, and what sends alerts.

Belongs here: `raw_files` with its `attempts`, and `alerts`. Does not belong here: what has changed, what an alert says.
"""
