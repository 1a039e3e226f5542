"""A feed as the file reader needs it: plain dataclasses that travel to Glue as JSON.

Belongs here: the resolved form of a descriptor, its JSON, and the identity of its reading rules.
Does not belong here: YAML, pydantic, validation (see `descriptor`); Glue has neither library.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from functools import cached_property
from typing import Any, Literal

from finance_platform.feeds.shape_rules import (
    HASHED_IF_SET,
    NOT_HASHED,
    LookupRule,
    MeasureRule,
    SpreadRule,
    UnpivotRule,
)

_ADDED_TO_SHIPPED = frozenset({"valid_to"})
"""Fields that shipped descriptors of earlier releases did not read, and that change no line, type or name: without them
in the identity, no home reads its files again, and none brings back a file that was withdrawn."""

PLACEHOLDER = re.compile(r"\{([^{}]+)\}")
"""A header's place in a template such as `{Group}-{Code}`."""

Kind = Literal["ledger", "departments", "accounts", "lookup", "comments", "statement_lines", "balances"]
Reader = Kind | Literal["ledger_with_sides"]
"""The kind of a feed; of ledgers, some are read by rules that no other ledger has (see `ReadingRules.reader`)."""

LoadMode = Literal["append", "upsert", "replace_period"]


@dataclass(frozen=True)
class Dialect:
    """How a file is cut into cells; named as in Frictionless Table Dialect.

    Attributes:
        delimiter: between cells of text.
        quote: around cells of text.
        encoding: of text.
        header_row: the header's line or the sheet's row; 0 if there is none. Rows before it are not read.
        names: the columns' names if there is no header.
        header_above: rows above the header whose texts come before its own.
        comment: a row that begins with it is not data.
    """

    delimiter: str = ","
    quote: str = '"'
    encoding: str = "utf-8"
    header_row: int = 1
    names: tuple[str, ...] = ()
    header_above: tuple[int, ...] = field(default=(), metadata=HASHED_IF_SET)
    comment: str | None = field(default=None, metadata=HASHED_IF_SET)


@dataclass(frozen=True)
class SignColumn:
    """The column that says whether an amount is negative.

    Attributes:
        sources: alternative headers; the first present wins.
        negative: its values of negative amounts, compared with case and white space folded.
        positive: its values of other amounts.
        default: the value of blank cells; None if a blank cell rejects its row.
    """

    sources: tuple[str, ...]
    negative: tuple[str, ...]
    positive: tuple[str, ...]
    default: str | None = None


@dataclass(frozen=True)
class FieldRule:
    """Where a field comes from and how its text is read.

    Attributes:
        sources: alternative header names, or templates such as `{Group}-{Code}`; the first present wins.
        required: whether a delivery that has none of the sources is refused.
        default: text for blank cells.
        value_map: text to text, matched with case and white space folded.
        formats: date patterns, tried in order.
        decimal: decimal mark of amounts.
        thousands: grouping mark of amounts, if any.
        debit: header of the debit column, for amounts in two columns.
        credit: header of the credit column.
        is_signed: whether credits have their minus, so that both columns are added; None if that is not declared.
        name_pattern: regular expression (RE2) of the part of the object key that fills rows without a cell.
        name_template: the field's text from the pattern's groups, such as `{1}-{2}`; by default the first group.
        scale: amounts are multiplied by ten to this power.
        sign_column: the column that gives amounts their sign.
        pad: digits to which codes of fewer digits are filled with zeros; 0 for none.
        shorten: bytes to which longer codes are shortened; 0 for none.
        is_fiscal: whether years and quarters are those of the fiscal year.
        is_filled_down: whether a blank cell stands for the text above it.
        is_from_labels: whether rows that are labels alone give the text, so that the cells of lines do not count.
        is_first_filled: whether each row has its text in the first of the sources that is not blank there.
        split: what is between the parts of a text, of which one is the field's; None if the whole text is.
        part: the number of that part, counted from 1.
        parts: how many parts each text must have; 0 for any number.
    """

    sources: tuple[str, ...] = ()
    required: bool = True
    default: str | None = None
    value_map: Mapping[str, str] = field(default_factory=dict)
    formats: tuple[str, ...] = ()
    decimal: str = "."
    thousands: str | None = None
    debit: str | None = None
    credit: str | None = None
    name_pattern: str | None = field(default=None, metadata=HASHED_IF_SET)
    name_template: str | None = field(default=None, metadata=HASHED_IF_SET)
    scale: int = field(default=0, metadata=HASHED_IF_SET)
    sign_column: SignColumn | None = field(default=None, metadata=HASHED_IF_SET)
    pad: int = field(default=0, metadata=HASHED_IF_SET)
    shorten: int = field(default=0, metadata=HASHED_IF_SET)
    is_fiscal: bool = field(default=False, metadata=HASHED_IF_SET)
    is_signed: bool | None = field(default=None, metadata=HASHED_IF_SET)
    is_filled_down: bool = field(default=False, metadata=HASHED_IF_SET)
    is_from_labels: bool = field(default=False, metadata=HASHED_IF_SET)
    is_first_filled: bool = field(default=False, metadata=HASHED_IF_SET)
    split: str | None = field(default=None, metadata=HASHED_IF_SET)
    part: int = field(default=0, metadata=HASHED_IF_SET)
    parts: int = field(default=0, metadata=HASHED_IF_SET)


@dataclass(frozen=True)
class RowCondition:
    """What a row's cell must match.

    Attributes:
        columns: alternative header names; the first that the table has is used.
        pattern: regular expression (RE2), searched for in the cell without the blanks around it.
    """

    columns: tuple[str, ...]
    pattern: str


@dataclass(frozen=True)
class SkipRule:
    """Rows that are not data.

    Attributes:
        name: the rule's name among the reasons of rows.
        conditions: all must match.
        may_hold_money: whether the rows may have an amount.
        is_label: whether the texts of the rows stand for the blank cells below them, in columns that are filled down.
        keeps_label: whether a label above the rows stands for the cells below them too, although they may hold money.
    """

    name: str
    conditions: tuple[RowCondition, ...]
    may_hold_money: bool = False
    is_label: bool = field(default=False, metadata=HASHED_IF_SET)
    keeps_label: bool = field(default=False, metadata=HASHED_IF_SET)


@dataclass(frozen=True)
class ControlTotalRule:
    """Rows with a total that the file prints.

    Attributes:
        name: the rule's name among the reasons of rows.
        kind: grand, of all lines of the table; or subtotal, of those since the last one.
        conditions: all must match.
        is_required: whether a table without such a row holds the delivery.
        may_be_missing: whether a table without such a row has no warning either.
    """

    name: str
    kind: Literal["grand", "subtotal"]
    conditions: tuple[RowCondition, ...]
    is_required: bool = False
    may_be_missing: bool = field(default=False, metadata=HASHED_IF_SET)


@dataclass(frozen=True)
class ReadingRules:
    """Every rule that decides which lines a file's bytes become; part of a delivery's identity.

    Attributes:
        kind: what the file contains.
        dialect: how the file is cut into cells.
        fields: the rule of each field.
        constants: fields that are the same in every row.
        scenarios: declared scenarios, name to type.
        key: the fields that must not repeat in a delivery.
        scope: under load mode replace_period, the fields within whose values a delivery replaces earlier ones.
        is_debit_positive: whether amounts are debit less credit.
        currency: the home's currency.
        earliest_date: ISO; dates before it are rejected.
        latest_date: ISO; dates after it are rejected.
        covers: pattern of the periods that a file's name declares; lines outside are rejected.
        order_column: header of the column whose greatest value orders the feed's deliveries.
        is_plans_only: whether rows of scenario Actual are rejected.
        sheets: names, globs or numbers of the sheets of a workbook; by default its only visible sheet.
        unpivot: the columns of which each gives a line.
        measures: columns with amounts, of which each gives a line with fields of its own.
        lookup: fields that lines take from the rows of another feed.
        lookup_deliveries: the deliveries that have these rows, the latest last.
        spread: how an amount, which is that of a year, becomes one for each of its periods.
        weights: a hash of the lines that a file's years are spread like; empty if there are none.
        skip: rows that are not data.
        control_totals: rows with a printed total; of subtotals, the inner level comes first.
        balanced_by: fields or headers that name a voucher, whose debits and credits must be equal.
        types_by_prefix: account types by the first characters of account numbers.
        fiscal_year_start_month: of fields whose years and quarters are fiscal; 1 if there is none.
        ignored_columns: headers of columns that are not read on purpose.
        is_credit_positive: whether amounts are credit less debit in the file; lines are debit less credit.
        is_shipped: whether the feed comes with the platform, so that delimiter and encoding are found from the file.
    """

    kind: Kind
    dialect: Dialect
    fields: Mapping[str, FieldRule]
    constants: Mapping[str, str]
    scenarios: Mapping[str, str]
    key: tuple[str, ...]
    scope: tuple[str, ...]
    is_debit_positive: bool
    currency: str
    earliest_date: str
    latest_date: str
    covers: str | None = None
    order_column: str | None = None
    is_plans_only: bool = field(default=False, metadata=HASHED_IF_SET)
    sheets: tuple[str, ...] = field(default=(), metadata=HASHED_IF_SET)
    unpivot: UnpivotRule | None = field(default=None, metadata=HASHED_IF_SET)
    measures: tuple[MeasureRule, ...] = field(default=(), metadata=HASHED_IF_SET)
    spread: SpreadRule | None = field(default=None, metadata=HASHED_IF_SET)
    skip: tuple[SkipRule, ...] = field(default=(), metadata=HASHED_IF_SET)
    control_totals: tuple[ControlTotalRule, ...] = field(default=(), metadata=HASHED_IF_SET)
    balanced_by: tuple[str, ...] = field(default=(), metadata=HASHED_IF_SET)
    lookup: LookupRule | None = field(default=None, metadata=HASHED_IF_SET)
    lookup_deliveries: tuple[str, ...] = field(default=(), metadata=HASHED_IF_SET)
    weights: str = field(default="", metadata=HASHED_IF_SET)
    types_by_prefix: Mapping[str, str] | None = field(default=None, metadata=HASHED_IF_SET)
    fiscal_year_start_month: int = field(default=1, metadata=HASHED_IF_SET)
    ignored_columns: tuple[str, ...] = field(default=(), metadata=HASHED_IF_SET)
    is_credit_positive: bool = field(default=False, metadata=HASHED_IF_SET)
    is_shipped: bool = field(default=False, metadata=NOT_HASHED)

    @property
    def has_sides(self) -> bool:
        """Whether amounts of a ledger are debit less credit, and may state their side, as in 5 CR; no column does."""
        amount = self.fields.get("amount", FieldRule())
        is_signed_by_column = amount.debit is not None or amount.sign_column is not None
        return self.is_debit_positive and not (self.is_credit_positive or is_signed_by_column)

    @property
    def reader(self) -> Reader:
        """Which of the readers with versions of their own reads the feed's files (see `reader_versions`)."""
        may_state_side = self.has_sides or self.fields.get("amount", FieldRule()).debit is not None
        return "ledger_with_sides" if self.kind == "ledger" and may_state_side else self.kind

    @cached_property
    def identity(self) -> str:
        """SHA-256 of the rules' canonical JSON, shortened to 16 hex digits.

        It takes half a millisecond, and a step asks for it for each of thousands of files.
        """
        hashed = _hashed(self)
        if self.is_shipped:
            hashed["fields"] = {name: of for name, of in hashed["fields"].items() if name not in _ADDED_TO_SHIPPED}
        text = json.dumps(hashed, sort_keys=True, ensure_ascii=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class ResolvedFeed:
    """One feed, ready to be read.

    Attributes:
        name: its name.
        rules: how its files are read.
        lookup_files: delivery id and Parquet key of the rows that it looks up.
        weights_file: Parquet key of the amounts that its years are spread like; empty while they are not known.
    """

    name: str
    rules: ReadingRules
    lookup_files: tuple[tuple[str, str], ...] = ()
    weights_file: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the feed as JSON-compatible values."""
        files = {"lookup_files": self.lookup_files, "weights_file": self.weights_file}
        return {"name": self.name, "rules": asdict(self.rules), **files}

    @staticmethod
    def from_json(document: Mapping[str, Any]) -> ResolvedFeed:
        """Rebuild a feed from `to_json`'s values."""
        rules = dict(document["rules"])
        dialect = rules["dialect"]
        rules["dialect"] = Dialect(
            **{**dialect, "names": tuple(dialect["names"]), "header_above": tuple(dialect.get("header_above", ()))}
        )
        rules["sheets"] = tuple(rules.get("sheets", ()))
        rules["fields"] = {name: _field_rule(rule) for name, rule in rules["fields"].items()}
        for name in ("key", "scope", "balanced_by", "ignored_columns"):
            rules[name] = tuple(rules.get(name, ()))
        rules["unpivot"] = UnpivotRule.from_json(rules["unpivot"]) if rules.get("unpivot") else None
        rules["measures"] = tuple(MeasureRule(**measure) for measure in rules.get("measures", ()))
        rules["spread"] = SpreadRule.from_json(rules["spread"]) if rules.get("spread") else None
        rules["skip"] = tuple(SkipRule(**_with_conditions(rule)) for rule in rules.get("skip", ()))
        rules["control_totals"] = tuple(
            ControlTotalRule(**_with_conditions(rule)) for rule in rules.get("control_totals", ())
        )
        rules["lookup"] = LookupRule.from_json(rules["lookup"]) if rules.get("lookup") else None
        rules["lookup_deliveries"] = tuple(rules.get("lookup_deliveries", ()))
        files = tuple((delivery_id, key) for delivery_id, key in document.get("lookup_files", ()))
        return ResolvedFeed(document["name"], ReadingRules(**rules), files, document.get("weights_file", ""))


def _hashed(value: Any) -> Any:
    """Return a rule's values as they enter the identity: all but later additions that have their default."""
    if is_dataclass(value):
        items = [(item, getattr(value, item.name)) for item in fields(value)]
        return {
            item.name: _hashed(part)
            for item, part in items
            if item.metadata != NOT_HASHED and not (item.metadata == HASHED_IF_SET and part == item.default)
        }
    if isinstance(value, Mapping):
        return {name: _hashed(part) for name, part in value.items()}
    return [_hashed(part) for part in value] if isinstance(value, tuple) else value


def named_headers(rules: ReadingRules) -> list[str]:
    """Return the headers that the rules name; those that match a pattern are not among them."""
    names = [
        rules.order_column,
        rules.lookup.on if rules.lookup else None,
        *rules.ignored_columns,
        *(measure.header for measure in rules.measures),
    ]
    for rule in rules.fields.values():
        names += [rule.debit, rule.credit, *(name for source in rule.sources for name in template_headers(source))]
        names += rule.sign_column.sources if rule.sign_column else ()
    if rules.unpivot:
        names += [*rules.unpivot.columns, rules.unpivot.year_column]
    return [name for name in names if name]


def line_cells(rules: ReadingRules) -> list[str]:
    """Return the headers of the cells of which each gives a line; those that match a pattern are not among them."""
    return [*(rules.unpivot.columns if rules.unpivot else ()), *(measure.header for measure in rules.measures)]


def template_headers(source: str) -> list[str]:
    """Return the headers that a source names: those of a template's placeholders, or the text itself."""
    return PLACEHOLDER.findall(source) or [source]


def _field_rule(values: Mapping[str, Any]) -> FieldRule:
    sign = values.get("sign_column")
    if sign:
        names = ("sources", "negative", "positive")
        sign = SignColumn(**{**sign, **{name: tuple(sign[name]) for name in names}})
    lists = {name: tuple(values[name]) for name in ("sources", "formats")}
    return FieldRule(**{**values, **lists, "sign_column": sign})


def _with_conditions(values: Mapping[str, Any]) -> dict[str, Any]:
    conditions = tuple(RowCondition(tuple(one["columns"]), one["pattern"]) for one in values["conditions"])
    return {**values, "conditions": conditions}
