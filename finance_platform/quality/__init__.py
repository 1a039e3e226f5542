"""Quality: pure checks on what is there, each with its evidence.

Belongs here: what is checked (`catalogue`) and how (`deliveries`, `schemas`, `star`, `warehouse`).
Does not belong here: Dagster's words for a check (see `checks`), repairs.
"""
