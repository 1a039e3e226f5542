"""The key `columns`: the fields of each kind of feed, and where each comes from in a file.

Belongs here: names of fields, and the checks of one field on its own.
Does not belong here: checks between fields (see `feed`), reading cells (see `feeds.cells`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

from pydantic import Field, field_validator, model_validator

from finance_platform.feeds.dates import compile_pattern
from finance_platform.feeds.descriptor.strict_model import StrictModel, TextList, reject_duplicates
from finance_platform.feeds.resolved import PLACEHOLDER, FieldRule, Kind

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


class DebitCredit(StrictModel):
    """An amount in two columns: debit less credit."""

    debit: str
    credit: str


class FieldConfig(StrictModel):
    """Where a field comes from and how its text is read."""

    source: TextList | DebitCredit | None = Field(None, alias="from")
    formats: TextList = Field([])
    decimal: Literal[".", ","] = "."
    thousands: Literal[",", ".", " ", "'"] | None = None
    required: bool = True
    default: str | None = None
    value_map: dict[str, str] = Field({}, alias="map")

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
        return value

    @field_validator("formats")
    @classmethod
    def _check_formats(cls, value: list[str]) -> list[str]:
        for pattern in value:
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
        if self.decimal == self.thousands:
            raise ValueError(f"decimal and thousands are both {self.decimal!r}")
        if self.source is None or self.source == []:
            raise ValueError("from: is needed; use constants: for a value that is the same in every row")
        sources = [self.source.debit, self.source.credit] if isinstance(self.source, DebitCredit) else self.source
        if any(not text.strip() for text in sources):
            raise ValueError("from: is blank; name the column")
        return self

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
        )
