"""Slices: the parts of the star's tables, their target versions, and the versions that exist.

Belongs here: versions, commits of slices, the snapshot of a processed zone, closed periods, differences between
versions, retention. Does not belong here: building slices (see `spark_jobs`), publishing them (see `warehouse`).
"""
