"""Sensors: runs that start because something happened in the raw zone. None yet.

Belongs here: looking at listings and asking for runs. Does not belong here: what a run does (see `jobs`).
"""
