"""Lines: from raw rows to typed rows by the rules of a descriptor, for each kind of feed, and their files.

Does not belong here: parsing one value (see `feeds/values`), what looks wrong (see `feeds/doubts`).
"""
