"""The columns of a sample, what a draft says about each field, and choosing a column by its name.

Belongs here: what the modules of the fields share. Does not belong here: which column gives which field (see `ledger`,
`money`, `references`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

from finance_platform.feeds.descriptor import UNDECIDED
from finance_platform.feeds.draft.period_columns import PeriodHeader, is_period
from finance_platform.feeds.draft.sample import Sample
from finance_platform.feeds.draft.values import (
    PERIOD_FORMATS,
    AmountGuess,
    DateGuess,
    guess_amounts,
    guess_dates,
    is_amount,
    last_month,
    years_before_months,
)
from finance_platform.feeds.resolved import template_headers
from finance_platform.feeds.values.codes import fold
from finance_platform.feeds.values.dates import date_parts
from finance_platform.feeds.values.header_words import WORDS, plain_name, rank

_MAX_CODE_CHARACTERS = 60
_SEVERAL_CODES = 2
_MISSING = frozenset({"#missing", "#mi", "n/a", "n.a.", "na", "k.a.", "k. a.", "#n/a"})
_BEGINS = frozenset("#nNkK")
_CODES = ("department", "department_name", "account", "account_name")
_SEVERAL_PERIODS = 2
_DIGIT = re.compile("[0-9]")
_YEAR = re.compile(r"(?<![0-9])(?:19|20)[0-9]{2}(?![0-9])")
_PRINTED = re.compile(
    r"(?i)[0-9]{1,2}:[0-9]{2}|\b(?:created|printed|generated|exported|run on|gedruckt|erstellt|stand)\b"
)
_MOST_TITLES = 2

_LEAST_WORD, _MOST_TITLE = 4, 80
"""Letters of a word that a title may begin with, as shorter ones begin others too; and characters that are shown."""

LABELS = "(labels)"
"""The name of a column that is none of the file: the labels above the dates of their lines."""


@dataclass
class Column:
    """A column of the sample.

    Attributes:
        name: the header.
        cells: its texts, one for each row; blank ones included.
        dates: how they are read as dates; None if they are none.
        amounts: how they are read as amounts; None if they are none.
        is_label: whether its texts are labels on rows of their own, which are given to the lines below them.
        source: the header of the column in which labels are above the dates of their lines; else empty.
        levels: the headers of the columns of which a row has its text in one, the deepest level first; none if it is a
            column of the file.
        scenario: the scenario in the row above the header, over this column or the last one before it; else empty.
        month: the month in the row above the header, over this column or the last one before it, if the header has
            scenarios alone; else empty.
        group: the text in the row above the header, over several debits and credits; else empty.
        crossed: the texts in the rows above the header and its own, if columns below several texts share their names.
        totals: its texts in rows that print a total.
        missing: texts of cells that have no amount, such as #Missing; they are blank in `cells`.
    """

    name: str
    cells: list[str]
    dates: DateGuess | None = None
    amounts: AmountGuess | None = None
    is_label: bool = False
    source: str = ""
    levels: Sequence[str] = ()
    scenario: str = ""
    month: str = ""
    group: str = ""
    crossed: tuple[str, ...] | None = None
    totals: Sequence[str] = ()
    missing: Sequence[str] = ()

    @property
    def texts(self) -> list[str]:
        """The texts that are not blank."""
        return [text for text in self.cells if text]

    @property
    def blanks(self) -> int:
        """How many rows have no text."""
        return self.cells.count("")

    @property
    def is_label_of_block(self) -> bool:
        """Whether each text is given once, on the first of the rows that it is about, as in merged cells."""
        texts = self.texts
        is_new = all(text != before for text, before in zip(texts[1:], texts, strict=False))
        return bool(self.cells and self.cells[0]) and len(texts) < len(self.cells) and is_new

    @property
    def sample(self) -> str:
        """The first text; empty if there is none."""
        return next(iter(self.texts), "")


@dataclass
class FieldDraft:
    """A field of the draft.

    Attributes:
        values: the keys of the field in the descriptor, such as `from` and `formats`.
        comment: what was guessed or must be decided; empty if nothing.
    """

    values: dict[str, Any]
    comment: str = ""


@dataclass
class FieldsDraft:
    """The fields of a draft. `UNDECIDED` stands for each value that only a person knows.

    Attributes:
        kind: the kind of feed.
        fields: by name.
        constants: fields with the same value in every row.
        decisions: what a person must decide before the descriptor is right.
        unpivot: the key of this name, for a file with a column per period; None for any other file.
        unpivot_pattern: what matches the headers of the columns of `unpivot`, and of others of the kind; empty for
            these alone.
        measures: the key of this name, for a file with several amounts in a row.
        periods: the period in the header of each of these, where the header says more than that and a scenario.
        rows_comment: what was guessed about these two.
        ignored: columns that are not read because they add up others.
        unclear: columns beside those of periods, of which a person decides whether they are periods.
        year: the year that the draft gives to dates without one, which the path then names too; empty if it gives none.
        is_plan: whether every line is one of a plan, so that a later file is a new version.
        is_growing: whether the next file has the months of this one again, beside another one.
        is_debit_positive: whether amounts are debit less credit and no pair of columns says so.
        sign: the rule of signs that types of accounts prove; empty if none does.
        sign_comment: how they prove it, or what a person must decide about signs.
        balanced: the column that names vouchers, if they balance; empty if there is none.
        balanced_comment: how many of them do.
    """

    kind: str = "ledger"
    fields: dict[str, FieldDraft] = field(default_factory=dict)
    constants: dict[str, str] = field(default_factory=dict)
    decisions: list[str] = field(default_factory=list)
    unpivot: dict[str, Any] | None = None
    unpivot_pattern: str = ""
    measures: dict[str, dict[str, str]] = field(default_factory=dict)
    periods: dict[str, PeriodHeader] = field(default_factory=dict)
    rows_comment: str = ""
    ignored: list[str] = field(default_factory=list)
    unclear: list[str] = field(default_factory=list)
    year: str = ""
    is_plan: bool = False
    is_growing: bool = False
    is_debit_positive: bool = False
    sign: str = ""
    sign_comment: str = ""
    balanced: str = ""
    balanced_comment: str = ""

    def decide_constant(self, name: str, why: str) -> None:
        """Leave the value that every row has in a field to a person."""
        self.constants[name] = UNDECIDED
        self.decisions.append(why)


def _is_missing(text: str) -> bool:
    """Return whether a text is that with which Essbase, Hyperion and people say that a cell has no amount."""
    return text[:1] in _BEGINS and fold(text) in _MISSING


def _is_of_amounts(name: str, texts: Sequence[str]) -> bool:
    """Return whether a column has amounts alone, or would have: NA is a code of departments, such as North America."""
    is_code = any(rank(field, name) is not None for field in _CODES)
    return not is_code and all(map(is_amount, texts)) and bool(texts or is_period(name))


def read_columns(sample: Sample) -> list[Column]:
    """Return the columns of a sample that a field may come from: those with a name that no other column has.

    A name with braces would be a template, and `UNDECIDED` is a placeholder.
    """
    folded = [fold(name) for name in sample.header]
    columns = []
    # Of one column of amounts, such rows are no lines, which a person has to say.
    texts_of = [sample.column(place) for place in range(len(sample.header))]
    is_wide = sum(any(map(_is_missing, cells)) for cells in texts_of) > 1
    for position, (name, cells) in enumerate(zip(sample.header, texts_of, strict=True)):
        if folded.count(folded[position]) > 1 or "{" in name or "}" in name or name == UNDECIDED:
            continue
        missing = tuple(dict.fromkeys(filter(_is_missing, cells))) if is_wide else ()
        if not _is_of_amounts(name, [text for text in cells if text and text not in missing]):
            missing = tuple(text for text in missing if text.startswith("#"))
        cells = ["" if text in missing else text for text in cells]
        texts = [text for text in cells if text]
        is_label = bool(sample.labels and sample.labels.places == (position,) and not sample.labels.is_beside_dates)
        amounts = guess_amounts(texts)
        # A total may be the only amount with a mark between thousands.
        totals = sample.total_cells(position)
        amounts = amounts and (guess_amounts([*texts, *totals]) or amounts)
        column = Column(name, cells, _guess_dates(name, texts), amounts, is_label, totals=totals, missing=missing)
        scenario, group = sample.scenarios.get(position, ""), sample.groups.get(position, "")
        month, crossed = _month_over(sample, position), sample.crossed.get(position)
        columns.append(replace(column, scenario=scenario, month=month, group=group, crossed=crossed))
    if sample.labels and sample.labels.is_apart:
        names = [sample.header[place] for place in reversed(sample.labels.places)]
        label = Column(LABELS, sample.label_texts(), is_label=True)
        columns.append(
            replace(label, source=names[0]) if sample.labels.is_beside_dates else replace(label, levels=names)
        )
    return columns


def _are_codes(name: str, formats: Sequence[str]) -> bool:
    """Return whether what may be days are codes such as 1.1.01: of a column with their name, without a whole year."""
    is_named = rank("account", name) is not None or rank("department", name) is not None
    return is_named and not any("yyyy" in one or "MMM" in one for one in formats)


def _month_over(sample: Sample, position: int) -> str:
    """Return the month over a column, unless its own name begins with it."""
    month = sample.months.get(position, "")
    return "" if sample.header[position].startswith(month) else month


def _guess_dates(name: str, texts: Sequence[str]) -> DateGuess | None:
    """Return how texts are read as dates; of a column of periods, 13 to 16 are in the last month of the year."""
    if rank("period", name) is None and rank("quarter", name) is None:
        guess = guess_dates(texts)
        return None if guess and _are_codes(name, guess.formats) else guess
    if len(set(texts)) >= _SEVERAL_PERIODS and (pattern := years_before_months(texts)):
        return DateGuess((pattern,), pattern.replace("yy", "d"))
    guess = guess_dates(texts, PERIOD_FORMATS)
    if guess is None and (guess := guess_dates([last_month(text) for text in texts], PERIOD_FORMATS)):
        has_days = any("day" in date_parts(pattern) for pattern in guess.formats)
        return None if has_days else guess
    return guess


def is_code(column: Column) -> bool:
    """Return whether a column's texts are short enough to name a department or an account, and not money or days."""
    return bool(column.texts) and not column.dates and all(len(text) <= _MAX_CODE_CHARACTERS for text in column.texts)


def best_column(words: Sequence[str], columns: Sequence[Column]) -> Column | None:
    """Return the column whose name fits the first of the words best."""
    for word in words:
        ranked = [(place, column) for column in columns if (place := rank(word, column.name)) is not None]
        if ranked:
            return min(ranked, key=lambda item: item[0])[1]
    return None


def code_alone(name: str, column: Column, others: Sequence[Column]) -> Column:
    """Return the column that has the code of a field alone, if another one has it before a name or before other codes.

    `6100` of `Main account`, beside `6100 Rent` or `6100-100` of the same field.

    Args:
        name: the field.
        column: the one that fits best by its name.
        others: those that may be taken instead.
    """
    for other in others:
        if other is column or rank(name, other.name) is None:
            continue
        pairs = [(text, code) for text, code in zip(column.cells, other.cells, strict=True) if text]
        is_part = all(
            code and text != code and text.startswith(code) and not text[len(code)].isalnum() for text, code in pairs
        )
        if is_part and len({code for _, code in pairs}) >= _SEVERAL_CODES:
            return other
    return column


def describe_blanks(column: Column) -> str:
    """Return how many of the sampled rows have no text in a column."""
    return f"{column.blanks:,} of the {len(column.cells):,} sampled rows"


def describe_title(name: str, titles: Sequence[str]) -> str:
    """Return what a title says of a field, as the end of a sentence; empty if none begins with one of its names.

    It is shown, and not read: the file of another department has another title, and often the same name.

    Args:
        name: the field.
        titles: the texts above the header, in their order.
    """
    words = [word for word in WORDS[name] if len(word) >= _LEAST_WORD]
    for title, after in pairwise([*titles, ""]):
        plain = plain_name(title)
        # A cell beside the name has the code: Kostenstelle/Gruppe, 4711.
        is_label = plain in words or (not _DIGIT.search(title) and any(plain.startswith(f"{one} ") for one in words))
        if is_label and after and all(rank(other, after) is None for other in WORDS):
            return f"; the rows above the header say {title[:_MOST_TITLE]!r}, {after[:_MOST_TITLE]!r}"
        if rank(name, title) is None and any(plain.startswith(f"{word} ") for word in words):
            return f"; a row above the header says {' '.join(title.split())[:_MOST_TITLE]!r}"
    return ""


def describe_days(titles: Sequence[str]) -> str:
    """Return what titles say of days and periods, as the end of a sentence; empty if none has a year.

    It is shown, and not read, as the title of a department (see `describe_title`). Days on which a report was printed
    say nothing about its lines.
    """
    found = [" ".join(title.split()) for title in titles if _YEAR.search(title) and not _PRINTED.search(title)]
    shown = ", ".join(repr(title[:_MOST_TITLE]) for title in dict.fromkeys(found[:_MOST_TITLES]))
    noun = "a row above the header says" if len(found) == 1 else "rows above the header say"
    return f"; {noun} {shown}" if shown else ""


def headers_of_amount(draft: FieldsDraft) -> list[str]:
    """Return the headers of the amount, of debit and credit two."""
    source = draft.fields.get("amount", FieldDraft({})).values.get("from", "")
    return [source["debit"], source["credit"]] if isinstance(source, dict) else [source]


def used_headers(draft: FieldsDraft) -> Iterator[str]:
    """Yield the headers that a draft uses."""
    yield from (*draft.measures, *draft.ignored)
    if draft.unpivot:
        yield from draft.unpivot["columns"]
        year = draft.unpivot.get("year")
        yield from [year["column"]] if isinstance(year, dict) and "column" in year else []
    yield from [draft.balanced] if draft.balanced else []
    for one in draft.fields.values():
        source, sign = one.values.get("from"), one.values.get("sign_column")
        if isinstance(source, str):
            yield from template_headers(source)
        elif source:
            yield from source.values() if isinstance(source, dict) else source
        yield from [sign["from"]] if sign else []
