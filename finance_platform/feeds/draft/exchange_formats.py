"""Texts that one program writes for another one, such as SIE and IIF: no tables, whatever the name of the file ends in.

Belongs here: recognizing them by how they begin, and what to export in their place. Does not belong here: formats that
are no text (see `files.file_format`).
"""

from __future__ import annotations

import re

_REPORT = "export a report as CSV or as a workbook, such as Transaction Detail by Account, or Journal"
_LEDGER = "export the ledger (Huvudbok) or the list of vouchers (Verifikationslista) as CSV or as a workbook"
_STATEMENT = "it is a statement of a bank, which has no accounts of a ledger: export the lines of the ledger as CSV"
_FORMATS = (
    (r"!(?:TRNS|SPL|HDR|ACCNT|CLASS|CUST|VEND|INVITEM|EMP|BUD|OTHERNAME)\t", "an IIF file of QuickBooks", _REPORT),
    (r"#FLAGGA\b", "a SIE file", _LEDGER),
    (r"!(?:Type:|Option:|Account\s*\n)", "a QIF file", _STATEMENT),
    (r"OFXHEADER|<OFX>", "an OFX file", _STATEMENT),
    (r"\{1:|:20:", "an MT940 file", _STATEMENT),
    (r"\{\s*\"|\[\s*[\[{]", "a JSON document", "export it as CSV or as a workbook"),
)
"""How texts of each format begin, its name, and what to do."""


def find_exchange_format(text: str) -> tuple[str, str] | None:
    """Return the name and the fix of a format that is no table, by how a text begins; None if it may be a table."""
    start = text.lstrip("\ufeff \r\n\t")
    return next(((name, fix) for pattern, name, fix in _FORMATS if re.match(pattern, start)), None)
