"""Faults of storage: every operation of a refresh fails once in every way, and the next run repairs the home."""
