"""States of a machine and of its files in which commands must end with a right result or a sentence with a fix.

Belongs here: full and read-only disks, missing permissions and files, file modes, secrets. Does not belong here:
damaged content of files, crashes.
"""
