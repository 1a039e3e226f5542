"""The report pack: what a controller, a CFO or a budget holder reads without an engineer or a BI tool.

Belongs here: the pack's figures (`model`, `read_model`) and the page that shows them (`page`, `browser_data`, `web/`).
Does not belong here: the definition of a figure (see `sql/views`), where a pack is written (see `refresh.report_pack`).
"""
