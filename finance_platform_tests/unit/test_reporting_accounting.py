"""The controller's line: nothing that was ever delivered is without a place, and what is lost shows to the cent.

Belongs here: `reporting.accounting`, by law and by example. Does not belong here: how the line looks.
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
    decided,
    delivered,
    in_period,
    live_in,
    log_of,
    money,
    partly_rejected,
    refused,
)

ZERO = (0, Decimal("0.00"))
QUICKLY = settings(max_examples=50)
MODES: dict[str, LoadMode] = {"append": "append", "upsert": "upsert", "replace": "replace_period", "debit": "append"}
"""The load mode of each feed of the law; feed debit is debit-positive."""
FATES = ("fine", "fine", "fine", "held", "accepted", "withdrawn", "dropped", "refused", "pending")
"""What becomes of a delivery: one that is held may be accepted or dropped, one that counts may be withdrawn."""
IS_HELD = {"held", "accepted", "dropped"}
IS_READ = {"fine", "withdrawn", *IS_HELD}


@dataclass(frozen=True)
class Line:
    """A ledger line: what the platform counts one by one."""

    key: str
    period: str
    scenario: str
    amount: Decimal
    is_revenue: bool


@dataclass(frozen=True)
class Story:
    """A delivery as a test tells it; `fate` says what becomes of it."""

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
        """The object, of which there are a few per feed, so that deliveries replace each other."""
        return f"{self.feed}_{self.number}.csv"


@dataclass
class Holding:
    """A warehouse that holds these lines, and whose ledger names these versions."""

    count: Count
    versions: Mapping[str, str] = field(default_factory=dict)

    def query(self, sql: str, parameters: Parameters = NO_PARAMETERS) -> QueryResult:
        """Answer what the line asks."""
        assert not parameters
        if sql == statement(SqlFile.LINES_IN_WAREHOUSE):
            return QueryResult([], [(self.count.rows, self.count.amount)])
        assert sql == statement(SqlFile.PUBLISHED_SLICES)
        at = datetime(2025, 7, 1, 12, 0)  # noqa: DTZ001 (the ledger keeps UTC without a zone)
        return QueryResult(
            [], [("FactFinancials", period, version, 0, Decimal(0), at, 1) for period, version in self.versions.items()]
        )


class Missing:
    """A warehouse that nothing was ever loaded into."""

    def query(self, sql: str, parameters: Parameters = NO_PARAMETERS) -> QueryResult:
        """Say so."""
        raise NoWarehouseYetError(f"no warehouse for {sql} {parameters}")


# The law


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


def stories(*feeds: str) -> st.SearchStrategy[list[Story]]:
    one = st.builds(
        Story,
        feed=st.sampled_from(feeds),
        number=st.integers(0, 1),
        lines=st.lists(_lines, max_size=4, unique_by=lambda line: line.key),
        rejected=_counts,
        duplicate=_counts,
        skipped=_counts,
        rounding=st.sampled_from([Decimal(0), Decimal("0.004"), Decimal("-0.005")]),
        fate=st.sampled_from(FATES),
    )
    return st.lists(one, max_size=7)


def event_of(position: int, story: Story) -> DeliveryDiscovered:
    return delivered(
        story.key,
        str(position),
        feed=story.feed,
        modified_at=f"2025-02-01T08:00:00.{position:06}+00:00",
        load_mode=MODES[story.feed],
        tolerated_share="0" if story.fate in IS_HELD else "1",
    )


def commit_of_story(event: DeliveryDiscovered, story: Story) -> DeliveryCommit | None:
    if story.fate == "pending":
        return None
    if story.fate == "refused":
        return refused(event)
    rejected = story.rejected + Count(1) if story.fate in IS_HELD else story.rejected
    accepted = as_delivered(story.lines)
    outcomes = {"accepted": accepted, "rejected": rejected, "duplicate": story.duplicate, "skipped": story.skipped}
    read = sum(outcomes.values(), Count())
    places = sorted({(line.scenario, line.period) for line in story.lines})
    counts = {place: as_delivered(ln for ln in story.lines if (ln.scenario, ln.period) == place) for place in places}
    return commit_of(
        event,
        read=replace(read, amount=read.amount - story.rounding),
        rounding=story.rounding,
        outcomes=outcomes,
        periods=tuple(PeriodCount(s, s, period, count.rows, count.amount) for (s, period), count in counts.items()),
        is_debit_positive=story.feed == "debit",
    )


def as_delivered(lines: Iterable[Line]) -> Count:
    """Rows and money of lines, sign as delivered."""
    listed = list(lines)
    return Count(len(listed), sum((line.amount for line in listed), Decimal("0.00")), sum_of_absolutes(listed))


def sum_of_absolutes(lines: Sequence[Line]) -> Decimal:
    return sum((abs(line.amount) for line in lines), Decimal("0.00"))


Counted = tuple[str, Line]
"""A line that counts, and its feed."""


def log_of_stories(told: Sequence[Story]) -> list[Event]:
    """What the register holds: each delivery judged, and decided, before the next one comes."""
    log: list[Event] = []
    for position, story in enumerate(told):
        event = event_of(position, story)
        log += log_of((event, commit_of_story(event, story)))
        if story.fate == "accepted":
            log.append(decided("accepted", event))
        if story.fate in {"withdrawn", "dropped"}:
            log.append(decided("withdrawn", event, keeps_earlier=story.fate == "dropped"))
    return log


def what_counts(told: Sequence[Story]) -> tuple[list[Story], list[Counted]]:
    """The live deliveries and the lines that count, found line by line; another way than the platform's."""
    live: dict[str, tuple[int, Story]] = {}
    for position, story in enumerate(told):
        if story.fate in {"fine", "accepted"}:
            live[story.key] = (position, story)
        elif story.fate == "withdrawn":
            live.pop(story.key, None)
    in_order = [story for _, story in sorted(live.values(), key=lambda item: item[0])]
    winners: dict[tuple[str, ...], int] = {}
    for rank, story in enumerate(in_order):
        winners |= dict.fromkeys((_rivals(story, line) for line in story.lines), rank)
    counting = [
        (story.feed, line)
        for rank, story in enumerate(in_order)
        for line in story.lines
        if winners[_rivals(story, line)] == rank or MODES[story.feed] == "append"
    ]
    return in_order, counting


def _rivals(story: Story, line: Line) -> tuple[str, ...]:
    return (story.feed, line.key) if story.feed == "upsert" else (story.feed, line.period, line.scenario)


def in_the_star(counting: Iterable[Counted]) -> Count:
    """Rows and money with the star's sign: revenue of the debit-positive feed is flipped."""
    lines = list(counting)
    amounts = [-line.amount if feed == "debit" and line.is_revenue else line.amount for feed, line in lines]
    return Count(len(lines), sum(amounts, Decimal("0.00")))


def hidden_by_key(live: Sequence[Story], counting: Sequence[Counted], period: str) -> Count:
    """What the build measures: lines of the upsert feed that a later delivery hides; the sums know nothing of them."""
    sent = as_delivered(
        line for story in live if story.feed == "upsert" for line in story.lines if line.period == period
    )
    left = as_delivered(line for feed, line in counting if feed == "upsert" and line.period == period)
    return Count(sent.rows - left.rows, sent.amount - left.amount)


def slice_of(period: str, live: Sequence[Story], counting: Sequence[Counted]) -> SliceCommit:
    lines = [(feed, line) for feed, line in counting if line.period == period]
    sums = []
    for scenario in sorted({line.scenario for _, line in lines}):
        count = in_the_star((feed, line) for feed, line in lines if line.scenario == scenario)
        sent = as_delivered(line for _, line in lines if line.scenario == scenario)
        zero = Decimal("0.00")
        sums.append(ScenarioSum(1, scenario, count.rows, count.rows, count.amount, zero, sent.amount))
    hidden = hidden_by_key(live, counting, period)
    return SliceCommit(
        "fact_financials",
        period,
        f"v-{period}",
        len(lines),
        (),
        tuple(sums),
        hidden_lines=hidden.rows,
        hidden_amount=hidden.amount,
    )


def snapshot_of(told: Sequence[Story], live: Sequence[Story], counting: Sequence[Counted]) -> Snapshot:
    events = [event_of(position, story) for position, story in enumerate(told)]
    found = [commit_of_story(event, story) for event, story in zip(events, told, strict=True)]
    commits = {commit.delivery_id: commit for commit in found if commit}
    periods = sorted({line.period for story in live for line in story.lines})
    built = {("fact_financials", period): slice_of(period, live, counting) for period in periods}
    return Snapshot(commits, derive_state(log_of_stories(told), commits), NO_OVERLAPS, (), built)


def loaded(snapshot: Snapshot, counting: Sequence[Counted]) -> Holding:
    return Holding(in_the_star(counting), {period: commit.version for (_, period), commit in snapshot.built.items()})


def read_ones(told: Sequence[Story]) -> list[Story]:
    return [story for story in told if story.fate in IS_READ]


def taken_out(told: Sequence[Story]) -> list[Story]:
    """The stories that wait to be taken in again: dropped ones that are the last, withdrawn ones with none since."""
    last = {story.key: story for story in told}
    since: dict[str, Story] = {}
    for story in told:
        if story.fate == "withdrawn":
            since[story.key] = story
        elif story.fate in {"fine", "accepted"}:
            since.pop(story.key, None)
    return [*since.values(), *(story for story in last.values() if story.fate == "dropped")]


def without_absolutes(count: Count) -> Count:
    return replace(count, absolute=Decimal("0.00"), unpriced=0)


@QUICKLY
@given(stories("append", "upsert", "replace", "debit"))
def test_nothing_is_unexplained_when_the_star_holds_what_counts(told: list[Story]):
    live, counting = what_counts(told)
    snapshot = snapshot_of(told, live, counting)
    assert reconcile(snapshot, loaded(snapshot, counting)).difference == ZERO


@pytest.mark.parametrize("feeds", [("append", "upsert", "replace"), ("append", "replace", "debit")])
def test_every_term_is_what_a_count_line_by_line_finds(feeds: tuple[str, ...]):
    @QUICKLY
    @given(stories(*feeds))
    def law(told: list[Story]) -> None:
        live, counting = what_counts(told)
        snapshot = snapshot_of(told, live, counting)
        line = reconcile(snapshot, loaded(snapshot, counting))
        current = {story.key: story for story in told}
        held = as_delivered(ln for story in current.values() if story.fate == "held" for ln in story.lines)
        accepted = as_delivered(ln for story in read_ones(told) for ln in story.lines)
        counted = as_delivered(ln for _, ln in counting)
        assert without_absolutes(line.in_warehouse) == without_absolutes(counted)
        withdrawn = as_delivered(ln for story in taken_out(told) for ln in story.lines)
        assert line.held == held
        assert line.withdrawn == withdrawn
        assert line.superseded.rows == accepted.rows - counted.rows - held.rows - withdrawn.rows
        assert line.superseded.amount == accepted.amount - counted.amount - held.amount - withdrawn.amount
        assert line.duplicate == sum((story.duplicate for story in read_ones(told)), Count())
        assert line.skipped == sum((story.skipped for story in read_ones(told)), Count())
        assert line.rejected.unpriced == sum(story.rejected.unpriced for story in read_ones(told))

    law()


@QUICKLY
@given(stories("append", "upsert", "replace", "debit"))
def test_what_was_accepted_is_live_superseded_withdrawn_or_held(told: list[Story]):
    live, counting = what_counts(told)
    snapshot = snapshot_of(told, live, counting)
    line = reconcile(snapshot, loaded(snapshot, counting))
    accepted = as_delivered(ln for story in read_ones(told) for ln in story.lines)
    places = line.in_warehouse + line.superseded + line.withdrawn + line.held
    assert (places.rows, places.amount) == (accepted.rows, accepted.amount)


@QUICKLY
@given(stories("append", "upsert", "replace", "debit"), st.data())
def test_what_the_star_lost_is_the_difference_to_the_cent(told: list[Story], data: st.DataObject):
    live, counting = what_counts(told)
    snapshot = snapshot_of(told, live, counting)
    kept = [one for one in counting if data.draw(st.booleans())]
    lost = in_the_star(counting), in_the_star(kept)
    line = reconcile(snapshot, replace(loaded(snapshot, counting), count=lost[1]))
    assert line.difference == (lost[0].rows - lost[1].rows, lost[0].amount - lost[1].amount)


@QUICKLY
@given(stories("append", "upsert", "replace", "debit"))
def test_before_the_first_load_all_that_counts_is_the_difference(told: list[Story]):
    live, counting = what_counts([story for story in told if story.feed != "upsert"])
    snapshot = snapshot_of([story for story in told if story.feed != "upsert"], live, counting)
    line = reconcile(snapshot, Missing())
    counted = as_delivered(line for _, line in counting)
    assert line.in_warehouse == Count()
    assert line.difference == (counted.rows, counted.amount)


@QUICKLY
@given(stories("append", "replace", "debit"))
def test_a_period_that_is_not_built_yet_is_the_difference_and_not_superseded(told: list[Story]):
    live, counting = what_counts(told)
    snapshot = snapshot_of(told, live, counting)
    january = [(feed, line) for feed, line in counting if line.period == "2025-01"]
    others = [(feed, line) for feed, line in counting if line.period != "2025-01"]
    complete = reconcile(snapshot, loaded(snapshot, counting))
    unbuilt = replace(snapshot, built={name: c for name, c in snapshot.built.items() if name[1] != "2025-01"})
    line = reconcile(unbuilt, loaded(unbuilt, others))
    missing = as_delivered(line for _, line in january)
    assert line.difference == (missing.rows, missing.amount)
    assert line.superseded == complete.superseded


# Examples


def line_of(
    *pairs: tuple[DeliveryDiscovered, DeliveryCommit | None],
    star: Mapping[str, tuple[int, str]],
    sent: str | None = None,
    holding: Count | None = None,
    versions: Mapping[str, str] | None = None,
    decisions: Sequence[DecisionRecorded] = (),
    hidden: Mapping[str, tuple[int, str]] | None = None,
) -> Reconciliation:
    """The line where Actual's slices have these lines and cents, and the warehouse the same unless it is said.

    `sent` is the slices' money with the sign as delivered, where that is another.
    """
    commits = {commit.delivery_id: commit for _, commit in pairs if commit}
    built = {
        ("fact_financials", period): SliceCommit(
            "fact_financials",
            period,
            "v1",
            rows,
            (),
            (ScenarioSum(1, "Actual", rows, rows, Decimal(amount), Decimal(0), Decimal(sent or amount)),),
            *_hidden(hidden, period),
        )
        for period, (rows, amount) in star.items()
    }
    total = sum((money(rows, amount) for rows, amount in star.values()), Count())
    ledger = dict.fromkeys(star, "v1") if versions is None else versions
    state = derive_state([*log_of(*pairs), *decisions], commits)
    snapshot = Snapshot(commits, state, NO_OVERLAPS, (), built)
    return reconcile(snapshot, Holding(holding or total, ledger))


def _hidden(hidden: Mapping[str, tuple[int, str]] | None, period: str) -> tuple[int, Decimal]:
    lines, amount = (hidden or {}).get(period, (0, "0.00"))
    return lines, Decimal(amount)


def terms(line: Reconciliation) -> dict[str, tuple[int, str]]:
    """The terms that are not zero."""
    found = {name: (count.rows, str(count.amount)) for name, count in vars(line).items()}
    return {name: term for name, term in found.items() if term != (0, "0.00")}


def test_a_line_of_one_delivery_says_where_each_row_went():
    event = delivered(tolerated_share="1")
    line = line_of((event, partly_rejected(event, 1, of=3, amount="5.00")), star={"2025-01": (2, "20.00")})
    assert terms(line) == {"delivered": (3, "25.00"), "in_warehouse": (2, "20.00"), "rejected": (1, "5.00")}
    assert line.difference == ZERO


def test_a_replaced_object_is_superseded():
    line = line_of(
        live_in(in_period("2025-01"), content="v1"),
        live_in(in_period("2025-01", amount="12.00"), content="v2"),
        star={"2025-01": (1, "12.00")},
    )
    assert terms(line) == {"delivered": (2, "22.00"), "in_warehouse": (1, "12.00"), "superseded": (1, "10.00")}


def test_a_key_that_is_sent_again_supersedes_the_earlier_line():
    line = line_of(
        live_in(in_period("2025-01"), key="a.csv", load_mode="upsert"),
        live_in(in_period("2025-01", amount="12.00"), key="b.csv", load_mode="upsert"),
        star={"2025-01": (1, "12.00")},
        hidden={"2025-01": (1, "10.00")},
    )
    assert terms(line) == {"delivered": (2, "22.00"), "in_warehouse": (1, "12.00"), "superseded": (1, "10.00")}


def test_a_line_that_is_in_no_slice_and_that_nobody_hides_is_a_difference():
    line = line_of(
        live_in(in_period("2025-01"), key="a.csv", load_mode="upsert"),
        live_in(in_period("2025-01", amount="12.00"), key="b.csv", load_mode="upsert"),
        star={"2025-01": (1, "12.00")},
    )
    assert line.difference == (1, Decimal("10.00"))


def test_a_replaced_period_is_superseded_and_the_other_periods_of_its_delivery_are_not():
    line = line_of(
        live_in(in_period("2025-01"), in_period("2025-02"), key="a.csv", load_mode="replace_period"),
        live_in(in_period("2025-02", amount="7.00"), key="b.csv", load_mode="replace_period"),
        star={"2025-01": (1, "10.00"), "2025-02": (1, "7.00")},
    )
    assert terms(line) == {"delivered": (3, "27.00"), "in_warehouse": (2, "17.00"), "superseded": (1, "10.00")}


def test_accepted_lines_of_a_held_delivery_are_held_and_its_other_rows_are_what_they_are():
    event = delivered(tolerated_share="0.1")
    line = line_of((event, partly_rejected(event, 1, of=3, amount="5.00")), star={})
    assert terms(line) == {"delivered": (3, "25.00"), "rejected": (1, "5.00"), "held": (2, "20.00")}
    assert line.difference == ZERO


def test_a_held_delivery_that_was_replaced_is_superseded():
    first = delivered(content="v1")
    line = line_of(
        (first, partly_rejected(first, 1, of=3)),
        live_in(in_period("2025-01"), content="v2"),
        star={"2025-01": (1, "10.00")},
    )
    assert terms(line)["superseded"] == (2, "20.00")
    assert line.held == Count()
    assert line.difference == ZERO


def test_a_withdrawn_delivery_is_withdrawn_and_what_its_object_said_before_is_superseded():
    first, second = (live_in(in_period("2025-01", amount=f"{n}.00"), content=f"v{n}") for n in (1, 2))
    line = line_of(first, second, star={}, decisions=[decided("withdrawn", second[0])])
    assert terms(line) == {"delivered": (2, "3.00"), "superseded": (1, "1.00"), "withdrawn": (1, "2.00")}
    assert line.difference == ZERO


def test_a_delivery_that_is_withdrawn_and_sent_again_is_withdrawn_and_not_held_while_nobody_has_judged_it():
    event, commit = live_in(in_period("2025-01"))
    state = derive_state([*log_of((event, commit)), decided("withdrawn", event), event], {event.delivery_id: commit})
    snapshot = Snapshot({event.delivery_id: commit}, state, NO_OVERLAPS, (), {})
    assert terms(reconcile(snapshot, Missing())) == {"delivered": (1, "10.00"), "withdrawn": (1, "10.00")}


def test_a_delivery_that_nobody_has_judged_yet_is_held():
    event, commit = live_in(in_period("2025-01"))
    state = derive_state([event], {event.delivery_id: commit})
    snapshot = Snapshot({event.delivery_id: commit}, state, NO_OVERLAPS, (), {})
    assert terms(reconcile(snapshot, Missing())) == {"delivered": (1, "10.00"), "held": (1, "10.00")}


def test_a_delivery_whose_tolerance_was_narrowed_after_it_was_read_counts_once_and_as_live():
    wide, narrow = delivered(tolerated_share="1"), delivered(tolerated_share="0")
    commit = partly_rejected(wide, 1, of=3)
    line = line_of((wide, commit), (narrow, commit), star={"2025-01": (2, "20.00")})
    assert terms(line) == {"delivered": (3, "20.00"), "rejected": (1, "0.00"), "in_warehouse": (2, "20.00")}


def test_refused_files_and_reference_files_offer_no_lines():
    event = delivered("broken.csv")
    accounts = delivered("accounts.csv", feed="accounts", kind="accounts")
    chart = commit_of(accounts, read=money(3, unpriced=3), outcomes={"accepted": money(3, unpriced=3)})
    assert terms(line_of((event, refused(event)), (accounts, chart), star={})) == {}


def test_a_debit_positive_feed_is_counted_with_the_sign_as_delivered():
    journal = live_in(in_period("2025-01", amount="-100.00"), in_period("2025-01"), commit_is_debit_positive=True)
    line = line_of(journal, star={"2025-01": (2, "110.00")}, sent="-90.00")
    assert terms(line) == {"delivered": (2, "-90.00"), "in_warehouse": (2, "-90.00")}


def test_a_debit_positive_line_that_the_warehouse_lacks_is_the_difference():
    journal = live_in(in_period("2025-01", amount="-100.00"), in_period("2025-01"), commit_is_debit_positive=True)
    line = line_of(journal, star={"2025-01": (2, "110.00")}, sent="-90.00", holding=money(1, "100.00"))
    assert line.difference == (1, Decimal("10.00"))


def test_a_debit_positive_feed_that_was_built_and_never_loaded_is_not_in_the_warehouse():
    journal = live_in(in_period("2025-01", amount="-100.00"), in_period("2025-01"), commit_is_debit_positive=True)
    line = line_of(journal, star={"2025-01": (2, "110.00")}, sent="-90.00", holding=Count(), versions={})
    assert line.in_warehouse == Count()
    assert line.difference == (2, Decimal("-90.00"))


def test_a_delivery_that_lost_a_row_is_held_and_what_it_lost_is_the_difference():
    event = delivered()
    commit = commit_of(event, in_period("2025-01"), read=money(2, "13.00"))
    line = line_of((event, commit), star={})
    assert terms(line) == {"delivered": (2, "13.00"), "held": (1, "10.00")}
    assert line.difference == (1, Decimal("3.00"))


def test_what_rounding_added_is_part_of_what_was_delivered():
    event = delivered()
    commit = commit_of(event, in_period("2025-01"), read=money(1, "9.996"), rounding=Decimal("0.004"))
    line = line_of((event, commit), star={"2025-01": (1, "10.00")})
    assert line.delivered.amount == Decimal("10.00")
    assert line.difference == ZERO
