"""Catalogues of the processed tables, for engines that read the processed zone directly: Glue's, and Delta's logs.

Belongs here: which tables and partitions are listed (`tables`), the API of Glue (`glue`), writing the changes (`sync`),
the tables as Delta tables (`open_tables`, `delta_log`).
Does not belong here: the files (see `storage`), the tables' definitions (see `contracts`), the warehouse's own tables.
The platform never reads through the catalog: an outdated one delays its readers, and changes no number.
"""
