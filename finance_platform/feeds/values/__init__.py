"""Values: one text or name as a value, such as an amount, a code or a day, without knowledge of tables.

Does not belong here: columns of a feed, rules of rows (see `feeds/lines`).
"""
