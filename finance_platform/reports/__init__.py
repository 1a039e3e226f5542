"""Reports: figures and statements for people, as data.

Belongs here: the reconciliation, status, movements, variance. Does not belong here: SQL text (`sql/`), printing (see `cli`).
"""
