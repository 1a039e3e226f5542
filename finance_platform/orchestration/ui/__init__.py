"""UI: what the pages of assets, checks and feeds show in Dagster's UI.

Belongs here: asset specs with descriptions and columns; metadata values; previews.
Does not belong here: the steps themselves (see `assets`).
"""
