"""Words and signs that say that amounts are in thousands or in millions, in headers, titles and formats of cells.

Belongs here: the patterns. Does not belong here: what follows from them (see `feeds.doubts.stated_units`,
`feeds.files.number_formats`).
"""

from __future__ import annotations

import re

_CODES = r"(?:EUR|USD|GBP|CHF|US\$|€|\$|£)"
THOUSANDS = re.compile(
    r"(?i)\b(?:in )?thousands?\b|\b[TK]\s?" + _CODES + r"(?!\w)|\btsd\b|['’]000s?\b|[£$€]\s?000s?\b"
    r"|\(k\)|\(000s?\)|\b000['’]?s\b|\bin 000\b|" + _CODES + r"\s?(?:k|000)\b"
    r"|\b(?:tausend|milliers|migliaia|duizenden)\b|\bmiles de\b"
)
"""Words of a header or a title that say that amounts are in thousands."""

MILLIONS = re.compile(
    r"(?i)\b(?:in )?(?:millions?|millionen|millones|milioni|miljoenen)\b|\bmio\b|"
    + _CODES
    + r"\s?(?:m|mn|mm)\b|\bm"
    + _CODES
    + r"(?!\w)"
)
"""The same of millions."""

IN_TITLES = re.compile(
    r"(?i)\bin\s+(?:(?:u\.?s\.?|dollars?|euros?|"
    + _CODES
    + r")\s*)*(?:thousands?\b|millions?\b|millionen|tausend|tsd|mio|migliaia|milioni|duizend|miljoen|['’]?000|[TKM]\s?"
    + _CODES
    + r"|(?<=[RDPF$€£])\s?(?:k|m|mn|mm)\b)|\ben (?:milliers|millions|miles|millones)\b|\b(?:thousands|millions) of\b"
    + r"|^\W*(?:thousands|millions|"
    + _CODES
    + r"\s?['’]?000s?|[TKM]\s?"
    + _CODES
    + r"|"
    + _CODES
    + r"\s?(?:k|m|mn|mm|mio|thousands|millions))\W*$|\((?:thousands|millions|['’]?000s?)\)"
    # A business unit may be called anything, so the unit follows the word at once.
    + r"|(?<!business )(?<!operating )\b(?:unit|einheit)s?\s*[:=]?\s*(?:in\s+)?(?:[TKM]\s?"
    + _CODES
    + r"(?!\w)|"
    + _CODES
    + r"\s?(?:['’]?000s?|k|m|mn|mm|mio|tsd|thousands?|millions?)\b"
    + r"|(?:thousands?|tausend|tsd|millions?|millionen|mio|['’]?000s?)\b\.?\s*(?:(?:of\s+)?"
    + _CODES
    + r"|[;,)]|$))"
)
"""How a title says so. A town may be called Thousand Oaks, and a report may list invoices of more than 100 TEUR."""
