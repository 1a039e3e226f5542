"""Resources: what assets work with, as thin Dagster resources that yield plain objects.

Belongs here: `lake`, `glue`, `warehouse`, `home` (Dagster's own storage). Does not belong here: asset logic.
"""
