"""Transforms: one module per output table, plain functions from Spark DataFrames to a DataFrame.

Belongs here: what needs many rows: repeated keys, load modes, conformance, aggregation, variance.
Does not belong here: sessions, reading or writing, text rules (see `feeds`), row UDFs. Spark Connect compatible.
"""
