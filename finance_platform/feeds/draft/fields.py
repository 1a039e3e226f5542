"""The fields of a draft: which column gives each, by its name and by its values.

Belongs here: choosing columns, and the comment of each choice. Does not belong here: words (see `header_words`), single
values (see `values`), YAML (see `descriptor_text`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from finance_platform.feeds.codes import ACCOUNT_TYPES, fold
from finance_platform.feeds.dates import parse_date
from finance_platform.feeds.draft.header_words import rank
from finance_platform.feeds.draft.sample import Sample
from finance_platform.feeds.draft.values import (
    AmountGuess,
    DateGuess,
    guess_amounts,
    guess_dates,
    is_amount,
    is_date,
    month_of,
)

_MAX_CODE_CHARACTERS = 60
_YEAR = re.compile("20[0-9]{2}")
_MONTH_IN_NAME = re.compile("20[0-9]{2}[-_ .]?(0[1-9]|1[0-2])(?![0-9])")
_MIN_MONTHS = 6
"""Columns named like months from which a file is taken as one with a column per month."""


@dataclass
class Column:
    """A column of the sample.

    Attributes:
        name: the header.
        texts: its texts that are not blank.
        blanks: rows without one.
    """

    name: str
    texts: list[str]
    blanks: int
    dates: DateGuess | None = None
    amounts: AmountGuess | None = None

    @property
    def sample(self) -> str:
        """The first text."""
        return self.texts[0] if self.texts else ""


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
    """The fields of a draft.

    Attributes:
        kind: the kind of feed.
        fields: by name.
        constants: fields with the same value in every row.
        decisions: what a person must decide before the descriptor is right.
        months: the columns of a file with a column per month; none of any other file.
        year: the year of these columns, as the descriptor gives it, if their headers have none.
        has_sign_column: whether a column says which amounts are credits.
    """

    kind: str = "ledger"
    fields: dict[str, FieldDraft] = field(default_factory=dict)
    constants: dict[str, str] = field(default_factory=dict)
    decisions: list[str] = field(default_factory=list)
    months: list[str] = field(default_factory=list)
    year: Any = None
    has_sign_column: bool = False


def read_columns(sample: Sample) -> list[Column]:
    """Return the columns of a sample that a field may come from: those with a name that no other column has."""
    folded = [fold(name) for name in sample.header]
    columns = []
    for position, name in enumerate(sample.header):
        if folded.count(folded[position]) > 1 or "{" in name or "}" in name:
            continue
        cells = sample.column(position)
        texts = [text for text in cells if text]
        columns.append(Column(name, texts, len(cells) - len(texts), guess_dates(texts), guess_amounts(texts)))
    return columns


def draft_fields(sample: Sample, file: str, home_currency: str) -> FieldsDraft:
    """Return the fields of a draft for a sample of a file of this name."""
    columns = read_columns(sample)
    months = [column.name for column in columns if month_of(column.name) and (column.amounts or not column.texts)]
    draft = FieldsDraft()
    if len(months) >= _MIN_MONTHS:
        draft.months = months
    elif not any(column.amounts for column in columns if _is_money(column)) and (kind := _reference_kind(columns)):
        draft.kind = kind
        _draft_references(draft, columns)
        return draft
    _Ledger(draft, columns, sample, file, home_currency).run()
    return draft


def _is_money(column: Column) -> bool:
    """Return whether a column of numbers is money rather than codes."""
    if column.amounts is None:
        return False
    if any(rank(name, column.name) is not None for name in ("amount", "debit", "credit")):
        return True
    return any(not text.isdigit() for text in column.texts)


def _reference_kind(columns: Sequence[Column]) -> str:
    """Return the kind of a file of master data; empty if it is none."""
    types = {fold(name) for name in ACCOUNT_TYPES}
    if any(column.texts and {fold(text) for text in column.texts} <= types for column in columns):
        return "accounts"
    has = {name: any(rank(name, column.name) is not None for column in columns) for name in ("department", "account")}
    is_dated = any(column.dates for column in columns if rank("date", column.name) is not None)
    if is_dated or has["department"] == has["account"]:
        return ""
    return "departments" if has["department"] else "accounts"


_REFERENCES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "departments": {
        "code": ("department", "code"),
        "name": ("department_name", "name", "description"),
        "business_unit": ("business_unit",),
        "parent": ("parent",),
    },
    "accounts": {
        "number": ("account", "number", "code"),
        "name": ("account_name", "name", "description"),
        "type": ("account_type", "type"),
        "category": ("account_category",),
        "parent": ("parent",),
        "measure": ("measure",),
    },
}


def _draft_references(draft: FieldsDraft, columns: Sequence[Column]) -> None:
    used: set[str] = set()
    for name, words in _REFERENCES[draft.kind].items():
        column = _best(words, [column for column in columns if column.name not in used and column.texts])
        if column is None and name in {"code", "number"}:
            column = next((one for one in columns if one.name not in used and _is_code(one)), None)
        if column is not None and _fits_reference(name, column):
            used.add(column.name)
            values: dict[str, Any] = {"from": column.name}
            if column.blanks and name not in {"code", "number"}:
                values["required"] = "false"
            draft.fields[name] = FieldDraft(values)
    needed = "code" if draft.kind == "departments" else "number"
    if needed not in draft.fields:
        draft.decisions.append(f"No column was recognized as the {needed}; name it in columns.{needed}.")


def _fits_reference(name: str, column: Column) -> bool:
    if name == "type":
        return {fold(text) for text in column.texts} <= {fold(known) for known in ACCOUNT_TYPES}
    if name == "measure":
        return {fold(text) for text in column.texts} <= {"flow", "balance"}
    return True


def _is_code(column: Column) -> bool:
    """Return whether a column's texts are short enough to name a department or an account, and not money or days."""
    return bool(column.texts) and not column.dates and all(len(text) <= _MAX_CODE_CHARACTERS for text in column.texts)


def _best(words: Sequence[str], columns: Sequence[Column]) -> Column | None:
    """Return the column whose name fits the first of the words best."""
    for word in words:
        ranked = [(place, column) for column in columns if (place := rank(word, column.name)) is not None]
        if ranked:
            return min(ranked, key=lambda item: item[0])[1]
    return None


class _Ledger:
    """The fields of a file with money."""

    def __init__(
        self, draft: FieldsDraft, columns: Sequence[Column], sample: Sample, file: str, home_currency: str
    ) -> None:
        self._draft, self._columns, self._sample, self._currency = draft, columns, sample, home_currency
        self._file, self._today = file, datetime.now(UTC)
        self._used: set[str] = set(draft.months)

    def run(self) -> None:
        """Draft every field; the surest first, so that no column is used twice."""
        self._amount()
        self._date()
        for name in ("department", "account"):
            self._code(name)
        self._scenario()
        for name in ("transaction_id", "currency", "department_name", "business_unit", "account_name"):
            self._optional(name)
        for name in ("account_type", "account_category", "description"):
            self._optional(name)

    def _free(self) -> list[Column]:
        return [column for column in self._columns if column.name not in self._used and column.texts]

    def _take(self, name: str, column: Column, comment: str = "", **values: Any) -> None:
        self._used.add(column.name)
        self._draft.fields[name] = FieldDraft({"from": column.name, **values}, comment)

    def _amount(self) -> None:
        if self._draft.months:
            self._unpivoted_amount()
            return
        money = [column for column in self._free() if column.amounts]
        debit, credit = (_best([side], self._free()) for side in ("debit", "credit"))
        if debit and credit and debit is not credit and (debit.amounts or credit.amounts):
            self._pair(debit, credit)
            return
        amount = _best(["amount"], money)
        comment = ""
        if amount is None:
            likely = [column for column in money if _is_money(column) and not column.dates]
            amount = likely[-1] if likely else None
            comment = "by its values; its name says nothing"
        if amount is None or amount.amounts is None:
            self._draft.decisions.append(
                "No column has values that are amounts; name it in columns.amount, with its decimal and thousands."
            )
            return
        others = [column.name for column in money if column is not amount and rank("amount", column.name) is not None]
        if others:
            comment = "; ".join(filter(None, (comment, f"other columns with amounts: {', '.join(others)}")))
        self._take("amount", amount, self._amount_comment(amount, comment), **_marks(amount.amounts))
        self._sign(amount)

    def _unpivoted_amount(self) -> None:
        by_name = {column.name: column for column in self._columns}
        texts = [text for name in self._draft.months for text in by_name[name].texts]
        amounts = guess_amounts(texts)
        if amounts is not None:
            column = Column(self._draft.months[0], texts, 0, None, amounts)
            self._draft.fields["amount"] = FieldDraft(_marks(amounts), self._amount_comment(column, ""))

    def _pair(self, debit: Column, credit: Column) -> None:
        self._used |= {debit.name, credit.name}
        guess = guess_amounts([*debit.texts, *credit.texts]) or AmountGuess(".", None)
        column = Column(debit.name, [*debit.texts, *credit.texts], 0, None, guess)
        sides = "debit less credit, so accounts need a type from an accounts file"
        comment = "; ".join(filter(None, (sides, self._amount_comment(column, ""))))
        pair = {"debit": debit.name, "credit": credit.name}
        self._draft.fields["amount"] = FieldDraft({"from": pair, **_marks(guess)}, comment)

    def _amount_comment(self, column: Column, comment: str) -> str:
        guess = column.amounts
        parts = [comment] if comment else []
        if guess and guess.ambiguous:
            parts.append(f"decide: {guess.ambiguous!r} could mean two things; check decimal and thousands")
        if guess and guess.unread:
            parts.append(f"{guess.unread!r} is not an amount, so its row will be rejected")
        if guess and guess.currencies:
            parts.append(f"written with {', '.join(guess.currencies)}; the home's currency is {self._currency}")
        if column.blanks:
            parts.append(_blank_comment(column))
        return "; ".join(parts)

    def _sign(self, amount: Column) -> None:
        signs = [column for column in self._free() if rank("sign", column.name) is not None]
        for column in signs:
            values = {fold(text) for text in column.texts}
            negative = sorted(values & {"h", "haben", "c", "cr", "credit", "k", "a", "avere", "haber"})
            if 1 <= len(values) <= 4 and negative and not any(text.startswith(("-", "(")) for text in amount.texts):
                written = sorted({text for text in column.texts if fold(text) in negative})
                self._used.add(column.name)
                self._draft.has_sign_column = True
                self._draft.fields["amount"].values["sign_column"] = {"from": column.name, "negative": written}

    def _date(self) -> None:
        if self._draft.months:
            self._unpivoted_date()
            return
        dated = [column for column in self._free() if column.dates]
        column = _best(["date"], dated)
        if column is None:
            self._period_as_date(dated)
            return
        formats = column.dates.formats if column.dates else ()
        self._take("date", column, self._date_comment(column), formats=list(formats))
        period = _best(["period"], [column for column in self._free() if column.dates])
        if period is not None and period.dates is not None:
            self._take("period", period, formats=list(period.dates.formats))

    def _period_as_date(self, dated: Sequence[Column]) -> None:
        named = _best(["date", "period"], self._free())
        column = _best(["period"], dated) or (dated[0] if dated else None)
        if column is not None and column.dates is not None:
            comment = "" if rank("period", column.name) is not None else "by its values; its name says nothing"
            comment = "; ".join(filter(None, (comment, self._date_comment(column))))
            self._take("date", column, comment, formats=list(column.dates.formats))
            return
        if named is not None:
            self._draft.decisions.append(
                f"{named.name!r} looks like a date by its name, but {named.sample!r} is not one; "
                "give its form in columns.date.formats."
            )
        self._date_of_name()

    def _date_of_name(self) -> None:
        """Take the date from the file's name; a person decides where the name has none."""
        if _MONTH_IN_NAME.search(self._file):
            pattern = "(20[0-9]{2})[-_ .]?(0[1-9]|1[0-2])"
            values = {"from_name": pattern, "template": "{1}-{2}", "formats": ["yyyy-MM"]}
            self._draft.fields["date"] = FieldDraft(values, "the month in the file's name")
            return
        year = _YEAR.search(self._file) or _YEAR.search(" ".join(self._sample.above))
        self._draft.constants["date"] = f"{year[0] if year else self._today.year}-01-01"
        self._draft.decisions.append("No column was recognized as the date, so constants.date is a guess.")

    def _unpivoted_date(self) -> None:
        """Give the headers of months as dates."""
        months = self._draft.months
        values: dict[str, Any] = {}
        guess = guess_dates(months)
        if guess is not None and not guess.unread:
            values["formats"] = list(guess.formats)
        elif not all(parse_date(f"{name} 2025", ("MMM yyyy", "MMMM yyyy")) for name in months):
            year = _YEAR.search(self._file) or _YEAR.search(" ".join(self._sample.above))
            written = year[0] if year else str(self._today.year)
            values = {"map": {name: f"{written}-{month_of(name):02d}" for name in months}, "formats": ["yyyy-MM"]}
            self._draft.decisions.append(f"The headers have no year; {written} is a guess.")
        elif _YEAR.search(self._file):
            self._draft.year = {"from_name": "(20[0-9]{2})"}
        else:
            title = _YEAR.search(" ".join(self._sample.above))
            self._draft.year = title[0] if title else str(self._today.year)
            self._draft.decisions.append(f"The headers have no year; {self._draft.year} in unpivot.year is a guess.")
        if values:
            self._draft.fields["date"] = FieldDraft(values)

    def _date_comment(self, column: Column) -> str:
        guess = column.dates
        parts = []
        if guess and guess.other:
            parts.append(f"decide: {column.sample!r} is also a date of the form {guess.other}")
        if guess and guess.unread:
            parts.append(f"{guess.unread!r} is not a date of this form, so its row will be rejected")
        if column.blanks:
            parts.append(_blank_comment(column))
        return "; ".join(parts)

    def _code(self, name: str) -> None:
        codes = [column for column in self._free() if _is_code(column)]
        # A code that most rows lack says less than a name that they have.
        filled = [column for column in codes if column.blanks <= len(column.texts)]
        column = _best([name, f"{name}_name"], filled) or _best([name, f"{name}_name"], codes)
        if column is None:
            self._draft.constants[name] = "0000"
            self._draft.decisions.append(
                f"No column was recognized as the {name}: every line gets {name} 0000. Name the column in "
                f"columns.{name} instead, or give another code."
            )
            return
        values: dict[str, Any] = {"default": "0000"} if column.blanks else {}
        comment = f"decide: blank cells ({_blanks(column)}) get 0000" if column.blanks else ""
        self._take(name, column, comment, **values)

    def _scenario(self) -> None:
        column = _best(["scenario"], self._free())
        names = list(dict.fromkeys(column.texts)) if column else []
        if column is not None and len(names) <= 12:
            known = [text for text in names if fold(text).startswith(("actual", "budget", "forecast"))]
            if known:
                unknown = [text for text in names if text not in known]
                comment = f"decide: declare or map {', '.join(map(repr, unknown))}" if unknown else ""
                self._take("scenario", column, comment, **({"default": "Actual"} if column.blanks else {}))
                return
            self._draft.decisions.append(
                f"The column {column.name!r} has {', '.join(map(repr, names[:5]))}: if these are scenarios, give "
                "columns.scenario with a map: to Actual, Budget … in place of constants.scenario."
            )

    def _optional(self, name: str) -> None:
        column = _best([name], self._free())
        if column is None:
            return
        if name == "account_type" and not {fold(text) for text in column.texts} <= {fold(one) for one in ACCOUNT_TYPES}:
            return
        if name == "currency" and any(is_amount(text) or is_date(text) for text in column.texts):
            return
        self._take(name, column, required="false")


def _marks(guess: AmountGuess) -> dict[str, Any]:
    values: dict[str, Any] = {"decimal": guess.decimal} if guess.decimal != "." else {}
    return values | ({"thousands": guess.thousands} if guess.thousands else {})


def _blank_comment(column: Column) -> str:
    return f"rows with a blank cell ({_blanks(column)}) will be rejected"


def _blanks(column: Column) -> str:
    return f"{column.blanks:,} of the {column.blanks + len(column.texts):,} sampled rows"


def used_headers(draft: FieldsDraft) -> Iterator[str]:
    """Yield the headers that a draft uses."""
    yield from draft.months
    for one in draft.fields.values():
        source = one.values.get("from")
        yield from source.values() if isinstance(source, dict) else [source] if source else []
