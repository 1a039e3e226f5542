"""Resources: what assets work with.

Belongs here: the ports as Dagster resources, and running the Spark jobs through Dagster Pipes.
Does not belong here: asset logic.
"""
