"""Decisions of people about periods, and their register events.

Belongs here: close and reopen; each refuses a decision that would have no effect. Does not belong here: the gates of a
close (see `refresh.close`), decisions about deliveries (see `decisions`), whether another person must agree (see
`approvals`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from finance_platform.count_text import list_periods
from finance_platform.deliveries.approvals import Author, record_decision
from finance_platform.deliveries.current_state import read_whole_state
from finance_platform.deliveries.decided_amounts import amounts_of_periods
from finance_platform.deliveries.decision_errors import last_reopening
from finance_platform.deliveries.events import DecidedAmount, DecisionProposed, Event, PeriodStatusChanged
from finance_platform.deliveries.register import Register
from finance_platform.errors import DecisionError
from finance_platform.storage.port import ObjectStore


def close(
    processed: ObjectStore,
    period: str,
    author: Author,
    *,
    target: Mapping[str, str],
    published: Mapping[str, str],
    cells: Mapping[str, Iterable[tuple[str, int, Decimal]]] | None = None,
    opening: Sequence[str] = (),
    waived: Mapping[str, str] | None = None,
    signature: str = "",
) -> PeriodStatusChanged | DecisionProposed:
    """Close a period: later changes of it are restatements; the caller holds the run's lock and has seen the gates.

    Args:
        processed: the processed zone.
        period: YYYY-MM.
        author: who closes it, and why.
        target: the target version of each period's fact slice.
        published: the published version of each period's fact slice.
        cells: by period that is closed, scenario, account key and amount of each published cell; they are read if all
            of them can be closed.
        opening: earlier periods that are closed with it.
        waived: what contradicts each gate that the author waives, by its name.
        signature: the name of the document of what is signed.

    Raises:
        DecisionError: the period is closed already, has nothing published, or is not up to date.
    """
    state = read_whole_state(processed)
    require_published_open(period, state.closed, published)
    for one in (*opening, period):
        if target.get(one) != published[one]:
            raise DecisionError(f"{one} has changes that are not published yet", fix="run `finance-platform run` first")
    amounts = amounts_of_periods(processed, state, cells or {})

    def closing(name: str, **values: Any) -> PeriodStatusChanged:
        versions, of_period = {"fact_financials": published[name]}, amounts.get(name, ())
        return PeriodStatusChanged(
            "closed", name, *author.signed, versions=versions, signature=signature, amounts=of_period, **values
        )

    event = closing(period, waived=waived or {})
    return record_decision(
        processed, author, event, "closed", period, before=[closing(one, opening_of=period) for one in opening]
    )


def require_published_open(
    period: str, closed: Mapping[str, PeriodStatusChanged], published: Mapping[str, str]
) -> None:
    """Raise DecisionError if a period is closed, or if nothing of it is published."""
    if period in closed:
        closing = closed[period]
        raise DecisionError(
            f"{period} was closed by {closing.who} on {closing.at[:10]}: {closing.why}",
            fix=f"nothing is to be done; to sign it again, `finance-platform reopen {period} --why TEXT` first",
        )
    if period not in published:
        raise DecisionError(f"nothing is published of {period}", fix=f"choose one of {_format_range(published)}")


def opening_periods(
    events: Iterable[Event], closed: Collection[str], published: Collection[str], period: str
) -> tuple[list[str], list[str]]:
    """Return the earlier periods that the close of a period closes with it, and those that must be closed before it.

    The first close of a home closes all earlier periods as its opening; after that they are closed one by one.
    """
    earlier = sorted(one for one in published if one < period and one not in closed)
    is_first = not any(isinstance(event, PeriodStatusChanged) for event in events)
    return (earlier, []) if is_first else ([], earlier)


def reopen(
    processed: ObjectStore, period: str, author: Author, *, amounts: Sequence[DecidedAmount] | None = None
) -> PeriodStatusChanged | DecisionProposed:
    """Open a closed period again; the caller holds the run's lock.

    Args:
        processed: the processed zone.
        period: YYYY-MM.
        author: who opens it, and why.
        amounts: what is published of the period; None if that is not known, and then what was when it was closed.

    Raises:
        DecisionError: the period is not closed.
    """
    state = read_whole_state(processed)
    if period not in state.closed:
        by = last_reopening(Register(processed).events(), period)
        closed = f"closed are {list_periods(state.closed)}" if state.closed else "no period is closed"
        raise DecisionError(
            f"{period} is not closed{f'; {by}' if by else ''}",
            fix=f"there is nothing to reopen: {closed}; `finance-platform history` lists who closed and reopened what",
        )
    amounts = state.closed[period].amounts if amounts is None else tuple(amounts)
    event = PeriodStatusChanged("reopened", period, *author.signed, amounts=amounts)
    return record_decision(processed, author, event, "reopened", period)


def held_until_reopened(processed: ObjectStore, period: str) -> list[str]:
    """Return the files that wait, as a whole or with some lines, because of a period that was closed and is open."""
    return sorted({one.event.object_key for one in read_whole_state(processed).inactive if period in one.reopened})


def _format_range(periods: Iterable[str]) -> str:
    ordered = sorted(periods)
    return f"{ordered[0]} … {ordered[-1]}" if ordered else "none: run `finance-platform run` first"
