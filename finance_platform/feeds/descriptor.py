"""The feed descriptor as people write it: its model, its rules, its resolved form.

Belongs here: what a descriptor may say, and how that becomes `ResolvedFeed`.
Does not belong here: finding and reading descriptor files, and their line numbers (see `catalog`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from pathlib import PurePosixPath
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from finance_platform.feeds.codes import SCENARIO_TYPES, fold, scenario_type
from finance_platform.feeds.dates import compile_pattern
from finance_platform.feeds.resolved import Dialect, FieldRule, Kind, LoadMode, ReadingRules, ResolvedFeed
from finance_platform.settings import Settings

LEDGER_FIELDS = (
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
)
DEPARTMENT_FIELDS = ("code", "name", "business_unit", "parent")
ACCOUNT_FIELDS = ("number", "name", "type", "category", "parent", "measure")
FIELDS: Mapping[Kind, tuple[str, ...]] = {
    "ledger": LEDGER_FIELDS,
    "departments": DEPARTMENT_FIELDS,
    "accounts": ACCOUNT_FIELDS,
}
NEEDED: Mapping[Kind, tuple[str, ...]] = {
    "ledger": ("date", "department", "account", "amount", "scenario"),
    "departments": ("code",),
    "accounts": ("number",),
}
_KEY_FIELDS = ("transaction_id", "date", "department", "account", "scenario", "period", "description")
_SCOPE_FIELDS = ("department", "account", "business_unit")


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


TextList = Annotated[list[str], BeforeValidator(_as_list)]


def _refuse_repeats(names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if fold(name) in seen:
            raise ValueError(f"has {name!r} twice; case and white space make no difference")
        seen.add(fold(name))


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class DialectPart(_Strict):
    """How the file is cut into cells."""

    delimiter: str = Field(",", min_length=1, max_length=1)
    quote: str = Field('"', min_length=1, max_length=1)
    encoding: str = "utf-8"
    header_row: int = Field(1, ge=0)
    names: list[str] = []

    @field_validator("encoding")
    @classmethod
    def _is_known(cls, value: str) -> str:
        try:
            "".encode(value)
        except LookupError:
            raise ValueError(f"{value!r} is no encoding that Python knows; try utf-8 or cp1252") from None
        return value

    @model_validator(mode="after")
    def _names_stand_for_a_header(self) -> DialectPart:
        if (self.header_row == 0) != bool(self.names):
            raise ValueError("names: [...] is needed with header_row: 0, and only then")
        return self

    @model_validator(mode="after")
    def _marks_differ(self) -> DialectPart:
        if self.delimiter == self.quote or {self.delimiter, self.quote} & {"\n", "\r"}:
            raise ValueError("delimiter and quote must differ, and neither can be a line break")
        return self

    @field_validator("names")
    @classmethod
    def _name_each_column_once(cls, value: list[str]) -> list[str]:
        _refuse_repeats(value)
        return value


class DebitCredit(_Strict):
    """An amount in two columns; it means debit less credit."""

    debit: str
    credit: str


class FieldPart(_Strict):
    """Where a field comes from and how its text is understood."""

    source: TextList | DebitCredit | None = Field(None, alias="from")
    formats: TextList = []
    decimal: Literal[".", ","] = "."
    thousands: Literal[",", ".", " ", "'"] | None = None
    required: bool = True
    default: str | None = None
    value_map: dict[str, str] = Field({}, alias="map")

    @field_validator("value_map")
    @classmethod
    def _map_each_value_once(cls, value: dict[str, str]) -> dict[str, str]:
        _refuse_repeats(value)
        return value

    @field_validator("source")
    @classmethod
    def _close_every_brace(cls, value: list[str] | DebitCredit | None) -> list[str] | DebitCredit | None:
        for text in value if isinstance(value, list) else []:
            if re.search(r"[{}]", re.sub(r"\{[^{}]+\}", "", text)):
                raise ValueError(f"{text!r} has a brace without its partner; a template is written {{Group}}-{{Code}}")
        return value

    @field_validator("formats")
    @classmethod
    def _are_patterns(cls, value: list[str]) -> list[str]:
        for pattern in value:
            compile_pattern(pattern)
        return value

    @model_validator(mode="after")
    def _marks_differ(self) -> FieldPart:
        if self.decimal == self.thousands:
            raise ValueError(f"decimal and thousands are both {self.decimal!r}")
        if self.source is None or self.source == []:
            raise ValueError("from: is needed; use constants: for a value that is the same in every row")
        sources = [self.source.debit, self.source.credit] if isinstance(self.source, DebitCredit) else self.source
        if any(not text.strip() for text in sources):
            raise ValueError("from: is blank; name the column")
        return self

    @field_validator("default")
    @classmethod
    def _is_not_blank(cls, value: str | None) -> str | None:
        if value is not None and not value.strip():
            raise ValueError("is blank; remove it, blank cells are blank without it")
        return value

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


def _is_pattern(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"{pattern!r} is no regular expression: {error}") from None
    return pattern


Pattern = Annotated[str, AfterValidator(_is_pattern)]


def _is_share(text: str) -> bool:
    try:
        share = Decimal(text)
    except InvalidOperation:
        return False
    return share.is_finite() and 0 <= share <= 1


class CoversPart(_Strict):
    """How a file's name says which periods it covers."""

    from_name: Pattern

    @field_validator("from_name")
    @classmethod
    def _has_one_group_or_two(cls, value: str) -> str:
        if re.compile(value).groups not in {1, 2}:
            raise ValueError(f"{value!r} needs one group for the period, or two: the first and the last")
        return value


class OrderPart(_Strict):
    """What says where a delivery stands in the order: its name, or the greatest value of a column."""

    from_name: Pattern | None = None
    from_column: str | None = Field(None, min_length=1)

    @model_validator(mode="after")
    def _from_one_of_them(self) -> OrderPart:
        if (self.from_name is None) == (self.from_column is None):
            raise ValueError("give from_name: a pattern, or from_column: a header")
        return self


class LoadPart(_Strict):
    """What a delivery does to the ones before it."""

    mode: LoadMode = "append"
    key: TextList = []
    scope: TextList = []
    covers: CoversPart | None = None

    @model_validator(mode="after")
    def _parts_fit_the_mode(self) -> LoadPart:
        if (self.mode == "upsert") != bool(self.key):
            raise ValueError("key: [...] is needed with mode: upsert, and only then")
        if self.mode != "replace_period" and self.scope:
            raise ValueError("scope: [...] goes with mode: replace_period")
        if self.mode != "replace_period" and self.covers:
            raise ValueError("covers: goes with mode: replace_period")
        return self


class TolerancePart(_Strict):
    """How much may be rejected before a delivery is held; nothing, unless it says so."""

    rejected_rows: Decimal = Field(Decimal(0), ge=0, le=1, description="Share of candidate lines.")
    rejected_amount: Decimal | None = Field(None, ge=0, description="Sum of absolute amounts, in the home's currency.")


class FreshnessPart(_Strict):
    """How long a feed may go without a new delivery; it changes nothing that is read."""

    warn_after_days: int | None = Field(None, gt=0, description="Days until somebody should look, if before that.")
    fail_after_days: int = Field(gt=0, description="Days until a delivery is overdue.")

    @model_validator(mode="after")
    def _warns_before_it_fails(self) -> FreshnessPart:
        if self.warn_after_days is not None and self.warn_after_days >= self.fail_after_days:
            raise ValueError(
                f"warn_after_days: {self.warn_after_days} comes no earlier than fail_after_days: "
                f"{self.fail_after_days}; make it smaller, or remove it"
            )
        return self


UNREAD_FILES = "unread_files"
"""No feed's name: beside the feeds' own assets there is one of this name, for files that no feed reads."""


class FeedDescriptor(_Strict):
    """One kind of file from one source."""

    feed: str = Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")
    kind: Kind
    path: str = Field(min_length=1)
    summary: str = Field("", alias="description")
    owner: str = Field("", pattern=r"^$|^team:[A-Za-z0-9_.-]+$|^[^@\s]+@[^@\s]+\.[^@\s]+$")
    dialect: DialectPart = DialectPart()
    columns: dict[str, FieldPart] = {}
    constants: dict[str, str] = {}
    scenarios: dict[str, Literal["Budget", "Forecast"]] = {}
    sign: Literal["natural", "debit_positive"] = "natural"
    load: LoadPart = LoadPart()
    order: OrderPart | None = None
    tolerance: TolerancePart = TolerancePart()
    freshness: FreshnessPart | None = None
    hold_if_removes: Decimal | Literal["never"] = Decimal("0.5")
    hold_if_late: bool = False

    @field_validator("feed")
    @classmethod
    def _is_free(cls, value: str) -> str:
        if value == UNREAD_FILES:
            raise ValueError(f"{value} is what the files that no feed reads are shown under; take another name")
        return value

    @field_validator("hold_if_removes", mode="before")
    @classmethod
    def _is_a_share(cls, value: object) -> object:
        if value != "never" and not _is_share(str(value)):
            raise ValueError(f"{value!r} is no share of the lines that are published, from 0 to 1, nor never")
        return value

    @field_validator("columns", mode="before")
    @classmethod
    def _short_form(cls, value: object) -> object:
        """`name: Header` is short for `name: {from: Header}`, as is the two-column form of an amount."""
        if not isinstance(value, dict):
            return value
        short = {"debit", "credit"}
        return {
            name: {"from": part}
            if isinstance(part, str | list) or (isinstance(part, dict) and set(part) == short)
            else part
            for name, part in value.items()
        }

    @field_validator("scenarios")
    @classmethod
    def _declare_each_once(cls, value: dict[str, str]) -> dict[str, str]:
        _refuse_repeats(value)
        return value

    @field_validator("path")
    @classmethod
    def _is_a_plain_glob(cls, value: str) -> str:
        if value.startswith("/") or "**" in value or ".." in value:
            raise ValueError("path is a glob inside the raw zone, such as council/*.csv; no leading /, no .., no **")
        if not re.search(r"\.(csv|txt|tsv)$", value, re.IGNORECASE):
            raise ValueError("path must end in .csv, .txt or .tsv")
        return value

    @model_validator(mode="after")
    def _fields_fit_the_kind(self) -> FeedDescriptor:
        allowed = FIELDS[self.kind]
        for part, names in (("columns", self.columns), ("constants", self.constants)):
            for name in names:
                if name not in allowed:
                    raise ValueError(f"{part}.{name} is no field of {self.kind}; the fields are {', '.join(allowed)}")
        for name, value in self.constants.items():
            if name in self.columns:
                raise ValueError(f"constants.{name} is in columns too; keep one")
            if not value.strip():
                raise ValueError(f"constants.{name} is blank")
        for name in NEEDED[self.kind]:
            if name not in self.columns and name not in self.constants:
                raise ValueError(f"columns.{name} is needed for kind {self.kind} (or constants.{name})")
        return self

    @model_validator(mode="after")
    def _needed_fields_are_in_every_file(self) -> FeedDescriptor:
        for name in (*NEEDED[self.kind], *self.load.key, *self.load.scope):
            part = self.columns.get(name)
            if part and not part.required and part.default is None:
                raise ValueError(f"columns.{name} is needed in every file; remove required: false, or give a default:")
        return self

    @model_validator(mode="after")
    def _parts_agree(self) -> FeedDescriptor:
        for name in self.constants.keys() & {"amount", "date"}:
            raise ValueError(f"constants.{name} cannot be; columns.{name} is needed")
        for name in self.scenarios:
            if fold(name) == "actual":
                raise ValueError(f"scenarios.{name}: Actual is what happened, whatever else is declared; remove it")
        for name, part in self.columns.items():
            if isinstance(part.source, DebitCredit) and name != "amount":
                raise ValueError(f"columns.{name}: only amount can be {{debit, credit}}")
        for name in self.load.key:
            if name not in _KEY_FIELDS or (name not in self.columns and name not in self.constants):
                raise ValueError(f"load.key: {name} must be one of the mapped fields {', '.join(_KEY_FIELDS)}")
        scenario = self.constants.get("scenario")
        if scenario is not None and scenario_type(scenario, self.scenarios) is None:
            raise ValueError(
                f"constants.scenario: {scenario!r} begins with none of {', '.join(SCENARIO_TYPES)}; "
                f"declare it: scenarios: {{{scenario}: Forecast}}"
            )
        return self

    @model_validator(mode="after")
    def _scope_is_mapped(self) -> FeedDescriptor:
        for name in self.load.scope:
            if name not in _SCOPE_FIELDS or (name not in self.columns and name not in self.constants):
                raise ValueError(f"load.scope: {name} must be one of the mapped fields {', '.join(_SCOPE_FIELDS)}")
        return self

    def matches(self, object_key: str) -> bool:
        """Return whether this feed reads the raw object; `*` stays inside one folder."""
        return PurePosixPath("/" + object_key).match("/" + self.path)

    def resolve(self, settings: Settings) -> ResolvedFeed:
        """Return the feed in the form that travels to Glue, with the home's currency and date range."""
        pair = any(isinstance(part.source, DebitCredit) for part in self.columns.values())
        key = tuple(self.load.key) if self.kind == "ledger" else NEEDED[self.kind]
        rules = ReadingRules(
            kind=self.kind,
            dialect=Dialect(**{**self.dialect.model_dump(), "names": tuple(self.dialect.names)}),
            fields={name: part.resolve() for name, part in self.columns.items()},
            constants=dict(self.constants),
            scenarios=dict(self.scenarios),
            key=key,
            scope=tuple(self.load.scope),
            is_debit_positive=pair or self.sign == "debit_positive",
            currency=settings.currency,
            earliest_date=settings.earliest_date.isoformat(),
            latest_date=settings.latest_date.isoformat(),
            covers=self.load.covers.from_name if self.load.covers else None,
            order_column=self.order.from_column if self.order else None,
        )
        return ResolvedFeed(self.feed, rules)
