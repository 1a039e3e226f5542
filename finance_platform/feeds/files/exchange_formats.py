"""Texts that one program writes for another one, such as SIE and IIF: no tables, whatever the name of the file ends in.

Belongs here: recognizing them by how they begin or by the ending of their name, and what to export in their place. Does
not belong here: formats that are no text (see `file_format`).
"""

from __future__ import annotations

import re
from typing import NamedTuple

_REPORT = "export a report as CSV or as a workbook, such as Transaction Detail by Account, or Journal"
_LEDGER = "export the ledger (Huvudbok) or the list of vouchers (Verifikationslista) as CSV or as a workbook"
_STATEMENT = "export the lines of the ledger as CSV, since a statement of a bank has no accounts of a ledger"


class ExchangeFormat(NamedTuple):
    """A format of such texts.

    Attributes:
        start: a pattern of how they begin.
        endings: those of their names.
        name: what they are, with an article.
        fix: what to export in their place.
    """

    start: str
    endings: tuple[str, ...]
    name: str
    fix: str

    @property
    def finding(self) -> str:
        """What a file of the format is."""
        return f"the file is {self.name}, not a table"


_FORMATS = (
    ExchangeFormat(
        r"!(?:TRNS|SPL|HDR|ACCNT|CLASS|CUST|VEND|INVITEM|EMP|BUD|OTHERNAME)\t",
        (".iif",),
        "an IIF file of QuickBooks",
        _REPORT,
    ),
    ExchangeFormat(r"#FLAGGA\b", (".se", ".si", ".sie"), "a SIE file", _LEDGER),
    ExchangeFormat(r"!(?:Type:|Option:|Account\s*\n)", (".qif",), "a QIF file", _STATEMENT),
    ExchangeFormat(r"OFXHEADER|<OFX>", (".ofx", ".qfx", ".qbo"), "an OFX file", _STATEMENT),
    ExchangeFormat(r"\{1:|:20:", (".sta", ".mt940", ".940"), "an MT940 file", _STATEMENT),
    ExchangeFormat(r"\{\s*\"|\[\s*[\[{]", (".json", ".jsonl"), "a JSON document", "export it as CSV or as a workbook"),
)


def find_exchange_format(text: str) -> ExchangeFormat | None:
    """Return the format that is no table, by how a text begins; None if it may be a table."""
    start = text.lstrip("\ufeff \r\n\t")
    return next((one for one in _FORMATS if re.match(one.start, start)), None)


def exchange_format_of(ending: str) -> ExchangeFormat | None:
    """Return the format by the ending of a name, in small letters with its dot; None if no format has it."""
    return next((one for one in _FORMATS if ending in one.endings), None)
