"""Alerts: telling people what happened, through one port.

Belongs here: the port and its adapters. Does not belong here: deciding what is worth an alert.
"""
