"""A report pack as it was written: what its event shows.

Belongs here: the values. Does not belong here: writing (see `refresh.report_pack`). A file of its own, because a run
whose fork has written the pack imports nothing that makes one.
"""

from __future__ import annotations

from dataclasses import dataclass

from finance_platform.errors import WorkbookSizeError
from finance_platform.reports.pack.model import Pack


@dataclass(frozen=True)
class WrittenFile:
    """A file: its size in bytes, and its address."""

    size: int
    uri: str


@dataclass(frozen=True)
class WrittenPack:
    """A pack as it was written: its figures, the size of its page in bytes, and its address.

    Attributes:
        pack: its figures, without amounts and members: a hash is enough of tens of thousands.
        size: size of the page in bytes.
        uri: address of the page.
        workbook: the workbook, or why there is none.
        figures: a hash of all figures, which a load that changes none of them leaves as it is.
    """

    pack: Pack
    size: int
    uri: str
    workbook: WrittenFile | WorkbookSizeError
    figures: str
