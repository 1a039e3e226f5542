"""Members: what the deliveries that count say about accounts and departments, and since when.

Does not belong here: the tables of the star (see `transforms`).
"""
