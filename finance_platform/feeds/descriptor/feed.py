"""The descriptor as a whole: one kind of file from one source.

Belongs here: its top-level keys, the checks between its parts, its resolved form.
Does not belong here: the parts (see `dialect`, `columns`, `load`, `limits`), YAML and line numbers (see `parser`).
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field, PrivateAttr, field_validator, model_validator

from finance_platform.feeds.descriptor.columns import (
    FIELDS,
    KEY_FIELDS,
    MONEY_FIELDS,
    NEEDED_FIELDS,
    ROW_FIELDS,
    SCOPE_FIELDS,
    DebitCredit,
    FieldConfig,
)
from finance_platform.feeds.descriptor.dialect import DialectConfig
from finance_platform.feeds.descriptor.limits import (
    DocumentNumbersConfig,
    ExpectConfig,
    FreshnessConfig,
    ShareOrNever,
    ToleranceConfig,
)
from finance_platform.feeds.descriptor.load import LoadConfig, OrderConfig
from finance_platform.feeds.descriptor.lookup import LookupConfig, lookup_mistakes
from finance_platform.feeds.descriptor.row_rules import (
    BalancedConfig,
    ControlTotalList,
    SkipList,
    resolve_control_totals,
    resolve_skip,
    row_rule_mistakes,
)
from finance_platform.feeds.descriptor.shape import (
    Measures,
    UnpivotConfig,
    shape_fields,
    shape_mistakes,
    shape_rules,
    with_line_cells,
)
from finance_platform.feeds.descriptor.spread import SpreadConfig
from finance_platform.feeds.descriptor.strict_model import (
    ShortText,
    StrictModel,
    TextList,
    raise_mistakes,
    reject_duplicates,
)
from finance_platform.feeds.descriptor.values import FIELDS_OF_KEYS, TypesByPrefix, misplaced_keys, type_mistakes
from finance_platform.feeds.file_names import expand_braces, file_ending, is_readable_ending, matches_glob
from finance_platform.feeds.limits import MAX_ALTERNATIVES, MAX_PATH_CHARACTERS
from finance_platform.feeds.resolved import Kind, ReadingRules, ResolvedFeed
from finance_platform.feeds.values.codes import SCENARIO_TYPES, closest_match, fold, scenario_type
from finance_platform.feeds.values.dates import parse_date
from finance_platform.settings import Settings

CONSTANT_FORMATS = {"date": ("yyyy-MM-dd",), "period": ("yyyy-MM", "yyyyMM")}
"""The formats of constants, which are the default formats of columns."""

UNREAD_FILES = "unread_files"
"""The asset, beside those of the feeds, for files that no feed reads; reserved, so no feed has this name."""


UNDECIDED = "DECIDE"
"""Stands in a draft for a value that only a person knows; no descriptor with it is valid."""

FEED_NAME = "[a-z][a-z0-9_]{0,62}"
"""The regular expression of a feed's name."""


PathText = Annotated[str, Field(min_length=1, max_length=MAX_PATH_CHARACTERS)]


def is_path(text: str) -> bool:
    """Return whether a text may be the path of a feed."""
    try:
        return _is_inside_raw_zone(text) and _has_suffix(text)
    except ValueError:
        return False


def _is_inside_raw_zone(path: str) -> bool:
    return not (path.startswith("/") or "**" in path or ".." in path)


def _has_suffix(path: str) -> bool:
    return all(is_readable_ending(file_ending(glob)) for glob in expand_braces(path))


class FeedDescriptor(StrictModel):
    """One kind of file from one source."""

    feed: str = Field(
        pattern=f"^{FEED_NAME}$",
        description="The feed's name: small letters, digits, `_`; not `unread_files`.",
    )
    kind: Kind = Field(
        description="What the files contain: lines of money, departments, accounts, rows that other feeds look up, "
        "comments on variances, the lines of the statement, or trial balances to compare with."
    )
    path: PathText | Annotated[list[PathText], Field(min_length=1, max_length=MAX_ALTERNATIVES)] = Field(
        description="The files: a glob inside the raw zone, such as `council/*.csv`, or a list of globs. `*` stays "
        "inside one folder, `{csv,xlsx}` stands for each of its parts, and case is ignored. Files end in .csv, .txt or "
        ".tsv, each of them also packed as .gz, or in .xlsx, .xlsm, .xls or .ods."
    )
    summary: str = Field("", alias="description", description="What the feed is, shown in the UI.")
    owner: str = Field(
        "",
        pattern=r"^$|^team:[A-Za-z0-9_.-]+$|^[^@\s]+@[^@\s]+\.[^@\s]+$",
        description="Who answers for the feed, shown in the UI: `team:name` or an e-mail address.",
    )
    dialect: DialectConfig = Field(DialectConfig(), description="How the bytes of a file are cut into cells.")
    sheet: TextList = Field(
        [],
        description="The sheets of a workbook that are read: names, numbers counted from 1, or globs, such as "
        "`[Budget, 2]` or `FY*`; case is ignored. Each sheet has a header of its own. A hidden sheet is read only by "
        "its name or number. A file without such a sheet is refused. By default the only visible sheet is read, "
        "blank ones aside; a workbook with several is refused.",
    )
    columns: dict[str, FieldConfig] = Field(
        {},
        max_length=MAX_ALTERNATIVES,
        description="Where each field comes from: `field: {from: header}` with the keys below, or `field: header` for "
        "short. The fields of each kind are listed at the end.",
    )
    unpivot: UnpivotConfig | None = Field(
        None,
        description="A wide file: each of these columns gives a line, such as a budget with a column for each month. "
        "Its header goes into a field, its cell into `amount`.",
    )
    measures: Measures = Field({})
    spread: SpreadConfig | None = Field(
        None,
        description="Amounts are those of a year, a half or a quarter, and each becomes one line for every period of "
        "it: `{over: fiscal_year, how: even}`. A row is accepted or rejected as a whole, before it is spread.",
    )
    lookup: LookupConfig | None = Field(
        None,
        description="Fields that each line takes from the rows of another feed, such as the date from the header of "
        "its journal: `{feed: journals, on: Journal, take: [date]}`.",
    )
    constants: dict[str, ShortText] = Field(
        {},
        max_length=MAX_ALTERNATIVES,
        description="A value for every row, by field: `{scenario: Actual}`. Not for a field that is in `columns`.",
    )
    scenarios: dict[ShortText, Literal["Budget", "Forecast"]] = Field(
        {},
        max_length=MAX_ALTERNATIVES,
        description="The type of scenarios whose names begin neither with Budget nor Forecast: `{Outlook: Forecast}`.",
    )
    plans_only: bool = Field(
        False,
        description="Whether rows of scenario Actual are rejected, whatever a column or the file's name says.",
    )
    types_by_prefix: TypesByPrefix = Field(
        {},
        description="Account types by the first characters of account numbers, for accounts to which neither an "
        "accounts file nor a column gives a type: `{account_type: {6: Expense, 7: Revenue, 70: Asset}}`, of which the "
        "longest counts. In a feed of accounts, `{type: …}`.",
    )
    sign: Literal["natural", "debit_positive", "credit_positive"] = Field(
        "natural",
        description="`natural`: revenue earned and money spent are both positive. `debit_positive`: debit less credit, "
        "so that accounts need a type, from an accounts file or by `types_by_prefix`. Only then, an amount may "
        "state its side, DR or CR beside it, or D, S, C or H behind it; CR, C and H are negative. In a column of "
        "debits or of credits, an amount may state the column's. "
        "`credit_positive`: credit less debit, as in lists where income is positive and spending negative; accounts "
        "need a type too.",
    )
    load: LoadConfig = Field(LoadConfig(), description="What a delivery does to the earlier ones of its feed.")
    order: OrderConfig | None = Field(
        None,
        description="What orders the feed's files, by one of two keys. Without it, files are ordered by when the "
        "platform first saw their content.",
    )
    skip: SkipList = Field([], description="Rules of rows that are not data, such as page headers; they are counted.")
    control_total: ControlTotalList = Field(
        [],
        description="Rules of rows with a total that the file prints. It must be the sum of the lines before rounding, "
        "to half of its last printed digit, or the delivery is held; the row itself is not data.",
    )
    ignore_columns: TextList = Field(
        [],
        description="Headers of columns that are not data, such as a total beside the months of `unpivot`; a file may "
        "lack them. A column beside months that looks like a month, or whose cells are numbers between two of them, "
        "holds the delivery unless it is read or named here, and so does one whose cells say that lines are in another "
        "currency, of another scenario, on the other side or not posted. To name a month here, such as `2026-03`, "
        "also says that files lack it.",
    )
    balanced: BalancedConfig | None = Field(
        None,
        description="Double entry: the debits and credits of each voucher must be equal. A voucher that is not "
        "balanced, or has a rejected line, is rejected whole. Write `balanced: {by: Journal}`.",
    )
    tolerance: ToleranceConfig = Field(
        ToleranceConfig(), description="How much may be rejected before a delivery is held."
    )
    freshness: FreshnessConfig | None = Field(
        None, description="How long the feed may go without a new delivery. It does not change how files are read."
    )
    expect: ExpectConfig | None = Field(
        None,
        description="When a delivery is due, such as `{every: month, by_working_day: 3}`. If none has come since it "
        "was last due, the feed is overdue, also if none ever came. A month without lines of a feed of kind ledger or "
        "balances is closed only by a waiver. It does not change how files are read.",
    )
    document_numbers: DocumentNumbersConfig | None = Field(
        None,
        description="The source numbers its documents without gaps, and `transaction_id` is that number: `{restart: "
        "never}`. A month that may lack a number cannot be closed without a waiver. It does not change how files are "
        "read.",
    )
    hold_if_removes: ShareOrNever = Field(
        Decimal("0.5"),
        description="The share of a department's lines in a scenario and period that a file may remove before it is "
        "held; `never` to accept any.",
    )
    hold_if_late: bool = Field(
        False,
        description="Whether a file that sorts before one that it overlaps is held; otherwise only a warning is "
        "reported.",
    )

    late_lines: Literal["hold", "next_open_period", "publish"] | None = Field(
        None,
        description="What becomes of lines that would change a closed period: `hold`, they wait for a decision; "
        "`next_open_period`, they are booked in the first period after the last closed one, with their document date, "
        "or wait if they are of a plan; `publish`, they restate the closed period. Without it, the home's "
        "FINANCE_PLATFORM_CLOSED_PERIODS decides between the first and the last.",
    )

    _is_shipped: bool = PrivateAttr(False)

    def as_shipped(self) -> FeedDescriptor:
        """Return this descriptor, marked as one that comes with the platform and that no home can edit."""
        self._is_shipped = True
        return self

    @field_validator("feed")
    @classmethod
    def _check_name_is_free(cls, value: str) -> str:
        if value == UNREAD_FILES:
            raise ValueError(f"{value} is reserved for files that no feed reads; choose another name")
        return value

    @model_validator(mode="before")
    @classmethod
    def _name_cells_of_lines(cls, value: object) -> object:
        return with_line_cells(value) if isinstance(value, dict) else value

    @field_validator("columns", mode="before", json_schema_input_type=dict[str, FieldConfig | TextList | DebitCredit])
    @classmethod
    def _expand_short_forms(cls, value: object) -> object:
        """`name: Header` is short for `name: {from: Header}`, as is the two-column form of an amount."""
        if not isinstance(value, dict):
            return value
        short = {"debit", "credit", "signed"}
        return {
            name: {"from": part}
            if isinstance(part, str | list) or (isinstance(part, dict) and short >= set(part) >= {"debit", "credit"})
            else part
            for name, part in value.items()
        }

    @field_validator("scenarios")
    @classmethod
    def _check_scenarios(cls, value: dict[str, str]) -> dict[str, str]:
        reject_duplicates(value)
        return value

    @field_validator("sheet")
    @classmethod
    def _check_sheets(cls, value: list[str]) -> list[str]:
        if any(not name.strip() or name.strip("0") == "" for name in value):
            raise ValueError("a sheet is a name, a number counted from 1, or a glob")
        reject_duplicates(value)
        return value

    @field_validator("path")
    @classmethod
    def _check_path(cls, value: str | list[str]) -> str | list[str]:
        for path in [value] if isinstance(value, str) else value:
            if not _is_inside_raw_zone(path):
                raise ValueError(
                    "path is a glob inside the raw zone, such as council/*.csv; no leading /, no .., no **"
                )
            if not _has_suffix(path):
                raise ValueError(
                    "path must end in .csv, .txt or .tsv, each also with .gz after it, or in .xlsx, .xlsm, .xls or .ods"
                )
        return value

    @model_validator(mode="after")
    def _check_parts_agree(self) -> FeedDescriptor:
        raise_mistakes(
            [
                *self._unknown_fields(),
                *self._constant_mistakes(),
                *self._missing_fields(),
                *self._column_mistakes(),
                *shape_mistakes(self.unpivot, self.measures, self.columns, self.load.key, FIELDS[self.kind]),
                *lookup_mistakes(self.lookup, self.kind, self.columns, self.constants),
                *self._key_and_scope_mistakes(),
                *self._scenario_mistakes(),
                *row_rule_mistakes(self.skip, self.control_total, self.kind),
                *self._balanced_mistakes(),
                *self._completeness_mistakes(),
                *self._reversal_mistakes(),
                *type_mistakes(self.types_by_prefix, self.kind),
                *self._ignored_mistakes(),
                *self._sign_mistakes(),
            ]
        )
        return self

    def _unknown_fields(self) -> Iterator[str]:
        allowed = FIELDS[self.kind]
        for part, names in (("columns", self.columns), ("constants", self.constants)):
            for name in names:
                if name not in allowed:
                    suggestion = closest_match(name, allowed)
                    hint = f"; did you mean {suggestion!r}?" if suggestion else ""
                    if part == "columns" and name in FieldConfig.model_fields:
                        hint = f"; {name} is a key of one of them, such as {allowed[0]}: {{from: …, {name}: …}}"
                    yield f"{part}.{name} is not a field of {self.kind}; the fields are {', '.join(allowed)}{hint}"

    def _constant_mistakes(self) -> Iterator[str]:
        for name, value in self.constants.items():
            if name in self.columns:
                yield f"constants.{name} is in columns too; keep one"
            if not value.strip():
                yield f"constants.{name} is blank"
            if name in {"amount", "reverses"}:
                yield f"constants.{name} is not allowed; columns.{name} is needed"
            if name in CONSTANT_FORMATS and value.strip() and not parse_date(value, CONSTANT_FORMATS[name]):
                formats = " or ".join(CONSTANT_FORMATS[name])
                yield f"constants.{name}: {value!r} is not a valid date of the form {formats}"

    def _missing_fields(self) -> Iterator[str]:
        allowed = FIELDS[self.kind]
        unknown = [name for name in (*self.columns, *self.constants) if name not in allowed]
        mistyped = {closest_match(name, allowed) for name in unknown}
        for name in NEEDED_FIELDS[self.kind]:
            if not self._has_field(name) and name not in mistyped:
                yield f"columns.{name} is needed for kind {self.kind} (or constants.{name})"

    def _column_mistakes(self) -> Iterator[str]:
        for name in dict.fromkeys((*NEEDED_FIELDS[self.kind], *self.load.key, *self.load.scope)):
            part = self.columns.get(name)
            if part and not part.required and part.default is None:
                yield f"columns.{name} is needed in every file; remove required: false, or give a default:"
        for name, part in self.columns.items():
            if isinstance(part.source, DebitCredit) and name not in MONEY_FIELDS:
                money = " and ".join(field for field in MONEY_FIELDS if field in FIELDS[self.kind])
                yield f"columns.{name}: only {money or 'amount'} can be {{debit, credit}}"
            yield from misplaced_keys(name, [key for key in FIELDS_OF_KEYS if key in part.model_fields_set])
            if part.fill_down and self.kind != "ledger":
                yield f"columns.{name}: fill_down: is only for ledgers; remove it"
            if part.from_name and name in ROW_FIELDS:
                yield f"columns.{name}: from_name: is not allowed, because each row has its own {name}"
        if any(rule.label for rule in self.skip) and not any(part.fill_down for part in self.columns.values()):
            yield "skip: label: needs a column with fill_down: true, in which lines have the text of these rows"
        if any(part.fill_down == "labels" for part in self.columns.values()) and not any(r.label for r in self.skip):
            yield "fill_down: labels needs a rule of skip with label: true, whose rows give the text"
        if any(rule.keeps_label and (rule.label or not rule.may_hold_money) for rule in self.skip):
            yield "skip: keeps_label: is for rows with may_hold_money: true that are no labels; remove it"

    def _key_and_scope_mistakes(self) -> Iterator[str]:
        for name in self.load.key:
            if name not in KEY_FIELDS or not self._has_field(name):
                yield f"load.key: {name} must be one of the mapped fields {', '.join(KEY_FIELDS)}"
        for name in self.load.scope:
            if name not in SCOPE_FIELDS or not self._has_field(name):
                yield f"load.scope: {name} must be one of the mapped fields {', '.join(SCOPE_FIELDS)}"

    def _scenario_mistakes(self) -> Iterator[str]:
        for name in self.scenarios:
            if fold(name) == "actual":
                yield f"scenarios.{name} cannot be declared, because its type is always Actual; remove it"
        if self.spread and self.kind != "ledger":
            yield f"spread: a feed of kind {self.kind} has no amounts; remove it"
        if self.plans_only and self.kind != "ledger":
            yield f"plans_only: a feed of kind {self.kind} has no scenarios; remove it"
        scenario = self.constants.get("scenario", "")
        if self.plans_only and fold(scenario) == "actual":
            yield "plans_only: constants.scenario is Actual, so every row would be rejected; keep one of them"
        if scenario.strip() and scenario_type(scenario, self.scenarios) is None:
            yield (
                f"constants.scenario: {scenario!r} does not begin with any of {', '.join(SCENARIO_TYPES)}; "
                f"declare it: scenarios: {{{scenario}: Forecast}}"
            )

    def _balanced_mistakes(self) -> Iterator[str]:
        if self.balanced and self.kind != "ledger":
            yield f"balanced: a feed of kind {self.kind} has no vouchers; remove it"
        elif self.balanced and not self.is_debit_positive():
            yield (
                "balanced: needs amounts that are debit less credit: set sign: debit_positive, or columns.amount: "
                "{debit: …, credit: …}"
            )

    def _completeness_mistakes(self) -> Iterator[str]:
        if self.expect and self.expect.departments and self.kind != "ledger":
            yield f"expect.departments: a feed of kind {self.kind} has no lines of departments; remove it"
        if self.document_numbers and self.kind != "ledger":
            yield f"document_numbers: a feed of kind {self.kind} has no documents; remove it"
        elif self.document_numbers and not self._has_field("transaction_id"):
            yield "document_numbers: needs columns.transaction_id, the column of the document's number"

    def _reversal_mistakes(self) -> Iterator[str]:
        if "reverses" not in self.columns or self.kind != "ledger":
            return
        if not self._has_field("transaction_id"):
            yield "columns.reverses: names a line by its transaction_id, so columns.transaction_id is needed"
        if self.columns["reverses"].default is not None:
            yield "columns.reverses: default: would make every other line a reversal; remove it"

    def _ignored_mistakes(self) -> Iterator[str]:
        ignored = {fold(name) for name in self.ignore_columns}
        cells = self.unpivot.columns if self.unpivot and isinstance(self.unpivot.columns, list) else list(self.measures)
        for name in cells:
            if fold(name) in ignored:
                giver = "unpivot.columns" if self.unpivot else "measures"
                yield f"ignore_columns: {name!r} is one of {giver}, whose cells are amounts; keep one"

    def is_debit_positive(self) -> bool:
        """Return whether the sign of the feed's amounts depends on the type of their account."""
        has_pair = any(isinstance(part.source, DebitCredit) for part in self.columns.values())
        return has_pair or self.sign != "natural"

    def _sign_mistakes(self) -> Iterator[str]:
        amount = self.columns.get("amount")
        if self.sign != "credit_positive":
            return
        if self.kind != "ledger":
            yield "sign: credit_positive is for feeds of kind ledger"
        elif amount and (isinstance(amount.source, DebitCredit) or amount.sign_column):
            yield (
                "sign: credit_positive is for amounts in one column that have their signs; of debit and credit, or "
                "beside sign_column, write debit_positive"
            )

    def _has_field(self, name: str) -> bool:
        taken = self.lookup.take if self.lookup else ()
        return name in self.columns or name in self.constants or name in taken

    @property
    def paths(self) -> tuple[str, ...]:
        """The globs of the feed's files."""
        return (self.path,) if isinstance(self.path, str) else tuple(self.path)

    @property
    def path_text(self) -> str:
        """The globs of the feed's files, for a message."""
        return ", ".join(self.paths)

    def matches(self, object_key: str) -> bool:
        """Return whether this feed reads the raw object; `*` stays inside one folder, and case is ignored."""
        return any(matches_glob(path, object_key) for path in self.paths)

    def resolve(self, settings: Settings) -> ResolvedFeed:
        """Return the feed in the form that travels to Glue, with the home's currency and date range."""
        is_fiscal = any(part.calendar == "fiscal" for part in self.columns.values())
        key = tuple(self.load.key) if self.kind == "ledger" else NEEDED_FIELDS[self.kind]
        rules = ReadingRules(
            kind=self.kind,
            dialect=self.dialect.resolve(),
            fields=shape_fields(self.unpivot, {name: part.resolve() for name, part in self.columns.items()}),
            constants=dict(self.constants),
            scenarios=dict(self.scenarios),
            key=key,
            scope=tuple(self.load.scope),
            is_debit_positive=self.is_debit_positive(),
            is_credit_positive=self.sign == "credit_positive",
            currency=settings.currency,
            earliest_date=settings.earliest_date.isoformat(),
            latest_date=settings.latest_date.isoformat(),
            covers=self.load.covers.from_name if self.load.covers else None,
            order_column=self.order.from_column if self.order else None,
            is_plans_only=self.plans_only,
            sheets=tuple(self.sheet),
            spread=self.spread.resolve(settings.fiscal_year_start_month, is_fiscal=is_fiscal) if self.spread else None,
            lookup=self.lookup.resolve() if self.lookup else None,
            **shape_rules(self.unpivot, self.measures, self.columns),
            skip=resolve_skip(self.skip),
            control_totals=resolve_control_totals(self.control_total),
            balanced_by=tuple(self.balanced.by) if self.balanced else (),
            types_by_prefix=next(map(dict, self.types_by_prefix.values()), None),
            fiscal_year_start_month=settings.fiscal_year_start_month if is_fiscal else 1,
            ignored_columns=tuple(self.ignore_columns),
            is_shipped=self._is_shipped,
        )
        return ResolvedFeed(self.feed, rules)
