"""`slices.versions`: a slice's version changes exactly when an input of its rows changes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finance_platform.deliveries.commits import DeliveryCommit
from finance_platform.deliveries.events import DeliveryDiscovered
from finance_platform.deliveries.overlap_documents import Overlap
from finance_platform.deliveries.overlaps import NO_OVERLAPS, Overlaps
from finance_platform.settings import DEFAULT_STAR_SETTINGS, StarSettings
from finance_platform.slices.versions import (
    StarInputs,
    actual_covers,
    actual_periods,
    contributing_deliveries,
    scenarios,
    target_slices,
)
from finance_platform_tests.unit.factories import in_period, live_in, settings, state_of

Pair = tuple[DeliveryDiscovered, DeliveryCommit]
STAR = StarSettings("Budget", None, 1, holds_closed_periods=False)
JANUARY, FEBRUARY, MARCH = "2025-01", "2025-02", "2025-03"


def ledger(*periods: str, key: str = "jan.csv", **values: Any) -> Pair:
    pair: Pair = live_in(*(in_period(period) for period in periods), key=key, **values)
    return pair


def plan(*periods: str, scenario: str = "Budget", key: str = "budget.csv", **values: Any) -> Pair:
    values = {"feed": "budget", "load_mode": "replace_period", **values}
    pair: Pair = live_in(*(in_period(period, scenario) for period in periods), key=key, **values)
    return pair


def reference(kind: str, content: str = "v1") -> Pair:
    pair: Pair = live_in(key=f"{kind}.csv", content=content, feed=kind, kind=kind, commit_members_hash="")
    return pair


def versions(
    *pairs: Pair, star: StarSettings = STAR, code: str = "code", overlaps: Overlaps = NO_OVERLAPS
) -> dict[str, str]:
    """Return versions by table and slice."""
    targets = target_slices(state_of(*pairs), overlaps, StarInputs(star, code))
    return {f"{target.table}/{target.slice}": target.version for target in targets}


def changed(before: dict[str, str], after: dict[str, str]) -> set[str]:
    return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}


def facts(*periods: str) -> set[str]:
    return {f"fact_financials/{period}" for period in periods}


DIMENSIONS = {f"dim_{name}/all" for name in ("date", "department", "account", "scenario")}
BASE = (ledger(JANUARY, FEBRUARY), plan(JANUARY, FEBRUARY, MARCH), reference("departments"), reference("accounts"))


# Which slices there are


def test_without_live_deliveries_there_are_no_slices() -> None:
    assert versions() == {}


def test_every_period_with_a_live_line_and_every_dimension_is_a_slice() -> None:
    assert versions(*BASE).keys() == facts(JANUARY, FEBRUARY, MARCH) | DIMENSIONS


def test_dimensions_come_before_facts_and_periods_in_order() -> None:
    targets = target_slices(state_of(*BASE), NO_OVERLAPS, StarInputs(STAR, "code"))
    assert [target.table for target in targets[:4]] == ["dim_date", "dim_department", "dim_account", "dim_scenario"]
    assert [target.slice for target in targets if target.table == "fact_financials"] == [JANUARY, FEBRUARY, MARCH]


def test_reference_files_alone_give_the_dimensions_that_need_no_days() -> None:
    assert versions(reference("accounts")).keys() == DIMENSIONS - {"dim_date/all"}


def test_the_calendar_spans_the_years_of_all_live_lines() -> None:
    targets = target_slices(
        state_of(ledger("2024-05"), plan("2023-12", "2026-01")), NO_OVERLAPS, StarInputs(STAR, "code")
    )
    inputs = next(target.inputs for target in targets if target.table == "dim_date")
    assert (inputs["first_year"], inputs["last_year"]) == (2023, 2026)


def test_the_same_state_always_has_the_same_versions() -> None:
    assert versions(*BASE) == versions(*BASE)


def test_the_order_of_discovery_changes_nothing() -> None:
    assert versions(*BASE) == versions(*reversed(BASE))


# Changes of versions


def test_a_delivery_in_one_period_changes_the_facts_of_that_period_only() -> None:
    after = versions(*BASE, ledger(FEBRUARY, key="late.csv", commit_members_hash=""))
    assert changed(versions(*BASE), after) - DIMENSIONS == facts(FEBRUARY)


def test_a_delivery_in_a_period_without_lines_adds_its_slice() -> None:
    after = versions(*BASE, ledger("2025-04", key="april.csv"))
    assert changed(versions(*BASE), after) - DIMENSIONS == facts("2025-04")


def test_a_replaced_delivery_changes_the_periods_that_it_has_or_had() -> None:
    after = versions(*BASE, ledger(FEBRUARY, MARCH, content="v2"))
    assert changed(versions(*BASE), after) - DIMENSIONS == facts(JANUARY, FEBRUARY, MARCH)


def test_a_held_delivery_changes_nothing() -> None:
    event, commit = ledger(JANUARY, key="held.csv")
    held = replace(commit, read=replace(commit.read, rows=commit.read.rows + 1))
    assert versions(*BASE, (event, held)) == versions(*BASE)


def test_the_baseline_s_delivery_changes_the_periods_that_it_has() -> None:
    after = versions(*BASE, plan(MARCH, key="budget2.csv"))
    assert changed(versions(*BASE), after) - DIMENSIONS == facts(MARCH)


def test_another_baseline_changes_every_period_and_the_scenarios() -> None:
    after = versions(*BASE, star=replace(STAR, baseline_scenario="Forecast"))
    assert changed(versions(*BASE), after) == facts(JANUARY, FEBRUARY, MARCH) | {"dim_scenario/all"}


def test_another_spelling_of_the_baseline_changes_nothing() -> None:
    assert versions(*BASE, star=replace(STAR, baseline_scenario=" BUDGET")) == versions(*BASE)


def test_another_fiscal_year_changes_the_calendar_only() -> None:
    after = versions(*BASE, star=replace(STAR, fiscal_year_start_month=7))
    assert changed(versions(*BASE), after) == {"dim_date/all"}


def test_other_code_changes_everything() -> None:
    assert changed(versions(*BASE), versions(*BASE, code="other")) == versions(*BASE).keys()


@pytest.mark.parametrize(
    ("through", "stale"),
    [(FEBRUARY, set()), (MARCH, facts(MARCH)), (JANUARY, facts(FEBRUARY)), ("2030-12", facts(MARCH))],
)
def test_actuals_through_changes_the_periods_whose_coverage_it_changes(through: str, stale: set[str]) -> None:
    assert changed(versions(*BASE), versions(*BASE, star=replace(STAR, actuals_through=through))) == stale


@pytest.mark.parametrize(("kind", "table"), [("departments", "dim_department/all"), ("accounts", "dim_account/all")])
def test_names_and_attributes_change_their_dimension_and_no_facts(kind: str, table: str) -> None:
    after = versions(*BASE, reference(kind, "v2"))
    assert changed(versions(*BASE), after) == {table}


def test_other_members_change_the_dimensions_of_members() -> None:
    after = versions(*BASE, ledger(JANUARY, key="new.csv", commit_members_hash="others"))
    assert changed(versions(*BASE), after) == {"dim_department/all", "dim_account/all"} | facts(JANUARY)


def test_a_scenario_has_the_spelling_of_its_first_delivery() -> None:
    first = plan(JANUARY, scenario="Budget q1", key="first.csv", modified_at=at(1))
    second = plan(FEBRUARY, scenario="Budget Q1", key="second.csv", modified_at=at(2))
    assert scenarios(state_of(second, first)) == [("Budget q1", "Budget")]
    assert "dim_scenario/all" not in changed(versions(first), versions(first, second))


def test_a_new_scenario_changes_the_scenarios() -> None:
    after = versions(*BASE, plan(JANUARY, scenario="Forecast", key="forecast.csv", feed="forecast"))
    assert "dim_scenario/all" in changed(versions(*BASE), after)


def test_account_types_affect_only_the_facts_of_a_debit_positive_feed() -> None:
    debit = ledger(FEBRUARY, key="debit.csv", feed="gl", commit_is_debit_positive=True)
    state, mentioned = state_of(*BASE, debit), {"debit.csv@v1": frozenset({4000})}

    def with_types(**types: str) -> dict[str, str]:
        by_key = {int(name[1:]): account_type for name, account_type in types.items()}
        targets = target_slices(state, NO_OVERLAPS, StarInputs(STAR, "code", by_key, mentioned))
        return {f"{target.table}/{target.slice}": target.version for target in targets}

    assert changed(with_types(a4000="Revenue"), with_types(a4000="Expense")) == facts(FEBRUARY)
    assert changed(with_types(a4000="Revenue"), with_types()) == facts(FEBRUARY)
    assert changed(with_types(), with_types(a4000="Unknown")) == set()
    assert changed(with_types(a4000="Revenue"), with_types(a4000="Revenue", a5000="Asset")) == set()


def test_statistical_accounts_affect_only_the_facts_of_periods_with_superseded_lines() -> None:
    one = ledger(JANUARY, FEBRUARY, key="a.csv", load_mode="upsert")
    state = state_of(one, ledger(JANUARY, key="b.csv", load_mode="upsert", modified_at="2025-06-02"))

    def with_statistical(*accounts: int) -> dict[str, str]:
        star = StarInputs(STAR, "code", statistical_accounts=accounts)
        targets = target_slices(state, sharing("a.csv", "b.csv", JANUARY), star)
        return {f"{target.table}/{target.slice}": target.version for target in targets}

    assert changed(with_statistical(), with_statistical(9000)) == facts(JANUARY)
    assert changed(with_statistical(9000, 9100), with_statistical(9100, 9000)) == set()


# Load modes


def winners(*pairs: Pair) -> dict[tuple[str, str], list[str]]:
    """Return the deliveries whose lines count, by period and scenario."""
    deliveries: dict[tuple[str, str], list[str]] = {}
    for period, items in contributing_deliveries(state_of(*pairs), NO_OVERLAPS).items():
        for item in items:
            for scenario in item.scenarios:
                deliveries.setdefault((period, scenario), []).append(item.delivery.delivery_id)
    return deliveries


def at(day: int) -> str:
    return f"2025-06-{day:02d}"


def test_under_append_every_delivery_counts() -> None:
    assert winners(ledger(JANUARY), ledger(JANUARY, key="more.csv")) == {
        (JANUARY, "Actual"): ["jan.csv@v1", "more.csv@v1"]
    }


def test_under_replace_period_the_latest_delivery_of_a_feed_wins_each_of_its_periods() -> None:
    old = plan(JANUARY, FEBRUARY, key="old.csv", modified_at=at(1))
    new = plan(FEBRUARY, MARCH, key="new.csv", modified_at=at(2))
    assert winners(new, old) == {
        (JANUARY, "Budget"): ["old.csv@v1"],
        (FEBRUARY, "Budget"): ["new.csv@v1"],
        (MARCH, "Budget"): ["new.csv@v1"],
    }


def test_replace_period_replaces_each_scenario_independently() -> None:
    old: Pair = live_in(
        in_period(JANUARY, "Budget"), in_period(JANUARY, "Forecast"), key="old.csv", load_mode="replace_period"
    )
    new = plan(JANUARY, key="new.csv", feed="ledger", modified_at=at(2))
    assert winners(old, new) == {(JANUARY, "Forecast"): ["old.csv@v1"], (JANUARY, "Budget"): ["new.csv@v1"]}


def test_replace_period_recognises_a_scenario_in_another_spelling() -> None:
    old = plan(JANUARY, scenario="Budget Q1", key="old.csv", modified_at=at(1))
    new = plan(JANUARY, scenario="Budget q1", key="new.csv", modified_at=at(2))
    assert winners(old, new) == {(JANUARY, "Budget q1"): ["new.csv@v1"]}


def test_replace_period_does_not_affect_other_feeds() -> None:
    one, other = plan(JANUARY), plan(JANUARY, key="other.csv", feed="other", modified_at=at(2))
    assert winners(one, other) == {(JANUARY, "Budget"): ["budget.csv@v1", "other.csv@v1"]}


def test_the_earlier_delivery_counts_again_when_the_winner_no_longer_covers_the_period() -> None:
    old, new = plan(JANUARY, key="old.csv"), plan(JANUARY, key="new.csv", modified_at=at(2))
    elsewhere = plan(MARCH, key="new.csv", content="v2", modified_at=at(3))
    assert winners(old, new, elsewhere)[JANUARY, "Budget"] == ["old.csv@v1"]


def test_a_winner_changes_the_version_of_its_period_only() -> None:
    old = plan(JANUARY, FEBRUARY, key="old.csv", modified_at=at(1))
    new = plan(FEBRUARY, key="new.csv", modified_at=at(2))
    assert changed(versions(old), versions(old, new)) - DIMENSIONS == facts(FEBRUARY)


def test_another_winner_of_the_same_two_deliveries_changes_the_version() -> None:
    one = plan(JANUARY, key="one.csv", modified_at=at(1)), plan(JANUARY, key="two.csv", modified_at=at(2))
    other = plan(JANUARY, key="one.csv", modified_at=at(3)), plan(JANUARY, key="two.csv", modified_at=at(2))
    assert changed(versions(*one), versions(*other)) - DIMENSIONS == facts(JANUARY)


def upsert(*periods: str, key: str, day: int = 1, **values: Any) -> Pair:
    return ledger(*periods, key=key, load_mode="upsert", modified_at=at(day), **values)


def sharing(one: str, other: str, *periods: str) -> Overlaps:
    """Return overlaps in which two files have one key in common in each of these periods."""
    shared = Overlap({("Actual", period, None): 1 for period in periods}, periods)
    return Overlaps({(f"{one}@v1", f"{other}@v1"): shared, (f"{other}@v1", f"{one}@v1"): shared})


def test_a_change_of_load_mode_changes_the_version_if_other_lines_count() -> None:
    appended = [ledger(JANUARY, key=key, modified_at=at(day)) for day, key in enumerate(("a.csv", "b.csv"), 1)]
    replaced = [(replace(event, load_mode="replace_period"), commit) for event, commit in appended]
    upserted = [(replace(event, load_mode="upsert"), commit) for event, commit in appended]
    shared = sharing("a.csv", "b.csv", JANUARY)
    by_load_mode = [versions(*appended), versions(*replaced), versions(*upserted, overlaps=shared)]
    assert len({of_mode["fact_financials/2025-01"] for of_mode in by_load_mode}) == 3
    assert versions(*upserted) == versions(*appended)


def test_a_later_delivery_of_a_key_changes_only_the_periods_that_lose_and_gain_it() -> None:
    before = [upsert(JANUARY, FEBRUARY, key="a.csv"), ledger(JANUARY, key="x.csv", feed="x")]
    moved = Overlaps({("a.csv@v1", "b.csv@v1"): Overlap({("Actual", JANUARY, None): 1}, (MARCH,))})
    after = versions(*before, upsert(MARCH, key="b.csv", day=2), overlaps=moved)
    assert changed(versions(*before), after) - DIMENSIONS == facts(JANUARY, MARCH)


def test_the_order_of_upsert_deliveries_changes_the_version() -> None:
    one = [upsert(JANUARY, key="a.csv", day=1), upsert(JANUARY, key="b.csv", day=2)]
    other = [upsert(JANUARY, key="a.csv", day=3), upsert(JANUARY, key="b.csv", day=2)]
    shared = sharing("a.csv", "b.csv", JANUARY)
    assert changed(versions(*one, overlaps=shared), versions(*other, overlaps=shared)) >= facts(JANUARY)


def test_deliveries_that_do_not_count_supersede_nothing() -> None:
    alone = [upsert(JANUARY, key="a.csv")]
    assert versions(*alone, overlaps=sharing("a.csv", "gone.csv", JANUARY)) == versions(*alone)


# Coverage


def test_actual_has_lines_in_the_periods_of_its_scenario_only() -> None:
    inputs = contributing_deliveries(state_of(ledger(FEBRUARY, JANUARY), plan(MARCH)), NO_OVERLAPS)
    assert actual_periods(inputs) == [JANUARY, FEBRUARY]


def test_actual_does_not_cover_a_period_that_a_later_file_declares_and_leaves_empty() -> None:
    old = ledger(JANUARY, FEBRUARY, key="old.csv", load_mode="replace_period", modified_at=at(1))
    new = ledger(
        JANUARY, key="new.csv", load_mode="replace_period", modified_at=at(2), commit_covers=(JANUARY, FEBRUARY)
    )
    assert covers(STAR, old, new, plan(FEBRUARY)) == {JANUARY: True, FEBRUARY: False}


@pytest.mark.parametrize(
    ("period", "through", "covered"),
    [
        ("2025-01", None, False),
        ("2025-02", None, True),
        ("2025-03", None, False),
        ("2025-04", None, True),
        ("2025-01", "2025-05", False),
        ("2025-03", "2025-05", True),
        ("2025-05", "2025-05", True),
        ("2025-06", "2025-05", False),
        ("2025-04", "2025-03", False),
    ],
)
def test_actual_covers_its_own_periods_or_all_from_the_first_through_the_last_given(
    period: str, through: str | None, *, covered: bool
) -> None:
    assert actual_covers(period, ["2025-02", "2025-04"], through) is covered


def covers(star: StarSettings, *pairs: Pair, overlaps: Overlaps = NO_OVERLAPS) -> dict[str, object]:
    """Return the coverage of Actual by period."""
    targets = target_slices(state_of(*pairs), overlaps, StarInputs(star, "code"))
    return {target.slice: target.inputs["actual_covers"] for target in targets if target.table == "fact_financials"}


def test_coverage_is_left_to_the_build_if_later_keys_may_supersede_every_line_of_a_period() -> None:
    pairs = [upsert(JANUARY, FEBRUARY, key="a.csv"), upsert(FEBRUARY, key="b.csv", day=2), plan(MARCH)]
    shared = sharing("a.csv", "b.csv", FEBRUARY)
    assert covers(STAR, *pairs, overlaps=shared) == {JANUARY: True, FEBRUARY: None, MARCH: False}
    through = replace(STAR, actuals_through=MARCH)
    assert covers(through, *pairs, overlaps=shared) == {JANUARY: True, FEBRUARY: True, MARCH: True}


def test_without_actuals_nothing_is_covered() -> None:
    assert not actual_covers(JANUARY, [], "2030-12")


# Properties

NAMES = ("a.csv", "b.csv", "c.csv")
load_modes = st.sampled_from(["append", "upsert", "replace_period"])
periods_of_a_file = st.lists(st.sampled_from([JANUARY, FEBRUARY, MARCH]), max_size=3, unique=True)
files = st.lists(
    st.tuples(st.sampled_from(NAMES), periods_of_a_file, st.sampled_from(["Actual", "Budget"]), st.integers(1, 9))
)


def pairs_of(sent: list[tuple[str, list[str], str, int]], mode: str) -> list[Pair]:
    return [
        live_in(
            *(in_period(period, scenario) for period in periods),
            key=key,
            content=f"v{number}",
            load_mode=mode,
            modified_at=at(day),
        )
        for number, (key, periods, scenario, day) in enumerate(sent)
    ]


@given(files, load_modes)
def test_every_line_of_a_live_delivery_counts_unless_replace_period_gives_its_period_to_a_later_one(
    sent: list[tuple[str, list[str], str, int]], mode: str
) -> None:
    state = state_of(*pairs_of(sent, mode))
    counted = {
        (item.delivery.delivery_id, scenario, period)
        for period, items in contributing_deliveries(state, NO_OVERLAPS).items()
        for item in items
        for scenario in item.scenarios
    }
    offered = [(d.delivery_id, c.scenario, c.period) for d in state.live for c in d.commit.periods]
    if mode == "replace_period":
        latest = {(scenario, period): delivery for delivery, scenario, period in offered}
        assert counted == {(delivery, scenario, period) for (scenario, period), delivery in latest.items()}
    else:
        assert counted == set(offered)


def test_the_star_s_settings_are_those_of_the_home() -> None:
    home = settings(baseline_scenario="Plan", actuals_through="2025-03", fiscal_year_start_month=7)
    assert StarSettings.of(home) == StarSettings("Plan", "2025-03", 7, holds_closed_periods=True)
    assert not StarSettings.of(settings(closed_periods="publish")).holds_closed_periods


def test_a_home_that_sets_nothing_has_the_default_settings_of_the_star():
    assert StarSettings.of(settings()) == DEFAULT_STAR_SETTINGS
