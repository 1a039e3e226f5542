"""The data catalog: where the processed tables are right now, for engines that read the lake by themselves.

Belongs here: the port, its adapter, which tables and partitions there are, bringing a catalog up to date.
Does not belong here: the files (see `lake`), what the tables are (see `contracts`), the warehouse's own tables.
Numbers are never read through a catalog: one that is out of date delays whoever looks, and changes nothing.
"""
