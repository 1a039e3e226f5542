"""Verdicts: whether a delivery that was read counts, is held, or counts in part, and the reasons to hold it.

Does not belong here: decisions of people (see `deliveries/decisions.py`), what one file shows by itself (see `feeds`).
"""
