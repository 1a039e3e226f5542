"""Notifications: alerts for people, and metrics for dashboards and alarms.

Belongs here: the two ports and their adapters. Does not belong here: which findings are alerted, which figures are
measured.
"""
