"""The sample of a file that a draft is made from: its encoding, delimiter, header and first rows.

Belongs here: what bytes and rows show without knowing any field. Does not belong here: fields (see `columns`).
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from finance_platform.errors import UnreadableDeliveryError
from finance_platform.feeds.draft.code_levels import find_code_levels
from finance_platform.feeds.draft.crossed_headers import texts_over
from finance_platform.feeds.draft.encodings import find_encoding
from finance_platform.feeds.draft.label_rows import LabelRows, find_label_rows
from finance_platform.feeds.draft.nested_sums import find_nested_sums
from finance_platform.feeds.draft.other_rows import OtherRow, find_other_rows, has_balance_text, is_row_of_amounts
from finance_platform.feeds.draft.page_headings import PageHeadings, find_page_headings, is_labelled_heading
from finance_platform.feeds.draft.period_columns import (
    find_period_columns,
    is_period,
    names_scenarios,
    periods_over,
    scenarios_over,
    years_over,
)
from finance_platform.feeds.draft.statement_rows import find_statement_rows
from finance_platform.feeds.draft.statement_sums import find_statement_sums
from finance_platform.feeds.draft.total_rows import (
    TotalRow,
    find_totals,
    find_unnamed_levels,
    grand_total,
    is_named_total,
    subtotals_tie,
)
from finance_platform.feeds.draft.values import clean_text, is_amount, is_date
from finance_platform.feeds.file_names import PACKED_ENDING, WORKBOOK_ENDINGS, file_ending
from finance_platform.feeds.files.exchange_formats import find_exchange_format
from finance_platform.feeds.files.file_format import OpenFile, byte_order_mark, find_other_format
from finance_platform.feeds.files.packed_text import unpacked
from finance_platform.feeds.files.tables import open_tables
from finance_platform.feeds.files.workbook_shared import MergedCells
from finance_platform.feeds.header import header_names, join_rows
from finance_platform.feeds.limits import MAX_COLUMNS, MAX_NAME_CHARACTERS
from finance_platform.feeds.resolved import Dialect, ReadingRules
from finance_platform.feeds.values.codes import fold
from finance_platform.feeds.values.header_words import WORDS, rank

_SAMPLE_BYTES = 1 << 20
_TAIL_BYTES = 1 << 16
_WIDEST_BYTES = 4
"""Of a character in an encoding whose characters all have as many."""

_MAX_ROWS = 2_000
_LAST_ROWS = 100
_HEADER_ROWS = 30
_MAX_LABELS = 12
"""Rows below a header that may be labels, such as headings of several levels above the first account."""
_DELIMITERS = (",", ";", "\t", "|")
_EVERY_SHEET = ReadingRules(
    kind="ledger",
    dialect=Dialect(header_row=0, names=("",)),
    fields={},
    constants={},
    scenarios={},
    key=(),
    scope=(),
    is_debit_positive=False,
    currency="",
    earliest_date="",
    latest_date="",
    sheets=("*",),
)
"""Rules by which every visible sheet is read, with its rows from the first on."""

_CONTROLS = [chr(code) for code in range(32) if chr(code) not in "\t\n\r\x1a"]
_MAX_CONTROLS, _FEW_CONTROLS = 0.01, 20
"""Share and number of control characters from which bytes are no text."""

_GAP = re.compile(r"\S {3,}\S")
_VALUES_OF_PIVOT = re.compile(r"(?i)(?:sum of|summe von|somme de|suma de|soma de|somma di|som van) .+")
"""What a pivot table says above its header, beside the names of the fields that are across."""

_YEAR = re.compile("(?:19|20)[0-9]{2}")
_SIDES = ("debit", "credit")
_LEAST_NAMED, _TWO = 2, 2
"""Names of fields in a row that may be a header with codes among them, each once."""

_MUCH_WIDER = 2
"""Times the usual number of cells from which rows are of another kind: lines below headings with a name and a code."""

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
        sheets: the sheets of the workbook to read, all with the same header; empty for its only one.
        other_periods: those in the headers of other sheets, which are else the same.
        totals: the rows that print a total, by line.
        other_rows: the rows that are neither data nor a total, by line.
        labels: the rows that are labels of the lines below them; None if there are none.
        months: the month over each column, or the year over each month, by position, where the row above the header
            has nothing else.
        groups: the text over each of several debits and credits, by position; none for another header.
        scenarios: the scenario over each column, by position, where the row above the header has nothing else.
        crossed: the texts over each column and its own, by position, where columns below several texts share names.
        merged: the merged cells of the sheet; none of text.
        headings: what is above each repetition of the header; None if nothing is that a field needs.
        remarks: what was guessed, for the person who decides.
    """

    rows: list[tuple[int, list[str]]]
    header: list[str] = field(default_factory=list)
    header_rows: tuple[int, ...] = ()
    encoding: str = ""
    delimiter: str = ","
    sheet: str | None = None
    sheets: tuple[str, ...] = ()
    other_periods: tuple[str, ...] = ()
    totals: Mapping[int, TotalRow] = field(default_factory=dict)
    other_rows: Mapping[int, OtherRow] = field(default_factory=dict)
    labels: LabelRows | None = None
    months: Mapping[int, str] = field(default_factory=dict)
    groups: Mapping[int, str] = field(default_factory=dict)
    scenarios: Mapping[int, str] = field(default_factory=dict)
    crossed: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    merged: MergedCells = field(default_factory=list)
    headings: PageHeadings | None = None
    remarks: list[str] = field(default_factory=list)

    @property
    def data(self) -> list[tuple[int, list[str]]]:
        """The rows below the header that are neither blank nor a total, nor another row that is not data."""
        labels = self.labels.lines if self.labels else ()
        return [(line, cells) for line, cells in self._rows_and_labels if line not in labels]

    @property
    def _rows_and_labels(self) -> list[tuple[int, list[str]]]:
        last = self.header_rows[-1] if self.header_rows else 0
        return [
            (line, cells)
            for line, cells in self.rows
            if line > last and line not in self.totals and line not in self.other_rows
            if not (self.headings and line in self.headings.lines)
            if any(cell.strip() for cell in cells)
        ]

    @property
    def above(self) -> list[str]:
        """The texts above the header, such as titles."""
        first = self.header_rows[0] if self.header_rows else 0
        return [cell.strip() for line, cells in self.rows if line < first for cell in cells if cell.strip()]

    @property
    def units(self) -> list[str]:
        """The texts of the row below the header that is no data, such as units, and of columns that have one alone."""
        last = self.header_rows[-1] if self.header_rows else 0
        below = next((cells for line, cells in self.rows if line > last and line in self.other_rows), [])
        texts = [set(filter(None, self.column(place))) for place in range(len(self.header))]
        return [*filter(None, map(str.strip, below)), *(one for found in texts if len(found) == 1 for one in found)]

    def column(self, position: int) -> list[str]:
        """Return the texts of a column below the header, cleaned; blank ones included, labels in their place."""
        if self.labels and self.labels.places == (position,) and not self.labels.is_beside_dates:
            return self.label_texts()
        return [clean_text(cells[position]) if position < len(cells) else "" for _, cells in self.data]

    def label_texts(self) -> list[str]:
        """Return the label above each line, cleaned; none without labels."""
        texts: list[str] = []
        label = ""
        for line, cells in self._rows_and_labels if self.labels else ():
            if self.labels and line in self.labels.lines:
                label = clean_text(self.labels.text(cells))
            else:
                texts.append(label)
        return texts

    def total_cells(self, position: int) -> list[str]:
        """Return the texts of a column in the rows that print a total, cleaned, without blank ones."""
        cells = (row[position] for line, row in self.rows if line in self.totals and position < len(row))
        return [text for cell in cells if (text := clean_text(cell))]


def sample_file(open_file: OpenFile, object_key: str) -> Sample:
    """Return the sample of a file: of a workbook, that of the sheet that looks most like a table.

    Raises:
        UnreadableDeliveryError: the file is empty, damaged, not of a format that is read, or has no table.
    """
    ending = file_ending(object_key)
    if ending in WORKBOOK_ENDINGS:
        return _sample_workbook(open_file, object_key)
    return _sample_text(unpacked(open_file) if ending.endswith(PACKED_ENDING) else open_file)


def _sample_workbook(open_file: OpenFile, object_key: str) -> Sample:
    samples: dict[str, Sample] = {}
    for table in open_tables(open_file, object_key, _EVERY_SHEET):
        sample = Sample(table.first_rows(_MAX_ROWS), sheet=table.sheet, merged=table.merged)
        find_header(sample)
        samples[table.sheet or ""] = sample
    likely = [name for name, sample in samples.items() if sample.header_rows and sample.data]
    if not likely:
        names = ", ".join(map(repr, samples))
        raise UnreadableDeliveryError(
            f"no sheet looks like a table: {names}", fix="write the descriptor by hand; docs/feeds.md lists the keys"
        )
    sample = samples[max(likely, key=lambda name: len(samples[name].data))]
    same = [name for name in likely if _same_header(samples[name], sample)]
    sample.sheets = tuple(same) if len(samples) > 1 else ()
    others_of = [samples[name].header for name in same if _have_other_periods(samples[name], sample)]
    sample.other_periods = tuple(dict.fromkeys(name for header in others_of for name in header if is_period(name)))
    others = [name for name in samples if name not in same]
    if others:
        sample.remarks.append(f"decide: other sheets are not read: {', '.join(map(repr, others))}")
    if len(same) > 1:
        sample.remarks.append("decide: these sheets have the same header, so each of them is read as data.")
    return sample


def _same_header(first: Sample, second: Sample) -> bool:
    names = [[fold(name) for name in sample.header] for sample in (first, second)]
    is_same = names[0] == names[1] or _have_other_periods(first, second)
    return is_same and first.header_rows == second.header_rows


def _have_other_periods(first: Sample, second: Sample) -> bool:
    """Return whether headers are the same but for their periods, of which they share none: a sheet for each quarter."""
    headers = first.header, second.header
    others = [[fold(name) for name in header if not is_period(name)] for header in headers]
    periods = [{fold(name) for name in header if is_period(name)} for header in headers]
    return others[0] == others[1] and all(periods) and periods[0].isdisjoint(periods[1])


def _sample_text(open_file: OpenFile) -> Sample:
    """Return the sample of a delimited file.

    Raises:
        UnreadableDeliveryError: the file is empty, not text, or has no row with two cells.
    """
    with open_file() as stream:
        start = stream.read(_SAMPLE_BYTES)
        tail, is_whole = b"", len(start) < _SAMPLE_BYTES
        if not is_whole and stream.seekable():
            end = stream.seek(0, io.SEEK_END)
            stream.seek(max(len(start), (end - _TAIL_BYTES) // _WIDEST_BYTES * _WIDEST_BYTES))
            tail = byte_order_mark(start) + stream.read()
    if not start.strip():
        raise UnreadableDeliveryError("the file is empty", fix="send it again, or draft from a file with rows")
    other = find_other_format(start)
    if other:
        raise UnreadableDeliveryError(f"the file is {other[0]}, not delimited text", fix=other[1])
    encoding, remarks = find_encoding(open_file, start)
    text = _decode(start, encoding, is_whole=is_whole)
    if sum(text.count(character) for character in _CONTROLS) > max(_FEW_CONTROLS, len(text) * _MAX_CONTROLS):
        raise UnreadableDeliveryError("the file is not text", fix="export the data from the source system as CSV")
    exchanged = find_exchange_format(text)
    if exchanged:
        raise UnreadableDeliveryError(exchanged.finding, fix=exchanged.fix)
    rows_by_delimiter = {delimiter: _cut(text, delimiter, _MAX_ROWS) for delimiter in _DELIMITERS}
    delimiter = max(_DELIMITERS, key=lambda mark: _regularity(rows_by_delimiter[mark]))
    rows = rows_by_delimiter[delimiter]
    if len(rows) == _MAX_ROWS and is_whole:
        rows = _first_and_last(_cut(text, delimiter, None))
    if not any(len(cells) > 1 for _, cells in rows):
        raise UnreadableDeliveryError(
            "no row has two cells that are separated by ',', ';', '|' or a tab", fix="export the file as CSV"
        )
    if tail:
        rows = [*rows, *_last_rows(_decode(tail, encoding, is_whole=True), delimiter, rows[-1][0])]
    sample = Sample(rows, encoding=encoding, delimiter=delimiter, remarks=remarks)
    find_header(sample)
    if not sample.header_rows and _are_aligned(text):
        raise UnreadableDeliveryError(
            "its columns are aligned with blanks, as a report is printed, and no character separates them",
            fix="export it as CSV or as a workbook; in SAP: List, Export, Spreadsheet",
        )
    return sample


def _are_aligned(text: str) -> bool:
    """Return whether most lines have texts with several blanks between them, as on a printed page."""
    lines = [line for line in text.splitlines()[:_MAX_ROWS] if line.strip()]
    return sum(_GAP.search(line) is not None for line in lines) > len(lines) * _MIN_SHARE


def _decode(data: bytes, encoding: str, *, is_whole: bool) -> str:
    decoder = codecs.getincrementaldecoder("utf-8-sig" if encoding == "utf-8" else encoding)(errors="replace")
    text = decoder.decode(data)
    # The last line may be cut.
    return text if is_whole else text[: max(text.rfind("\n"), text.rfind("\r")) + 1] or text


def _cut(text: str, delimiter: str, limit: int | None) -> list[tuple[int, list[str]]]:
    """Return line and cells of the first rows, by default of all; a row that cannot be cut ends the sample."""
    csv.field_size_limit(1 << 24)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True)
    rows: list[tuple[int, list[str]]] = []
    line = 0
    try:
        for cells in reader:
            rows.append((line + 1, [cell[:MAX_NAME_CHARACTERS] for cell in cells[: MAX_COLUMNS + 1]]))
            line = reader.line_num
            if len(rows) == limit:
                break
    except csv.Error:
        pass  # the rows so far are the sample; `feed check` names the row
    return rows


def _last_rows(text: str, delimiter: str, line: int) -> list[tuple[int, list[str]]]:
    """Return the rows at the end of a file, without the first, which may be cut; their lines are not known."""
    rows = _cut(text, delimiter, None)[1:][-_MAX_ROWS:]
    return [(line + 1 + position, cells) for position, (_, cells) in enumerate(rows)]


def _first_and_last(rows: list[tuple[int, list[str]]]) -> list[tuple[int, list[str]]]:
    """Return the first rows and the last ones, which may be totals."""
    return [*rows[: _MAX_ROWS - _LAST_ROWS], *rows[-_LAST_ROWS:]]


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
    usual = _usual_width([cells for _, cells in rows])
    # A list of texts alone, such as departments with their names, has no values that show where its data begins.
    is_of_texts = len(rows) > 1 and not _has_data_below(rows)
    for position, (line, cells) in enumerate(rows[:_HEADER_ROWS]):
        if _is_header(cells, usual) and (is_of_texts or _has_data_below(_without_labels(rows[position + 1 :]))):
            second = rows[position + 1] if position + 1 < len(rows) else None
            if second and _is_second_line(cells, second[1], usual) and _has_data_below(rows[position + 2 :][:3]):
                third = rows[position + 2] if position + 2 < len(rows) else None
                upper = [cells, second[1]]
                if third and _is_second_line(second[1], third[1], usual) and _has_data_below(rows[position + 3 :][:3]):
                    upper.append(third[1])
                lines = [number for number, _ in rows[position : position + len(upper)]]
                sample.header_rows = tuple(lines)
                sample.groups = _groups_over(upper[-2], upper[-1])
                sample.crossed = texts_over(upper[-2:-1], upper[-1])
                # A name of one column, above no other name, says nothing about the columns behind it.
                over = [cell if name.strip() else "" for cell, name in zip(upper[-2], upper[-1], strict=False)]
                sample.scenarios = scenarios_over(over, len(upper[-1]))
                sample.months = periods_over(upper[-2], len(upper[-1])) if names_scenarios(upper[-1]) else {}
                sample.months = sample.months or years_over(over, upper[-1])
                merged = [_spread_merged(one, number, sample.merged) for one, number in zip(upper, lines, strict=True)]
                sample.header = _names(*merged[:-1], upper[-1])
            else:
                above = rows[position - 1][1] if position and rows[position - 1][0] == line - 1 else []
                sample.scenarios = scenarios_over(above, len(cells))
                # The reader has the scenario in the name of its column, so a file of another month is not read alike.
                sample.months = periods_over(above, len(cells)) if names_scenarios(cells) else years_over(above, cells)
                sample.groups = _groups_over(above, cells)
                sample.crossed = texts_over([above], cells)
                is_over = sample.scenarios or sample.months or sample.groups or sample.crossed
                upper = [_spread_merged(above, line - 1, sample.merged)] if is_over else []
                sample.header_rows = (line - 1, line) if upper else (line,)
                sample.header = _names(*upper, cells)
            last = sample.header_rows[-1]
            _take_three_lines(sample, [row for row in rows[:_HEADER_ROWS] if last - _TWO <= row[0] <= last])
            sample.totals = find_totals(sample.header, sample.data, usual)
            rows_below = [(line, cells) for line, cells in sample.data if not is_labelled_heading(cells)]
            sample.other_rows = find_other_rows(sample.header, rows_below)
            of_statement = find_statement_rows(sample.header, sample.data)
            of_statement = of_statement or find_statement_sums(sample.header, sample.data)
            of_statement = of_statement or find_code_levels(sample.header, sample.data)
            if not (of_statement or sample.totals):
                of_statement = find_nested_sums(sample.header, sample.data)
            sample.other_rows = {**sample.other_rows, **of_statement}
            if not sample.totals and (levels := find_unnamed_levels(sample.header, sample.data)):
                row = OtherRow(levels[0][0], "^$", has_money=True, lacks=next(iter(levels[0][1:]), ""))
                sample.other_rows = {**sample.other_rows, **dict.fromkeys(levels[1], row)}
            sample.headings = _find_headings(sample)
            _release_levels(sample)
            totals = [(line, cells) for line, cells in sample.rows if line in sample.totals]
            sample.labels = find_label_rows(sample.header, sample.data, totals)
            return
    width = max((len(cells) for _, cells in rows), default=1)
    sample.header = [f"column {number}" for number in range(1, width + 1)]


def _take_three_lines(sample: Sample, rows: Sequence[tuple[int, list[str]]]) -> None:
    """Take three lines for the header if the first one says what the second one does not about columns of one name.

    Args:
        sample: with its header.
        rows: the last line of the header and those directly above it.
    """
    if len(rows) <= _TWO:
        return
    *upper, cells = [cells for _, cells in rows]
    has_years = all(_YEAR.fullmatch(text) for text in map(str.strip, upper[0]) if text)
    crossed = texts_over(upper, cells) if has_years or not sample.crossed else {}
    if crossed:
        sample.crossed, sample.scenarios, sample.groups = crossed, {}, {}
        sample.months = {place: texts[0] for place, texts in crossed.items()} if has_years else {}
        sample.header_rows = tuple(line for line, _ in rows)
        sample.header = _names(*(_spread_merged(one, line, sample.merged) for line, one in rows[:-1]), cells)


def _usual_width(rows: Sequence[Sequence[str]]) -> int:
    """Return the usual number of cells that are not blank in a line.

    Titles have one, and totals and balances are fewer than lines but in a report that has a few lines of each account.
    Headings of pages, with a name and a code, may be more; the cells of lines, which are much wider, are more than
    those of them.
    """
    counts = [
        count
        for cells in rows
        if (count := sum(map(bool, map(str.strip, cells)))) > 1
        and not (is_named_total(cells) or has_balance_text(cells))
    ]
    filled = Counter(counts or [sum(map(bool, map(str.strip, cells))) for cells in rows])
    usual = max(filled, key=lambda width: (filled[width], width), default=1)
    wider = [width for width in filled if width >= _MUCH_WIDER * usual and filled[width] > 1]
    cells_of_wider = sum(filled[width] * width for width in wider)
    return max(wider, key=lambda width: (filled[width], width)) if cells_of_wider > filled[usual] * usual else usual


def _find_headings(sample: Sample) -> PageHeadings | None:
    """Return the headings above each repetition of a header of one row."""
    if len(sample.header_rows) != 1:
        return None
    names = [fold(name) for name in sample.header]
    repeated = [
        line
        for line, cells in sample.rows
        if line in sample.other_rows and [fold(text) for text in _names(cells)] == names
    ]
    others = {*sample.totals, *sample.other_rows}
    return find_page_headings(sample.header, sample.rows, [*sample.header_rows, *repeated], others)


def _release_levels(sample: Sample) -> None:
    """Take totals of several levels, each below its heading, for rows that add up others, of which none ties alone."""
    totals, others = sample.totals, sample.other_rows
    if not totals:
        return
    sample.totals, sample.other_rows = {}, {line: row for line, row in others.items() if not row.has_money}
    levels = find_statement_rows(sample.header, sample.data)
    sample.other_rows = others
    claimed = {(row.column, row.pattern) for line, row in levels.items() if line in totals}
    # The rule of one total would claim another one too, which lacks no cell, as a month without an amount.
    has_others = any((row.column, row.pattern) in claimed for line, row in levels.items() if line not in totals)
    if has_others or not subtotals_tie(sample.header, sample.data, totals):
        last = grand_total(sample.rows, totals)
        if totals.keys() - last <= levels.keys():
            if last:
                levels = {
                    line: replace(row, pattern=f"{row.pattern}.") if row.pattern.endswith(r"\b") else row
                    for line, row in levels.items()
                }
                sample.totals = {line: replace(totals[line], is_subtotal=False) for line in last}
            sample.other_rows = {**sample.other_rows, **levels}
            return
    nested = find_nested_sums(sample.header, sample.data)
    # Sums above their lines are no totals of those above them.
    if nested.keys() == totals.keys() and min(nested) == sample.data[0][0]:
        above = {line: OtherRow(row.column, row.pattern, has_money=True) for line, row in totals.items()}
        sample.other_rows = {**others, **above}
        return
    sample.totals = totals


def _groups_over(above: Sequence[str], cells: Sequence[str]) -> dict[int, str]:
    """Return the text over each of several debits and credits, by position; none if one of them lacks it."""
    places = [place for place, cell in enumerate(cells) if any(rank(side, cell) is not None for side in _SIDES)]
    texts = {place: cell.strip() for place, cell in enumerate(above[: len(cells)]) if cell.strip()}
    if len(places) <= len(_SIDES) or len(texts) < len(_SIDES) or min(texts) not in places:
        return {}
    over: dict[int, str] = {}
    for place in range(min(texts), len(cells)):
        over[place] = texts.get(place) or over[place - 1]
    return over


def _spread_merged(cells: Sequence[str], row: int, merged: MergedCells) -> list[str]:
    """Return the texts of an upper line of the header, as the reader has them: of a merged cell in all its columns."""
    texts = list(cells)
    for (first_row, first), (last_row, last) in merged:
        if first_row < row <= last_row + 1 and first < len(texts):
            texts += [""] * (last + 1 - len(texts))
            texts[first : last + 1] = [texts[first]] * (last + 1 - first)
    return texts


def _is_header(cells: Sequence[str], usual: int) -> bool:
    texts = [cell.strip() for cell in cells if cell.strip()]
    if len(texts) < 2 or len(texts) < usual * _MIN_SHARE:
        return _is_over_amounts(cells, usual)
    if is_labelled_heading(cells) or _is_above_pivot(texts):
        return False
    series = find_period_columns(texts, are_alone=False)
    periods = {*filter(is_period, texts), *(series.headers if series else ())}
    names = {*periods, *_codes_among(texts)}
    values = [text for text in texts if (is_amount(text) or is_date(text)) and text not in names]
    is_named = [text for text in texts if any(character.isalpha() for character in text) or text in names]
    return len(values) <= len(texts) // 4 and len(is_named) * 2 >= len(texts)


def _is_over_amounts(cells: Sequence[str], usual: int) -> bool:
    """Return whether a row names the only amount of a statement, behind its accounts, which have no name."""
    texts = [cell.strip() for cell in cells]
    is_one = usual == _LEAST_NAMED and len(texts) >= _LEAST_NAMED and sum(map(bool, texts)) == 1
    return is_one and bool(texts[1]) and (rank("amount", texts[1]) is not None or is_period(texts[1]))


def _is_above_pivot(texts: Sequence[str]) -> bool:
    """Return whether a row has the values of a pivot table and names of fields, and no field of an amount beside it."""
    return _VALUES_OF_PIVOT.fullmatch(texts[0]) is not None and not any(
        rank("amount", text) is not None for text in texts
    )


def _codes_among(texts: Sequence[str]) -> set[str]:
    """Return the codes that a header has beside names of fields, such as those of departments."""
    named = [text for text in texts if any(rank(field, text) is not None for field in WORDS)]
    counts = Counter(text for text in texts if text.isdigit() and len(text) > 1)
    is_equally_often = len(set(counts.values())) == 1 and counts.total() == sum(map(str.isdigit, texts))
    # Below several texts, such as months, each of several codes is there again.
    is_repeated = len(counts) > 1 and counts.total() > len(counts)
    is_of_codes = is_equally_often and len(set(map(len, counts))) == 1
    return set(counts) if is_of_codes and len(named) >= (1 if is_repeated else _LEAST_NAMED) else set()


def _without_labels(rows: Sequence[tuple[int, list[str]]]) -> list[tuple[int, list[str]]]:
    """Return the first rows below a header: up to three, without those at the beginning that are labels or names."""

    def is_label(cells: Sequence[str]) -> bool:
        return sum(map(bool, map(str.strip, cells))) <= 1 or is_row_of_amounts(cells)

    place = next((place for place, (_, cells) in enumerate(rows[:_MAX_LABELS]) if not is_label(cells)), 0)
    return list(rows[place : place + 3])


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


def _names(*rows: Sequence[str]) -> list[str]:
    """Return the columns' names as the reader gives them; blank trailing cells are no columns."""
    joined = join_rows([list(cells) for cells in rows]) if len(rows) > 1 else list(rows[0])
    while joined and not clean_text(joined[-1]):
        joined.pop()
    if len(joined) > MAX_COLUMNS:
        raise UnreadableDeliveryError(
            f"the header has more than {MAX_COLUMNS:,} columns; no feed reads such a file",
            fix="send only the columns that are needed",
        )
    return header_names("the header", joined)
