"""Contracts: the grain, keys, columns and types of each table.

Belongs here: `model` (column, reference, contract), `star` (warehouse tables), `views` (views of the warehouse),
`security` (tables of row-level security), `processed` (tables of the processed zone), `schemas` (their Arrow and Spark
schemas, staging tables).
Does not belong here: code that reads or writes rows, rules, checks.
"""
