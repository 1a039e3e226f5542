"""The keys of a field that only some fields have: how amounts, dates and codes are written.

Belongs here: `part`, `sign_column` and `types_by_prefix`, and which field may have which key.
Does not belong here: keys of every field (see `columns`), reading the values (see `feeds.values.amounts`,
`feeds.values.dates`, `feeds.values.codes`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from finance_platform.feeds.descriptor.strict_model import (
    ShortText,
    StrictModel,
    TextList,
    raise_mistakes,
    reject_duplicates,
)
from finance_platform.feeds.limits import MAX_ALTERNATIVES
from finance_platform.feeds.resolved import SignColumn
from finance_platform.feeds.values.codes import fold

MIN_SHORTENED_BYTES = 20
"""Of a shortened code: the hash at its end, and something that a person recognizes before it."""

MAX_PARTS = 30
"""Of an account; Oracle has up to 30 segments."""

_AMOUNTS, _DATES = ("amount",), ("date", "period", "valid_from", "valid_to")
_CODES = ("department", "account", "code", "number", "parent", "predecessor")
_MONEY = (*_AMOUNTS, "opening", "balance")
FIELDS_OF_KEYS: Mapping[str, Sequence[str]] = {
    "decimal": (*_MONEY, "share", "origin_share"),
    "thousands": _MONEY,
    "scale": _MONEY,
    "sign_column": _AMOUNTS,
    "formats": _DATES,
    "calendar": _DATES,
    "pad": _CODES,
    "shorten": _CODES,
    "part": (*_CODES, "business_unit", "department_name", "account_name", "transaction_id", "name"),
    "first_filled": (
        "department",
        "account",
        "transaction_id",
        "business_unit",
        "department_name",
        "account_name",
        "description",
    ),
    "fill_down": (
        "department",
        "account",
        "date",
        "scenario",
        "transaction_id",
        "business_unit",
        "department_name",
        "account_name",
    ),
}
"""The fields that may have a key; a key that is not listed is for every field."""

TYPE_FIELDS = {"ledger": "account_type", "accounts": "type"}
"""The field of each kind that `types_by_prefix` fills."""

_OPPOSITES = {
    "h": "S", "c": "D", "cr": "DR", "credit": "Debit", "haben": "Soll", "-": "+", "s": "H", "d": "C", "dr": "CR",
    "debit": "Credit", "soll": "Haben", "+": "-", "n": "P", "negative": "Positive", "minus": "Plus",
}  # fmt: skip


def _check_scale(value: object) -> object:
    try:
        scale = Decimal(str(value))
    except InvalidOperation:
        scale = Decimal(0)
    if not scale.is_finite() or scale not in {Decimal(10) ** power for power in range(-6, 10)}:
        raise ValueError(f"{value!r} is not a power of ten from 0.000001 to 1000000000, such as 1000 or 0.01")
    return scale


Scale = Annotated[Decimal, BeforeValidator(_check_scale)]

AccountType = Literal["Revenue", "Expense", "Asset", "Liability", "Equity", "Statistical"]


def _check_types(value: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    for types in value.values():
        reject_duplicates(types)
        if any(not prefix.strip() for prefix in types):
            raise ValueError("has a blank prefix; write the first characters of the accounts' numbers")
    return value


TypesByPrefix = Annotated[
    dict[
        Literal["account_type", "type"],
        Annotated[dict[ShortText, AccountType], Field(max_length=MAX_ALTERNATIVES, min_length=1)],
    ],
    AfterValidator(_check_types),
]


class PartConfig(StrictModel):
    """The part of a text that is the field's, such as a segment of an account."""

    split: ShortText = Field(min_length=1, description="What is between two parts, such as `-`.")
    number: int = Field(ge=1, le=MAX_PARTS, description="The number of the part, counted from 1.")
    of: int | None = Field(
        None,
        ge=1,
        le=MAX_PARTS,
        description="How many parts each text has. A text with more or fewer is blank, so that its row is rejected; "
        "without it, only one with fewer than `number`.",
    )

    @model_validator(mode="after")
    def _check_number(self) -> PartConfig:
        if self.of is not None and self.number > self.of:
            raise ValueError(f"number: {self.number} is more than of: {self.of}")
        return self


class SignColumnConfig(StrictModel):
    """The column that says whether an amount without a sign is negative."""

    source: TextList = Field(
        alias="from", min_length=1, description="Its header, or a list of alternatives, of which the first one counts."
    )
    negative: TextList = Field(
        min_length=1, description="The values of negative amounts, such as `[H]`; case and white space do not matter."
    )
    positive: TextList = Field(
        [],
        description="The values of other amounts; by default the opposites of `negative` (S of H, D of C, DR of CR, "
        "Debit of Credit, Soll of Haben, + of -, P of N, and the reverse). Any other value rejects its row.",
    )
    default: ShortText | None = Field(
        None, description="The value of blank cells, such as `S`; without it, a blank cell rejects its row."
    )

    @model_validator(mode="after")
    def _check_values(self) -> SignColumnConfig:
        raise_mistakes(self._mistakes())
        return self

    def _mistakes(self) -> Iterator[str]:
        negative, positive = ({fold(text) for text in texts} for texts in (self.negative, self.positives))
        without = [text for text in self.negative if fold(text) not in _OPPOSITES]
        if not self.positive and without:
            yield f"positive: is needed, because {without[0]!r} has no opposite that is known"
        if negative & positive:
            yield f"positive and negative both have {min(negative & positive)!r}; keep one of them"
        if any(not text.strip() for text in (*self.source, *self.negative, *self.positive)):
            yield "a header or a value is blank; give blank cells a value by default:"
        if self.default is not None and fold(self.default) not in negative | positive:
            yield f"default: {self.default!r} is none of the values of negative: and positive:"

    @property
    def positives(self) -> list[str]:
        """The values of amounts that are not negative."""
        return self.positive or [_OPPOSITES[fold(text)] for text in self.negative if fold(text) in _OPPOSITES]

    def resolve(self) -> SignColumn:
        """Return the rule in the form that travels to Glue."""
        return SignColumn(tuple(self.source), tuple(self.negative), tuple(self.positives), self.default)


def misplaced_keys(name: str, keys: Sequence[str]) -> Iterator[str]:
    """Yield the mistake of each of a field's keys that is for other fields."""
    for key, names in FIELDS_OF_KEYS.items():
        if key in keys and name not in names:
            yield f"columns.{name}: {key}: is only for {', '.join(names)}; remove it"


def type_mistakes(types: Iterable[str], kind: str) -> Iterator[str]:
    """Yield the mistakes of `types_by_prefix` in a feed of a kind."""
    for name in types:
        if name != TYPE_FIELDS.get(kind):
            known = TYPE_FIELDS.get(kind)
            fix = f"write {known}: instead" if known else "remove it"
            yield f"types_by_prefix.{name} is not a field of {kind} that has types; {fix}"
