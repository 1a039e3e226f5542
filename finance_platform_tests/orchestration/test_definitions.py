"""The asset graph, enumerated: what there is, what depends on what, which checks may stop everything.

Belongs here: definitions as they load. Does not belong here: running them (see `test_refresh`).
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import cast

import dagster as dg
import pytest

from finance_platform.orchestration.checks import check_specs
from finance_platform.orchestration.definitions import build_definitions
from finance_platform.orchestration.jobs import AUDIT, REBUILD_PERIODS, REFRESH, audit_job
from finance_platform.orchestration.resources import platform_resources
from finance_platform.orchestration.start_here import JOB_PAGE, addresses
from finance_platform.orchestration.ui.check_descriptions import COMPARES
from finance_platform.quality.checks import (
    DELIVERY_CHECKS,
    SCHEMA_CHECKS,
    STAR_CHECKS,
    UNREAD_CHECKS,
    WAREHOUSE_CHECKS,
    Check,
    raw_checks,
)
from finance_platform.safe_text import text_of_markdown
from finance_platform_tests.loaded_definitions import loaded_definitions
from finance_platform_tests.unit.factories import LEDGER, settings, with_columns, write

SHIPPED = (
    "accounts",
    "budget",
    "comments",
    "departments",
    "forecast",
    "pack_comments",
    "statement_lines",
    "transactions",
)
PLAN_FEEDS = {"raw/budget", "raw/forecast"}
LINES = {"processed/transactions", "processed/budget"}
STAR = ("dim_date", "dim_department", "dim_account", "dim_scenario", "fact_financials")

PARENTS: dict[str, set[str]] = {
    **{f"raw/{feed}": set() for feed in SHIPPED},
    "raw/unread_files": set(),
    "processed/transactions": {"raw/transactions"},
    "processed/budget": PLAN_FEEDS,
    "processed/departments": {"raw/departments"},
    "processed/accounts": {"raw/accounts"},
    "processed/rejected_rows": {f"raw/{feed}" for feed in SHIPPED},
    "processed/dim_date": LINES,
    "processed/dim_department": LINES | {"processed/departments"},
    "processed/dim_account": LINES | {"processed/accounts"},
    "processed/dim_scenario": LINES,
    "processed/fact_financials": LINES | {"processed/accounts"},
    **{f"warehouse/{table}": {f"processed/{table}"} for table in STAR},
    "reporting/variance_report": {f"warehouse/{table}" for table in STAR},
    "reporting/report_pack": {f"warehouse/{table}" for table in STAR},
}

BESIDE: dict[str, set[str]] = {
    **{f"deliveries/{feed}": set() for feed in SHIPPED},
    "warehouse/fact_financials_by_period": set(),
}
"""What steps report beside their assets; nothing runs it, so no selection of what is upstream or downstream has it."""

BLOCKING = {
    *((f"processed/{table}", "schema_matches_contract") for table in STAR),
    *(
        (f"processed/{table}", "schema_matches_contract")
        for table in ("transactions", "budget", "departments", "accounts", "rejected_rows")
    ),
    ("processed/dim_account", "accounts_have_a_sign"),
    ("processed/fact_financials", "ledger_lines_equal_star"),
    *((f"warehouse/{table}", "keys_collide_nowhere") for table in STAR if table.startswith("dim_")),
    ("warehouse/fact_financials", "grain_is_unique"),
    ("warehouse/fact_financials", "references_resolve"),
    ("warehouse/fact_financials", "variance_is_amount_less_budget"),
    ("warehouse/fact_financials", "baseline_is_booked_once"),
    ("warehouse/fact_financials", "lake_equals_warehouse"),
}


@pytest.fixture(scope="module")
def definitions(tmp_path_factory: pytest.TempPathFactory) -> dg.Definitions:
    return build_definitions(settings(home=tmp_path_factory.mktemp("home")))


def parents(definitions: dg.Definitions) -> dict[str, set[str]]:
    graph = definitions.resolve_asset_graph()
    return {
        key.to_user_string(): {parent.to_user_string() for parent in graph.get(key).parent_keys}
        for key in graph.get_all_asset_keys()
    }


def with_descriptor(home: Path, text: str) -> dg.Definitions:
    write(home / "feeds" / "own.yaml", text)
    return build_definitions(settings(home=home))


def descriptions(definitions: dg.Definitions) -> dict[str, str]:
    """The text of each asset's page."""
    return {spec.key.to_user_string(): spec.description or "" for spec in definitions.resolve_all_asset_specs()}


def test_the_asset_graph_is_exactly_this(definitions: dg.Definitions):
    assert parents(definitions) == PARENTS | BESIDE


def test_what_is_beside_the_assets_is_never_run_and_is_upstream_and_downstream_of_nothing(definitions: dg.Definitions):
    graph = definitions.resolve_asset_graph()
    external = {key.to_user_string() for key in graph.external_asset_keys}
    assert external == set(BESIDE)
    assert all(not graph.get(key).child_keys for key in graph.external_asset_keys)


def test_assets_stand_in_the_group_that_their_key_begins_with(definitions: dg.Definitions):
    groups = {spec.key.to_user_string(): spec.group_name for spec in definitions.resolve_all_asset_specs()}
    assert groups == {key: key.split("/")[0] for key in PARENTS | BESIDE}


def test_everything_is_done_in_five_steps(definitions: dg.Definitions):
    steps = {node.name for node in definitions.resolve_job_def(REFRESH).nodes}
    assert steps == {"register", "standardise", "build_star", "load", "reporting__variance_report"}


def test_a_homes_own_descriptor_adds_a_raw_asset_that_the_lines_depend_on(tmp_path: Path):
    found = parents(with_descriptor(tmp_path, LEDGER))
    assert found.keys() - PARENTS.keys() - BESIDE.keys() == {"raw/ledger", "deliveries/ledger"}
    for table in ("processed/transactions", "processed/rejected_rows"):
        assert found[table] == PARENTS[table] | {"raw/ledger"}
    for table in ("processed/budget", "processed/accounts"):
        assert found[table] == PARENTS[table]


def test_a_feed_that_says_the_scenario_in_each_row_feeds_actuals_and_plans(tmp_path: Path):
    own = with_columns({"scenario": "Version"}, constants="{}")
    found = parents(with_descriptor(tmp_path, own))
    for table in ("processed/transactions", "processed/budget"):
        assert found[table] == PARENTS[table] | {"raw/ledger"}


def test_a_homes_own_descriptor_of_accounts_feeds_the_accounts_alone(tmp_path: Path):
    own = "feed: chart\nkind: accounts\npath: chart*.csv\ncolumns: {number: No, name: Name, type: Type}\n"
    found = parents(with_descriptor(tmp_path, own))
    assert found["processed/accounts"] == {"raw/accounts", "raw/chart"}
    assert found["processed/transactions"] == {"raw/transactions"}


def test_a_descriptor_under_a_shipped_name_takes_its_place(tmp_path: Path):
    found = parents(with_descriptor(tmp_path, LEDGER.replace("feed: ledger", "feed: forecast")))
    assert found.keys() == PARENTS.keys() | BESIDE.keys()
    assert found["processed/transactions"] == {"raw/transactions", "raw/forecast"}


def test_a_broken_descriptor_takes_no_asset_away_and_its_feed_keeps_its_timeline(tmp_path: Path):
    found = parents(with_descriptor(tmp_path, "feed: ledger\nkind: ledgr\n"))
    assert found == PARENTS | BESIDE | {"deliveries/ledger": set()}


def test_a_broken_descriptor_of_a_shipped_feed_keeps_the_timeline_of_that_feed(tmp_path: Path):
    write(tmp_path / "feeds/transactions.yaml", "feed: [oops\n")
    definitions = build_definitions(settings(home=tmp_path))
    assert parents(definitions).keys() == (PARENTS.keys() | BESIDE.keys()) - {"raw/transactions"}
    page = descriptions(definitions)["deliveries/transactions"]
    assert page.startswith("Not read: ")
    assert "line 2: expected" in text_of_markdown(page)
    assert "transactions.yaml" in page


def test_what_is_wrong_with_a_descriptor_is_on_the_page_of_unread_files_before_any_run(tmp_path: Path):
    page = text_of_markdown(descriptions(with_descriptor(tmp_path, "feed: [oops\n"))["raw/unread_files"])
    assert page.startswith("1 descriptor was not valid when the definitions were loaded:\n\n- ")
    assert "own.yaml: line 2: expected ',' or ']', but got '<stream end>'. Fix: correct the YAML" in page


def test_pages_name_ten_broken_descriptors_and_the_number_of_the_others(tmp_path: Path):
    for number in range(13):
        write(tmp_path / f"feeds/{number:02}.yaml", "feed: [<b>oops</b>\n")
    page = descriptions(build_definitions(settings(home=tmp_path)))["raw/unread_files"]
    assert (page.count(".yaml"), "and 3 more were not valid" in page, "<b>" in page) == (10, True, False)


def test_a_home_whose_descriptors_are_valid_has_a_page_without_them(definitions: dg.Definitions):
    assert descriptions(definitions)["raw/unread_files"].startswith("Files that no feed reads")


def test_a_feed_cannot_take_the_place_of_the_files_that_no_feed_reads(tmp_path: Path):
    assert parents(with_descriptor(tmp_path, LEDGER.replace("feed: ledger", "feed: unread_files"))) == PARENTS | BESIDE


def test_only_what_makes_the_whole_result_unusable_may_stop_everything(definitions: dg.Definitions):
    graph = definitions.resolve_asset_graph()
    blocking = {(key.asset_key.to_user_string(), key.name) for key in graph.asset_check_keys if graph.get(key).blocking}
    assert blocking == BLOCKING


def test_every_declared_check_is_on_the_graph_and_every_one_there_is_declared(definitions: dg.Definitions):
    declared = [*UNREAD_CHECKS, *SCHEMA_CHECKS, *DELIVERY_CHECKS, *STAR_CHECKS, *WAREHOUSE_CHECKS]
    declared += [check for feed in SHIPPED for check in raw_checks(feed)]
    on_the_graph = {(tuple(key.asset_key.path), key.name) for key in definitions.resolve_asset_graph().asset_check_keys}
    assert on_the_graph == {(check.asset, check.name) for check in declared}


def test_every_check_describes_what_a_failure_means_and_what_to_do(definitions: dg.Definitions):
    graph = definitions.resolve_asset_graph()
    assert [key for key in graph.asset_check_keys if len(graph.get(key).description or "") < 100] == []


def test_the_refresh_job_runs_all_assets_in_one_process(definitions: dg.Definitions):
    job = definitions.resolve_job_def(REFRESH)
    assert REFRESH == "refresh"
    assert job.executor_def is dg.in_process_executor
    assert {key.to_user_string() for key in job.asset_layer.executable_asset_keys} == set(PARENTS)
    assert job.description


def test_what_starts_no_run_is_on_the_page_of_no_asset(definitions: dg.Definitions):
    """The UI lists the schedules and sensors of a job on the page of each of its assets."""
    repository = definitions.get_repository_def()
    assert {one.name: one.job_name for one in repository.schedule_defs} == {"nightly_audit": AUDIT}
    with_target = {one.name for one in repository.sensor_defs if one.targets}
    assert with_target == {"raw_files"}
    assert {one.name for one in repository.sensor_defs} - with_target == {
        "failed_runs",
        "finished_runs",
        "overdue_feeds",
        "run_retention",
    }


def test_the_page_of_the_refresh_job_leads_a_beginner_to_pages_that_exist(definitions: dg.Definitions):
    description = definitions.resolve_job_def(REFRESH).description or ""
    assert "**Start here**" in description
    assets = {f"/assets/{key.to_user_string()}" for key in definitions.resolve_asset_graph().get_all_asset_keys()}
    folders = {asset.rpartition("/")[0] for asset in assets}
    linked = [address.partition("?")[0] for address in re.findall(r"\]\((/[^)]+)\)", description)]
    assert linked[:1] == ["/assets/reporting/report_pack"]
    assert set(linked) <= assets | folders | {"/runs"}
    printed = addresses("http://127.0.0.1:3000")
    assert f"http://127.0.0.1:3000{JOB_PAGE}" in printed
    assert JOB_PAGE.endswith(f"/{code_location_name()}/jobs/{REFRESH}")


def code_location_name() -> str:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["tool"]["dg"]["project"]
    return str(project["code_location_name"])


def test_the_only_other_jobs_build_periods_again_and_audit_what_is_published(definitions: dg.Definitions):
    names = {job.name for job in definitions.resolve_all_job_defs() if not job.name.startswith("__")}
    assert names == {REFRESH, REBUILD_PERIODS, AUDIT}
    assert {node.name for node in definitions.resolve_job_def(AUDIT).nodes} == {"load"}
    graph, selection = definitions.resolve_asset_graph(), cast("dg.AssetSelection", audit_job().selection)
    assert selection.resolve(graph) == set()
    checked = {(tuple(key.asset_key.path), key.name) for key in selection.resolve_checks(graph)}
    assert checked == {(check.asset, check.name) for check in WAREHOUSE_CHECKS}
    steps = {node.name for node in definitions.resolve_job_def(REBUILD_PERIODS).nodes}
    assert steps == {"build_star", "load", "reporting__variance_report"}


def test_the_page_of_each_check_says_what_it_compares_and_then_what_to_do(definitions: dg.Definitions):
    graph = definitions.resolve_asset_graph()
    assert COMPARES.keys() == {key.name for key in graph.asset_check_keys}
    for key in graph.asset_check_keys:
        description = graph.get(key).description or ""
        compares, _, rest = description.partition("\n\n**When it is ")
        assert compares.endswith("."), key
        assert rest.startswith(("red**: ", "yellow**: ")), key


def test_a_check_that_nothing_describes_is_refused_with_what_to_add_and_where():
    new = Check(("warehouse", "fact_financials"), "amounts_are_even", "An amount is odd.", "Correct the file.")
    with pytest.raises(LookupError) as refused:
        check_specs([new])
    assert str(refused.value) == (
        "the check amounts_are_even of warehouse/fact_financials has no description: add what is so while it is green "
        "to COMPARES in finance_platform.orchestration.ui.check_descriptions"
    )


def test_the_page_of_each_resource_says_what_it_is_for_and_what_type_it_has(definitions: dg.Definitions):
    resources = definitions.get_repository_def().get_top_level_resources()
    assert resources.keys() == platform_resources(settings(home=Path("home"))).keys()
    for name, resource in resources.items():
        # Without Markdown and short: the list of resources shows it in one line, as it is written.
        assert re.fullmatch(r"[^`*\[\]]{20,100}\.", resource.description or ""), name
    # What the page shows below the name.
    types = {name: resource.resource_fn.__name__ for name, resource in resources.items()}
    assert (types["raw_zone"], types["warehouse"]) == ("LocalStore", "DuckDBWarehouse")
    assert (types["steps_ahead"], types["data_catalog"]) == ("TakenSteps", "NoneType")


def test_definitions_load_without_a_warning_of_anything_old_or_unfinished(tmp_path_factory: pytest.TempPathFactory):
    loaded = loaded_definitions(tmp_path_factory)
    assert (loaded.error, loaded.printed) == ("", "")


def test_a_ui_that_does_not_know_a_new_feed_yet_can_still_run_what_it_knows(tmp_path: Path):
    known = build_definitions(settings(home=tmp_path)).resolve_implicit_global_asset_job_def()
    raw = [key for key in known.asset_layer.executable_asset_keys if key.path[0] == "raw"]
    (tmp_path / "raw").mkdir()
    write(tmp_path / "raw" / "ledger_1.csv", "a\n1\n")
    now = with_descriptor(tmp_path, LEDGER).resolve_implicit_global_asset_job_def()
    with dg.DagsterInstance.ephemeral() as instance:
        done = now.execute_in_process(asset_selection=raw, instance=instance, raise_on_error=False)
        reported = {event.asset_key for event in done.get_asset_materialization_events()}
    assert (done.success, reported) == (True, set(raw))
    # What the new feed reads was registered all the same; the next look of the UI shows it.
    assert (tmp_path / "processed" / "register").is_dir()
