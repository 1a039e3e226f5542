"""Slices: the parts of the star's tables, the version in which each is wanted, and what exists of them.

Belongs here: versions, commits of slices, the snapshot of a processed zone, closed periods, differences between
versions, retention. Does not belong here: building slices (see `spark_jobs`), publishing them (see `warehouse`).
"""
