"""Alerts: telling people what happened, through one port. No adapter yet: the summary and the UI tell.

Belongs here: the port and its adapters. Does not belong here: deciding what is worth an alert.
"""
