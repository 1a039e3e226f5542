"""Doubts: what a table shows that its descriptor does not account for, each rule in a module of its own.

A rule rejects rows, holds the file, or leaves a finding in the commit. Does not belong here: rules that a
descriptor declares (see `feeds/lines`), doubts about lines beside earlier ones (see `deliveries/verdicts`, `quality`).
"""
