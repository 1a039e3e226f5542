"""The Dagster UI as a person uses it: clicks in a headless Chromium, text read from the pages.

Belongs here: what only a browser can show. Does not belong here: specs and events (see `orchestration`), the
command line (see `end_to_end`).
"""
