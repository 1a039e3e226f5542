"""Assets: one module per step of the way that data goes, and how each shows in the UI.

Belongs here: `register`, `standardise`, `star`, `warehouse`, `reporting`, and what they share (`describing`).
Does not belong here: rules, SQL, Spark; a step asks the layers below and tells Dagster what came of it.
"""
