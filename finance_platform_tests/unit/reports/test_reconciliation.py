"""The reconciliation: every delivered line is in exactly one term, and a lost one shows as the difference to the cent.

Belongs here: `reports.reconciliation`, by properties and by example. Does not belong here: printing (see
`test_status_output`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from finance_platform.deliveries.commits import Count, DeliveryCommit, PeriodCount, ScenarioCount
from finance_platform.deliveries.events import DecisionRecorded, DeliveryDiscovered, Event
from finance_platform.deliveries.overlaps import NO_OVERLAPS
from finance_platform.deliveries.state_derivation import derive_state
from finance_platform.feeds.resolved import LoadMode
from finance_platform.reports.reconciliation import earlier_deliveries, reconcile
from finance_platform.reports.statement import TERMS, Line, Reconciliation, sides
from finance_platform.slices.commits import ScenarioSum, SliceCommit, SupersededLines, write_slice
from finance_platform.slices.snapshot import Snapshot
from finance_platform.slices.versions import contributing_deliveries, line_inputs
from finance_platform.storage.local import LocalStore
from finance_platform.warehouse.port import NO_PARAMETERS, NoWarehouseYetError, Parameters, QueryResult
from finance_platform.warehouse.statements import SqlFile, statement
from finance_platform_tests.profiles import current_profile
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

FEW_EXAMPLES = settings(max_examples=current_profile().examples_of_slow(50))
MODES: dict[str, LoadMode] = {"append": "append", "upsert": "upsert", "replace": "replace_period", "debit": "append"}
"""The load mode of each feed; feed debit is debit-positive."""
FATES = ("fine", "fine", "fine", "held", "accepted", "withdrawn", "dropped", "refused", "pending")
"""The fate of a delivery: a held one may be accepted or dropped, a live one may be withdrawn."""
HELD_FATES = {"held", "accepted", "dropped"}
NOT_ACCEPTED = ("rejected", "duplicate", "skipped")
READ_FATES = {"fine", "withdrawn", *HELD_FATES}


@dataclass(frozen=True)
class LedgerLine:
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
    lines: Sequence[LedgerLine]
    rejected: Count
    duplicate: Count
    skipped: Count
    foreign: Count
    rounding: Decimal
    fate: str

    @property
    def key(self) -> str:
        """The object key; there are only a few per feed, so that deliveries replace each other."""
        return f"{self.feed}_{self.number}.csv"


@dataclass
class LoadedWarehouse:
    """A warehouse with these lines, and these versions in its ledger."""

    counts: Mapping[str, Count]
    versions: Mapping[str, str] = field(default_factory=dict)

    def query(self, sql: str, parameters: Parameters = NO_PARAMETERS) -> QueryResult:
        """Return the result of a statement of the reconciliation."""
        assert not parameters
        if sql == statement(SqlFile.LINES_IN_WAREHOUSE):
            return QueryResult([], [(name, count.rows, count.amount) for name, count in self.counts.items()])
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
    LedgerLine,
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
        foreign=_counts.map(lambda count: replace(count, unpriced=0)),
        rounding=st.sampled_from([Decimal(0), Decimal("0.004"), Decimal("-0.005")]),
        fate=st.sampled_from(FATES),
    )
    # As most deliveries are: every line is accepted, and has one scenario.
    whole = case.map(
        lambda one: replace(
            one,
            lines=[line for line in one.lines if line.scenario == one.lines[0].scenario],
            rejected=Count(),
            duplicate=Count(),
            skipped=Count(),
            foreign=Count(),
            rounding=Decimal(0),
        )
    )
    return st.lists(case | whole, max_size=7)


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
    scenarios = counts_of_case(case)
    outcomes = {
        name: sum((lines.count for lines in scenarios if (lines.term, lines.currency) == (name, "")), Count())
        for name in ("accepted", *NOT_ACCEPTED)
    }
    outcomes["rejected"] += Count(case.foreign.rows)
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
        scenarios=tuple(scenarios),
        periods=tuple(
            PeriodCount(s, s, period, count.rows, count.amount, count.absolute) for (s, period), count in counts.items()
        ),
        is_debit_positive=case.feed == "debit",
    )


def rejected_of(case: DeliveryCase) -> Count:
    return case.rejected + Count(1) if case.fate in HELD_FATES else case.rejected


def counts_of_case(case: DeliveryCase) -> list[ScenarioCount]:
    """Return the lines by scenario as the reader and the job count them; all that is not accepted is of Actual."""
    rounding = Count(0, -case.rounding, -case.rounding)
    others = {"rejected": rejected_of(case), "duplicate": case.duplicate, "skipped": case.skipped}
    counts = [ScenarioCount("Actual", "", name, count) for name, count in others.items()]
    counts.append(ScenarioCount("Actual", "", "rounding", rounding))
    counts += [ScenarioCount("Actual", "EUR", name, case.foreign) for name in ("delivered", "rejected")]
    for scenario in ("Actual", "Budget"):
        accepted = as_delivered(line for line in case.lines if line.scenario == scenario)
        extra = sum(others.values(), rounding) if scenario == "Actual" else Count()
        counts.append(ScenarioCount(scenario, "", "delivered", accepted + extra))
        counts.append(ScenarioCount(scenario, "", "accepted", accepted))
    return [one for one in counts if not one.count.is_zero]


def as_delivered(lines: Iterable[LedgerLine]) -> Count:
    """Return rows and money of lines, sign as delivered."""
    listed = list(lines)
    return Count(len(listed), sum((line.amount for line in listed), Decimal("0.00")), sum_of_absolutes(listed))


def sum_of_absolutes(lines: Sequence[LedgerLine]) -> Decimal:
    return sum((abs(line.amount) for line in lines), Decimal("0.00"))


CountedLine = tuple[str, LedgerLine]
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


def _rivals(case: DeliveryCase, line: LedgerLine) -> tuple[str, ...]:
    return (case.feed, line.key) if case.feed == "upsert" else (case.feed, line.period, line.scenario)


def in_the_star(counting: Iterable[CountedLine]) -> dict[str, Count]:
    """Return rows and money by scenario with the star's sign: revenue of the debit-positive feed is flipped."""
    counts: dict[str, Count] = {}
    for feed, line in counting:
        amount = -line.amount if feed == "debit" and line.is_revenue else line.amount
        counts[line.scenario] = counts.get(line.scenario, Count()) + Count(1, amount)
    return counts


def superseded_by_key(
    live: Sequence[DeliveryCase], counting: Sequence[CountedLine], period: str, ids: Mapping[int, str]
) -> list[SupersededLines]:
    """Return the lines of the upsert feed that a later delivery supersedes, as the build measures them."""
    remaining = [id(line) for _, line in counting]
    superseded = []
    for case in live:
        for scenario in ("Actual", "Budget"):
            lines = [
                line
                for line in case.lines
                if case.feed == "upsert" and (line.period, line.scenario) == (period, scenario)
            ]
            count = as_delivered(line for line in lines if id(line) not in remaining)
            if count.rows:
                superseded.append(SupersededLines(ids[id(case)], scenario, count.rows, count.amount, count.absolute))
    return superseded


def slice_of(
    period: str,
    live: Sequence[DeliveryCase],
    counting: Sequence[CountedLine],
    ids: Mapping[int, str],
    inputs: Mapping[str, Any],
) -> SliceCommit:
    lines = [(feed, line) for feed, line in counting if line.period == period]
    sums = []
    for scenario in sorted({line.scenario for _, line in lines}):
        of_scenario = [(feed, line) for feed, line in lines if line.scenario == scenario]
        count = in_the_star(of_scenario)["Actual" if scenario == "Actual" else "Budget"]
        as_sent = as_delivered(line for _, line in of_scenario)
        zero = Decimal("0.00")
        sums.append(
            ScenarioSum(1, scenario, count.rows, count.rows, count.amount, zero, as_sent.amount, as_sent.absolute)
        )
    superseded = superseded_by_key(live, counting, period, ids)
    return SliceCommit(
        "fact_financials",
        period,
        f"v-{period}",
        len(lines),
        (),
        tuple(sums),
        hidden_lines=sum(lines.rows for lines in superseded),
        hidden_amount=sum((lines.amount for lines in superseded), Decimal("0.00")),
        superseded=tuple(superseded),
        inputs=inputs,
    )


def snapshot_of(
    cases: Sequence[DeliveryCase], live: Sequence[DeliveryCase], counting: Sequence[CountedLine]
) -> Snapshot:
    events = [event_of(position, case) for position, case in enumerate(cases)]
    optional = [commit_of_case(event, case) for event, case in zip(events, cases, strict=True)]
    commits = {commit.delivery_id: commit for commit in optional if commit}
    periods = sorted({line.period for case in live for line in case.lines})
    state = derive_state(log_of_cases(cases), commits)
    ids = {id(case): event.delivery_id for event, case in zip(events, cases, strict=True)}
    contributions = contributing_deliveries(state, NO_OVERLAPS)
    built = {
        ("fact_financials", period): slice_of(
            period, live, counting, ids, line_inputs(contributions.get(period, ()), {})
        )
        for period in periods
    }
    return Snapshot(commits, state, NO_OVERLAPS, (), built)


def loaded(snapshot: Snapshot, counting: Sequence[CountedLine]) -> LoadedWarehouse:
    return LoadedWarehouse(
        in_the_star(counting), {period: commit.version for (_, period), commit in snapshot.built.items()}
    )


def reconciled(snapshot: Snapshot, warehouse: Any, *, everything: bool = False) -> Reconciliation:
    """Return the reconciliation where no slice has to be read from the store."""
    with TemporaryDirectory() as folder:
        earlier = earlier_deliveries(snapshot, {}) if everything else ()
        return reconcile(LocalStore(folder), snapshot, warehouse, currency="USD", earlier=earlier)


def current_cases(cases: Sequence[DeliveryCase]) -> list[DeliveryCase]:
    """Return the cases that were read and count, wait or can be reinstated, found case by case."""
    live, _ = what_counts(cases)
    return [*live, *cases_held(cases), *cases_withdrawn(cases)]


def cases_held(cases: Sequence[DeliveryCase]) -> list[DeliveryCase]:
    """Return the newest cases of their objects that are held."""
    newest = {case.key: case for case in cases}
    return [case for case in newest.values() if case.fate == "held"]


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


def assert_explained(reconciliation: Reconciliation) -> None:
    """Every line obeys the equation, in rows, net and gross; debits and credits follow from the latter two."""
    for line in (*reconciliation.lines, *reconciliation.by_feed, *reconciliation.by_scenario):
        assert line.difference.is_zero, line


def term(reconciliation: Reconciliation, name: str, scenario: str, unit: str = "USD") -> Count:
    """Return a term of the home."""
    lines = [line for line in reconciliation.by_scenario if (line.scenario, line.unit) == (scenario, unit)]
    return lines[0].term(name) if lines else Count()


ALL_FEEDS = cases_of("append", "upsert", "replace", "debit")


@FEW_EXAMPLES
@given(ALL_FEEDS)
def test_every_term_equals_a_count_line_by_line(cases: list[DeliveryCase]):
    live, counting = what_counts(cases)
    snapshot = snapshot_of(cases, live, counting)
    statement = reconciled(snapshot, loaded(snapshot, counting))
    assert_explained(statement)
    current = current_cases(cases)
    for scenario in ("Actual", "Budget"):
        of_scenario = {
            "in_warehouse": (line for _, line in counting),
            "held": (line for case in cases_held(cases) for line in case.lines),
            "withdrawn": (line for case in cases_withdrawn(cases) for line in case.lines),
        }
        for name, lines in of_scenario.items():
            expected = as_delivered(line for line in lines if line.scenario == scenario)
            assert term(statement, name, scenario) == expected, name
        assert term(statement, "not_loaded_yet", scenario) == Count()
        counts = [lines for case in current for lines in counts_of_case(case) if lines.scenario == scenario]
        for name in ("delivered", "rounding", *NOT_ACCEPTED):
            expected = sum((lines.count for lines in counts if (lines.term, lines.currency) == (name, "")), Count())
            assert term(statement, name, scenario) == expected, name
    foreign = sum((case.foreign for case in current), Count())
    assert term(statement, "delivered", "Actual", "EUR") == term(statement, "rejected", "Actual", "EUR") == foreign


@FEW_EXAMPLES
@given(ALL_FEEDS, st.integers(0, 7))
def test_the_equation_holds_if_any_later_load_was_blocked_whether_its_slices_were_built_or_not(
    cases: list[DeliveryCase], loaded_after: int
):
    earlier = cases[:loaded_after]
    live, counting = what_counts(earlier)
    before = snapshot_of(earlier, live, counting)
    snapshot = snapshot_of(cases, *what_counts(cases))
    versions = {}
    with TemporaryDirectory() as folder:
        store = LocalStore(folder)
        for (_, period), built in before.built.items():
            versions[period] = f"earlier-{period}"
            write_slice(store, replace(built, version=versions[period]))
        warehouse = LoadedWarehouse(in_the_star(counting), versions)
        for state in (snapshot, replace(snapshot, built={})):
            statement = reconcile(store, state, warehouse, currency="USD")
            assert_explained(statement)
            for scenario in ("Actual", "Budget"):
                expected = as_delivered(line for _, line in counting if line.scenario == scenario)
                assert term(statement, "in_warehouse", scenario) == expected


@FEW_EXAMPLES
@given(ALL_FEEDS, st.data())
def test_lines_lost_by_the_star_are_the_difference_to_the_cent(cases: list[DeliveryCase], data: st.DataObject):
    live, counting = what_counts(cases)
    snapshot = snapshot_of(cases, live, counting)
    remaining = in_the_star([line for line in counting if data.draw(st.booleans())])
    complete = in_the_star(counting)
    statement = reconciled(snapshot, replace(loaded(snapshot, counting), counts=remaining))
    differences = {line.scenario: line.difference for line in statement.unexplained}
    for scenario in ("Actual", "Budget"):
        lost = complete.get(scenario, Count()) - remaining.get(scenario, Count())
        assert differences.get(scenario, Count()) == lost


@FEW_EXAMPLES
@given(ALL_FEEDS)
def test_before_the_first_load_all_lines_that_count_are_not_loaded_yet(cases: list[DeliveryCase]):
    live, counting = what_counts(cases)
    statement = reconciled(snapshot_of(cases, live, counting), MissingWarehouse())
    assert_explained(statement)
    for scenario in ("Actual", "Budget"):
        assert term(statement, "in_warehouse", scenario) == Count()
        expected = as_delivered(line for _, line in counting if line.scenario == scenario)
        assert term(statement, "not_loaded_yet", scenario) == expected


@FEW_EXAMPLES
@given(ALL_FEEDS)
def test_all_versions_are_every_delivery_that_was_read_and_the_rest_is_the_current_statement(
    cases: list[DeliveryCase],
):
    live, counting = what_counts(cases)
    snapshot = snapshot_of(cases, live, counting)
    current, everything = (
        reconciled(snapshot, loaded(snapshot, counting), everything=everything) for everything in (False, True)
    )
    assert_explained(everything)
    read = [case for case in cases if case.fate in READ_FATES]
    assert everything.rows("delivered") == sum(
        lines.count.rows for case in read for lines in counts_of_case(case) if lines.term == "delivered"
    )
    assert current.rows("replaced") == 0
    for name in ("in_warehouse", "not_loaded_yet", "superseded", "held", "withdrawn"):
        assert everything.rows(name) == current.rows(name)
    # What vacuum removes is no longer among the commits; the current statement does not miss it.
    removed = {one.commit.delivery_id: one.commit for one in earlier_deliveries(snapshot, {})}
    kept = {name: commit for name, commit in snapshot.commits.items() if name not in removed}
    vacuumed = replace(snapshot, commits=kept)
    assert reconciled(vacuumed, loaded(snapshot, counting)) == current
    assert {one.commit.delivery_id for one in earlier_deliveries(vacuumed, removed)} == set(removed)


# Examples


def statement_of(
    *pairs: tuple[DeliveryDiscovered, DeliveryCommit | None],
    star: Mapping[str, tuple[int, str]],
    as_sent: str | None = None,
    in_warehouse: Count | None = None,
    versions: Mapping[str, str] | None = None,
    decisions: Sequence[DecisionRecorded] = (),
) -> Reconciliation:
    """Return the reconciliation if the slices of Actual, and by default the warehouse, have these lines and amounts.

    `as_sent` is the slices' amount with the sign as delivered, if that differs.
    """
    commits = {commit.delivery_id: commit for _, commit in pairs if commit}
    state = derive_state([*log_of(*pairs), *decisions], commits)
    contributions = contributing_deliveries(state, NO_OVERLAPS)
    built = {}
    for period, (rows, amount) in star.items():
        delivered_amount = Decimal(as_sent or amount)
        figures = (Decimal(amount), Decimal(0), delivered_amount, abs(Decimal(amount)))
        sums = (ScenarioSum(1, "Actual", rows, rows, *figures),)
        inputs = line_inputs(contributions.get(period, ()), {})
        built["fact_financials", period] = SliceCommit("fact_financials", period, "v1", rows, (), sums, inputs=inputs)
    total = sum((money(rows, amount) for rows, amount in star.values()), Count())
    ledger = dict.fromkeys(star, "v1") if versions is None else versions
    snapshot = Snapshot(commits, state, NO_OVERLAPS, (), built)
    return reconciled(snapshot, LoadedWarehouse({"Actual": in_warehouse or total}, ledger))


def terms(reconciliation: Reconciliation) -> dict[str, dict[str, tuple[int, str]]]:
    """Return rows and net of the terms that are not zero, by scenario."""
    return {
        line.scenario: {
            name: (line.term(name).rows, str(line.term(name).amount))
            for name in ("delivered", *TERMS)
            if name in line.terms
        }
        for line in reconciliation.by_scenario
    }


def test_a_replaced_object_is_not_in_the_statement():
    statement = statement_of(
        live_in(in_period("2025-01"), content="v1"),
        live_in(in_period("2025-01", amount="12.00"), content="v2"),
        star={"2025-01": (1, "12.00")},
    )
    assert terms(statement) == {"Actual": {"delivered": (1, "12.00"), "in_warehouse": (1, "12.00")}}


def test_a_correction_that_is_not_loaded_takes_the_earlier_version_out_and_its_own_lines_in():
    first = live_in(in_period("2025-01"), content="v1")
    smaller = live_in(in_period("2025-01", amount="4.00"), content="v2")
    with TemporaryDirectory() as folder:
        store = LocalStore(folder)
        sums = (ScenarioSum(1, "Actual", 1, 1, Decimal("10.00"), Decimal(0), Decimal("10.00")),)
        inputs = {"lines": [[first[0].delivery_id, "Actual"]], "hidden": [], "hidden_scopes": []}
        write_slice(store, SliceCommit("fact_financials", "2025-01", "old", 1, (), sums, inputs=inputs))
        commits = {commit.delivery_id: commit for _, commit in (first, smaller)}
        snapshot = Snapshot(commits, derive_state(log_of(first, smaller), commits), NO_OVERLAPS, (), {})
        warehouse = LoadedWarehouse({"Actual": money(1, "10.00")}, {"2025-01": "old"})
        statement = reconcile(store, snapshot, warehouse, currency="USD")
    actual = statement.by_scenario[0]
    assert actual.term("delivered").amount == 4
    assert actual.term("in_warehouse").amount == 10
    assert (actual.term("not_loaded_yet").rows, actual.term("not_loaded_yet").amount) == (0, Decimal(-6))


def test_a_published_slice_whose_commit_cannot_be_read_is_explained_as_far_as_the_warehouse_says():
    statement = statement_of(
        live_in(in_period("2025-01")), star={}, in_warehouse=money(1, "7.00"), versions={"2025-01": "gone"}
    )
    assert terms(statement)["Actual"]["in_warehouse"] == (1, "7.00")
    assert terms(statement)["Actual"]["not_loaded_yet"] == (0, "3.00")
    assert not statement.unexplained


def test_a_replaced_period_is_superseded_and_the_other_periods_of_its_delivery_are_not():
    statement = statement_of(
        live_in(in_period("2025-01"), in_period("2025-02"), key="a.csv", load_mode="replace_period"),
        live_in(in_period("2025-02", amount="7.00"), key="b.csv", load_mode="replace_period"),
        star={"2025-01": (1, "10.00"), "2025-02": (1, "7.00")},
    )
    assert terms(statement)["Actual"] == {
        "delivered": (3, "27.00"),
        "in_warehouse": (2, "17.00"),
        "superseded": (1, "10.00"),
    }
    assert [(line.file, line.term("superseded").rows) for line in statement.lines] == [("a.csv", 1), ("b.csv", 0)]


def whole(*periods: str, currency: str = "", **values: Any) -> tuple[DeliveryDiscovered, DeliveryCommit]:
    """Return a delivery as a reader counts it of which every line is accepted, with a line of 10.00 in each period."""
    counts = [replace(in_period(period), absolute=Decimal("10.00")) for period in periods]
    event, commit = live_in(*counts, **values)
    scenarios = [
        ScenarioCount("Actual", currency, name, commit.outcome("accepted")) for name in ("delivered", "accepted")
    ]
    return event, replace(commit, scenarios=scenarios)


def test_a_file_of_which_every_line_counts_is_delivered_and_in_the_warehouse():
    statement = statement_of(whole("2025-01", "2025-02"), star={"2025-01": (1, "10.00"), "2025-02": (1, "10.00")})
    assert terms(statement) == {"Actual": {"delivered": (2, "20.00"), "in_warehouse": (2, "20.00")}}
    assert not statement.unexplained


def test_the_lines_of_a_whole_file_whose_period_is_not_loaded_are_not_loaded_yet():
    first, second = "2025-01", "2025-02"
    stars = {first: (1, "10.00"), second: (1, "10.00")}
    statement = statement_of(whole(first, second), star=stars, in_warehouse=money(1, "10.00"), versions={first: "v1"})
    expected = {"delivered": (2, "20.00"), "in_warehouse": (1, "10.00"), "not_loaded_yet": (1, "10.00")}
    assert terms(statement) == {"Actual": expected}
    assert not statement.unexplained


def test_the_lines_of_a_whole_file_of_which_a_period_is_replaced_are_superseded():
    statement = statement_of(
        whole("2025-01", "2025-02", key="a.csv", load_mode="replace_period"),
        whole("2025-02", key="b.csv", load_mode="replace_period"),
        star={"2025-01": (1, "10.00"), "2025-02": (1, "10.00")},
    )
    expected = {"delivered": (3, "30.00"), "in_warehouse": (2, "20.00"), "superseded": (1, "10.00")}
    assert terms(statement) == {"Actual": expected}


def test_a_file_of_a_foreign_currency_has_lines_of_its_own_unit():
    statement = statement_of(whole("2025-01", currency="EUR"), star={"2025-01": (1, "10.00")})
    assert {(line.unit, line.term("delivered").rows) for line in statement.lines} == {("EUR", 1), ("USD", 0)}


def test_a_withdrawn_delivery_is_withdrawn_and_the_earlier_version_is_not_in_the_statement():
    first, second = (live_in(in_period("2025-01", amount=f"{n}.00"), content=f"v{n}") for n in (1, 2))
    statement = statement_of(first, second, star={}, decisions=[decision_on("withdrawn", second[0])])
    assert terms(statement)["Actual"] == {"delivered": (1, "2.00"), "withdrawn": (1, "2.00")}


def test_a_delivery_without_a_verdict_is_held():
    event, commit = live_in(in_period("2025-01"))
    state = derive_state([event], {event.delivery_id: commit})
    snapshot = Snapshot({event.delivery_id: commit}, state, NO_OVERLAPS, (), {})
    statement = reconciled(snapshot, MissingWarehouse())
    assert terms(statement)["Actual"] == {"delivered": (1, "10.00"), "held": (1, "10.00")}


def test_a_delivery_whose_tolerance_was_narrowed_later_counts_once_and_as_live():
    wide, narrow = delivered(tolerated_share="1"), delivered(tolerated_share="0")
    commit = partly_rejected(wide, 1, of=3)
    statement = statement_of((wide, commit), (narrow, commit), star={"2025-01": (2, "20.00")})
    assert terms(statement)["Actual"] == {
        "delivered": (3, "20.00"),
        "in_warehouse": (2, "20.00"),
        "rejected": (1, "0.00"),
    }


def test_refused_files_and_reference_files_have_no_lines():
    event = delivered("broken.csv")
    accounts = delivered("accounts.csv", feed="accounts", kind="accounts")
    chart = commit_of(accounts, read=money(3, unpriced=3), outcomes={"accepted": money(3, unpriced=3)})
    assert statement_of((event, refused(event)), (accounts, chart), star={}).lines == []


def test_a_debit_positive_feed_is_counted_with_the_sign_as_delivered():
    journal = live_in(in_period("2025-01", amount="-100.00"), in_period("2025-01"), commit_is_debit_positive=True)
    statement = statement_of(journal, star={"2025-01": (2, "110.00")}, as_sent="-90.00")
    assert terms(statement)["Actual"] == {"delivered": (2, "-90.00"), "in_warehouse": (2, "-90.00")}
    assert statement.by_scenario[0].has_sides


def test_a_missing_debit_positive_line_is_the_difference():
    journal = live_in(in_period("2025-01", amount="-100.00"), in_period("2025-01"), commit_is_debit_positive=True)
    statement = statement_of(
        journal, star={"2025-01": (2, "110.00")}, as_sent="-90.00", in_warehouse=money(1, "100.00")
    )
    (line,) = statement.unexplained
    assert (line.difference.rows, line.difference.amount) == (1, Decimal("10.00"))


def test_debits_and_credits_add_up_to_gross_and_their_difference_is_net():
    assert sides(Count(3, Decimal("-10.005"), Decimal("30.005"))) == (Decimal("10.000"), Decimal("20.005"))


def test_a_scenario_has_one_line_however_it_is_spelled():
    statement = statement_of(
        live_in(in_period("2025-01"), key="a.csv"),
        live_in(in_period("2025-01", "ACTUAL", "Actual"), key="b.csv"),
        star={},
    )
    assert [(line.scenario, line.term("delivered").rows) for line in statement.by_scenario] == [("Actual", 2)]


def test_a_delivery_that_lost_a_row_is_held_and_the_row_is_the_difference():
    event = delivered()
    commit = commit_of(event, in_period("2025-01"), read=money(2, "13.00"))
    (line,) = statement_of((event, commit), star={}).unexplained
    assert (line.difference.rows, line.difference.amount) == (1, Decimal("3.00"))


def test_rounding_is_a_term_and_delivered_is_exact():
    event = delivered()
    commit = commit_of(event, in_period("2025-01"), read=money(1, "9.996"), rounding=Decimal("0.004"))
    statement = statement_of((event, commit), star={"2025-01": (1, "10.00")})
    assert [line.term("rounding").amount for line in statement.by_scenario] == [Decimal("-0.004")]
    assert not statement.unexplained


def test_the_lines_of_a_statement_are_sorted_with_actual_and_the_home_currency_first():
    names = [("Budget", "USD"), ("(no scenario)", "USD"), ("Actual", "EUR"), ("Actual", "USD")]
    statement = Reconciliation([Line(name, unit, {"delivered": Count(1)}) for name, unit in names], "USD")
    assert [(line.scenario, line.unit) for line in statement.by_scenario] == [names[3], names[2], names[0], names[1]]
