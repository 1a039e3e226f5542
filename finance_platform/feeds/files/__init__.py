"""Files: from the bytes of a text file or a workbook to batches of text, with where each row is.

Does not belong here: what a cell means (see `feeds/lines`), what looks wrong about a table (see `feeds/doubts`).
"""
