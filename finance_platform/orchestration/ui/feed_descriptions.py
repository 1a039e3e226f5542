"""Feed descriptions: a descriptor in words, for the page of `raw/<feed>`.

Belongs here: how a feed's files are read, its headers and what becomes of each.
Does not belong here: reading files (see `feeds`), columns beyond the raw zone (see `column_sources`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import dagster as dg

from finance_platform.feeds.descriptor import DebitCredit, FeedDescriptor, FieldConfig
from finance_platform.feeds.file_names import WORKBOOK_ENDINGS, expand_braces, file_ending
from finance_platform.feeds.resolved import PLACEHOLDER
from finance_platform.feeds.shape_rules import is_derived
from finance_platform.feeds.values.codes import fold
from finance_platform.safe_text import markdown, markdown_code

_LOAD_MODES = {
    "append": "**append**: the lines of a delivery are added to those of all others.",
    "upsert": "**upsert**: of the lines with one key, the one in the latest delivery counts, whatever its period.",
    "replace_period": "**replace_period**: the latest delivery that covers a scenario and period replaces all of it.",
}
_MAPPED_VALUES_SHOWN = 5


def describe_feed(feed: FeedDescriptor) -> str:
    """Return how a feed's files are read and what they do, as a list in Markdown."""
    tolerance, load = feed.tolerance, feed.load
    amount = "" if tolerance.rejected_amount is None else f", {tolerance.rejected_amount:,} in money"
    files = markdown_code(feed.path_text)
    points = [
        f"**Files**: {files} in the raw zone, each read as {feed.kind}: {_describe_dialect(feed)}.",
        f"**Load mode**: {_LOAD_MODES[load.mode]}"
        + (f" Key: {', '.join(map(markdown, load.key))}." if load.key else ""),
        f"**Order**: {_describe_order(feed)}; a later delivery of the same file replaces the earlier one.",
        f"**Tolerance**: {tolerance.rejected_rows * 100:f} % rejected rows{amount}; a delivery beyond it is held.",
        f"**Held until a person accepts it**: {_describe_holds(feed)}.",
    ]
    points += [
        f"**The same in every row**: {name} is {markdown_code(str(value))}." for name, value in feed.constants.items()
    ]
    points += [
        f"**From the file's name**: {name}, which matches {markdown_code(part.from_name)}{_describe_name_value(part)}."
        for name, part in feed.columns.items()
        if part.from_name
    ]
    if load.scope:
        points.append(
            f"**Scope**: a delivery replaces a period only within the same {', '.join(map(markdown, load.scope))}."
        )
    if load.covers:
        points.append(f"**Covers** the periods that the file's name declares ({markdown_code(load.covers.from_name)}).")
    if feed.freshness:
        points.append(f"**Overdue** after {feed.freshness.fail_after_days} days without a delivery.")
    if feed.expect:
        points.append(f"**Due** by working day {feed.expect.by_working_day} of each {feed.expect.every}.")
    return "\n".join(f"- {point}" for point in points)


def headers_of(feed: FeedDescriptor, field: str) -> list[str]:
    """Return every header that may fill a field: all alternatives, the parts of templates, both sides of a pair."""
    spellings = _spellings(feed)
    part = feed.columns.get(field)
    if part is None:
        return []
    cells = _line_cells(feed) if field == "amount" else []
    return list(dict.fromkeys([*cells, *(spellings[fold(header)] for header, _ in _uses(field, part))]))


def _line_cells(feed: FeedDescriptor) -> list[str]:
    """Return the headers of the cells of which each gives a line, as far as the descriptor names them."""
    columns = feed.unpivot.columns if feed.unpivot else list(feed.measures)
    return columns if isinstance(columns, list) else []


def header_schema(feed: FeedDescriptor) -> dg.TableSchema:
    """Return the headers that a feed reads, each with what becomes of it."""
    uses: dict[str, list[str]] = {header: ["Each of its cells gives a line."] for header in _line_cells(feed)}
    spellings = _spellings(feed)
    for field, part in feed.columns.items():
        for header, use in _uses(field, part):
            uses.setdefault(spellings[fold(header)], []).append(use + _describe_parsing(part))
        if signs := part.sign_column:
            use = f"Says which values of `{field}` are negative: {', '.join(map(markdown_code, signs.negative))}."
            for header in signs.source:
                uses.setdefault(spellings.get(fold(header), header), []).append(use)
    if feed.order and feed.order.from_column:
        uses.setdefault(spellings[fold(feed.order.from_column)], []).append(
            "Its maximum decides the order of the deliveries."
        )
    optional = {
        header
        for field, part in feed.columns.items()
        if part.from_name or not part.required
        for header in headers_of(feed, field)
    }
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                header,
                "text",
                description=" ".join(dict.fromkeys(sentences)),
                constraints=dg.TableColumnConstraints(nullable=True, other=["optional"] if header in optional else []),
            )
            for header, sentences in uses.items()
        ]
    )


def _describe_dialect(feed: FeedDescriptor) -> str:
    dialect = feed.dialect
    header = (
        f"header in row {' and '.join(map(str, dialect.header_row))}"
        if any(dialect.header_row)
        else "no header (named in the descriptor)"
    )
    return f"{_describe_cells(feed)}, {header}{_describe_sign(feed)}"


def _describe_sign(feed: FeedDescriptor) -> str:
    if feed.kind != "ledger":
        return ""
    if feed.sign == "credit_positive":
        return ", amounts as credit less debit"
    return ", amounts as debit less credit" if feed.is_debit_positive() else ", amounts in natural sign"


def _describe_cells(feed: FeedDescriptor) -> str:
    """Return where the cells of a file are: a workbook has sheets, and neither a delimiter nor an encoding."""
    text = f"{markdown_code(feed.dialect.delimiter)} between cells, {markdown(feed.dialect.encoding)}"
    globs = [glob for path in feed.paths for glob in expand_braces(path)]
    workbooks = [file_ending(glob) in WORKBOOK_ENDINGS for glob in globs]
    if not any(workbooks):
        return text
    names = ", ".join(map(markdown_code, feed.sheet))
    sheets = f"the {'sheet' if len(feed.sheet) == 1 else 'sheets'} {names}" if names else "the only visible sheet"
    return sheets if all(workbooks) else f"{text} (of a workbook, {sheets})"


def _describe_order(feed: FeedDescriptor) -> str:
    if feed.order is None:
        return "by when they were first seen"
    if feed.order.from_column:
        return f"by the maximum of the column {markdown_code(feed.order.from_column)}"
    return f"by the file's name ({markdown_code(feed.order.from_name or '')})"


def _describe_holds(feed: FeedDescriptor) -> str:
    removes = feed.hold_if_removes
    share = "" if removes == "never" else f", one that removes over {removes * 100:f} % of a published period"
    late = ", one that comes late" if feed.hold_if_late else ""
    policy = {
        "hold": ", lines that would change a closed period",
        "next_open_period": "; lines that would change a closed period are booked in the next open one",
        "publish": "; lines that change a closed period are published",
        None: "",
    }[feed.late_lines]
    return f"a delivery beyond its tolerance{share}, the same content under another name{late}{policy}"


def _spellings(feed: FeedDescriptor) -> dict[str, str]:
    """Return one spelling for each header: a file's header matches whatever its case and white space."""
    spellings: dict[str, str] = {}
    for field, part in feed.columns.items():
        for header, _ in _uses(field, part):
            spellings.setdefault(fold(header), header)
    if feed.order and feed.order.from_column:
        spellings.setdefault(fold(feed.order.from_column), feed.order.from_column)
    return spellings


def _uses(field: str, part: FieldConfig) -> Iterator[tuple[str, str]]:
    """Yield each header of a field, and a sentence that says what becomes of it."""
    if isinstance(part.source, DebitCredit):
        join = "plus credit, which has its minus" if part.source.signed else "less credit"
        yield part.source.debit, f"Debit side of `{field}`, which is debit {join}."
        yield part.source.credit, f"Credit side of `{field}`, which is debit {join}."
        return
    alternatives = part.source or []
    for index, text in enumerate(alternatives):
        condition = _describe_condition(alternatives[:index], by_row=part.first_filled)
        placeholders = PLACEHOLDER.findall(text)
        template = f", as part of {markdown_code(text)}" if placeholders else ""
        for header in placeholders or ([] if is_derived(text) else [text]):
            yield header, f"Becomes `{field}`{template}{condition}."


def _describe_condition(preferred: Sequence[str], *, by_row: bool) -> str:
    """Return when a header fills the field, as the end of a sentence: if none of the preferred ones does."""
    if not preferred:
        return ""
    names = " and ".join(map(markdown, preferred))
    return f", in rows that are blank in {names}" if by_row else f", if the file lacks {names}"


def _describe_name_value(part: FieldConfig) -> str:
    template = f", as {markdown_code(part.template)}" if part.template else ""
    column = ", unless a column of the file gives it" if part.source else ""
    return template + (f", or else {markdown(str(part.default))}" if part.default is not None else "") + column


def _describe_parsing(part: FieldConfig) -> str:
    """Return how the text is parsed, in a sentence; empty if it is taken as it is."""
    rules = []
    if part.part:
        number = f"{part.part.number} of {part.part.of}" if part.part.of else f"{part.part.number}"
        rules.append(f"part {number}, split at {markdown(repr(part.part.split))}")
    if part.fill_down:
        rules.append("the last label above" if part.fill_down == "labels" else "blank means the last text above")
    if part.pad:
        rules.append(f"filled with zeros to {part.pad} digits")
    if part.formats:
        rules.append(f"a date as {' or '.join(map(markdown, part.formats))}")
    if part.thousands or part.decimal != ".":
        grouping = f", thousands {markdown(repr(part.thousands))}" if part.thousands else ""
        rules.append(f"decimal mark {markdown(repr(part.decimal))}{grouping}")
    if part.scale != 1:
        rules.append(f"times {part.scale:,f}")
    if part.value_map:
        pairs = [markdown(f"{text} → {value}") for text, value in part.value_map.items()]
        more = " …" if len(pairs) > _MAPPED_VALUES_SHOWN else ""
        rules.append(f"{', '.join(pairs[:_MAPPED_VALUES_SHOWN])}{more}")
    if part.from_name:
        default = "" if part.default is None else f", or {markdown(str(part.default))}"
        rules.append(f"blank means the value that the file's name gives{default}")
    elif part.default is not None:
        rules.append(f"blank means {markdown(str(part.default))}")
    return f" Read: {'; '.join(rules)}." if rules else ""
