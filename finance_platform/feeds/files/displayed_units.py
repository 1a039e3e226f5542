"""What the formats of a sheet say about its amounts, and the doubts if a descriptor reads them otherwise.

Belongs here: the cells of a column by what is displayed, doubts and notes. Does not belong here: what a format displays
(see `number_formats`), finding the cells (see `xlsx_formats`, `xls_records`, `ods_formats`), codes (see
`displayed_codes`), units in headers (see `stated_units`).

A spreadsheet shows 100.00 EUR for the number 100 with a format, and some systems export debits and credits so, each as
a positive number whose format ends with Dr or Cr. The value of the cell lacks what its format says.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from finance_platform.feeds.cells import FieldSource, describe_place
from finance_platform.feeds.files.number_formats import CREDIT, DEBIT, OF_CODES, Kind, Mark
from finance_platform.feeds.findings import Note
from finance_platform.feeds.resolved import FieldRule, ReadingRules
from finance_platform.feeds.values.codes import clean, fold
from finance_platform.feeds.values.currencies import describe_currency, is_currency

if TYPE_CHECKING:
    from finance_platform.feeds.files.tables import Table  # which opens workbooks, and these read formats

_EXPONENTS = {"thousands": 3, "millions": 6}
_GENERAL = "set the format of these cells to General at the source"
_CALCULATE = (
    "open it in a spreadsheet program, calculate it (in LibreOffice with Ctrl+Shift+F9, which it does not do by "
    "itself) and save it again"
)
_LAST_DAY, _MAX_DAYS = 100_000, 1_000
"""Numbers beyond it are no days of this century, and a column with more days is none of months."""

_MAX_CODES = 10_000
"""Different codes of a column that are kept."""


class DisplayedCell(NamedTuple):
    """A cell with a number whose format displays something.

    Attributes:
        column: counted from 0.
        row: counted from 1.
        mark: what it displays.
        value: the number.
    """

    column: int
    row: int
    mark: Mark
    value: float


@dataclass
class Displayed:
    """The cells of one column that display one thing.

    Attributes:
        mark: what.
        cells: how many cells with a number.
        first_row: the row of the first one.
        first_value: its number.
        negative: how many of the numbers are negative.
        days: those that the numbers count, of formats of days.
        codes: the different numbers, of what is displayed around or between the digits of codes.
    """

    mark: Mark
    cells: int
    first_row: int
    first_value: float = 0
    negative: int = 0
    days: set[date] = dataclasses.field(default_factory=set)
    codes: set[float] = dataclasses.field(default_factory=set)

    @property
    def text(self) -> str:
        """The text of what is displayed."""
        return self.mark.text


def first_counted_day(*, is_1904: bool = False) -> date:
    """Return the day that a workbook counts as 0."""
    return date(1904, 1, 1) if is_1904 else date(1899, 12, 30)


def group_cells(
    cells: Iterable[DisplayedCell], header_row: int, code_columns: Collection[int] = (), *, is_1904: bool = False
) -> dict[int, list[Displayed]]:
    """Return what the cells below a header display, by column.

    Args:
        cells: those whose format displays something.
        header_row: the rows up to it are left out, except days in itself.
        code_columns: the columns of codes, from 0.
        is_1904: whether days are counted from 1904-01-01.
    """
    first_day = first_counted_day(is_1904=is_1904)
    found: dict[int, dict[Mark, Displayed]] = {}
    for column, row, mark, value in cells:
        is_of_code = mark.kind in OF_CODES
        if is_of_code and column not in code_columns:
            continue
        is_of_header = row == header_row and mark.kind is Kind.YEARLESS
        if (row > header_row or is_of_header) and mark.concerns(value):
            one = found.setdefault(column, {}).setdefault(mark, Displayed(mark, 0, row, value))
            one.cells += 1
            one.negative += value < 0
            if mark.kind is Kind.YEARLESS and 0 < value < _LAST_DAY and len(one.days) < _MAX_DAYS:
                one.days.add(first_day + timedelta(int(value)))
            elif is_of_code and len(one.codes) < _MAX_CODES:
                one.codes.add(value)
    return {column: list(marks.values()) for column, marks in found.items()}


def find_doubts(
    table: Table,
    rules: ReadingRules,
    sources: Mapping[str, FieldSource],
    cells: Collection[str] = (),
) -> dict[str, str]:
    """Return why amounts may have another unit or sign than they are read with, with what to do about it.

    Args:
        table: the table.
        rules: of the feed.
        sources: where the fields of its lines come from.
        cells: the headers of the cells of which each gives a line.
    """
    amount = sources.get("amount")
    rule = amount.rule if amount else FieldRule()
    doubts: dict[str, str] = {}
    for name, found in displayed_columns(table, amount, cells):
        sides = {one.text: one for one in found if one.mark.kind is Kind.SIDE}
        if "currency" not in sources:
            doubts |= _of_currency(table, name, found, rules.currency)
        if len(sides) > 1 and not sides[CREDIT].negative and not rule.sign_column:
            debit, credit = sides[DEBIT], sides[CREDIT]
            place = describe_place(table.sheet, credit.first_row)
            doubts[
                f"the formats of {clean(name)!r} display {debit.cells:,} amounts as debits ({DEBIT}) and "
                f"{credit.cells:,} as credits ({CREDIT}, first on {place}), which the numbers do not say, so all are "
                "added"
            ] = (
                "save the sheet as CSV, which has the amounts as they are displayed, and write sign: debit_positive in "
                "the descriptor; if the amounts are to be added, accept the file"
            )
        for one in found:
            doubts |= _of_sign(table, name, one, rules, rule)
            doubts |= _of_unit(table, name, one, rule)
            if one.mark.kind is Kind.STRUCK:
                doubts[f"{describe_cells(table, name, one, 'struck through')}, and they count"] = (
                    "delete the lines that are cancelled at the source; if they count, accept the file"
                )
    return doubts


def find_notes(table: Table, sources: Mapping[str, FieldSource], cells: Collection[str] = ()) -> dict[str, Note]:
    """Return what the formats of amounts say that a person should know; see `find_doubts` for arguments."""
    notes: dict[str, Note] = {}
    for name, found in displayed_columns(table, sources.get("amount"), cells):
        for one in found:
            if one.mark.kind is Kind.PERCENTAGE:
                notes[f"{describe_cells(table, name, one, 'as percentages')}: 35% is read as 0.35"] = Note(
                    one.cells,
                    "if they are not money, add a rule of skip with may_hold_money: true for their rows to the "
                    "descriptor; if they are lines, nothing needs to be done",
                )
            elif one.mark.kind is Kind.STALE:
                place = describe_place(table.sheet, one.first_row)
                text = (
                    f"the stored values of formulas of {clean(name)!r} may be out of date, first on {place}, because "
                    "the workbook was not calculated when it was saved"
                )
                notes[text] = Note(one.cells, _CALCULATE)
            elif one.mark.kind is Kind.NOTHING:
                notes[f"{describe_cells(table, name, one, 'as nothing')}, and they count"] = Note(
                    one.cells, f"{_GENERAL}, and delete the amounts that are not to count"
                )
    return notes


def scaled_exponents(table: Table, headers: Collection[str]) -> set[int]:
    """Return the powers of ten by which the formats of some columns divide what they display."""
    wanted = {fold(name) for name in headers}
    return {
        int(one.text)
        for position, name in enumerate(table.header)
        if fold(name) in wanted
        for one in table.displayed.get(position, ())
        if one.mark.kind is Kind.SCALED
    }


def displayed_columns(
    table: Table, source: FieldSource | None, cells: Collection[str]
) -> Iterator[tuple[str, Sequence[Displayed]]]:
    """Yield the columns of a field, and those of which each cell is a line, with what they display."""
    wanted = {fold(name) for name in (*(source.headers if source else ()), *cells)}
    for position, name in enumerate(table.header):
        if fold(name) in wanted and (found := table.displayed.get(position)):
            yield name, found


def describe_cells(table: Table, name: str, one: Displayed, how: str, what: str = "amounts") -> str:
    """Return how the formats of a column display cells of it, how many and where the first one is."""
    place = describe_place(table.sheet, one.first_row)
    return f"the formats of {clean(name)!r} display {one.cells:,} {what} {how}, first on {place}"


def _of_sign(table: Table, name: str, one: Displayed, rules: ReadingRules, rule: FieldRule) -> dict[str, str]:
    """Return that a sign is not the one that is displayed, unless the descriptor says what signs mean."""
    says_signs = rules.is_debit_positive or rules.is_credit_positive or rule.sign_column or rule.debit
    shown = {Kind.MINUS_ADDED: ("negative", "positive"), Kind.MINUS_HIDDEN: ("positive", "negative")}
    if says_signs or one.mark.kind not in shown:
        return {}
    displayed, read = shown[one.mark.kind]
    return {
        f"{describe_cells(table, name, one, f'as {displayed}')}, whose numbers are {read}, and they are read as "
        f"{read}": (f"{_GENERAL} and correct the signs that are wrong then; if the numbers are right, accept the file")
    }


def _of_unit(table: Table, name: str, one: Displayed, rule: FieldRule) -> dict[str, str]:
    scale = f"{Decimal(1).scaleb(rule.scale):f}"
    if one.mark.kind is Kind.UNIT and rule.scale != _EXPONENTS[one.text]:
        return {
            f"{describe_cells(table, name, one, f'in {one.text}')}, and columns.amount has scale: {scale}": (
                f"set scale: {10 ** _EXPONENTS[one.text]} of columns.amount in the descriptor; if the amounts are "
                "right as they are, accept the file"
            )
        }
    if one.mark.kind is Kind.SCALED and rule.scale > 0:
        divisor = f"{10 ** int(one.text):,}"
        return {
            f"{describe_cells(table, name, one, f'divided by {divisor}')}: the cells have whole amounts, and "
            f"columns.amount has scale: {scale}, which multiplies them": (
                "remove scale from columns.amount in the descriptor; if the amounts are right as they are, accept the "
                "file"
            )
        }
    return {}


def _of_currency(table: Table, name: str, found: Iterable[Displayed], home: str) -> dict[str, str]:
    foreign = [one for one in found if one.mark.kind is Kind.CURRENCY and not is_currency(one.text, home)]
    if not foreign:
        return {}
    first = min(foreign, key=lambda one: one.first_row)
    texts = ", ".join(dict.fromkeys(describe_currency(one.text) for one in foreign))
    return {
        f"the formats of {clean(name)!r} display {sum(one.cells for one in foreign):,} amounts in {texts}, first on "
        f"{describe_place(table.sheet, first.first_row)}, and they are read as {home}": (
            f"send the file with amounts in {home}; if they are, add currency: {home} to constants in the descriptor; "
            "if the books are kept in the other currency, set FINANCE_PLATFORM_CURRENCY in the home's .env"
        )
    }
