"""Whether feeds have delivered what their descriptors promise for a period, read from the published lines.

Belongs here: reading the lines of feeds with `expect` or `document_numbers`. Does not belong here: the rules (see
`quality.feed_completeness`), the other gates of a close (see `close`).

Only a close reads them: document numbers are compared over all periods, which costs a read of two columns.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date

import pyarrow as pa

from finance_platform.deliveries.report_inputs import Balance
from finance_platform.feeds.descriptor import DocumentNumbersConfig, FeedDescriptor
from finance_platform.feeds.expectations import due_day
from finance_platform.feeds.values.codes import surrogate_key
from finance_platform.quality.feed_completeness import (
    Document,
    MissingLines,
    find_gaps,
    has_number,
    report_gaps,
    report_missing_lines,
    report_unnumbered,
)
from finance_platform.quality.gates import Finding
from finance_platform.settings import Settings
from finance_platform.trace.published_lines import LineStore, read_period

_ACTUAL = "Actual"


def find_missing(
    store: LineStore,
    published: Mapping[str, str],
    feeds: Sequence[FeedDescriptor],
    balances: Iterable[Balance],
    settings: Settings,
    period: str,
    *,
    today: date,
) -> tuple[list[Finding], list[Finding]]:
    """Return the lines that are expected of a period and missing, and the document numbers that are missing.

    Args:
        store: the ledger lines.
        published: the published version of each period.
        feeds: the descriptors of the home.
        balances: the rows of the delivered trial balances.
        settings: those that files are read with.
        period: YYYY-MM; it is published.
        today: the day of the close, UTC.

    Raises:
        MissingRecordError: the inputs of a published version are not recorded.
    """
    ledgers = [feed for feed in feeds if feed.kind == "ledger"]
    expected = [feed for feed in ledgers if feed.expect]
    missing = list(_missing_lines(store, published[period], expected, settings, period)) if expected else []
    delivered = {balance.feed for balance in balances if balance.period == period}
    for feed in feeds:
        if feed.kind == "balances" and feed.expect and feed.feed not in delivered:
            due = due_day(period, feed.expect.by_working_day, settings.close_holidays)
            missing.append(MissingLines(feed.feed, "", due, feed.path_text, feed.owner))
    gaps: list[Finding] = []
    for feed in ledgers:
        if feed.document_numbers:
            gaps += _missing_documents(store, published, feed.feed, feed.document_numbers, settings, period)
    return report_missing_lines(missing, period, today), gaps


def _missing_lines(
    store: LineStore, version: str, expected: Sequence[FeedDescriptor], settings: Settings, period: str
) -> Iterator[MissingLines]:
    names = {feed.feed for feed in expected}
    departments: dict[str, set[int]] = {feed: set() for feed in names}
    has_actuals = _feeds_with_actuals(store)
    columns = ("scenario", "scenario_type", "department_key")
    for commit, lines in store.published(read_period(store.processed, period, version), columns, feeds=names):
        for row in lines.group_by(["scenario_type", "department_key"]).aggregate([]).to_pylist():
            # Budgets beside actuals say nothing about a month; a feed of plans has nothing else.
            if row["scenario_type"] == _ACTUAL or commit.feed not in has_actuals:
                departments[commit.feed].add(row["department_key"])
    for feed in expected:
        if feed.expect:
            due = due_day(period, feed.expect.by_working_day, settings.close_holidays)
            codes = feed.expect.departments or ([""] if not departments[feed.feed] else [])
            for code in codes:
                if not code or surrogate_key(code) not in departments[feed.feed]:
                    yield MissingLines(feed.feed, code, due, feed.path_text, feed.owner)


def _feeds_with_actuals(store: LineStore) -> set[str]:
    return {
        delivery.commit.feed
        for delivery in store.state.live
        if any(count.scenario_type == _ACTUAL for count in delivery.commit.periods)
    }


def _missing_documents(
    store: LineStore,
    published: Mapping[str, str],
    feed: str,
    numbers: DocumentNumbersConfig,
    settings: Settings,
    period: str,
) -> list[Finding]:
    documents: list[Document] = []
    unnumbered: Counter[str] = Counter()
    columns = ["scenario", "transaction_id", *(["document_date"] if numbers.restart != "never" else [])]
    for name, version in sorted(published.items()):
        publication = read_period(store.processed, name, version)
        for commit, lines in store.published(publication, columns, scenario=_ACTUAL, feeds={feed}):
            for text, cycle, count in _distinct(lines, numbers, settings.fiscal_year_start_month):
                if has_number(text):
                    documents.append(Document(text, name, commit.object_key, cycle))
                elif name == period:
                    unnumbered[commit.object_key] += count
    gaps = find_gaps(documents, numbers.first)
    return [*report_gaps(feed, gaps, period), *report_unnumbered(feed, unnumbered)]


def _distinct(
    lines: pa.Table, numbers: DocumentNumbersConfig, fiscal_year_start_month: int
) -> Iterator[tuple[str, str, int]]:
    """Yield each document number and cycle of some lines, and how many lines have them."""
    keys = [name for name in ("transaction_id", "document_date") if name in lines.column_names]
    for row in lines.group_by(keys).aggregate([("scenario", "count")]).to_pylist():
        day = row.get("document_date")
        yield row["transaction_id"] or "", _cycle(day, numbers, fiscal_year_start_month), row["scenario_count"]


def _cycle(day: date | None, numbers: DocumentNumbersConfig, fiscal_year_start_month: int) -> str:
    """Return the month, or the fiscal year by the calendar year in which it ends; empty if numbers never restart."""
    if day is None:
        return ""
    if numbers.restart == "month":
        return f"{day:%Y-%m}"
    is_later_part = fiscal_year_start_month > 1 and day.month >= fiscal_year_start_month
    return f"{day.year + is_later_part}"
