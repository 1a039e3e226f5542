"""The sample of a file that a draft is made from: its encoding, delimiter, header and first rows.

Belongs here: what bytes and rows show without knowing any field. Does not belong here: fields (see `fields`).
"""

from __future__ import annotations

import codecs
import csv
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from finance_platform.errors import UnreadableDeliveryError
from finance_platform.feeds.codes import clean, fold
from finance_platform.feeds.draft.values import is_amount, is_date, is_month
from finance_platform.feeds.file_format import OpenFile, find_other_format, marked_encoding, unmarked_encoding
from finance_platform.feeds.hidden_characters import clean_cell
from finance_platform.feeds.limits import MAX_COLUMNS, MAX_NAME_CHARACTERS, MAX_VALUE_CHARACTERS

_SAMPLE_BYTES = 1 << 20
_TAIL_BYTES = 1 << 16
_BLOCK_BYTES = 4 << 20
_MAX_ROWS = 2_000
_HEADER_ROWS = 30
_DELIMITERS = (",", ";", "\t", "|")
_MIN_SHARE = 0.5
"""Of the usual number of cells that a header has at least."""


@dataclass
class Sample:
    """A part of one table of a file.

    Attributes:
        rows: line and cells of the first rows and the last ones, those above the header included.
        header: the columns' names, cleaned; without a header, names by position.
        header_rows: the rows of the header; none if the file has none.
        encoding: of text; empty for a workbook.
        delimiter: of text.
        sheet: the sheet; None for text.
        remarks: what was guessed, for the person who decides.
    """

    rows: list[tuple[int, list[str]]]
    header: list[str] = field(default_factory=list)
    header_rows: tuple[int, ...] = ()
    encoding: str = ""
    delimiter: str = ","
    sheet: str | None = None
    remarks: list[str] = field(default_factory=list)

    @property
    def data(self) -> list[tuple[int, list[str]]]:
        """The rows below the header that are not blank."""
        last = self.header_rows[-1] if self.header_rows else 0
        return [(line, cells) for line, cells in self.rows if line > last and any(cell.strip() for cell in cells)]

    def column(self, position: int) -> list[str]:
        """Return the texts of a column below the header, cleaned; blank ones included."""
        return [clean(clean_cell(cells[position])[0]) if position < len(cells) else "" for _, cells in self.data]


def sample_text(open_file: OpenFile) -> Sample:
    """Return the sample of a delimited file.

    Raises:
        UnreadableDeliveryError: the file is empty, not text, or has no row with two cells.
    """
    with open_file() as stream:
        start = stream.read(_SAMPLE_BYTES)
        size = stream.seek(0, io.SEEK_END)
        stream.seek(max(len(start), size - _TAIL_BYTES))
        tail = stream.read(_TAIL_BYTES)
    if not start.strip():
        raise UnreadableDeliveryError("the file is empty", fix="send it again, or draft from a file with rows")
    other = find_other_format(start)
    if other:
        raise UnreadableDeliveryError(f"the file is {other[0]}, not delimited text", fix=other[1])
    encoding, remarks = _find_encoding(open_file, start)
    text = _decode(start, encoding, is_whole=len(start) == size)
    rows_by_delimiter = {delimiter: _cut(text, delimiter) for delimiter in _DELIMITERS}
    delimiter = max(_DELIMITERS, key=lambda mark: _regularity(rows_by_delimiter[mark]))
    rows = rows_by_delimiter[delimiter]
    if not any(len(cells) > 1 for _, cells in rows):
        raise UnreadableDeliveryError(
            "no row has two cells that are separated by ',', ';', '|' or a tab", fix="export the file as CSV"
        )
    if tail:
        rows = [*rows, *_last_rows(_decode(tail, encoding, is_whole=True), delimiter, rows[-1][0])]
    sample = Sample(rows, encoding=encoding, delimiter=delimiter, remarks=remarks)
    find_header(sample)
    return sample


def _find_encoding(open_file: OpenFile, start: bytes) -> tuple[str, list[str]]:
    marked = marked_encoding(start)
    if marked:
        return marked.removesuffix("-sig"), []
    unmarked = unmarked_encoding(start)
    if unmarked:
        return unmarked, []
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with open_file() as stream:
            while block := stream.read(_BLOCK_BYTES):
                decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        around = error.object[max(0, error.start - 12) : error.start + 12].decode("cp1252", "replace")
        shown = " ".join(around.split())
        return "cp1252", [f"The file is not UTF-8. In cp1252, as Excel on Windows writes, a part of it is {shown!r}."]
    return "utf-8", []


def _decode(data: bytes, encoding: str, *, is_whole: bool) -> str:
    decoder = codecs.getincrementaldecoder("utf-8-sig" if encoding == "utf-8" else encoding)(errors="replace")
    text = decoder.decode(data)
    # The last line may be cut.
    return text if is_whole else text[: max(text.rfind("\n"), text.rfind("\r")) + 1] or text


def _cut(text: str, delimiter: str) -> list[tuple[int, list[str]]]:
    """Return line and cells of the first rows; a row that cannot be cut ends the sample."""
    csv.field_size_limit(1 << 24)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True)
    rows: list[tuple[int, list[str]]] = []
    line = 0
    try:
        for cells in reader:
            rows.append((line + 1, [cell[:MAX_NAME_CHARACTERS] for cell in cells[:MAX_COLUMNS]]))
            line = reader.line_num
            if len(rows) == _MAX_ROWS:
                break
    except csv.Error:
        pass  # the rows so far are the sample; `feed check` names the row
    return rows


def _last_rows(text: str, delimiter: str, line: int) -> list[tuple[int, list[str]]]:
    """Return the rows at the end of a file, without the first, which may be cut; their lines are not known."""
    rows = _cut(text, delimiter)[1:]
    return [(line + 1 + position, cells) for position, (_, cells) in enumerate(rows)]


def _regularity(rows: Sequence[tuple[int, list[str]]]) -> tuple[float, int]:
    """Return how regular rows are: the share with the usual number of cells, and that number."""
    widths = Counter(len(cells) for _, cells in rows if any(cell.strip() for cell in cells))
    several = {width: count for width, count in widths.items() if width > 1}
    if not several:
        return 0.0, 0
    width, count = max(several.items(), key=lambda item: item[1])
    return round(count / widths.total(), 1), width


def find_header(sample: Sample) -> None:
    """Enter the header of a sample into it."""
    rows = [(line, cells) for line, cells in sample.rows if any(cell.strip() for cell in cells)]
    filled = Counter(sum(bool(cell.strip()) for cell in cells) for _, cells in rows)
    usual = max(filled, key=lambda width: (filled[width], width), default=1)
    for position, (line, cells) in enumerate(rows[:_HEADER_ROWS]):
        if _is_header(cells, usual) and _has_data_below(rows[position + 1 : position + 4]):
            second = rows[position + 1] if position + 1 < len(rows) else None
            if second and _is_second_line(cells, second[1], usual) and _has_data_below(rows[position + 2 :][:3]):
                sample.header_rows = (line, second[0])
                sample.header = _names(_joined(cells, second[1]))
            else:
                sample.header_rows, sample.header = (line,), _names(cells)
            return
    width = max((len(cells) for _, cells in rows), default=1)
    sample.header = [f"column {number}" for number in range(1, width + 1)]


def _is_header(cells: Sequence[str], usual: int) -> bool:
    texts = [cell.strip() for cell in cells if cell.strip()]
    if len(texts) < 2 or len(texts) < usual * _MIN_SHARE:
        return False
    values = [text for text in texts if (is_amount(text) or is_date(text)) and not is_month(text)]
    is_named = [text for text in texts if any(character.isalpha() for character in text)]
    return len(values) <= len(texts) // 4 and len(is_named) * 2 >= len(texts)


def _has_data_below(rows: Sequence[tuple[int, list[str]]]) -> bool:
    """Return whether one of the rows has a value, or there is none: a file may have only a header."""
    return not rows or any(is_amount(cell) or is_date(cell) for _, cells in rows for cell in cells if cell.strip())


def _is_second_line(first: Sequence[str], second: Sequence[str], usual: int) -> bool:
    """Return whether a row continues a header: the row above it repeats itself or has gaps, and it has names."""
    if not _is_header(second, usual):
        return False
    texts = [fold(cell) for cell in first]
    named = [text for text in texts if text]
    return len(set(named)) < len(named) or len(named) < usual


def _joined(first: Sequence[str], second: Sequence[str]) -> list[str]:
    width = max(len(first), len(second))
    upper, lower = ([*cells, *[""] * (width - len(cells))] for cells in (first, second))
    return [
        " ".join(part for part in (above.strip(), below.strip()) if part)
        for above, below in zip(upper, lower, strict=True)
    ]


def _names(cells: Sequence[str]) -> list[str]:
    names = [clean(clean_cell(cell)[0])[:MAX_VALUE_CHARACTERS] for cell in cells]
    while names and not names[-1]:
        names.pop()  # blank trailing cells are no columns
    return names
