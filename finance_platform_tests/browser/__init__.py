"""The Dagster UI as a person uses it: clicked in a headless Chromium, read from the page.

Belongs here: what can only be seen in a browser. Does not belong here: what specs and events say (see
`orchestration`), what the command line says (see `end_to_end`).
"""
