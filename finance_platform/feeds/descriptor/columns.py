"""The key `columns`: the fields of each kind of feed, and where each comes from in a file.

Belongs here: names of fields, and the checks of one field on its own.
Does not belong here: checks between fields (see `feed`), reading cells (see `feeds.cells`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Literal

from pydantic import Field, field_validator, model_validator

from finance_platform.feeds.dates import compile_pattern
from finance_platform.feeds.descriptor.strict_model import (
    Regex,
    ShortText,
    StrictModel,
    TextList,
    raise_mistakes,
    reject_duplicates,
)
from finance_platform.feeds.file_names import GROUP, count_groups
from finance_platform.feeds.limits import MAX_ALTERNATIVES, MAX_PATTERN_CHARACTERS
from finance_platform.feeds.resolved import PLACEHOLDER, FieldRule, Kind, template_headers

FIELDS: Mapping[Kind, tuple[str, ...]] = {
    "ledger": (
        "date",
        "department",
        "account",
        "amount",
        "scenario",
        "period",
        "transaction_id",
        "currency",
        "department_name",
        "business_unit",
        "account_name",
        "account_type",
        "account_category",
        "description",
    ),
    "departments": ("code", "name", "business_unit", "parent"),
    "accounts": ("number", "name", "type", "category", "parent", "measure"),
}
NEEDED_FIELDS: Mapping[Kind, tuple[str, ...]] = {
    "ledger": ("date", "department", "account", "amount", "scenario"),
    "departments": ("code",),
    "accounts": ("number",),
}
KEY_FIELDS = ("transaction_id", "date", "department", "account", "scenario", "period", "description")
SCOPE_FIELDS = ("department", "account", "business_unit")
ROW_FIELDS = ("amount", "code", "number")
"""Fields that differ from row to row, so a file's name cannot give them."""


class DebitCredit(StrictModel):
    """An amount in two columns: debit less credit."""

    debit: ShortText
    credit: ShortText


class FieldConfig(StrictModel):
    """Where a field comes from and how its text is read."""

    source: TextList | DebitCredit | None = Field(None, alias="from")
    from_name: Regex | None = None
    template: str | None = Field(None, max_length=MAX_PATTERN_CHARACTERS)
    formats: TextList = Field([])
    decimal: Literal[".", ","] = "."
    thousands: Literal[",", ".", " ", "'"] | None = None
    required: bool = True
    default: ShortText | None = None
    value_map: dict[ShortText, ShortText] = Field({}, alias="map")

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
        for pattern in value:
            if len(pattern) > MAX_PATTERN_CHARACTERS:
                raise ValueError(f"a date pattern has more than {MAX_PATTERN_CHARACTERS} characters")
            compile_pattern(pattern)
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
        )
