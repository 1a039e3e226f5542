"""Limits of a descriptor and of a file, so that a single one can neither exhaust memory nor take for ever.

Belongs here: the limits and the reasons for their values; `docs/feeds.md` has them for users.
Does not belong here: the limits beyond which a person must decide (see `descriptor.limits`), those of the warehouse's
columns (see `codes`).

A change that gives other lines needs a higher version (see `reader_versions`), or files are not read again.
"""

from __future__ import annotations

MAX_COLUMNS = 1_000
"""Of a header; a wider file is refused. Each row costs as much as the header is wide, whatever it contains."""

MAX_NAME_CHARACTERS = 4_000
"""Of a column's name; a file with a longer one is refused."""

MAX_VALUE_CHARACTERS = 500
"""Of a cell that is compared or parsed: code, amount, date, key; a row with a longer one is rejected.

To bring combining marks into Unicode's order takes quadratic time, which so few of them do not show.
"""

MAX_TEXT_CHARACTERS = 32_767
"""Of a cell that people read, such as a name, and what a cell of Excel holds; a row with a longer one is rejected."""

MAX_ROW_CHARACTERS = 1 << 25
"""Of a row, with the line breaks inside its quotes; a file with a longer one is refused, since a row is kept whole."""

MAX_BATCH_CHARACTERS = 1 << 24
"""Of the rows that are in memory at the same time; a batch ends with the row that exceeds it."""

MAX_BATCH_CELLS = 1 << 21
"""Of the rows that are in memory at the same time."""

MAX_LOOKUP_ROWS = 2_000_000
"""Of a lookup feed; all are in memory while the files that look them up are read."""

WIDE_HEADER = 100
"""Columns beyond which a rejected or skipped row is kept without its blank cells."""

MAX_RAW_CELL_CHARACTERS = 1_000
"""Of each cell of a rejected or skipped row as it is kept; the rest is left out."""

MAX_RAW_ROW_CHARACTERS = 1 << 14
"""Of a rejected or skipped row as it is kept; the cells after it are left out."""

MAX_REASON_CHARACTERS = 200
"""Of a header or a cell in the reason of a rejected row; the row as it is kept has more of it."""

MAX_WORKBOOK_BYTES = 1 << 30
"""Of a workbook, and of what it unpacks to: a larger one is refused before anything is unpacked."""

MAX_XLS_BYTES = 1 << 28
"""Of a workbook of the older format, whose sheets have at most 65,536 rows."""

MAX_WORKBOOK_MEMORY = 2 << 30
"""Of the process that parses a workbook, which keeps a sheet in memory as a whole; more is refused."""

MAX_WORKBOOK_SECONDS = 300
"""Of processor time to parse a workbook; the largest that memory has room for takes less than a minute."""

MAX_WORKBOOK_PARTS_BYTES = 1 << 24
"""Of the directory of a packed workbook, and of each part that says which sheets there are."""

MAX_FAULTY_CELLS = 100_000
"""Of a sheet: cells that are an error or whose formula has no value; a sheet with more is refused."""

MAX_COMPARED_CODES = 100_000
"""Of a field's codes that are compared with each other; the codes after them are only read."""

MAX_UNPACKED_BYTES = 1 << 34
"""Of a text file that is packed with gzip; it is unpacked as it is read, so this limits time and not memory."""

MAX_DESCRIPTORS = 1_000
"""Of a home. Each file is compared with the paths of all of them."""

MAX_DESCRIPTOR_BYTES = 1 << 18
"""Of one descriptor. Every command reads all of them, and to parse this many bytes of YAML takes about a second."""

MAX_DESCRIPTOR_VALUES = 20_000
"""Of one descriptor: texts, lists and mappings, counted as often as aliases repeat them."""

MAX_DESCRIPTOR_DEPTH = 20
"""How deep lists and mappings of a descriptor may be nested; the deepest that has a meaning is 5."""

MAX_DESCRIPTOR_TEXT_CHARACTERS = 10_000
"""Of one text in a descriptor, such as its description."""

MAX_PATTERN_CHARACTERS = 200
"""Of a regular expression or a date pattern in a descriptor."""

MAX_PATH_CHARACTERS = 1_000
"""Of a feed's path."""

MAX_ALTERNATIVES = 100
"""Of the fields and scenarios of a feed, the headers and date patterns of a field, the headers of a template."""

MAX_DAYS = 36_500
"""Of a feed's freshness."""

MAX_WORKING_DAY = 20
"""Of a month; the shortest has 20 working days."""

MAX_FIRST_NUMBER = 10**18
"""Of a series of documents."""
