"""Deliveries: what came into the raw zone, what was read of it, and which of it counts.

Belongs here: the register and the commits, scans of the raw zone and what changed since, the verdict on each delivery,
decisions of people, overlaps, and the state that follows from all of that.
Does not belong here: reading files (see `feeds`), what is built from deliveries (see `slices`).
"""
