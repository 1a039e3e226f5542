"""Schedules: runs that start by the calendar. None yet: a home refreshes when it is asked to.

Belongs here: schedules of the jobs in `jobs`. Does not belong here: reacting to new data (see `sensors`).
"""
