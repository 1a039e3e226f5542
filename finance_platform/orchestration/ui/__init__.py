"""UI: what the pages of assets, checks and feeds say in Dagster's UI.

Belongs here: asset specs with descriptions, columns and lineage; metadata values; previews.
Does not belong here: the steps themselves (see `assets`).
"""
