"""Late lines in random sequences of files, closes and decisions: what must hold after each step.

Does not belong here: single rules (see `test_late_lines`), the published star (see `model_based`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from finance_platform.contracts.model import Contract
from finance_platform.contracts.star import FEED_PERIOD, FEED_TERM, REJECTED_FILE
from finance_platform.deliveries import decisions
from finance_platform.deliveries.current_state import read_state
from finance_platform.deliveries.events import PeriodStatusChanged
from finance_platform.deliveries.live_lines import LiveLines, LiveSet, claimed_cells
from finance_platform.deliveries.overlaps import compute_overlaps, find_changed_overlaps
from finance_platform.deliveries.state import DeliveryState, LiveDelivery
from finance_platform.errors import DecisionError
from finance_platform.feeds.values.dates import next_period
from finance_platform.reports.feed_figures import feed_figures, period_rows, rejected_files, term_rows
from finance_platform.reports.reconciliation import reconcile_deliveries
from finance_platform.reports.statement import Reconciliation
from finance_platform_tests.profiles import current_profile
from finance_platform_tests.unit.zone import ADA, Line, Zone

PERIODS = ("2025-01", "2025-02", "2025-03", "2025-04")
DECISIONS = ("accept", "book", "withdraw", "withdraw_late_lines", "reinstate", "reinstate_late_lines")
LINES = st.lists(
    st.builds(
        Line,
        st.sampled_from(["K1", "K2", "K3"]),
        st.sampled_from(PERIODS),
        amount=st.sampled_from(["1.00", "2.00", "-1.00"]),
        scope=st.sampled_from(["s1", "s2"]),
    ),
    min_size=1,
    max_size=4,
    unique_by=lambda line: line.key,
)
FILES = ["a.csv", "b.csv", "c.csv"]
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("send"), st.sampled_from(FILES), LINES),
        st.tuples(st.just("send"), st.sampled_from(FILES), LINES),
        st.tuples(st.just("close"), st.just(""), st.none()),
        st.tuples(st.sampled_from(DECISIONS), st.sampled_from(FILES), st.none()),
        st.tuples(st.just("book"), st.sampled_from(FILES), st.none()),
    ),
    max_size=12,
)

OTHERS_BY_KEY: list[tuple[str, str, list[Line] | None]] = [
    ("send", "b.csv", [Line("K2", "2025-02")]),
    ("send", "a.csv", [Line("K2", "2025-01"), Line("K3", "2025-01", amount="2.00")]),
    ("close", "", None),
    ("send", "b.csv", [Line("K3", "2025-02")]),
]
"""As many lines of the closed period are superseded as before, but others."""

OF_NO_NET_AMOUNT: list[tuple[str, str, list[Line] | None]] = [
    ("send", "a.csv", [Line("K1", "2025-01", amount="1.00"), Line("K2", "2025-01", amount="-1.00")]),
]

SCOPED = "replace_period"
"""The mode of a feed whose files replace their own scopes of a period."""

Place = tuple[str, str, str, Decimal]


def lines_of(zone: Zone, live: Sequence[LiveDelivery]) -> Counter[Place]:
    """Return period, department, account and amount of each line that counts."""
    overlaps, by_id = compute_overlaps(zone.store, live), {one.delivery_id: one for one in live}
    reader = LiveLines(zone.store, overlaps)
    found: Counter[Place] = Counter()
    for delivery in live:
        cells = claimed_cells(delivery)
        superseded = reader.superseded(delivery, LiveSet(by_id, by_id), cells)
        columns = ["period", "department_code", "account_number", "amount"]
        for row in reader.read(delivery, superseded, cells, columns).to_pylist():
            found[tuple(row[name] for name in columns)] += 1
    return found


def totals(lines: Counter[Place]) -> dict[tuple[str, str], Decimal]:
    """Return the money of each department and account over all periods."""
    sums: dict[tuple[str, str], Decimal] = {}
    for (_, department, account, amount), count in lines.items():
        sums[department, account] = sums.get((department, account), Decimal(0)) + amount * count
    return {place: total for place, total in sums.items() if total}


def of_periods(lines: Counter[Place], periods: Sequence[str]) -> Counter[Place]:
    return Counter({place: count for place, count in lines.items() if place[0] in periods})


def take(zone: Zone, action: str, key: str, sent: Sequence[Line] | None, **values: Any) -> bool:
    """Take a step; return whether it may change closed periods."""
    if action == "send":
        zone.deliver(key, sent or (), f"w{zone.days}", tolerated_removal=None, modified_at="2025-05-01", **values)
        return False
    if action == "close":
        closed = zone.state.closed
        period = next_period(max(closed)) if closed else PERIODS[0]
        if period < PERIODS[-1]:
            zone.append(PeriodStatusChanged("closed", period, "ada", "done", "2025-06-01T00:00:00+00:00"))
        return False
    holds = {"holds_closed_periods": True} if action in {"withdraw", "reinstate"} else {}
    try:
        getattr(decisions, action)(zone.store, key, ADA, **holds)
    except DecisionError:
        return False
    return action == "accept"


def figures_of(statement: Reconciliation, state: DeliveryState) -> dict[Contract, list[dict[str, object]]]:
    """Return the rows of the feeds' figures that follow from every term of a statement."""
    return {
        FEED_TERM: term_rows(statement.lines),
        REJECTED_FILE: rejected_files(statement.lines),
        FEED_PERIOD: period_rows(state.live, (), state.closed),
    }


@given(STEPS, st.sampled_from(["append", "upsert", SCOPED]))
@example(OTHERS_BY_KEY, "upsert")
@example(OF_NO_NET_AMOUNT, "append")
@settings(max_examples=current_profile().examples // 3, deadline=None)
def test_closed_periods_stay_no_money_is_lost_and_every_line_is_in_a_term(
    steps: list[tuple[str, str, list[Line] | None]], load_mode: str
) -> None:
    with TemporaryDirectory() as folder:
        zone = Zone(Path(folder))
        signed: Counter[Place] = Counter()
        closed: list[str] = []
        for action, key, sent in steps:
            values = {"load_mode": load_mode, "is_scoped": load_mode == SCOPED} if sent else {}
            may_restate = take(zone, action, key, sent, **values)
            zone.evaluate(holds_closed_periods=True)
            state = zone.state
            assert read_state(zone.store) == state  # which takes over what the step has not changed
            lines = lines_of(zone, state.live)
            assert list(find_changed_overlaps(zone.store, state.live)) == [], (action, key)
            if may_restate or closed != sorted(state.closed):
                closed = sorted(state.closed)
                signed = of_periods(lines, closed)
            assert of_periods(lines, closed) == signed, (action, key)
            effective = [one for one in state.effective if not one.booked_from]
            assert totals(lines) == totals(lines_of(zone, effective)), (action, key)
            statement = reconcile_deliveries(zone.store, zone.snapshot(), currency="USD")
            assert not statement.unexplained
            assert feed_figures(zone.store, zone.snapshot(), "USD") == figures_of(statement, state)
