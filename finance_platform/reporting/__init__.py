"""Reporting: what people read, built from the warehouse.

Belongs here: `variance`, Actual against Budget by year and account type. Does not belong here: SQL text (`sql/`).
"""
