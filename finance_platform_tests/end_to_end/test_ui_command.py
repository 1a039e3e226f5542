"""`finance-platform ui` on a free port: what other sites try over the network fails, and Ctrl-C leaves nothing behind.

Belongs here: the command with its real processes, of the installed wheel. By default other sites meet only the
webserver, as the process that `ui` starts; `browser/test_ui` starts all of them. Does not belong here: the guard's
rules (see `orchestration/test_webserver_guard`), what the processes are given (see `orchestration/test_ui_processes`),
stopping in other ways (see `orchestration/test_supervisor`), the pages (see `browser`).
"""

from __future__ import annotations

import http.client
import json
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from playwright.sync_api import expect
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

from finance_platform.orchestration.code_location import LOCATION
from finance_platform.orchestration.dagster_instance import open_instance
from finance_platform.orchestration.runs import COMMAND_LINE, STARTED_BY, is_from_command_line
from finance_platform_tests.browser.chromium import opened_page, require_chromium
from finance_platform_tests.browser.person import Person
from finance_platform_tests.browser.ui_process import UI, running_ui, wait_until
from finance_platform_tests.end_to_end.home import copy_home
from finance_platform_tests.end_to_end.installed_run import run_installed_once
from finance_platform_tests.end_to_end.small_home import create_small_home
from finance_platform_tests.installed_wheel import installed_environment
from finance_platform_tests.profiles import at_night, current_profile

pytestmark = pytest.mark.end_to_end

EVIL = "http://evil.example"
KEY = "raw/reported"  # of no run
WIPE = """mutation { wipeAssets(assetPartitionRanges: [{assetKey: {path: ["raw", "reported"]}}]) { __typename } }"""
LAUNCH = """mutation { launchRun(executionParams: {mode: "default", selector: {
    repositoryLocationName: "%s", repositoryName: "__repository__", jobName: "refresh"}}) { __typename } }"""
EVENTS = '{ assetOrError(assetKey: {path: ["raw", "reported"]}) { ... on Asset { assetMaterializations { runId } } } }'
LOCATIONS = "{ workspaceOrError { ... on Workspace { locationEntries { name locationOrLoadError { __typename } } } } }"

RUNS_OF_THE_JOB = """{ pipelineOrError(params: {repositoryLocationName: "%s", repositoryName: "__repository__",
    pipelineName: "refresh"}) { ... on Pipeline { runs {
    runId repositoryOrigin { repositoryLocationName repositoryName } } } } }"""
EXECUTE_AGAIN = """mutation { launchRunReexecution(reexecutionParams: {parentRunId: "%s", strategy: ALL_STEPS}) {
    ... on LaunchRunSuccess { run { runId } } } }"""
CANCEL = """mutation { terminateRun(runId: "%s") { __typename } }"""
SCHEDULES = """{ schedulesOrError(repositorySelector: {
    repositoryLocationName: "%s", repositoryName: "__repository__"}) {
    ... on Schedules { results { name description } } } }"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("ui")


@pytest.fixture(scope="module")
def ui(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[UI]:
    """The UI of a small home after a run of the command line, with one event of an asset that no run has.

    It is started in the folder of another home.
    """
    installed = run_installed_once(tmp_path_factory)
    home, elsewhere = copy_home(installed.kept.path, folder / "home"), create_small_home(folder / "elsewhere")
    # The activated environment of a checkout names the definitions to Dagster's commands; the daemon would refuse both.
    home.write(".env", "FINANCE_PLATFORM_CLOSE_WORKING_DAY=3\nDAGSTER_MODULE_NAME=finance_platform.definitions\n")
    elsewhere.write(".env", f"FINANCE_PLATFORM_HOME=.\nDAGSTER_HOME={elsewhere.path}\n")
    arguments = ("--no-auto-refresh",)
    with running_ui(
        home.path, folder / "ui.log", *arguments, program=(installed.program,), folder=elsewhere.path
    ) as ui:
        assert send(ui, "POST", f"/report_asset_materialization/{KEY}", Origin=ui.url) == 200
        yield ui
    # What the terminal shows: no error, and nothing about a process that did not stop.
    lines = (folder / "ui.log").read_text().splitlines()
    assert lines[0].startswith("The UI of ")
    assert [line for line in lines if "Traceback" in line or "ERROR" in line] == []
    assert not accepts_connections(ui)


@pytest.fixture(scope="module")
def served(folder: Path, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[UI]:
    """The UI; by default only its webserver, without the definitions."""
    if current_profile().is_exhaustive:
        yield request.getfixturevalue("ui")
        return
    installed = run_installed_once(tmp_path_factory)
    home = copy_home(installed.kept.path, folder / "home")
    workspace = home.write("workspace.yaml", "load_from: []\n")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"
    command = [installed.program, "webserver", "--workspace", str(workspace), "--port", url.rpartition(":")[2]]
    environment = installed_environment(DAGSTER_HOME=str(home.path / "dagster"))
    log = folder / "webserver.log"
    with (
        log.open("wb") as output,
        subprocess.Popen(
            [*command, "--origin", url], cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT
        ) as process,
    ):
        try:
            ui = UI(home.path, url)
            wait_until(lambda: process.poll() is not None or accepts_connections(ui), "the webserver answers", 120)
            assert process.poll() is None, log.read_text()
            assert send(ui, "POST", f"/report_asset_materialization/{KEY}", Origin=ui.url) == 200
            yield ui
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=60) == 0
        finally:
            process.kill()
    assert log.read_text() == ""
    assert not accepts_connections(ui)


def accepts_connections(ui: UI) -> bool:
    with closing(socket.socket()) as probe:
        return probe.connect_ex(("127.0.0.1", urlsplit(ui.url).port)) == 0


def send(ui: UI, method: str, target: str, body: str = "", **headers: str) -> int:
    """Send a request with exactly these headers and target, and return the status."""
    connection = http.client.HTTPConnection("127.0.0.1", urlsplit(ui.url).port, timeout=60)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    with closing(connection):
        connection.putrequest(method, target, skip_host="Host" in named, skip_accept_encoding=True)
        for name, value in {**named, "Content-Length": str(len(body.encode()))}.items():
            connection.putheader(name, value)
        connection.endheaders(body.encode())
        return connection.getresponse().status


def event_count(ui: UI) -> int:
    return len(ui.query(EVENTS)["assetOrError"]["assetMaterializations"])


def open_socket(ui: UI, origin: str | None, **headers: str) -> Any:
    """Subscribe as the UI's pages do, and return the first message."""
    address = ui.url.replace("http://", "ws://") + "/graphql"
    own = Origin(origin) if origin is not None else None
    with connect(address, origin=own, subprotocols=[Subprotocol("graphql-ws")], additional_headers=headers) as client:
        client.send(json.dumps({"type": "connection_init"}))
        return json.loads(client.recv(timeout=60))


@at_night("`browser/test_ui` starts every process")
def test_the_code_location_keeps_the_name_that_the_history_has(ui: UI):
    (location,) = ui.query(LOCATIONS)["workspaceOrError"]["locationEntries"]
    assert location == {"name": LOCATION, "locationOrLoadError": {"__typename": "RepositoryLocation"}}
    assert LOCATION in (Path(__file__).parents[2] / "workspace.yaml").read_text()


@at_night("`browser/test_ui` starts every process")
def test_the_ui_of_a_home_has_that_home_s_settings_and_history_wherever_it_was_started(ui: UI, folder: Path):
    schedules = ui.query(SCHEDULES % LOCATION)["schedulesOrError"]["results"]
    descriptions = {schedule["name"]: schedule["description"] for schedule in schedules}
    assert descriptions.keys() == {"close_calendar", "nightly_audit"}
    assert "working day 3" in descriptions["close_calendar"]
    assert (folder / "home" / "dagster" / "history").is_dir()
    assert sorted(path.name for path in (folder / "elsewhere").iterdir()) == [".env", "raw"]


@pytest.fixture(scope="module")
def of_command_line(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The id of the run of the command line."""
    (printed,) = [one for one in run_installed_once(tmp_path_factory).result.stdout.splitlines() if one[:4] == "Run "]
    return printed.split()[1].rstrip(",")


@at_night("`browser/test_ui` starts every process")
def test_the_pages_of_the_ui_show_the_run_of_the_command_line_with_its_job(ui: UI, of_command_line: str):
    with opened_page(require_chromium(), ui.url) as page:
        person = Person(page)
        page.goto("/")
        expect(page.get_by_text("refresh", exact=True).first).to_be_visible()
        runs = person.read(
            f"/locations/{LOCATION}/jobs/refresh/runs", of_command_line[:8], "Success", "started_by: command line"
        )
    assert "started_by: command line" in runs


@at_night("`browser/test_ui` starts every process")
def test_a_run_of_the_command_line_is_one_of_its_job_and_can_be_executed_again(
    ui: UI, folder: Path, of_command_line: str
):
    job = ui.query(RUNS_OF_THE_JOB % LOCATION)["pipelineOrError"]
    (run,) = job["runs"]
    assert run["runId"] == of_command_line
    assert run["repositoryOrigin"] == {"repositoryLocationName": LOCATION, "repositoryName": "__repository__"}
    (again,) = ui.query(EXECUTE_AGAIN % run["runId"]).values()
    # Before the daemon starts it, as a rule, which takes some seconds; a run that has begun takes a moment to end.
    (canceled,) = ui.query(CANCEL % again["run"]["runId"]).values()
    assert canceled["__typename"] == "TerminateRunSuccess", canceled
    wait_until(lambda: ui.runs()[0].status == "CANCELED", "the run is canceled", 60)
    assert [run.status for run in ui.runs()] == ["CANCELED", "SUCCESS"]
    with open_instance(folder / "home" / "dagster") as instance:
        assert [is_from_command_line(run) for run in instance.get_runs()] == [False, True]


def test_another_site_wipes_no_asset_and_launches_no_run(served: UI):
    launch, wipe = LAUNCH % LOCATION, f"query={quote(WIPE)}"
    assert send(served, "GET", f"/graphql?{wipe}", Host="evil.example", Origin=EVIL) == 403
    # The same in other spellings of the address, which the server decodes before the guard.
    for target in (f"/%67raphql?{wipe}", f"{served.url}/graphql?{wipe}", f"//graphql?{wipe}", f"/graphql?&{wipe}"):
        assert send(served, "GET", target, Origin=EVIL) == 403
        assert send(served, "GET", target) == 403
    body = json.dumps({"query": launch})
    assert send(served, "POST", "/graphql", body, Origin=EVIL, Content_Type="text/plain") == 403
    assert send(served, "POST", f"/graphql?query={quote(launch)}", Origin=EVIL, Content_Type="text/plain") == 403
    assert (
        send(served, "POST", "/graphql", body, Host="evil.example", Origin=EVIL, Content_Type="application/json") == 403
    )
    assert send(served, "POST", "/graphql", body, Content_Type="application/json") == 403
    assert send(served, "POST", f"/report_asset_materialization/{KEY}", Origin=EVIL) == 403
    assert event_count(served) == 1
    assert [run for run in served.runs() if run.tags.get(STARTED_BY) != COMMAND_LINE] == []


def test_another_name_for_this_machine_reads_nothing(served: UI):
    for path in ("/", "/server_info", "/favicon.png", "/logs/a/b.out", "/download_debug/a"):
        assert send(served, "GET", path, Host="evil.example") == 400


@pytest.mark.parametrize(
    ("origin", "headers"),
    [(EVIL, {}), (None, {}), ("null", {}), (EVIL, {"Host": "evil.example"})],
    ids=["another site", "no origin", "a sandboxed frame", "another name"],
)
def test_another_site_opens_no_websocket(served: UI, origin: str | None, headers: dict[str, str]):
    with pytest.raises(InvalidStatus) as refused:
        open_socket(served, origin, **headers)
    assert refused.value.response.status_code == 403


def test_the_uis_own_pages_subscribe_and_change_things(served: UI):
    assert open_socket(served, served.url)["type"] == "connection_ack"
    assert event_count(served) == 1
    assert served.query(WIPE) == {"wipeAssets": {"__typename": "AssetWipeSuccess"}}
    assert event_count(served) == 0
    # For the other tests, in any order.
    assert send(served, "POST", f"/report_asset_materialization/{KEY}", Origin=served.url) == 200
