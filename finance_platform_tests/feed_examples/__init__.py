"""Feeds by descriptors alone: public and made-up files, each with its known totals.

Belongs here: a folder for each, with its descriptors and one test module that runs them on Sail. Does not belong here:
single rules (see `unit`).
"""
