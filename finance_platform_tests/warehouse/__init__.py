"""Loads, views, queries and migrations of both warehouses."""
