"""The likely cause of a file that fails as a whole: delimiter, header row, marks of amounts, date format, currency.

Belongs here: advice from a file's first rows. Does not belong here: advice from its bytes (see `file_format`), what is
refused or rejected (see `cells`, `ledger_lines`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date
from itertools import islice

import pyarrow.compute as pc

from finance_platform.errors import MissingColumnError, UnreadableDeliveryError
from finance_platform.feeds.cells import FieldSource, RawBatch, debit_and_credit_texts, describe_place, field_texts
from finance_platform.feeds.column_kinds import BLANK, DATE, NUMBER, column_kinds
from finance_platform.feeds.files.exchange_formats import find_exchange_format
from finance_platform.feeds.files.sheet_choice import HIDDEN_SHEETS
from finance_platform.feeds.files.tables import Table
from finance_platform.feeds.header import without_position
from finance_platform.feeds.limits import MAX_COLUMNS
from finance_platform.feeds.resolved import FieldRule, ReadingRules, line_cells, template_headers
from finance_platform.feeds.shape_rules import is_derived
from finance_platform.feeds.values.amounts import read_amount, stated_side
from finance_platform.feeds.values.codes import clean, closest_match, fold
from finance_platform.feeds.values.currencies import denoted_currencies
from finance_platform.feeds.values.dates import (
    EXCEL_SERIAL,
    likely_serial_day,
    names_two_years,
    parse_date,
    patterns_with_zones,
)
from finance_platform.feeds.violations import BLANK_ROW, quoted

_DELIMITERS = {",": "','", ";": "';'", "\t": '"\\t"', "|": "'|'"}
_SEARCHED_ROWS = 30
_SAMPLES = 100
_SHORT = 4
"""Characters of a text that is too short to be a name, such as a currency or `none`."""
_NOT_JANUARY = 7
"""A first month of fiscal years that lie in two calendar years."""
_MARKS = ((".", ","), (",", "."), (",", " "), (".", "'"), (",", "'"))
_DATE_FORMATS = (
    "yyyy-MM-dd", "dd.MM.yyyy", "d.M.yyyy", "dd/MM/yyyy", "MM/dd/yyyy", "d/M/yyyy", "M/d/yyyy", "dd-MM-yyyy",
    "dd-MMM-yyyy", "d MMM yyyy", "MMM d, yyyy", "yyyyMMdd", "yyyy/MM/dd", "yyyy-MM-ddTHH:mm:ss", "yyyy-MM-dd HH:mm:ss",
    "dd.MM.yy", "dd/MM/yy", "MM/dd/yy", "yyyy-MM", "yyyyMM", "MMM yyyy", "MM/yyyy",
    "yyyy-MM-ddTHH:mm:ss.S", "yyyy-MM-dd HH:mm:ss.S",
)  # fmt: skip


def explain_missing_column(error: MissingColumnError, table: Table, rules: ReadingRules) -> tuple[str, str]:
    """Return finding and fix of a header that lacks a column.

    The finding has what the file is, if it is no table; else the delimiter or the header row that would have the
    column, or the names that missing columns may have now: a name is given only if the cells below it can be read as
    the field.
    """
    try:
        rows = table.first_rows(_SEARCHED_ROWS)
        named = _name_candidates(error, table, rules)
    except UnreadableDeliveryError:
        return error.found, error.fix
    text = "".join(f"{rules.dialect.delimiter.join(row)}\n" for _, row in rows)
    exchanged = find_exchange_format(text) if table.sheet is None else None
    if exchanged:
        return exchanged.finding, exchanged.fix
    other = _find_other_header(error.plain or error.found, rows, table, rules)
    if other:
        return other
    explained = _explain_data_row([*map(without_position, table.header)], rules) or (named, error.fix)
    return _name_sheet(*explained, table, rules)


def _find_other_header(
    plain: str, rows: Sequence[tuple[int, list[str]]], table: Table, rules: ReadingRules
) -> tuple[str, str] | None:
    """Return finding and fix if another of the first rows, or another delimiter, has the columns; None if not."""
    for line, row in rows:
        if line != rules.dialect.header_row and _has_needed_columns(row, rules):
            header = ", ".join(map(clean, row))[:200]
            text = f"{plain}; {describe_place(table.sheet, line)} has it: {header}"
            return text, f"set dialect.header_row: {line} in the descriptor"
    for line, row in rows if table.sheet is None else ():
        for delimiter, written in _DELIMITERS.items():
            if delimiter == rules.dialect.delimiter:
                continue
            if len(row) + sum(cell.count(delimiter) for cell in row) > MAX_COLUMNS:
                continue
            names = [name for cell in row for name in cell.split(delimiter)]
            if _has_needed_columns(names, rules):
                fix = f"set dialect.delimiter: {written} in the descriptor"
                if line != rules.dialect.header_row:
                    fix = f"set dialect: {{delimiter: {written}, header_row: {line}}} in the descriptor"
                own = "tabs" if rules.dialect.delimiter == "\t" else repr(rules.dialect.delimiter)
                fix = f"{fix} if all files of the feed are like this; if not, send the file with {own} between cells"
                return f"{plain}; line {line} seems to be delimited by {delimiter!r}", fix
    return None


def _name_sheet(found: str, fix: str, table: Table, rules: ReadingRules) -> tuple[str, str]:
    """Return finding and fix with the sheet, if the feed reads others, and with those that are hidden and not read."""
    if table.sheet is None:
        return found, fix
    hidden = next((text for text in table.notes if text.startswith(HIDDEN_SHEETS)), "")
    if rules.sheets or hidden:
        found = f"sheet {table.sheet!r}: {found}"
        fix = f"{fix}; if this sheet does not belong to the feed, name those that do in sheet: in the descriptor"
    return (f"{found}; {hidden}" if hidden else found), fix


def _name_candidates(error: MissingColumnError, table: Table, rules: ReadingRules) -> str:
    """Return the finding with every field that lacks its column, and the column that each may have now."""
    if not error.field:
        return error.found
    kinds = column_kinds(rules, table.header, next(iter(table.batches()), None))
    fields = (name for rule in rules.fields.values() for name in _names(rule))
    used = {fold(name) for name in (*fields, *line_cells(rules))}
    free = {name: kind for name, kind in kinds.items() if fold(name) not in used}
    header = {fold(name) for name in table.header}
    text, others = error.plain, []
    for name, rule in rules.fields.items():
        if not rule.required or rule.name_pattern or any(map(is_derived, rule.sources)) or _has_columns(rule, header):
            continue
        candidate = _find_candidate(name, rule, free)
        free.pop(candidate or "", None)
        if name == error.field:
            text += f"; is it {candidate!r}?" if candidate else ""
        else:
            expected = " or ".join(map(repr, _names(rule)))
            others.append(f"{name} ({expected}{f', is it {candidate!r}?' if candidate else ''})")
    return f"{text}; it also lacks {', '.join(others)}" if others else text


def _find_candidate(name: str, rule: FieldRule, free: Mapping[str, str]) -> str | None:
    """Return the column whose cells can be read as a field and whose name is similar, or that is the only such one."""
    needed = {"date": DATE, "period": DATE, "amount": NUMBER}.get(name)
    readable = [column for column, kind in free.items() if needed is None or kind in {needed, BLANK}]
    for source in rule.sources:
        if similar := closest_match(source, readable):
            return similar
    certain = [column for column, kind in free.items() if kind == needed]
    return certain[0] if len(certain) == 1 else None


def _explain_data_row(header: Sequence[str], rules: ReadingRules) -> tuple[str, str] | None:
    """Return finding and fix of a header that looks like a row of data, whose cells are not quoted; None if not."""
    fields = rules.fields.values()
    needed = ", ".join(name for rule in fields if rule.required and not rule.name_pattern for name in _names(rule))
    known = {fold(name) for rule in fields for name in _names(rule)}
    if rules.dialect.names or known & {fold(name) for name in header}:
        return None
    declared = rules.dialect.delimiter
    for delimiter, written in {declared: "", **_DELIMITERS}.items():
        cells = header if delimiter == declared else declared.join(header).split(delimiter, MAX_COLUMNS)
        if len(cells) > MAX_COLUMNS or not _is_data(cells, rules):
            continue
        line = rules.dialect.header_row
        dialect = "header_row: 0" if delimiter == declared else f"delimiter: {written}, header_row: 0"
        found = f"line {line} looks like data and not like a header: it has a date and an amount, but no column"
        fix = f"if the file has no header, set dialect: {{{dialect}, names: [...]}} in the descriptor"
        return f"{found} {needed}", f"{fix}, with a name for each of the {len(cells)} columns, among them {needed}"
    return None


def _is_data(cells: Sequence[str], rules: ReadingRules) -> bool:
    """Return whether a row has a date and, in another cell, an amount."""
    rule = rules.fields.get("amount", FieldRule())
    marks = ((rule.decimal, rule.thousands), *_MARKS)
    formats = (*rules.fields.get("date", FieldRule()).formats, *_DATE_FORMATS)
    is_date = [parse_date(clean(cell), formats) is not None for cell in cells]
    is_amount = [any(read_amount(cell, *pair) for pair in marks) for cell in cells]
    return any(is_date) and any(is_amount) and sum(map(max, is_date, is_amount)) > 1


def _names(rule: FieldRule) -> list[str]:
    """Return the headers of a field's first source."""
    if rule.debit and rule.credit:
        return [rule.debit, rule.credit]
    return [name for name in template_headers(rule.sources[0]) if not is_derived(name)] if rule.sources else []


def explain_rejected_rows(
    rules: ReadingRules, sources: dict[str, FieldSource], batch: RawBatch, violated: Sequence[str | None]
) -> tuple[str, str]:
    """Return what all rows of a batch have in common, and the fix; two empty texts if there is nothing.

    Args:
        rules: the feed's rules.
        sources: the source of each field in the file.
        batch: the first rows of a file without a single accepted row, not all of them blank.
        violated: the rules that each row broke, comma-separated; null for rows that are skipped.
    """
    common = set.intersection(*(set(text.split(",")) for text in violated if text and text != BLANK_ROW))
    if "cell_too_long" in common:
        fix = "check dialect.delimiter and .quote in the descriptor; if they are right, shorten the cells at the source"
        return "every row has a cell that is longer than what is read", fix
    if "spreadsheet_error" in common:
        fix = (
            "open the workbook in a spreadsheet program, calculate it (in LibreOffice with Ctrl+Shift+F9, which it "
            "does not do by itself), correct formulas that give errors, and save it again"
        )
        return "every row has a cell with an error of the spreadsheet, or a formula that was never calculated", fix
    if "invalid_amount" in common:
        return _explain_amounts(_samples("amount", sources, batch), rules, sources["amount"].rule)
    if "foreign_currency" in common:
        return _explain_currency(sources, batch, rules.currency)
    year = rules.unpivot.year_column if rules.unpivot else None
    if year and "invalid_date" in common and not any(map(str.strip, _texts_below(year, batch))):
        fix = "fill it at the source, or correct unpivot.year in the descriptor"
        return f"the column {year!r}, which gives the year, is blank in every row", fix
    for name in ("date", "period"):
        if f"invalid_{name}" in common and name in sources:
            return _explain_dates(name, _samples(name, sources, batch), sources[name].rule)
    if "malformed_row" in common:
        return _explain_cells(batch)
    return "", ""


def _texts_below(header: str, batch: RawBatch) -> Iterator[str]:
    """Yield the texts of a column that the rules name."""
    for name in batch.columns:
        if fold(name) == fold(header):
            yield from (text or "" for text in pc.unique(batch.columns[name]).to_pylist())


def _explain_amounts(samples: Sequence[str], rules: ReadingRules, rule: FieldRule) -> tuple[str, str]:
    marks = f"decimal {rule.decimal!r} and " + (f"thousands {rule.thousands!r}" if rule.thousands else "no thousands")
    cause = f"no amount is valid under {marks}, such as {_shown(samples[0])}"
    if any(map(stated_side, samples)):
        return cause, _explain_sides(rules, rule)
    for decimal, thousands in _MARKS:
        if all(read_amount(text, decimal, thousands) for text in samples):
            fix = f"set columns.amount.decimal: {decimal!r} and columns.amount.thousands: {_yaml(thousands)}"
            read = f"{_shown(samples[0])} is {_plain(samples[0], decimal, thousands)}"
            return cause, f"{fix} in the descriptor, if {read}"
    return cause, "check columns.amount.from, .decimal and .thousands in the descriptor"


def _explain_sides(rules: ReadingRules, rule: FieldRule) -> str:
    """Return the fix of amounts that state their side."""
    if rule.debit:
        return (
            "exchange the headers of debit and credit in columns.amount.from, if the sides beside the amounts are "
            "right; if not, leave them out at the source"
        )
    if rule.sign_column:
        return "leave out sides such as CR at the source, because a column of the descriptor gives the sign"
    if not rules.has_sides:
        return "set sign: debit_positive in the descriptor, if the amounts are debit less credit"
    return "leave out the other sign at the source; a side beside an amount, such as CR, is its sign"


def _explain_cells(batch: RawBatch) -> tuple[str, str]:
    first = next(position for position, problem in enumerate(batch.problems.to_pylist()) if problem)
    text = f"every row has more cells than the header, such as {batch.place(first)}"
    return text, "check dialect.delimiter, .quote and .header_row in the descriptor"


def _explain_currency(sources: dict[str, FieldSource], batch: RawBatch, home: str) -> tuple[str, str]:
    name = "currency" if "currency" in sources else "amount"
    samples = _samples(name, sources, batch)
    rule = sources["amount"].rule
    denoted = [_denoted(text, rule) if name == "amount" else denoted_currencies(text) or set() for text in samples]
    # One sample may tell which currency the sign of another one denotes.
    common = set.intersection(*map(set, denoted)) or denoted[0]
    code = min(common) if len(common) == 1 else "the file's currency"
    candidates = f": {', '.join(sorted(common)[:-1])} or {max(common)}" if len(common) > 1 else ""
    fix = f"convert the amounts before the file is sent, or put it into a home with FINANCE_PLATFORM_CURRENCY={code}"
    return (
        f"every row is in another currency than the home's, {home}, such as {_shown(samples[0])}",
        fix + candidates,
    )


def _denoted(text: str, rule: FieldRule) -> set[str]:
    """Return the currencies that the marks of an amount may denote."""
    written = read_amount(text, rule.decimal, rule.thousands)
    return {code for mark in (written.marks if written else ()) for code in denoted_currencies(mark) or ()}


def _explain_dates(name: str, samples: Sequence[str], rule: FieldRule) -> tuple[str, str]:
    cause = f"no {name} has the declared form, such as {_shown(samples[0])}"
    of_two_years = [pattern for pattern in rule.formats if names_two_years(pattern)]
    if of_two_years and all(parse_date(clean(text), of_two_years, _NOT_JANUARY) for text in samples):
        cause = f"{_shown(samples[0])} is of a fiscal year that lies in two calendar years, and no year of the home is"
        start = "FINANCE_PLATFORM_FISCAL_YEAR_START_MONTH"
        return cause, f"set {start} in the home's .env, because fiscal years begin in January without it"
    # Of the forms that read all samples alike, such as dd/MM and d/M, the first is enough.
    fitting: dict[tuple[date, ...], str] = {}
    for pattern in _DATE_FORMATS:
        days = [parse_date(clean(text), (pattern,)) for text in samples]
        if None not in days:
            fitting.setdefault(tuple(day for day in days if day), pattern)
    if not fitting and (patterns := patterns_with_zones(samples)):
        formats = ", ".join(f'"{pattern}"' for pattern in patterns)
        return cause, (
            f"set columns.{name}.formats: [{formats}] in the descriptor, if the day counts as it is written: a zone is "
            "a word there, and moves no time"
        )
    if not fitting and all(likely_serial_day(clean(text)) for text in samples):
        return cause, (
            f"set columns.{name}.formats: [{EXCEL_SERIAL}] in the descriptor, which reads days as a spreadsheet counts "
            "them; or give the cells a format of days at the source"
        )
    if not fitting:
        return cause, f"set columns.{name}.formats in the descriptor to the form of {_shown(samples[0])}"
    first, *others = fitting.values()
    alternatives = f", or [{others[0]}] if that is how the sender writes days and months" if others else ""
    return cause, f"set columns.{name}.formats: [{first}] in the descriptor{alternatives}"


def _samples(name: str, sources: dict[str, FieldSource], batch: RawBatch) -> list[str]:
    """Return some texts of a field, none of them blank."""
    source = sources[name]
    if source.rule.debit is None:
        columns = [field_texts(source, batch).texts]
    else:
        columns = [side.texts for side in debit_and_credit_texts(source, batch)]
    texts = (text for column in columns for text in pc.unique(column).to_pylist() if text)
    return list(islice(texts, _SAMPLES)) or [""]


def _has_needed_columns(row: Sequence[str], rules: ReadingRules) -> bool:
    header = {fold(name) for name in row}
    for rule in rules.fields.values():
        if any(map(is_derived, rule.sources)):
            continue
        if rule.required and not rule.name_pattern and not _has_columns(rule, header):
            return False
    return all(fold(name) in header for name in line_cells(rules))


def _has_columns(rule: FieldRule, folded_header: Collection[str]) -> bool:
    """Return whether a header has the columns of a field, under one of their names."""
    alternatives = [[rule.debit, rule.credit]] if rule.debit and rule.credit else map(template_headers, rule.sources)
    return any(all(fold(name) in folded_header for name in names) for names in alternatives)


def _shown(text: str) -> str:
    """Return a sample for a message; of a text that is hardly a value, which may name a person, only the length."""
    figures = sum(character.isdigit() for character in text)
    if len(text) <= _SHORT or figures * 4 >= len(text.replace(" ", "")):
        return quoted(text)
    return f"a text of {len(text)} characters"


def _plain(text: str, decimal: str, thousands: str) -> str:
    written = read_amount(text, decimal, thousands)
    return str(written.value) if written else text


def _yaml(mark: str) -> str:
    return '"\'"' if mark == "'" else repr(mark)
