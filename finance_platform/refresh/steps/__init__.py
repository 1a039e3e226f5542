"""Steps: the five steps of a refresh in order (register, standardise, build_star, publish, report), and their parts.

Does not belong here: use cases that a command calls on its own.
"""
