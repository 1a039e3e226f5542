"""Deliveries: the files of the raw zone, their content, and which of them count.

Belongs here: the register and the commits, scans of the raw zone and changes since the last refresh, verdicts,
decisions of people, overlaps, and the state that follows from all of these.
Does not belong here: reading files (see `feeds`), what is built from deliveries (see `slices`).
"""
