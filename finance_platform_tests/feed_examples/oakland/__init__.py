"""Budgets of the City of Oakland: text files and workbooks (see the README of the data)."""
