"""Finance Analytics Platform: from a finance department's files to a star schema.

The layers, and who may import whom, are in `docs/architecture.md`; import-linter holds them.
"""
