"""Feeds: what a source's files look like, and how their text becomes typed lines.

Belongs here: the descriptor's model and its reading (`descriptor`, `catalog`), its resolved form (`resolved`), and
the one place where text becomes a typed line (`amounts`, `dates`, `codes`, `ledger_lines`, `reference_rows`).
Does not belong here: opening files (`glue`), Spark, the register (`lake`).
"""
