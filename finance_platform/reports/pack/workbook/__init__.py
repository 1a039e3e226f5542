"""A pack as a workbook: sheets whose totals are live sums of the sheet Data.

Belongs here: sheets, formulas, checks. Does not belong here: the figures of a pack (see `reports.pack.model`), HTML.
"""
