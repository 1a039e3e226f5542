"""The rows of FeedTerm, RejectedFile and FeedPeriod: what became of rows, and how many lines each feed has per period.

Belongs here: their rows, from the terms of the reconciliation and the commits of live deliveries.
Does not belong here: the terms (see `reconciliation`), storing rows (see `warehouse.report_tables`).

Only rejected rows are by file, up to a maximum of files, so that the number of rows does not grow with the deliveries.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from decimal import Decimal
from statistics import median_low

from finance_platform.contracts.model import Contract
from finance_platform.contracts.star import FEED_PERIOD, FEED_TERM, REJECTED_FILE
from finance_platform.deliveries.state import LiveDelivery
from finance_platform.feeds.values.amounts import EXACT
from finance_platform.reports.reconciliation import reconcile_deliveries
from finance_platform.reports.statement import Line
from finance_platform.slices.completeness import MIN_EARLIER_PERIODS, USUAL_PERIODS
from finance_platform.slices.snapshot import Snapshot
from finance_platform.storage.port import ObjectStore

TERMS = ("rejected", "duplicate", "skipped", "superseded", "held", "withdrawn", "rounding")
"""The terms that follow from the deliveries alone; the others compare them with the warehouse."""

MAX_REJECTED_FILES = 1_000
"""Files with a row of their own: those with the most money at stake."""

OTHER_FILES = "(other files)"

_SCALE = Decimal("1E-10")

Row = dict[str, object]


def feed_figures(
    processed: ObjectStore,
    snapshot: Snapshot,
    currency: str,
    expected: Collection[str] = (),
    *,
    is_updated: bool = False,
) -> dict[Contract, list[Row]]:
    """Return the rows of the tables.

    Args:
        processed: the processed zone.
        snapshot: its state, with the target slices.
        currency: the home's currency.
        expected: the feeds whose lines are due each month.
        is_updated: see `parts_on_accounts`.
    """
    lines = reconcile_deliveries(processed, snapshot, currency=currency, only=TERMS, is_updated=is_updated).lines
    return {
        FEED_TERM: term_rows(lines),
        REJECTED_FILE: rejected_files(lines),
        FEED_PERIOD: period_rows(snapshot.state.live, expected, snapshot.state.closed),
    }


def term_rows(lines: Sequence[Line]) -> list[Row]:
    """Return the rows of FeedTerm; terms of the warehouse and lines of no feed have none."""
    groups: dict[tuple[str, str, str, str], list[Line]] = {}
    for line in lines:
        for term in TERMS:
            if line.feed and not line.term(term).is_zero:
                groups.setdefault((line.feed, line.scenario, line.unit, term), []).append(line)
    return [
        {"feed": feed, "scenario_name": scenario, "unit": unit, "term": term, **_sums(term, members)}
        for (feed, scenario, unit, term), members in sorted(groups.items())
    ]


def rejected_files(lines: Sequence[Line], most: int = MAX_REJECTED_FILES) -> list[Row]:
    """Return the rows of RejectedFile.

    Args:
        lines: the lines of the statement.
        most: files that have a row of their own; of a feed, scenario and unit, all others are one row.
    """
    rejected = [line for line in lines if line.feed and not line.term("rejected").is_zero]
    by_money = sorted(rejected, key=_money_at_stake, reverse=True)
    own = set(list(dict.fromkeys(line.file for line in by_money))[:most])
    groups: dict[tuple[str, str, str, str], list[Line]] = {}
    for line in rejected:
        name = line.file if line.file in own else OTHER_FILES
        groups.setdefault((line.feed, name, line.scenario, line.unit), []).append(line)
    return [
        {"feed": feed, "file_name": name, "scenario_name": scenario, "unit": unit, **_sums("rejected", members)}
        for (feed, name, scenario, unit), members in sorted(groups.items())
    ]


def _money_at_stake(line: Line) -> tuple[Decimal, int, str]:
    """Return what puts a line before others."""
    count = line.term("rejected")
    return count.absolute, count.rows, line.file


def _sums(term: str, lines: Sequence[Line]) -> Row:
    counts = [line.term(term) for line in lines]
    total = sum(counts[1:], counts[0])
    return {
        "file_count": len(lines),
        "row_count": total.rows,
        "unpriced_row_count": total.unpriced,
        "net_amount": EXACT.quantize(total.amount, _SCALE),
        "gross_amount": EXACT.quantize(total.absolute, _SCALE),
    }


def period_rows(live: Collection[LiveDelivery], expected: Collection[str], closed: Collection[str]) -> list[Row]:
    """Return a row per feed and period, from the feed's first period to the last one of any feed.

    Args:
        live: the deliveries that count.
        expected: the feeds whose lines are due each month; one without any file has rows of the open periods.
        closed: the closed periods.
    """
    files: dict[tuple[str, str], set[str]] = {}
    lines: dict[str, dict[str, int]] = {}
    for delivery in live:
        commit = delivery.commit
        for count in commit.periods:
            if count.scenario_type == "Actual":
                files.setdefault((commit.feed, count.period), set()).add(commit.object_key)
                by_period = lines.setdefault(commit.feed, {})
                by_period[count.period] = by_period.get(count.period, 0) + count.rows
    feeds = {*lines, *(set(expected).difference(delivery.commit.feed for delivery in live) if expected else ())}
    periods = sorted({period for by_period in lines.values() for period in by_period})
    rows: list[Row] = []
    for feed in sorted(feeds):
        by_period = lines.get(feed, {})
        open_periods = [period for period in periods if period not in closed]
        own = [period for period in periods if period >= min(by_period)] if by_period else open_periods
        for place, period in enumerate(own):
            earlier = [by_period.get(one, 0) for one in own[max(0, place - USUAL_PERIODS) : place]]
            rows.append(
                {
                    "feed": feed,
                    "period": period,
                    "file_count": len(files.get((feed, period), ())),
                    "line_count": by_period.get(period, 0),
                    "usual_line_count": median_low(earlier) if len(earlier) >= MIN_EARLIER_PERIODS else None,
                }
            )
    return rows
