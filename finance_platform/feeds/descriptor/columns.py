"""The key `columns`: the fields of each kind of feed, and where each comes from in a file.

Belongs here: names of fields, and the checks of one field on its own.
Does not belong here: checks between fields (see `feed`), reading cells (see `feeds.cells`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Literal

from pydantic import Field, field_validator, model_validator

from finance_platform.contracts.processed import BALANCE_FIELDS, COMMENT_FIELDS, LOOKUP_FIELDS, STATEMENT_LINE_FIELDS
from finance_platform.feeds.descriptor.strict_model import (
    Regex,
    ShortText,
    StrictModel,
    TextList,
    raise_mistakes,
    reject_duplicates,
)
from finance_platform.feeds.descriptor.values import MIN_SHORTENED_BYTES, PartConfig, Scale, SignColumnConfig
from finance_platform.feeds.file_names import GROUP, count_groups
from finance_platform.feeds.limits import MAX_ALTERNATIVES, MAX_PATTERN_CHARACTERS
from finance_platform.feeds.resolved import PLACEHOLDER, FieldRule, Kind, template_headers
from finance_platform.feeds.values.codes import MAX_CODE_BYTES
from finance_platform.feeds.values.dates import (
    EXCEL_SERIAL,
    check_formats,
    compile_pattern,
    is_fiscal_part,
    needs_fiscal_calendar,
)

FIELDS: Mapping[Kind, tuple[str, ...]] = {
    "ledger": (
        "date",
        "department",
        "account",
        "amount",
        "scenario",
        "period",
        "transaction_id",
        "reverses",
        "currency",
        "department_name",
        "business_unit",
        "account_name",
        "account_type",
        "account_category",
        "description",
    ),
    "lookup": ("key", *LOOKUP_FIELDS),
    "departments": (
        *("code", "name", "business_unit", "parent", "valid_from", "valid_to"),
        *("predecessor", "share", "origin_share"),
    ),
    "accounts": ("number", "name", "type", "category", "parent", "measure", "valid_from", "valid_to"),
    "comments": COMMENT_FIELDS,
    "statement_lines": STATEMENT_LINE_FIELDS,
    "balances": BALANCE_FIELDS,
}
NEEDED_FIELDS: Mapping[Kind, tuple[str, ...]] = {
    "ledger": ("date", "department", "account", "amount", "scenario"),
    "lookup": ("key",),
    "departments": ("code",),
    "accounts": ("number",),
    "comments": ("period", "department", "account"),
    "statement_lines": ("section", "line"),
    "balances": ("period", "account", "balance"),
}
FIELD_DESCRIPTIONS: Mapping[str, str] = {
    "date": "The day of the line; a date without a day is the first day of its period.",
    "department": "The code of the department (cost centre); its leading zeros are kept.",
    "account": "The number of the account; its leading zeros are kept. In statement lines, `61*` stands for every "
    "account whose number begins with 61.",
    "amount": "The money, in the home's currency.",
    "scenario": "Actual, or a name that begins with Budget or Forecast, or one that `scenarios` declares.",
    "period": "The accounting period, if it is not that of the date; the line is booked on its day closest to the "
    "date. Of a comment, the period that the variance is seen from; of a balance, the period at whose end it is.",
    "transaction_id": "What names the line in the source system.",
    "reverses": "The `transaction_id` of the line that the line reverses, of the same scenario, department and "
    "account; blank for other lines.",
    "currency": "The code or sign of the line's currency; a line in another one than the home's is rejected.",
    "department_name": "The department's name, where no departments file gives one.",
    "business_unit": "The business unit of the department.",
    "account_name": "The account's name, where no accounts file gives one.",
    "account_type": "Revenue, Expense, Asset, Liability, Equity or Statistical, where no accounts file gives one.",
    "account_category": "A group of accounts within their type, where no accounts file gives one.",
    "description": "The text of the line.",
    "code": "The code of the department; its leading zeros are kept.",
    "number": "The number of the account; its leading zeros are kept.",
    "key": "What names the row; the column of other feeds that `lookup.on` names has the same text.",
    "name": "The name for people.",
    "parent": "The code or number of the member above it.",
    "type": "Revenue, Expense, Asset, Liability, Equity or Statistical.",
    "category": "A group of accounts within their type, such as CapEx.",
    "owner": "Who answers for the variance.",
    "comment": "The explanation of the variance.",
    "nature": "`timing`, which later periods will make good, or `permanent`.",
    "section": "Revenue, Cost of Sales, Operating Expense or Non-operating.",
    "line": "The line of the statement, as reports show it.",
    "order": "The order of the line within its section, a whole number; by default the order of the rows.",
    "opening": "The account's balance before the period, debit less credit.",
    "balance": "The account's balance at the end of the period, debit less credit.",
    "measure": "`flow`, an amount of a period, or `balance`, an amount at its end.",
    "valid_from": "The day from whose period on the row describes the member; one member may have a row for each. By "
    "default the first period after the last closed one; beside dated rows of the member in the same file, a row "
    "without a day says what was before them.",
    "valid_to": "The last day of the member, until a later row of it begins. Actual lines of later periods count, with "
    "a warning while the period is open. A text that is not a date is no end, which is a warning.",
    "predecessor": "The code of a department that this one replaces, in whole or in part, from `valid_from` on; a row "
    "for each of several.",
    "share": "The part of the predecessor's earlier amounts that belongs to this department: `0.6` or `60%`. By "
    "default all. What is left of the predecessor stays in it.",
    "origin_share": "The part of this department's later amounts that belongs to the predecessor. By default all, if "
    "the department is new and has one predecessor; else none.",
}
"""What each field means, for the reference and for editors."""

MAX_PADDED_DIGITS = 30
"""Of a code; a longer one is hardly a number."""

KEY_FIELDS = ("transaction_id", "date", "department", "account", "scenario", "period", "description")
SCOPE_FIELDS = ("department", "account", "business_unit")
MONEY_FIELDS = ("amount", "opening", "balance")
"""Fields of money, which may be debit less credit."""

ROW_FIELDS = (*MONEY_FIELDS, "code", "number", "key", "reverses")
"""Fields that differ from row to row, so a file's name cannot give them."""


NOTHING_FISCAL = (
    "calendar: changes only formats of years, quarters and periods, such as yyyy or QQQ yyyy, and there is none"
)
"""Of a column whose days a fiscal calendar does not change."""


def lacks_year(pattern: str) -> bool:
    """Return whether a date pattern is valid after a year, and not by itself."""
    if pattern == EXCEL_SERIAL:
        return False
    try:
        compile_pattern(pattern)
    except ValueError:
        try:
            compile_pattern(f"yyyy {pattern}")
        except ValueError:
            return False
        return True
    return False


class DebitCredit(StrictModel):
    """An amount in two columns: debit less credit."""

    debit: ShortText = Field(description="The header of the column with debits.")
    credit: ShortText = Field(description="The header of the column with credits.")
    signed: bool | None = Field(
        None,
        description="Whether credits have their minus, as in some exports of SAP: with `true`, the amount is the sum "
        "of both columns. A file whose credits all have a minus without it, or all have none with it, is held; with "
        "`false`, such credits are reversals.",
    )


class FieldConfig(StrictModel):
    """Where a field comes from and how its text is read."""

    source: TextList | DebitCredit | None = Field(
        None,
        alias="from",
        description="A header; a list of alternatives, of which the first present one is used; a template that joins "
        'columns, such as `"{Group}-{Code}"`; for money also `{debit: Dr, credit: Cr}`. Case and white space of '
        "headers do not matter.",
    )
    from_name: Regex | None = Field(
        None,
        description="A regular expression (RE2) matched against the name of the file inside `raw/`: its group, or the "
        "whole match, is the field's text where the file has no column or a blank cell. Not for `amount`, `code` and "
        "`number`.",
    )
    template: str | None = Field(
        None,
        max_length=MAX_PATTERN_CHARACTERS,
        description='The text from the groups of `from_name`, such as `"{1}-{2}"`; needed if there are several.',
    )
    formats: TextList = Field(
        [],
        description="Patterns of dates, tried in order; by default `yyyy-MM-dd`, for `period` `yyyy-MM` and `yyyyMM`. "
        "Their parts are `yyyy yy QQQ QQ Q MMMM MMM MM M dd d HH H hh h mm m ss s SSS S a`, as in Java; QQQ is Q1 to "
        "Q4, "
        "MMM and MMMM names of months in English, German, "
        "French, Spanish, Italian or Dutch, `S` a fraction of a second of any length, `a` AM or PM; "
        "words stand in apostrophes, such as `'FY'yyyy`. "
        "`YYYY-'W'ww-e` reads a day of a week of ISO "
        '8601, of which `e` is 1 for Monday: `from: "{Week}-4"` counts 2025-W03 on its Thursday. A date without a day '
        "is the first day of its "
        "month, quarter or year. Midnight (`00:00:00`) may follow a day. `excel_serial` reads days as a spreadsheet "
        "counts them, such as 45658.",
    )
    decimal: Literal[".", ","] = Field(".", description="The mark before the fraction of an amount.")
    thousands: Literal[",", ".", " ", "'", "’"] | None = Field(
        None,
        description="The mark between groups of an amount's digits; none by default. An apostrophe stands for every "
        "kind of apostrophe; under `,` there may be groups of two digits before the last three (12,34,567). Spaces "
        "always group.",
    )
    scale: Scale = Field(
        Decimal(1),
        description="What amounts are multiplied by, exactly and before they are rounded to cents: a power of ten, "
        "such as 1000 for figures in thousands or 0.01 for cents. Default 1.",
    )
    sign_column: SignColumnConfig | None = Field(
        None,
        description="The column that says whether an amount is negative, such as `{from: S/H, negative: [H]}`; the "
        "amounts themselves must then have no sign. Not with debit and credit. It changes no rule of signs: if the two "
        "values are debit and credit, `sign: debit_positive` is needed too.",
    )
    calendar: Literal["gregorian", "fiscal"] = Field(
        "gregorian",
        description="Which years and quarters the patterns without a month name: with `fiscal`, `yyyy` is the first "
        "day of the home's fiscal year, which is named by the calendar year in which it ends, and the year of "
        "`unpivot.year` is such a year. Patterns may then have `FFFF` or `FF`, a fiscal year also beside a month, and "
        "`PPP`, `PP` or `P`, the number of a period in the fiscal year: `'FY'FF-'P'PP` reads FY26-P01. `GGGG` or `GG` "
        "before them is the calendar year in which it begins: `GGGG/FF` reads 2025/26, in a home whose fiscal years do "
        "not begin in January.",
    )
    pad: int = Field(
        0,
        ge=0,
        le=MAX_PADDED_DIGITS,
        description="Digits to which codes of fewer digits are filled with zeros: with 4, `10` and a spreadsheet's "
        "`10.0` are 0010. Default 0, which leaves codes as they are.",
    )
    shorten: int = Field(
        0,
        ge=0,
        le=MAX_CODE_BYTES,
        description="Bytes of UTF-8 to which longer codes are shortened, from 20 to 128: their beginning, `~` and a "
        "hash of the whole code, so that two codes stay two. The delivery reports how many there are, the "
        "longest and their money. Default 0: a code of more than 128 bytes rejects its row.",
    )
    first_filled: bool = Field(
        False,
        description="Whether each row has its text in the first column of `from` that is not blank there, as in a "
        "report that indents accounts by a column for each level: `{from: [Level 3, Level 2], first_filled: true}`. "
        "By default, the first of the columns that the file has is used for all rows.",
    )
    part: PartConfig | None = Field(
        None,
        description='The part of the text that is the field\'s, such as a segment of an account: `{split: "-", number: '
        "3, of: 4}` takes 6110 of 01-120-6110-0000. Several fields may have parts of one column.",
    )
    required: bool = Field(
        True,
        description="Whether a file that lacks the column is refused; with `false`, the field of its rows is blank or "
        "`default`.",
    )
    default: ShortText | None = Field(
        None, description="The text of blank cells; of debit and credit, of rows with neither."
    )
    fill_down: bool | Literal["labels"] = Field(
        False,
        description="Whether a blank cell stands for the last text above it in its column, as in merged cells or a "
        "pivot table. Rows that a rule of `skip` or `control_total` claims give no text, but for those of a rule with "
        "`label: true`. `labels`: only these give a text, to every line below, whose own cells are those of another "
        "field. Only in ledgers; not with `default`, a template or `from_name`.",
    )
    value_map: dict[ShortText, ShortText] = Field(
        {},
        alias="map",
        description="Value to value: `{A: Actual, B: Budget}`; case and white space do not matter. A value that is not "
        "listed stays as it is.",
    )

    @field_validator("value_map")
    @classmethod
    def _check_value_map(cls, value: dict[str, str]) -> dict[str, str]:
        reject_duplicates(value)
        return value

    @field_validator("source")
    @classmethod
    def _check_braces(cls, value: list[str] | DebitCredit | None) -> list[str] | DebitCredit | None:
        for text in value if isinstance(value, list) else []:
            if re.search(r"[{}]", PLACEHOLDER.sub("", text)):
                raise ValueError(f"{text!r} has an unmatched brace; write a template as {{Group}}-{{Code}}")
            if len(template_headers(text)) > MAX_ALTERNATIVES:
                raise ValueError(f"a template joins at most {MAX_ALTERNATIVES} columns")
        return value

    @field_validator("formats")
    @classmethod
    def _check_formats(cls, value: list[str]) -> list[str]:
        if any(len(pattern) > MAX_PATTERN_CHARACTERS for pattern in value):
            raise ValueError(f"a date pattern has more than {MAX_PATTERN_CHARACTERS} characters")
        # A header such as Jan may have its year beside it; see `shape`.
        check_formats([pattern for pattern in value if not lacks_year(pattern)])
        return value

    @field_validator("shorten")
    @classmethod
    def _check_shorten(cls, value: int) -> int:
        if 0 < value < MIN_SHORTENED_BYTES:
            raise ValueError(f"{value} leaves too little of a code beside its hash; the least is {MIN_SHORTENED_BYTES}")
        return value

    @field_validator("default")
    @classmethod
    def _check_default(cls, value: str | None) -> str | None:
        if value is not None and not value.strip():
            raise ValueError("is blank; remove it, because blank cells stay blank without it")
        return value

    @model_validator(mode="after")
    def _check_marks_and_source(self) -> FieldConfig:
        raise_mistakes(self._mistakes())
        return self

    def _mistakes(self) -> Iterator[str]:
        if self.decimal == self.thousands:
            yield f"decimal and thousands are both {self.decimal!r}"
        if self.sign_column and isinstance(self.source, DebitCredit):
            yield "sign_column: is not for debit and credit, because their columns give the sign; remove it"
        # Formats without a year, and none at all, may have that of unpivot.year; see `shape`.
        is_changed = not self.formats or any(lacks_year(one) or is_fiscal_part(one) for one in self.formats)
        if self.calendar == "fiscal" and not is_changed:
            yield NOTHING_FISCAL
        fiscal = [one for one in self.formats if needs_fiscal_calendar(one)]
        if fiscal and self.calendar != "fiscal":
            yield (
                f"formats: {fiscal[0]!r} has a part of a fiscal year; add calendar: fiscal, in place of gregorian if "
                "that is there. P, PP and PPP are numbers of periods, which are the months 1 to 12 where fiscal years "
                "begin in January; a calendar year is yyyy, and a month that is written as MM or M"
            )
        is_template = isinstance(self.source, list) and any(map(PLACEHOLDER.search, self.source))
        if self.fill_down and (self.default is not None or self.from_name or is_template):
            yield "fill_down: is not for a field with a default, a template or a part of the file's name; remove it"
        if self.first_filled and (is_template or not isinstance(self.source, list) or len(self.source) == 1):
            yield "first_filled: needs several headers in from:, such as [Level 3, Level 2], and no template; remove it"
        yield from self._template_mistakes()
        if not self.source and not self.from_name:
            yield "from: is needed, or from_name:; use constants: for a value that is the same in every row"
            return
        sources = [self.source.debit, self.source.credit] if isinstance(self.source, DebitCredit) else self.source
        if any(not text.strip() for text in sources or []):
            yield "from: is blank; name the column"

    def _template_mistakes(self) -> Iterator[str]:
        if self.template is not None and (not self.from_name or not self.template.strip()):
            yield "template: is the text that from_name: gives; give both, or from_name: alone"
            return
        count = count_groups(self.from_name) if self.from_name else 0
        if self.template is None:
            if count > 1:
                yield f"from_name: has {count} groups; join them with template:, such as '{{1}}-{{2}}'"
            return
        numbers = GROUP.findall(self.template)
        if re.search(r"[{}]", GROUP.sub("", self.template)) or any(int(number) > count for number in numbers):
            yield f"template: {self.template!r} must name groups of from_name by number, such as {{1}}; it has {count}"

    def resolve(self) -> FieldRule:
        """Return the rule in the form that travels to Glue."""
        pair = self.source if isinstance(self.source, DebitCredit) else None
        return FieldRule(
            sources=tuple(self.source) if isinstance(self.source, list) else (),
            required=self.required,
            default=self.default,
            value_map=dict(self.value_map),
            formats=tuple(self.formats),
            decimal=self.decimal,
            thousands=self.thousands,
            debit=pair.debit if pair else None,
            credit=pair.credit if pair else None,
            name_pattern=self.from_name,
            name_template=self.template,
            scale=int(self.scale.log10()),
            sign_column=self.sign_column.resolve() if self.sign_column else None,
            pad=self.pad,
            shorten=self.shorten,
            is_filled_down=bool(self.fill_down),
            is_from_labels=self.fill_down == "labels",
            is_first_filled=self.first_filled,
            split=self.part.split if self.part else None,
            part=self.part.number if self.part else 0,
            parts=(self.part.of or 0) if self.part else 0,
            is_fiscal=self.calendar == "fiscal",
            is_signed=pair.signed if pair else None,
        )
