"""The keys `unpivot` and `measures`: rows that give several lines.

Belongs here: their keys, their checks against `columns` and `load`, and the rules that they become.
Does not belong here: reshaping rows (see `feeds.lines.shapes`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from finance_platform.feeds.blank_cells import mark_blank_texts
from finance_platform.feeds.descriptor.columns import NOTHING_FISCAL, FieldConfig, lacks_year
from finance_platform.feeds.descriptor.strict_model import Regex, ShortText, StrictModel, check_regex, reject_duplicates
from finance_platform.feeds.limits import MAX_ALTERNATIVES, MAX_COLUMNS, MAX_PATTERN_CHARACTERS
from finance_platform.feeds.resolved import FieldRule, template_headers
from finance_platform.feeds.shape_rules import CELL, HEADER, MeasureRule, UnpivotRule, measure_header
from finance_platform.feeds.values.codes import fold

_DATES = ("date", "period")
_MONTHS = ("MMM", "MMMM", "M", "MM")
"""How the headers of months are read by default, if the year is given beside them."""


def _check_columns(value: list[str] | str) -> list[str] | str:
    if isinstance(value, list):
        if not value:
            raise ValueError("is empty; name the columns, or give a regular expression")
        reject_duplicates(value)
        return value
    if not 0 < len(value) <= MAX_PATTERN_CHARACTERS:
        raise ValueError(f"a regular expression has 1 to {MAX_PATTERN_CHARACTERS} characters")
    return check_regex(value)


def _to_year(value: object) -> object:
    """`2025` is short for `{value: 2025}`."""
    return {"value": value} if isinstance(value, str) else value


class YearConfig(StrictModel):
    """The year of headers that have none."""

    value: str | None = Field(None, pattern="^[0-9]{4}$", description="The year itself; `year: 2025` is short for it.")
    from_name: Regex | None = Field(
        None, description="A regular expression (RE2) matched against the file's name; its group is the year."
    )
    column: ShortText | None = Field(None, min_length=1, description="The header of a column that has each row's year.")

    @model_validator(mode="after")
    def _check_exactly_one(self) -> YearConfig:
        if sum(part is not None for part in (self.value, self.from_name, self.column)) != 1:
            raise ValueError("give a year such as 2025, from_name: a pattern, or column: a header")
        return self


class UnpivotConfig(StrictModel):
    """Columns of which each gives a line: their header goes into a field, their cell into `amount`."""

    columns: Annotated[
        Annotated[list[ShortText], Field(max_length=MAX_COLUMNS)] | str,
        AfterValidator(_check_columns),
        Field(
            description="The headers of the columns, which must all be there; or a regular expression (RE2), which "
            "must match a header as a whole. A column that looks like a month and is not among them holds the "
            "delivery, unless `ignore_columns` names it, and so does a gap between months."
        ),
    ]
    into: ShortText = Field(
        description="The field that the header goes into, such as `date`, `period`, `scenario` or `account`; `formats` "
        "and `map` of this field apply to it. Its entry in `columns` has no `from`, nor has that of `amount`."
    )
    year: Annotated[YearConfig, BeforeValidator(_to_year, json_schema_input_type=int | str | YearConfig)] | None = (
        Field(
            None,
            description="The year of headers such as `Jan`: the year itself, `{from_name: …}` or `{column: …}`. The "
            "formats of the field are then those of the header alone, by default `MMM`, `MMMM` and `M`.",
        )
    )
    blank: Literal["skip", "reject"] = Field(
        "skip",
        description="What a blank cell is: no line, which is the default, or a rejected line. In either case, a row in "
        "which all of the columns are blank is one skipped row.",
    )

    def resolve(self, into: FieldConfig) -> UnpivotRule:
        """Return the rule in the form that travels to Glue."""
        year = self.year or YearConfig.model_construct(value=None)
        return UnpivotRule(
            columns=tuple(self.columns) if isinstance(self.columns, list) else (),
            pattern=self.columns if isinstance(self.columns, str) else None,
            into=self.into,
            header_map=dict(into.value_map),
            year=year.value,
            year_pattern=year.from_name,
            year_column=year.column,
            keeps_blank=self.blank == "reject",
        )


Measures = Annotated[
    dict[ShortText, Annotated[dict[ShortText, ShortText], Field(min_length=1)]],
    Field(
        max_length=MAX_ALTERNATIVES,
        description="Columns with amounts, each with the fields that its lines have: `{Sales: {account: Sales}, COGS: "
        "{account: COGS}}`. Each cell that is not blank is a line; all measures set the same fields.",
    ),
]


def with_line_cells(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a descriptor's values in which the fields that a line's cell or its header gives have a source.

    Args:
        values: as they were written, valid or not.
    """
    columns = values.get("columns", {})
    if not isinstance(columns, dict):
        return dict(values)
    sources = _sources(values.get("unpivot"), values.get("measures"))
    given = {}
    for name, header in sources.items():
        part = columns.get(name, {})
        if isinstance(part, dict) and not {"from", "debit", "credit"} & part.keys():
            given[name] = {**part, "from": header}
    return {**values, "columns": {**columns, **given}} if given else dict(values)


def _sources(unpivot: object, measures: object) -> dict[str, str]:
    """Return the fields that a line's cell or its header gives, and the header under which each is found."""
    if isinstance(unpivot, dict) and isinstance(into := unpivot.get("into"), str):
        return {**({"date": HEADER} if into == "period" else {}), into: HEADER, "amount": CELL}
    if isinstance(measures, dict) and measures:
        fields = [name for one in measures.values() if isinstance(one, dict) for name in one]
        return {**{name: measure_header(name) for name in fields}, "amount": CELL}
    return {}


def shape_mistakes(
    unpivot: UnpivotConfig | None,
    measures: Measures,
    columns: Mapping[str, FieldConfig],
    key: Collection[str],
    allowed: Collection[str],
) -> Iterator[str]:
    """Yield the mistakes of `unpivot` and `measures` beside the other keys.

    Args:
        unpivot: the key.
        measures: the key.
        columns: the key.
        key: `load.key`.
        allowed: the fields of the feed's kind.
    """
    yield from _format_mistakes(unpivot, columns)
    if not (unpivot or measures):
        return
    if "amount" not in allowed:
        yield f"{'unpivot' if unpivot else 'measures'}: only a feed of kind ledger has amounts; remove it"
        return
    if unpivot and measures:
        yield "measures: both unpivot: and measures: say which cells give lines; keep one"
    own = _sources({"into": unpivot.into} if unpivot else None, measures)
    own = {name: header for name, header in own.items() if not unpivot or name in {"amount", unpivot.into}}
    yield from _unpivot_mistakes(unpivot, allowed) if unpivot else _measure_mistakes(measures, allowed)
    for name in sorted(own.keys() & columns.keys()):
        part = columns[name]
        if part.source != [own[name]] or part.from_name or part.default:
            giver = "unpivot" if unpivot else "measures"
            yield f"columns.{name}: remove from:, from_name: and default:, because {giver}: gives it"
    cells = {fold(name): name for name in _cells(unpivot, measures)}
    for name, header in _headers(unpivot, columns):
        if fold(header) in cells:
            giver = "unpivot.columns" if unpivot else "measures"
            yield f"{name}: {header!r} is one of {giver}, whose cells are amounts; name another column"
    needed = sorted(own.keys() - {"amount"})
    if key and needed and not own.keys() & set(key):
        yield f"load.key: needs {' or '.join(needed)}, because the lines of a row would have the same key"


def _cells(unpivot: UnpivotConfig | None, measures: Measures) -> list[str]:
    """Return the headers of cells of which each gives a line, where the descriptor names them."""
    if unpivot:
        return unpivot.columns if isinstance(unpivot.columns, list) else []
    return list(measures)


def _headers(unpivot: UnpivotConfig | None, columns: Mapping[str, FieldConfig]) -> Iterator[tuple[str, str]]:
    """Yield the headers that give something else than a line's amount, each with the key that names it."""
    if unpivot and unpivot.year and unpivot.year.column:
        yield "unpivot.year.column", unpivot.year.column
    for name, part in columns.items():
        # Of labels, the cell that is that of an amount in lines may have the text.
        sources = part.source if isinstance(part.source, list) and part.fill_down != "labels" else []
        yield from ((f"columns.{name}", header) for source in sources for header in template_headers(source))


def _unpivot_mistakes(unpivot: UnpivotConfig, allowed: Collection[str]) -> Iterator[str]:
    if unpivot.into == "amount" or unpivot.into not in allowed:
        yield f"unpivot.into: {unpivot.into!r} must be one of {', '.join(name for name in allowed if name != 'amount')}"
    elif unpivot.year and unpivot.into not in _DATES:
        yield f"unpivot.year: goes with into: date or into: period, not with {unpivot.into}"


def _measure_mistakes(measures: Measures, allowed: Collection[str]) -> Iterator[str]:
    (first, expected), *others = measures.items()
    for header, fields in others:
        if missing := expected.keys() - fields.keys():
            yield f"measures.{header}: set {', '.join(sorted(missing))} too, as measures.{first} does"
        if extra := fields.keys() - expected.keys():
            yield f"measures.{first}: set {', '.join(sorted(extra))} too, as measures.{header} does"
    for header, fields in measures.items():
        for name, text in fields.items():
            if name == "amount" or name not in allowed:
                others_ = ", ".join(one for one in allowed if one != "amount")
                yield f"measures.{header}.{name} is not a field that a measure sets; these are {others_}"
            elif not text.strip():
                yield f"measures.{header}.{name} is blank"


def _format_mistakes(unpivot: UnpivotConfig | None, columns: Mapping[str, FieldConfig]) -> Iterator[str]:
    """Yield the date patterns without a year that do not have one beside them."""
    for name, part in columns.items():
        has_year = unpivot is not None and unpivot.year is not None and name == unpivot.into
        if part.calendar == "fiscal" and not part.formats and not has_year:
            yield f"columns.{name}: {NOTHING_FISCAL}"
        for pattern in part.formats:
            if not has_year and lacks_year(pattern):
                yield f"columns.{name}.formats: date pattern {pattern!r} needs a year (yyyy) and a month (MM)"
            if has_year and not lacks_year(pattern):
                yield f"columns.{name}.formats: {pattern!r} has a year, and unpivot.year gives one; keep one"


def shape_rules(
    unpivot: UnpivotConfig | None, measures: Measures, columns: Mapping[str, FieldConfig]
) -> dict[str, Any]:
    """Return `unpivot` and `measures` of the reading rules."""
    if unpivot:
        return {"unpivot": unpivot.resolve(columns[unpivot.into])}
    return {"measures": tuple(MeasureRule(header, dict(fields)) for header, fields in measures.items())}


def shape_fields(unpivot: UnpivotConfig | None, fields: Mapping[str, FieldRule]) -> dict[str, FieldRule]:
    """Return the rules of all fields, those of the header's field for what the reshaped rows have of it."""
    if unpivot is None:
        return dict(fields)
    rule = replace(fields[unpivot.into], value_map={})  # the map applies to the header without the year
    if unpivot.year:
        year = "FFFF" if rule.is_fiscal else "yyyy"
        rule = replace(rule, formats=tuple(f"{year} {pattern}" for pattern in rule.formats or _MONTHS))
    shaped = {**fields, unpivot.into: rule}
    amount = fields.get("amount")
    if amount and unpivot.blank == "skip" and "" in amount.value_map.values():
        shaped["amount"] = replace(amount, value_map=mark_blank_texts(amount.value_map))
    if unpivot.into == "period" and fields["date"].sources == (HEADER,):
        shaped["date"] = replace(rule, formats=rule.formats or ("yyyy-MM", "yyyyMM"))
    return shaped
