"""Transforms: plain functions from Spark DataFrames to a DataFrame, one module per derived table.

`fact_tables` and the dimensions are from Arrow tables to an Arrow table: one task (223) or the job (590) derives them.

Belongs here: rules that need many rows: repeated keys, load modes, conformance, aggregation, variance.
Does not belong here: sessions, reading or writing, text rules (see `feeds`), row UDFs. Spark Connect compatible.
"""
