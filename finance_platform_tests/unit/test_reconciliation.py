"""The reconciliation: every delivered line is in exactly one term, and a lost one shows as the difference to the cent.

Belongs here: `reports.reconciliation`, by properties and by example. Does not belong here: printing (see
`test_status_output`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finance_platform.deliveries.commits import Count, DeliveryCommit, PeriodCount
from finance_platform.deliveries.overlaps import NO_OVERLAPS
from finance_platform.deliveries.register import DecisionRecorded, DeliveryDiscovered, Event
from finance_platform.deliveries.state import derive_state
from finance_platform.feeds.resolved import LoadMode
from finance_platform.reports.reconciliation import Reconciliation, reconcile
from finance_platform.slices.commits import ScenarioSum, SliceCommit
from finance_platform.slices.snapshot import Snapshot
from finance_platform.warehouse.port import NO_PARAMETERS, NoWarehouseYetError, Parameters, QueryResult
from finance_platform.warehouse.statements import SqlFile, statement
from finance_platform_tests.unit.factories import (
    commit_of,
    decision_on,
    delivered,
    in_period,
    live_in,
    log_of,
    money,
    partly_rejected,
    refused,
)

ZERO = (0, Decimal("0.00"))
FEW_EXAMPLES = settings(max_examples=50)
MODES: dict[str, LoadMode] = {"append": "append", "upsert": "upsert", "replace": "replace_period", "debit": "append"}
"""The load mode of each feed; feed debit is debit-positive."""
FATES = ("fine", "fine", "fine", "held", "accepted", "withdrawn", "dropped", "refused", "pending")
"""The fate of a delivery: a held one may be accepted or dropped, a live one may be withdrawn."""
HELD_FATES = {"held", "accepted", "dropped"}
READ_FATES = {"fine", "withdrawn", *HELD_FATES}


@dataclass(frozen=True)
class Line:
    """A ledger line."""

    key: str
    period: str
    scenario: str
    amount: Decimal
    is_revenue: bool


@dataclass(frozen=True)
class DeliveryCase:
    """A delivery and its fate."""

    feed: str
    number: int
    lines: Sequence[Line]
    rejected: Count
    duplicate: Count
    skipped: Count
    rounding: Decimal
    fate: str

    @property
    def key(self) -> str:
        """The object key; there are only a few per feed, so that deliveries replace each other."""
        return f"{self.feed}_{self.number}.csv"


@dataclass
class LoadedWarehouse:
    """A warehouse with these lines, and these versions in its ledger."""

    count: Count
    versions: Mapping[str, str] = field(default_factory=dict)

    def query(self, sql: str, parameters: Parameters = NO_PARAMETERS) -> QueryResult:
        """Return the result of a statement of the reconciliation."""
        assert not parameters
        if sql == statement(SqlFile.LINES_IN_WAREHOUSE):
            return QueryResult([], [(self.count.rows, self.count.amount)])
        assert sql == statement(SqlFile.PUBLISHED_SLICES)
        at = datetime(2025, 7, 1, 12, 0)  # noqa: DTZ001 (the ledger keeps UTC without a zone)
        return QueryResult(
            [], [("FactFinancials", period, version, 0, Decimal(0), at, 1) for period, version in self.versions.items()]
        )


class MissingWarehouse:
    """A warehouse that was never loaded."""

    def query(self, sql: str, parameters: Parameters = NO_PARAMETERS) -> QueryResult:
        """Raise the error of a missing warehouse."""
        raise NoWarehouseYetError(f"no warehouse for {sql} {parameters}")


# Properties


_amounts = st.integers(-10_000, 10_000).map(lambda cents: Decimal(cents).scaleb(-2))
_lines = st.builds(
    Line,
    key=st.sampled_from("abc"),
    period=st.sampled_from(["2025-01", "2025-02"]),
    scenario=st.sampled_from(["Actual", "Budget"]),
    amount=_amounts,
    is_revenue=st.booleans(),
)
_counts = st.builds(
    lambda rows, amount, unpriced: Count(rows + unpriced, amount, abs(amount), unpriced),
    st.integers(0, 3),
    _amounts,
    st.integers(0, 2),
)


def cases_of(*feeds: str) -> st.SearchStrategy[list[DeliveryCase]]:
    case = st.builds(
        DeliveryCase,
        feed=st.sampled_from(feeds),
        number=st.integers(0, 1),
        lines=st.lists(_lines, max_size=4, unique_by=lambda line: line.key),
        rejected=_counts,
        duplicate=_counts,
        skipped=_counts,
        rounding=st.sampled_from([Decimal(0), Decimal("0.004"), Decimal("-0.005")]),
        fate=st.sampled_from(FATES),
    )
    return st.lists(case, max_size=7)


def event_of(position: int, case: DeliveryCase) -> DeliveryDiscovered:
    return delivered(
        case.key,
        str(position),
        feed=case.feed,
        modified_at=f"2025-02-01T08:00:00.{position:06}+00:00",
        load_mode=MODES[case.feed],
        tolerated_share="0" if case.fate in HELD_FATES else "1",
    )


def commit_of_case(event: DeliveryDiscovered, case: DeliveryCase) -> DeliveryCommit | None:
    if case.fate == "pending":
        return None
    if case.fate == "refused":
        return refused(event)
    rejected = case.rejected + Count(1) if case.fate in HELD_FATES else case.rejected
    accepted = as_delivered(case.lines)
    outcomes = {"accepted": accepted, "rejected": rejected, "duplicate": case.duplicate, "skipped": case.skipped}
    read = sum(outcomes.values(), Count())
    places = sorted({(line.scenario, line.period) for line in case.lines})
    counts = {
        place: as_delivered(line for line in case.lines if (line.scenario, line.period) == place) for place in places
    }
    return commit_of(
        event,
        read=replace(read, amount=read.amount - case.rounding),
        rounding=case.rounding,
        outcomes=outcomes,
        periods=tuple(PeriodCount(s, s, period, count.rows, count.amount) for (s, period), count in counts.items()),
        is_debit_positive=case.feed == "debit",
    )


def as_delivered(lines: Iterable[Line]) -> Count:
    """Return rows and money of lines, sign as delivered."""
    listed = list(lines)
    return Count(len(listed), sum((line.amount for line in listed), Decimal("0.00")), sum_of_absolutes(listed))


def sum_of_absolutes(lines: Sequence[Line]) -> Decimal:
    return sum((abs(line.amount) for line in lines), Decimal("0.00"))


CountedLine = tuple[str, Line]
"""A line that counts, and its feed."""


def log_of_cases(cases: Sequence[DeliveryCase]) -> list[Event]:
    """Return the register's events: each delivery has its verdict and decision before the next one arrives."""
    log: list[Event] = []
    for position, case in enumerate(cases):
        event = event_of(position, case)
        log += log_of((event, commit_of_case(event, case)))
        if case.fate == "accepted":
            log.append(decision_on("accepted", event))
        if case.fate in {"withdrawn", "dropped"}:
            log.append(decision_on("withdrawn", event, keeps_earlier=case.fate == "dropped"))
    return log


def what_counts(cases: Sequence[DeliveryCase]) -> tuple[list[DeliveryCase], list[CountedLine]]:
    """Return the live deliveries and the lines that count, found line by line, unlike the platform does."""
    live: dict[str, tuple[int, DeliveryCase]] = {}
    for position, case in enumerate(cases):
        if case.fate in {"fine", "accepted"}:
            live[case.key] = (position, case)
        elif case.fate == "withdrawn":
            live.pop(case.key, None)
    in_order = [case for _, case in sorted(live.values(), key=lambda item: item[0])]
    winners: dict[tuple[str, ...], int] = {}
    for rank, case in enumerate(in_order):
        winners |= dict.fromkeys((_rivals(case, line) for line in case.lines), rank)
    counting = [
        (case.feed, line)
        for rank, case in enumerate(in_order)
        for line in case.lines
        if winners[_rivals(case, line)] == rank or MODES[case.feed] == "append"
    ]
    return in_order, counting


def _rivals(case: DeliveryCase, line: Line) -> tuple[str, ...]:
    return (case.feed, line.key) if case.feed == "upsert" else (case.feed, line.period, line.scenario)


def in_the_star(counting: Iterable[CountedLine]) -> Count:
    """Return rows and money with the star's sign: revenue of the debit-positive feed is flipped."""
    lines = list(counting)
    amounts = [-line.amount if feed == "debit" and line.is_revenue else line.amount for feed, line in lines]
    return Count(len(lines), sum(amounts, Decimal("0.00")))


def superseded_by_key(live: Sequence[DeliveryCase], counting: Sequence[CountedLine], period: str) -> Count:
    """Return the lines of the upsert feed that a later delivery supersedes, as the build measures them."""
    as_sent = as_delivered(
        line for case in live if case.feed == "upsert" for line in case.lines if line.period == period
    )
    left = as_delivered(line for feed, line in counting if feed == "upsert" and line.period == period)
    return Count(as_sent.rows - left.rows, as_sent.amount - left.amount)


def slice_of(period: str, live: Sequence[DeliveryCase], counting: Sequence[CountedLine]) -> SliceCommit:
    lines = [(feed, line) for feed, line in counting if line.period == period]
    sums = []
    for scenario in sorted({line.scenario for _, line in lines}):
        count = in_the_star((feed, line) for feed, line in lines if line.scenario == scenario)
        as_sent = as_delivered(line for _, line in lines if line.scenario == scenario)
        zero = Decimal("0.00")
        sums.append(ScenarioSum(1, scenario, count.rows, count.rows, count.amount, zero, as_sent.amount))
    superseded = superseded_by_key(live, counting, period)
    return SliceCommit(
        "fact_financials",
        period,
        f"v-{period}",
        len(lines),
        (),
        tuple(sums),
        hidden_lines=superseded.rows,
        hidden_amount=superseded.amount,
    )


def snapshot_of(
    cases: Sequence[DeliveryCase], live: Sequence[DeliveryCase], counting: Sequence[CountedLine]
) -> Snapshot:
    events = [event_of(position, case) for position, case in enumerate(cases)]
    optional = [commit_of_case(event, case) for event, case in zip(events, cases, strict=True)]
    commits = {commit.delivery_id: commit for commit in optional if commit}
    periods = sorted({line.period for case in live for line in case.lines})
    built = {("fact_financials", period): slice_of(period, live, counting) for period in periods}
    return Snapshot(commits, derive_state(log_of_cases(cases), commits), NO_OVERLAPS, (), built)


def loaded(snapshot: Snapshot, counting: Sequence[CountedLine]) -> LoadedWarehouse:
    return LoadedWarehouse(
        in_the_star(counting), {period: commit.version for (_, period), commit in snapshot.built.items()}
    )


def cases_read(cases: Sequence[DeliveryCase]) -> list[DeliveryCase]:
    return [case for case in cases if case.fate in READ_FATES]


def cases_withdrawn(cases: Sequence[DeliveryCase]) -> list[DeliveryCase]:
    """Return the cases that can be reinstated: dropped last ones, and withdrawn ones without a live one since."""
    last = {case.key: case for case in cases}
    since: dict[str, DeliveryCase] = {}
    for case in cases:
        if case.fate == "withdrawn":
            since[case.key] = case
        elif case.fate in {"fine", "accepted"}:
            since.pop(case.key, None)
    return [*since.values(), *(case for case in last.values() if case.fate == "dropped")]


def without_absolutes(count: Count) -> Count:
    return replace(count, absolute=Decimal("0.00"), unpriced=0)


@pytest.mark.parametrize("feeds", [("append", "upsert", "replace"), ("append", "replace", "debit")])
def test_every_term_equals_a_count_line_by_line(feeds: tuple[str, ...]):
    @FEW_EXAMPLES
    @given(cases_of(*feeds))
    def check(cases: list[DeliveryCase]) -> None:
        live, counting = what_counts(cases)
        snapshot = snapshot_of(cases, live, counting)
        reconciliation = reconcile(snapshot, loaded(snapshot, counting))
        current = {case.key: case for case in cases}
        held = as_delivered(line for case in current.values() if case.fate == "held" for line in case.lines)
        accepted = as_delivered(line for case in cases_read(cases) for line in case.lines)
        counted = as_delivered(line for _, line in counting)
        assert without_absolutes(reconciliation.in_warehouse) == without_absolutes(counted)
        withdrawn = as_delivered(line for case in cases_withdrawn(cases) for line in case.lines)
        assert reconciliation.held == held
        assert reconciliation.withdrawn == withdrawn
        assert reconciliation.superseded.rows == accepted.rows - counted.rows - held.rows - withdrawn.rows
        assert reconciliation.superseded.amount == accepted.amount - counted.amount - held.amount - withdrawn.amount
        assert reconciliation.duplicate == sum((case.duplicate for case in cases_read(cases)), Count())
        assert reconciliation.skipped == sum((case.skipped for case in cases_read(cases)), Count())
        assert reconciliation.rejected.unpriced == sum(case.rejected.unpriced for case in cases_read(cases))

    check()


@FEW_EXAMPLES
@given(cases_of("append", "upsert", "replace", "debit"))
def test_accepted_lines_are_live_superseded_withdrawn_or_held_without_a_difference(cases: list[DeliveryCase]):
    live, counting = what_counts(cases)
    snapshot = snapshot_of(cases, live, counting)
    reconciliation = reconcile(snapshot, loaded(snapshot, counting))
    accepted = as_delivered(line for case in cases_read(cases) for line in case.lines)
    terms = (reconciliation.in_warehouse, reconciliation.superseded, reconciliation.withdrawn, reconciliation.held)
    total = sum(terms, Count())
    assert (total.rows, total.amount) == (accepted.rows, accepted.amount)
    assert reconciliation.difference == ZERO


@FEW_EXAMPLES
@given(cases_of("append", "upsert", "replace", "debit"), st.data())
def test_lines_lost_by_the_star_are_the_difference_to_the_cent(cases: list[DeliveryCase], data: st.DataObject):
    live, counting = what_counts(cases)
    snapshot = snapshot_of(cases, live, counting)
    remaining = in_the_star([line for line in counting if data.draw(st.booleans())])
    complete = in_the_star(counting)
    reconciliation = reconcile(snapshot, replace(loaded(snapshot, counting), count=remaining))
    assert reconciliation.difference == (complete.rows - remaining.rows, complete.amount - remaining.amount)


@FEW_EXAMPLES
@given(cases_of("append", "upsert", "replace", "debit"))
def test_before_the_first_load_all_lines_that_count_are_the_difference(cases: list[DeliveryCase]):
    live, counting = what_counts([case for case in cases if case.feed != "upsert"])
    snapshot = snapshot_of([case for case in cases if case.feed != "upsert"], live, counting)
    reconciliation = reconcile(snapshot, MissingWarehouse())
    counted = as_delivered(line for _, line in counting)
    assert reconciliation.in_warehouse == Count()
    assert reconciliation.difference == (counted.rows, counted.amount)


@FEW_EXAMPLES
@given(cases_of("append", "replace", "debit"))
def test_a_period_that_is_not_built_yet_is_the_difference_and_not_superseded(cases: list[DeliveryCase]):
    live, counting = what_counts(cases)
    snapshot = snapshot_of(cases, live, counting)
    january = [(feed, line) for feed, line in counting if line.period == "2025-01"]
    others = [(feed, line) for feed, line in counting if line.period != "2025-01"]
    complete = reconcile(snapshot, loaded(snapshot, counting))
    unbuilt = replace(snapshot, built={name: c for name, c in snapshot.built.items() if name[1] != "2025-01"})
    reconciliation = reconcile(unbuilt, loaded(unbuilt, others))
    missing = as_delivered(line for _, line in january)
    assert reconciliation.difference == (missing.rows, missing.amount)
    assert reconciliation.superseded == complete.superseded


# Examples


def reconciliation_of(
    *pairs: tuple[DeliveryDiscovered, DeliveryCommit | None],
    star: Mapping[str, tuple[int, str]],
    as_sent: str | None = None,
    in_warehouse: Count | None = None,
    versions: Mapping[str, str] | None = None,
    decisions: Sequence[DecisionRecorded] = (),
    superseded: Mapping[str, tuple[int, str]] | None = None,
) -> Reconciliation:
    """Return the reconciliation if the slices of Actual, and by default the warehouse, have these lines and amounts.

    `as_sent` is the slices' amount with the sign as delivered, if that differs.
    """
    commits = {commit.delivery_id: commit for _, commit in pairs if commit}
    built = {
        ("fact_financials", period): SliceCommit(
            "fact_financials",
            period,
            "v1",
            rows,
            (),
            (ScenarioSum(1, "Actual", rows, rows, Decimal(amount), Decimal(0), Decimal(as_sent or amount)),),
            *_superseded(superseded, period),
        )
        for period, (rows, amount) in star.items()
    }
    total = sum((money(rows, amount) for rows, amount in star.values()), Count())
    ledger = dict.fromkeys(star, "v1") if versions is None else versions
    state = derive_state([*log_of(*pairs), *decisions], commits)
    snapshot = Snapshot(commits, state, NO_OVERLAPS, (), built)
    return reconcile(snapshot, LoadedWarehouse(in_warehouse or total, ledger))


def _superseded(superseded: Mapping[str, tuple[int, str]] | None, period: str) -> tuple[int, Decimal]:
    lines, amount = (superseded or {}).get(period, (0, "0.00"))
    return lines, Decimal(amount)


def terms(reconciliation: Reconciliation) -> dict[str, tuple[int, str]]:
    """Return the terms that are not zero."""
    all_terms = {name: (count.rows, str(count.amount)) for name, count in vars(reconciliation).items()}
    return {name: term for name, term in all_terms.items() if term != (0, "0.00")}


def test_the_rows_of_one_delivery_are_in_terms_by_outcome():
    event = delivered(tolerated_share="1")
    reconciliation = reconciliation_of(
        (event, partly_rejected(event, 1, of=3, amount="5.00")), star={"2025-01": (2, "20.00")}
    )
    assert terms(reconciliation) == {"delivered": (3, "25.00"), "in_warehouse": (2, "20.00"), "rejected": (1, "5.00")}
    assert reconciliation.difference == ZERO


def test_a_replaced_object_is_superseded():
    reconciliation = reconciliation_of(
        live_in(in_period("2025-01"), content="v1"),
        live_in(in_period("2025-01", amount="12.00"), content="v2"),
        star={"2025-01": (1, "12.00")},
    )
    assert terms(reconciliation) == {
        "delivered": (2, "22.00"),
        "in_warehouse": (1, "12.00"),
        "superseded": (1, "10.00"),
    }


def test_a_key_that_is_sent_again_supersedes_the_earlier_line():
    reconciliation = reconciliation_of(
        live_in(in_period("2025-01"), key="a.csv", load_mode="upsert"),
        live_in(in_period("2025-01", amount="12.00"), key="b.csv", load_mode="upsert"),
        star={"2025-01": (1, "12.00")},
        superseded={"2025-01": (1, "10.00")},
    )
    assert terms(reconciliation) == {
        "delivered": (2, "22.00"),
        "in_warehouse": (1, "12.00"),
        "superseded": (1, "10.00"),
    }


def test_a_line_in_no_slice_that_is_not_superseded_is_a_difference():
    reconciliation = reconciliation_of(
        live_in(in_period("2025-01"), key="a.csv", load_mode="upsert"),
        live_in(in_period("2025-01", amount="12.00"), key="b.csv", load_mode="upsert"),
        star={"2025-01": (1, "12.00")},
    )
    assert reconciliation.difference == (1, Decimal("10.00"))


def test_a_replaced_period_is_superseded_and_the_other_periods_of_its_delivery_are_not():
    reconciliation = reconciliation_of(
        live_in(in_period("2025-01"), in_period("2025-02"), key="a.csv", load_mode="replace_period"),
        live_in(in_period("2025-02", amount="7.00"), key="b.csv", load_mode="replace_period"),
        star={"2025-01": (1, "10.00"), "2025-02": (1, "7.00")},
    )
    assert terms(reconciliation) == {
        "delivered": (3, "27.00"),
        "in_warehouse": (2, "17.00"),
        "superseded": (1, "10.00"),
    }


def test_accepted_lines_of_a_held_delivery_are_held_and_its_rejected_rows_rejected():
    event = delivered(tolerated_share="0.1")
    reconciliation = reconciliation_of((event, partly_rejected(event, 1, of=3, amount="5.00")), star={})
    assert terms(reconciliation) == {"delivered": (3, "25.00"), "rejected": (1, "5.00"), "held": (2, "20.00")}
    assert reconciliation.difference == ZERO


def test_a_held_delivery_that_was_replaced_is_superseded():
    first = delivered(content="v1")
    reconciliation = reconciliation_of(
        (first, partly_rejected(first, 1, of=3)),
        live_in(in_period("2025-01"), content="v2"),
        star={"2025-01": (1, "10.00")},
    )
    assert terms(reconciliation)["superseded"] == (2, "20.00")
    assert reconciliation.held == Count()
    assert reconciliation.difference == ZERO


def test_a_withdrawn_delivery_is_withdrawn_and_the_earlier_version_superseded():
    first, second = (live_in(in_period("2025-01", amount=f"{n}.00"), content=f"v{n}") for n in (1, 2))
    reconciliation = reconciliation_of(first, second, star={}, decisions=[decision_on("withdrawn", second[0])])
    assert terms(reconciliation) == {"delivered": (2, "3.00"), "superseded": (1, "1.00"), "withdrawn": (1, "2.00")}
    assert reconciliation.difference == ZERO


def test_a_withdrawn_delivery_that_is_sent_again_stays_withdrawn_until_its_verdict():
    event, commit = live_in(in_period("2025-01"))
    state = derive_state(
        [*log_of((event, commit)), decision_on("withdrawn", event), event], {event.delivery_id: commit}
    )
    snapshot = Snapshot({event.delivery_id: commit}, state, NO_OVERLAPS, (), {})
    assert terms(reconcile(snapshot, MissingWarehouse())) == {"delivered": (1, "10.00"), "withdrawn": (1, "10.00")}


def test_a_delivery_without_a_verdict_is_held():
    event, commit = live_in(in_period("2025-01"))
    state = derive_state([event], {event.delivery_id: commit})
    snapshot = Snapshot({event.delivery_id: commit}, state, NO_OVERLAPS, (), {})
    assert terms(reconcile(snapshot, MissingWarehouse())) == {"delivered": (1, "10.00"), "held": (1, "10.00")}


def test_a_delivery_whose_tolerance_was_narrowed_later_counts_once_and_as_live():
    wide, narrow = delivered(tolerated_share="1"), delivered(tolerated_share="0")
    commit = partly_rejected(wide, 1, of=3)
    reconciliation = reconciliation_of((wide, commit), (narrow, commit), star={"2025-01": (2, "20.00")})
    assert terms(reconciliation) == {"delivered": (3, "20.00"), "rejected": (1, "0.00"), "in_warehouse": (2, "20.00")}


def test_refused_files_and_reference_files_have_no_lines():
    event = delivered("broken.csv")
    accounts = delivered("accounts.csv", feed="accounts", kind="accounts")
    chart = commit_of(accounts, read=money(3, unpriced=3), outcomes={"accepted": money(3, unpriced=3)})
    assert terms(reconciliation_of((event, refused(event)), (accounts, chart), star={})) == {}


def test_a_debit_positive_feed_is_counted_with_the_sign_as_delivered():
    journal = live_in(in_period("2025-01", amount="-100.00"), in_period("2025-01"), commit_is_debit_positive=True)
    reconciliation = reconciliation_of(journal, star={"2025-01": (2, "110.00")}, as_sent="-90.00")
    assert terms(reconciliation) == {"delivered": (2, "-90.00"), "in_warehouse": (2, "-90.00")}


def test_a_missing_debit_positive_line_is_the_difference():
    journal = live_in(in_period("2025-01", amount="-100.00"), in_period("2025-01"), commit_is_debit_positive=True)
    reconciliation = reconciliation_of(
        journal, star={"2025-01": (2, "110.00")}, as_sent="-90.00", in_warehouse=money(1, "100.00")
    )
    assert reconciliation.difference == (1, Decimal("10.00"))


def test_a_debit_positive_feed_that_was_built_and_never_loaded_is_not_in_the_warehouse():
    journal = live_in(in_period("2025-01", amount="-100.00"), in_period("2025-01"), commit_is_debit_positive=True)
    reconciliation = reconciliation_of(
        journal, star={"2025-01": (2, "110.00")}, as_sent="-90.00", in_warehouse=Count(), versions={}
    )
    assert reconciliation.in_warehouse == Count()
    assert reconciliation.difference == (2, Decimal("-90.00"))


def test_a_delivery_that_lost_a_row_is_held_and_the_row_is_the_difference():
    event = delivered()
    commit = commit_of(event, in_period("2025-01"), read=money(2, "13.00"))
    reconciliation = reconciliation_of((event, commit), star={})
    assert terms(reconciliation) == {"delivered": (2, "13.00"), "held": (1, "10.00")}
    assert reconciliation.difference == (1, Decimal("3.00"))


def test_rounding_is_part_of_the_delivered_amount():
    event = delivered()
    commit = commit_of(event, in_period("2025-01"), read=money(1, "9.996"), rounding=Decimal("0.004"))
    reconciliation = reconciliation_of((event, commit), star={"2025-01": (1, "10.00")})
    assert reconciliation.delivered.amount == Decimal("10.00")
    assert reconciliation.difference == ZERO
