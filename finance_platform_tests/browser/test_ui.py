"""One sample home in one UI and one browser, refreshed by a sensor; at night by a click, then by new files.

Belongs here: what a person reads on the pages. Does not belong here: facts that need no browser.

Each fixture that is named after an event is a chapter: something happens, and the resulting pages are kept. Tests read
the kept pages, so their order does not matter.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pytest

from finance_platform.warehouse.duckdb.warehouse import DuckDBWarehouse
from finance_platform_tests.browser.chromium import opened_page, require_chromium
from finance_platform_tests.browser.person import Person
from finance_platform_tests.browser.sample_deliveries import (
    BAD,
    BAD_NAME,
    JOURNAL,
    JOURNAL_FEED,
    NEW_BUDGET,
    NEW_BUDGET_NAME,
    NEW_LINES,
    NEW_LINES_NAME,
    sample_home,
    send,
)
from finance_platform_tests.browser.ui_process import UI, Run, running_ui, wait_until
from finance_platform_tests.end_to_end.home import Home
from finance_platform_tests.end_to_end.sample_home import create_part_of_the_sample
from finance_platform_tests.profiles import at_night, current_profile

pytestmark = pytest.mark.browser

FACT = "warehouse/fact_financials"
GRID = "warehouse/fact_financials_by_period"
REJECTED = "processed/rejected_rows"
WITHIN_TOLERANCE = "deliveries_are_within_tolerance"
SENSOR_TAG = "dagster/sensor_name"
RUN_SECONDS = 180
EVERY_CHECK = current_profile().is_exhaustive
"""By default the page of one of the fact table's checks; each takes half a second."""
EVERY_SELECTION = current_profile().is_exhaustive
"""By day one run; each run of the UI takes ten seconds."""
PART = ("2024-01", "2024-02", "2025-06", "2025-10")
"""The months of the sample that the home has by default; October has plans only. At night it has all."""
REBUILT = "['2025-06', '2024-01..2024-02']"
MATERIALIZED = 21
"""The least number of assets that have an event after a refresh of the sample."""


class Shown(NamedTuple):
    """What the pages show of a home.

    Attributes:
        rows: of the fact table.
        periods: of the fact table.
        months: some of them, beginning with the first.
        line: the latest line of its table of periods that has actuals.
        left_out: of that table, if it is shortened.
        total: a sum of revenue and expense, which says nothing and must not be shown.
        revenue: of June 2025, in whole units.
        expense: of June 2025, in whole units.
    """

    rows: str
    periods: int
    months: tuple[str, ...]
    line: str
    left_out: str
    total: str
    revenue: str
    expense: str


WHOLE_SAMPLE = Shown(
    "34,703",
    39,
    ("2022-10", "2022-11", "2023-12"),
    "2025-09 4,273,013.09 3,722,046.49 published",
    "27 of 39 rows",
    "274,834,299",
    "3958276",
    "3601116",
)
SHOWN = (
    WHOLE_SAMPLE
    if EVERY_SELECTION
    else Shown("3,192", 5, PART, "2025-10 1,500.50 150.25 published", "", "70,934,319", "3623954", "3437875")
)


@pytest.fixture(scope="module")
def browser() -> str:
    return require_chromium()


@pytest.fixture(scope="module")
def ui(browser: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[UI]:
    """The UI of a home without any run: with a bad file, good ones and its sensors on, at night with neither."""
    assert browser
    folder = tmp_path_factory.mktemp("ui")
    if EVERY_SELECTION:
        home = sample_home(folder / "home")
    else:
        home = create_part_of_the_sample(folder / "home", *PART)
        deliver(home)
        DuckDBWarehouse(home / "warehouse.duckdb").prepare()  # a copy, which takes a second less than a new one
    with running_ui(home, folder / "ui.log", *(["--no-auto-refresh"] if EVERY_SELECTION else [])) as ui:
        yield ui


def deliver(home: Path) -> None:
    """Deliver a file without valid amounts, October's first lines and next year's budget."""
    for name, content in ((BAD_NAME, BAD), (NEW_LINES_NAME, NEW_LINES), (NEW_BUDGET_NAME, NEW_BUDGET)):
        send(home, f"raw/{name}", content)


@pytest.fixture(scope="module")
def person(browser: str, ui: UI) -> Iterator[Person]:
    with opened_page(browser, ui.url) as page:
        yield Person(page)


def run_after(click: Callable[[], None], ui: UI, person: Person) -> Run:
    """Return the run that a click starts, once it has ended; meanwhile no page is open, which would ask for news."""
    earlier = ui.runs()
    click()
    wait_until(lambda: len(ui.runs()) > len(earlier), "a click starts a run", RUN_SECONDS)
    person.leaves()
    return ui.wait_for_run(earlier)


# Chapters


@dataclass(frozen=True)
class Refreshed:
    """The pages after the first refresh.

    Attributes:
        groups: the graph, at night before the run.
        run: the run: of the sensor, at night of "Materialize all".
        run_page: that run's page, at night.
        graph: the lines of the expanded graph, at night.
        stale: the assets that Dagster marks as stale.
        states: the state of each check.
    """

    groups: str
    run: Run
    run_page: str
    graph: Sequence[str] | None
    stale: Sequence[str]
    states: Mapping[str, str]


@pytest.fixture(scope="module")
def refreshed(ui: UI, person: Person) -> Refreshed:
    """A person looked at the graph, and at night clicked "Materialize all", which is enabled by day too."""
    run_page, graph = "", None
    if EVERY_SELECTION:
        groups = person.opens_lineage()
        person.expands_lineage()
        run = run_after(person.materializes_all, ui, person)
        run_page = person.read(f"/runs/{run.run_id}", "Success", "RUN_SUCCESS", "Errored (0)", "Succeeded (")
        graph = person.reads_expanded_lineage(MATERIALIZED)
    else:
        run = ui.wait_for_run([], RUN_SECONDS)
        groups = person.opens_lineage()
    return Refreshed(groups, run, run_page, graph, ui.stale_assets(), ui.check_states())


@dataclass(frozen=True)
class FactPages:
    """The pages of the fact table.

    Attributes:
        overview: its first page.
        checks: by check, its page.
        upstream: the lines of the graph of its upstream assets.
        grid: the page of months.
        june: a month's page.
        screens: how many screens its first page fills.
    """

    overview: str
    checks: Mapping[str, str]
    upstream: Sequence[str]
    grid: str
    june: str
    screens: float


@pytest.fixture(scope="module")
def fact(refreshed: Refreshed, person: Person) -> FactPages:
    """A person opened the pages of the fact table."""
    assert refreshed.run.status == "SUCCESS"
    checks = [check.partition(" ")[2] for check in refreshed.states if check.startswith(f"{FACT} ")]
    assert len(checks) == 9
    return FactPages(
        person.read(f"/assets/{FACT}", "Grain", "Row count", "Show schema", "From processed/fact_financials: amount."),
        person.reads_checks(FACT, checks if EVERY_CHECK else checks[:1], len(checks)),
        person.reads_lines(
            f"/assets/{FACT}?view=lineage&lineageScope=upstream&lineageDepth=9",
            "the graph has the raw and the processed transactions",
            lambda lines: lines.count("transactions") >= 2 and {"raw", "processed", "warehouse"} <= set(lines),
        ),
        person.read(
            f"/assets/{GRID}?view=partitions",
            *("Partitions Selected", *SHOWN.months, f"Materialized ({SHOWN.periods})", "Missing (0)"),
        ),
        person.reads_period(GRID, "2025-06", "Actual expense, whole USD"),
        person.screens_of(FACT, "Grain", "periods_left_out" if SHOWN.left_out else "Row count"),
    )


@dataclass(frozen=True)
class Selected:
    """Runs that a person started by selecting something, at night.

    Attributes:
        singles: of one table of the warehouse and of one check.
        periods: of three months that are built again.
        june: the page of one of these months.
        steps: of each run, its steps.
    """

    singles: Sequence[Run]
    periods: Run
    june: str
    steps: Mapping[str, Sequence[str]]


@pytest.fixture(scope="module")
def selected(ui: UI, person: Person, fact: FactPages) -> Selected:
    """A person materialized one table, executed one check and had months built again."""
    assert fact.grid
    clicks = (
        lambda: person.materializes("warehouse/dim_date"),
        lambda: person.executes_check(FACT, "lake_equals_warehouse"),
    )
    singles = [run_after(click, ui, person) for click in clicks]
    periods = run_after(lambda: person.rebuilds_periods(GRID, REBUILT), ui, person)
    steps = {run.run_id: ui.steps_of(run) for run in (*singles, periods)}
    return Selected(singles, periods, person.reads_period(GRID, "2025-06"), steps)


@dataclass(frozen=True)
class Delivered:
    """The pages after a bad file and good files came.

    Attributes:
        run: the run that the sensor started.
        states: the state of each check.
        check: the page of the check that failed.
        timeline: the page of the feed's timeline.
        january: the page of the new period.
        october: the page of the period that had only a budget.
        published: from the warehouse: period, scenario, amount.
        graph: at night, the lines of the expanded graph.
        stale: the assets that Dagster marks as stale.
    """

    run: Run
    states: Mapping[str, str]
    check: str
    timeline: str
    january: str
    october: str
    published: Sequence[tuple[str, str, str]]
    graph: Sequence[str] | None
    stale: Sequence[str]


@pytest.fixture(scope="module")
def delivered(ui: UI, person: Person, fact: FactPages, request: pytest.FixtureRequest) -> Delivered:
    """Files came; at night after the first refresh, and sensors were switched on."""
    assert fact.grid
    refreshed: Refreshed = request.getfixturevalue("refreshed")
    run, states, stale = refreshed.run, refreshed.states, refreshed.stale
    if EVERY_SELECTION:
        request.getfixturevalue("selected")  # before that
        earlier = ui.runs()
        deliver(ui.home)  # before the sensors are on, so that one run reads all
        person.switches_on(["raw_files", "finished_runs"])
        person.leaves()
        run = ui.wait_for_run(earlier, RUN_SECONDS)
        states, stale = ui.check_states(), ui.stale_assets()
    rows = Home(ui.home).query(
        "SELECT TO_CHAR(TransactionDate, 'YYYY-MM') AS Period, ScenarioName, SUM(Amount) AS Amount "
        "FROM FactFinancials JOIN DimScenario USING (ScenarioKey) "
        "WHERE TransactionDate >= DATE '2025-10-01' GROUP BY 1, 2 ORDER BY 1, 2"
    )
    return Delivered(
        run,
        states,
        person.reads_check(REJECTED, WITHIN_TOLERANCE),
        person.read("/assets/deliveries/transactions?view=events", "Observed in run", f"{BAD_NAME} is held"),
        person.reads_period(GRID, "2026-01", "Budget revenue, whole USD"),
        person.reads_period(GRID, "2025-10", "Actual expense, whole USD"),
        [(row["Period"], row["ScenarioName"], row["Amount"]) for row in rows],
        person.reads_expanded_lineage(MATERIALIZED) if EVERY_CHECK else None,
        stale,
    )


@dataclass(frozen=True)
class Stopped:
    """The page after an expected failure of a run, at night.

    Attributes:
        of_a_file: the run that the sensor started.
        run: the run of months that are built again.
        steps: of this run.
        page: its page.
    """

    of_a_file: Run
    run: Run
    steps: Sequence[str]
    page: str


@pytest.fixture(scope="module")
def stopped(ui: UI, person: Person, delivered: Delivered) -> Stopped:
    """A commit lost a line that the star has, and a person had its month built again; a journal came then."""
    assert delivered.run.status == "SUCCESS"
    # The sample's transactions count; the lines of a held file would not be missed.
    commits = {path: json.loads(path.read_text()) for path in (ui.home / "processed/deliveries").glob("*.json")}
    path, commit = next(item for item in commits.items() if item[1]["object_key"] == "transactions.csv")
    (month,) = (one for one in commit["periods"] if one["period"] == "2024-01")
    month["rows"] += 1
    path.write_text(json.dumps(commit), encoding="utf-8")
    run = run_after(lambda: person.rebuilds_periods(GRID, REBUILT), ui, person)
    page = person.read(f"/runs/{run.run_id}", "Failure", "STEP_FAILURE", "A blocking check failed")
    steps = ui.steps_of(run)
    # Afterwards, since the sensor tries a run that has failed again.
    return Stopped(run_of_a_journal(ui, person), run, steps, page)


def run_of_a_journal(ui: UI, person: Person) -> Run:
    """Return the run that a sensor starts for a new file."""
    person.leaves()
    earlier = ui.runs()
    send(ui.home, "feeds/journal.yaml", JOURNAL_FEED)
    send(ui.home, "raw/journal.csv", JOURNAL)
    return ui.wait_for_run(earlier, RUN_SECONDS)


# The graph


def test_the_graph_shows_every_group_from_raw_files_to_the_report(refreshed: Refreshed):
    shown = refreshed.groups.splitlines()
    assert {"raw", "deliveries", "processed", "warehouse", "reporting"} <= set(shown)


@at_night("the graph of groups, and that of what is upstream of the fact table")
def test_the_expanded_graph_shows_every_asset(refreshed: Refreshed):
    assert refreshed.graph is not None
    shown = {name: refreshed.graph.count(name) for name in refreshed.graph}
    feeds = dict.fromkeys(("transactions", "budget", "departments", "accounts"), 3) | {"forecast": 2}
    star = dict.fromkeys(("dim_date", "dim_department", "dim_account", "dim_scenario", "fact_financials"), 2)
    others = {"rejected_rows": 1, "variance_report": 1, "report_pack": 1, "fact_financials_by_period": 1}
    assert {name: shown.get(name, 0) for name in feeds | star | others} == feeds | star | others


@at_night("`orchestration/test_selections` runs all assets")
def test_one_click_updates_everything(refreshed: Refreshed):
    assert refreshed.run.status == "SUCCESS"
    assert SENSOR_TAG not in refreshed.run.tags
    assert "Errored (0)" in refreshed.run_page
    assert "Succeeded (5)" in refreshed.run_page


def test_after_a_refresh_nothing_is_stale(refreshed: Refreshed, delivered: Delivered):
    assert (refreshed.stale, delivered.stale) == ([], [])
    for graph in filter(None, (refreshed.graph, delivered.graph)):
        assert not [line for line in graph if re.search(r"(?i)stale|unsynced|outdated|missing|upstream", line)]
        assert graph.count("Materialized") >= MATERIALIZED


# The fact table


def test_the_page_of_the_fact_table_describes_its_rows(fact: FactPages):
    assert "Grain: One row per day, department, account and scenario." in fact.overview
    assert "Profit is SUM(Amount * ProfitSign)." in fact.overview


def test_the_page_of_the_fact_table_describes_its_columns(fact: FactPages):
    words = " ".join(fact.overview.split())
    assert "Amount decimal(18,2) Amount of the row's scenario, in the home's currency" in words
    assert "From processed/fact_financials: amount." in words


def test_the_page_of_the_fact_table_shows_its_periods_and_no_sum_of_revenue_and_expense(fact: FactPages):
    words = " ".join(fact.overview.split())
    assert f"Row count {SHOWN.rows}" in words
    assert SHOWN.line in words
    assert SHOWN.left_out in words
    assert SHOWN.total not in words


def test_the_page_of_the_fact_table_fits_two_screens_and_has_no_hash_and_no_sign_of_markdown(fact: FactPages):
    assert fact.screens <= 2
    assert not re.search(r"\b[0-9a-f]{12,}\b|\*\*|`", fact.overview)


def test_each_check_of_the_fact_table_has_passed_and_has_a_description(fact: FactPages):
    assert len(fact.checks) == (9 if EVERY_CHECK else 1)
    for name, page in fact.checks.items():
        assert "Passed" in page, name
        description = page.partition("Latest execution")[0]
        assert len(description) > 100, name


def test_the_graph_of_the_fact_table_goes_back_to_the_files(fact: FactPages):
    assert {"raw", "processed", "warehouse"} <= set(fact.upstream)
    assert fact.upstream.count("transactions") == 2


def test_the_grid_of_months_shows_every_period(fact: FactPages):
    assert f"Materialized ({SHOWN.periods})" in fact.grid
    assert "Missing (0)" in fact.grid
    assert set(SHOWN.months) <= set(fact.grid.splitlines())


def test_a_month_shows_its_money(fact: FactPages):
    words = " ".join(fact.june.split())
    assert "state published" in words
    assert f"Actual revenue, whole USD {SHOWN.revenue}" in words
    assert f"Actual expense, whole USD {SHOWN.expense}" in words
    assert "load_number 1" in words
    assert "is_restated false" in words


# A selection


@at_night("`orchestration/test_selections` runs both")
@pytest.mark.parametrize("position", [0, 1], ids=["table", "check"])
def test_one_table_is_materialized_and_one_check_executed_from_its_page(selected: Selected, position: int):
    run = selected.singles[position]
    assert run.status == "SUCCESS"
    assert selected.steps[run.run_id] == ["load"]


@at_night("`orchestration/test_rebuild_periods`")
def test_months_are_built_again_in_one_run_from_the_page_of_the_grid(selected: Selected):
    assert selected.periods.status == "SUCCESS"
    assert selected.steps[selected.periods.run_id] == ["build_star", "load", "reporting__variance_report"]
    words = " ".join(selected.june.split())
    assert "load_number 2" in words
    assert f"Actual revenue, whole USD {SHOWN.revenue}" in words


# A bad file and good files


def test_new_files_start_a_run_which_a_bad_one_does_not_stop(delivered: Delivered):
    assert delivered.run.tags[SENSOR_TAG] == "raw_files"
    assert delivered.run.status == "SUCCESS"


def test_a_bad_file_fails_only_the_check_on_it(refreshed: Refreshed, delivered: Delivered):
    failed = {name for name, state in delivered.states.items() if state == "FAILED"}
    assert failed == {f"{REJECTED} {WITHIN_TOLERANCE}"}
    if EVERY_SELECTION:
        assert "FAILED" not in refreshed.states.values()


def test_a_failed_check_names_the_file_the_reason_and_the_fix(delivered: Delivered):
    words = " ".join(delivered.check.split())
    assert "Failed" in words
    assert BAD_NAME in words
    assert "2 of 3 rows" in words
    assert "finance-platform accept" in words
    assert "No file has more rejected rows or money" in words
    assert "When it is red" in words
    assert f"{BAD_NAME} 2 amount: invalid amount {BAD_NAME} 3 amount: invalid amount" in words


def test_a_held_file_is_visible_on_the_timeline_of_its_feed(delivered: Delivered):
    words = " ".join(delivered.timeline.split())
    assert f"{BAD_NAME} is held: 2 of 3 rows rejected" in words


def test_a_failed_check_is_one_alert_in_the_alerts_file(ui: UI, delivered: Delivered):
    assert delivered.run.status == "SUCCESS"
    file = ui.home / "alerts.jsonl"

    def sent() -> list[dict[str, object]]:
        # The load has sent alerts of its own before, and the last line may still be in the making.
        lines = file.read_text().splitlines(keepends=True) if file.exists() else []
        alerts = [json.loads(line) for line in lines if line.endswith("\n")]
        return [a for a in alerts if a["kind"] == "failed_check" and WITHIN_TOLERANCE in json.dumps(a)]

    (alert,) = wait_until(sent, "the alert was sent", RUN_SECONDS)
    assert BAD_NAME in json.dumps(alert)


def test_a_new_period_is_in_the_grid_of_months(delivered: Delivered):
    assert "Budget revenue, whole USD 1500000" in " ".join(delivered.january.split())
    assert "Actual expense, whole USD 150" in " ".join(delivered.october.split())


def test_a_new_period_is_in_the_warehouse(delivered: Delivered):
    assert ("2025-10", "Actual", "1650.75") in delivered.published
    assert ("2026-01", "Budget", "1516000.00") in delivered.published


# A run that fails


@at_night("`orchestration/test_raw_files_sensor`; the run that a sensor starts by itself")
def test_a_file_that_comes_while_sensors_are_on_starts_a_run(stopped: Stopped):
    assert stopped.of_a_file.tags[SENSOR_TAG] == "raw_files"


@at_night("`orchestration/test_rebuild_periods`, `orchestration/test_reexecution`")
def test_months_that_are_built_again_from_the_page_of_the_grid_stop_at_a_check_of_the_star(stopped: Stopped):
    assert SENSOR_TAG not in stopped.run.tags
    assert stopped.steps == ["build_star"]


@at_night("`orchestration/test_reexecution` reads the text")
def test_the_page_of_a_failed_run_shows_the_error_and_the_fix(stopped: Stopped):
    assert stopped.run.status == "FAILURE"
    words = " ".join(stopped.page.split())
    assert "ledger_lines_equal_star" in words
    assert "accepted" in words
    assert "fix" in words


@at_night("`orchestration/test_reexecution` reads the text")
def test_the_page_of_a_failed_run_shows_the_error_before_any_stack_trace(stopped: Stopped):
    # Dagster shows the place in the code below every failure; people stop reading before that.
    message = stopped.page.partition("STEP_FAILURE")[2].partition("Stack Trace")[0]
    assert "A blocking check failed, so nothing after it ran" in message
    assert "Rebuild everything with" in message
    assert 'File "' not in message
