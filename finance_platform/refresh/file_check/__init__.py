"""Checks of one file: which feed reads it, and what a run would make of it. Use cases of `feed check`, `feed list`."""
