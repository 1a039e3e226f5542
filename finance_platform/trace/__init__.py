"""Trace: from a published cell to the lines of files behind it, and from a file or line to the cells that it reached.

Belongs here: following lines through deliveries, slices and warehouse. Does not belong here: printing (see `cli`).
"""
