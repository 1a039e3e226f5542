"""Transforms: plain functions from Spark DataFrames to a DataFrame, one module per derived table.

`fact_tables` is from Arrow tables to an Arrow table: what one task derives alone (223).

Belongs here: rules that need many rows: repeated keys, load modes, conformance, aggregation, variance.
Does not belong here: sessions, reading or writing, text rules (see `feeds`), row UDFs. Spark Connect compatible.
"""
