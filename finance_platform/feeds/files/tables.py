"""Tables: what every file reader gives, whatever the format; a text file is one table, a workbook one for each sheet.

Belongs here: the interface, and opening a file by what its bytes are. Does not belong here: cutting bytes into cells
(see `delimited_file`), the meaning of cells (see `cells`, `ledger_lines`).
"""

from __future__ import annotations

import io
from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from typing import BinaryIO, Protocol

from finance_platform.feeds.cells import RawBatch
from finance_platform.feeds.file_names import PACKED_ENDING, WORKBOOK_ENDINGS, file_ending
from finance_platform.feeds.files.broken_lines import FileEnd
from finance_platform.feeds.files.delimited_file import DelimitedFile
from finance_platform.feeds.files.displayed_units import Displayed
from finance_platform.feeds.files.file_format import OpenFile, Utf8Evidence
from finance_platform.feeds.files.formula_sums import FormulaSums
from finance_platform.feeds.files.packed_text import unpacked
from finance_platform.feeds.files.shipped_dialect import AS_WINDOWS, find_dialect
from finance_platform.feeds.files.workbook_shared import MergedCells
from finance_platform.feeds.findings import Note
from finance_platform.feeds.resolved import ReadingRules

_SMALL_BYTES = 64 << 10


class Table(Protocol):
    """One table of a file.

    Attributes:
        header: the columns' names, each once; a column without a name, or whose name another has too, is named by its
            position, such as `(column 3)` and `Amount (column 3)`.
        sheet: the sheet's name; None for text.
        notes: what was read in a way that a person should know; complete after the last batch.
        doubts: why a person must decide whether the file may count, each with its fix.
        end: what was noticed about the lines of a text; complete after the last batch.
        displayed: what the formats of a sheet's numbers display, by column from 0; nothing of text.
        hidden_rows: the rows of a sheet that are hidden or filtered out; none of text.
        hidden_columns: the columns of a sheet that are hidden, from 0; none of text.
        merged: the merged cells of a sheet; none of text.
        sums: the formulas of a sheet that only add up cells of it; none of text.
    """

    header: list[str]
    sheet: str | None
    doubts: dict[str, str]
    end: FileEnd
    displayed: Mapping[int, Sequence[Displayed]]
    hidden_rows: Collection[int]
    hidden_columns: Collection[int]
    merged: MergedCells
    sums: FormulaSums

    @property
    def notes(self) -> Mapping[str, Note]:
        """The notes by message."""

    def batches(self) -> Generator[RawBatch, None, None]:
        """Yield every row after the header, blank ones included, in order.

        Raises:
            UnreadableDeliveryError: a row cannot be read; names its place.
        """

    def first_rows(self, count: int) -> list[tuple[int, list[str]]]:
        """Return number and cells of the first rows; rows above the header included."""

    def utf8_evidence(self) -> Utf8Evidence | None:
        """Return the first text that shows that the file is UTF-8 and not of the declared encoding."""


def _read_once(open_file: OpenFile) -> OpenFile:
    """Return what opens a file, of a small one from memory: to read a text, it is opened half a dozen times."""
    kept: list[bytes] = []
    is_large = False

    def open_kept() -> BinaryIO:
        nonlocal is_large
        if not kept:
            stream = open_file()
            if is_large:
                return stream
            start = stream.read(_SMALL_BYTES + 1)
            if len(start) > _SMALL_BYTES:
                is_large = True
                stream.seek(0)
                return stream
            stream.close()
            kept.append(start)
        return io.BytesIO(kept[0])

    return open_kept


def open_tables(open_file: OpenFile, object_key: str, rules: ReadingRules) -> Iterator[Table]:
    """Yield the tables of a file that a feed reads, one by one; each is dropped when the next is asked for.

    Args:
        open_file: opens the file.
        object_key: its name, whose ending says whether it is text, text packed by gzip, or a workbook.
        rules: the feed's rules.

    Raises:
        UnreadableDeliveryError: the file is empty, not of the format that its name says, or has no row for the header.
    """
    ending = file_ending(object_key)
    if ending in WORKBOOK_ENDINGS:
        # Imported here: most processes read text only.
        from finance_platform.feeds.files.workbook import open_workbook

        yield from open_workbook(open_file, rules)
        return
    open_bytes = _read_once(open_file)
    open_text = unpacked(open_bytes) if ending.endswith(PACKED_ENDING) else open_bytes
    dialect = find_dialect(open_text, rules) if rules.is_shipped else rules.dialect
    table = DelimitedFile(open_text, dialect)
    if dialect.encoding != rules.dialect.encoding:
        table.notes |= AS_WINDOWS
    yield table
