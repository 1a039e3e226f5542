"""Quality: pure checks, each with its evidence.

Belongs here: the declared checks (`checks`), and their evaluation by zone: `deliveries` (raw objects and deliveries),
`processed` (files and the star), `warehouse`. Does not belong here: Dagster's form of a check, repairs.
"""
