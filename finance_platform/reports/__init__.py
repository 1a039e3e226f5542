"""Reports: figures and statements for people, as data; one module per report.

Belongs here: reconciliation, status, movements, variance, rejected rows, metrics of the data.
Does not belong here: SQL text (`sql/`), printing (see `cli`).
"""
