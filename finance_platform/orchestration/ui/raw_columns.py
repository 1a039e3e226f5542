"""The headers that a descriptor reads, and what becomes of each.

Belongs here: the column schema of `raw/<feed>`, the headers behind a field. Does not belong here: reading files (see
`feeds.cells`), lineage beyond the raw zone (see `lineage`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import dagster as dg

from finance_platform.feeds.codes import fold
from finance_platform.feeds.descriptor import DebitCredit, FeedDescriptor, FieldPart

_PLACEHOLDER = re.compile(r"\{([^{}]+)\}")


def headers_of(feed: FeedDescriptor, field: str) -> list[str]:
    """Return every header that may give a field: all alternatives, the parts of templates, both sides of a pair."""
    spelled = _spellings(feed)
    part = feed.columns.get(field)
    return list(dict.fromkeys(spelled[fold(header)] for header, _ in _uses(field, part))) if part else []


def raw_schema(feed: FeedDescriptor) -> dg.TableSchema:
    """Return the headers of a feed, each with what becomes of it; columns that nothing reads are not in it."""
    becomes: dict[str, list[str]] = {}
    spelled = _spellings(feed)
    for field, part in feed.columns.items():
        for header, how in _uses(field, part):
            becomes.setdefault(spelled[fold(header)], []).append(how + _understood(part))
    if feed.order and feed.order.from_column:
        becomes.setdefault(spelled[fold(feed.order.from_column)], []).append(
            "Its greatest value says where the delivery stands in the order."
        )
    optional = {
        header for field, part in feed.columns.items() if not part.required for header in headers_of(feed, field)
    }
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                header,
                "text",
                description=" ".join(dict.fromkeys(uses)),
                constraints=dg.TableColumnConstraints(nullable=True, other=["optional"] if header in optional else []),
            )
            for header, uses in becomes.items()
        ]
    )


def _spellings(feed: FeedDescriptor) -> dict[str, str]:
    """Return one spelling for each header: a file's header matches whatever its case and white space."""
    spelled: dict[str, str] = {}
    for field, part in feed.columns.items():
        for header, _ in _uses(field, part):
            spelled.setdefault(fold(header), header)
    if feed.order and feed.order.from_column:
        spelled.setdefault(fold(feed.order.from_column), feed.order.from_column)
    return spelled


def _uses(field: str, part: FieldPart) -> Iterator[tuple[str, str]]:
    """Yield each header of a field, and a sentence that says what it does there."""
    if isinstance(part.source, DebitCredit):
        yield part.source.debit, f"Debit side of `{field}`, which is debit less credit."
        yield part.source.credit, f"Credit side of `{field}`, which is debit less credit."
        return
    for place, text in enumerate(part.source or []):
        among = "" if place == 0 else f", where the file has not {' nor '.join((part.source or [])[:place])}"
        wanted = _PLACEHOLDER.findall(text)
        for header in wanted or [text]:
            yield header, f"Becomes `{field}`" + (f", as part of `{text}`" if wanted else "") + f"{among}."


def _understood(part: FieldPart) -> str:
    """Return how the text is understood, in a sentence; empty where it is taken as it is."""
    said = []
    if part.formats:
        said.append(f"a date as {' or '.join(part.formats)}")
    if part.thousands or part.decimal != ".":
        grouped = f", thousands {part.thousands!r}" if part.thousands else ""
        said.append(f"decimal mark {part.decimal!r}{grouped}")
    if part.value_map:
        few = ", ".join(f"{written} → {meant}" for written, meant in list(part.value_map.items())[:5])
        said.append(f"{few}{' …' if len(part.value_map) > 5 else ''}")
    if part.default is not None:
        said.append(f"blank means {part.default}")
    return f" Read: {'; '.join(said)}." if said else ""
