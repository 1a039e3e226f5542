"""The whole platform in a real account, by `pytest -m live_aws` only.

Belongs here: tests that show that the fakes behave as AWS does. Does not belong here: tests that the fakes can carry.

The settings of a deployment come from the environment, as `finance-platform deploy` prints them, and the credentials
from boto3. The tests use a prefix and a schema of their own, remove both, and touch nothing else. They cost a few
minutes of Glue and of Redshift.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from uuid import uuid4

import pytest

from finance_platform.bootstrap import open_warehouse, processed_zone, raw_zone
from finance_platform.setting_sources import ENV_PREFIX
from finance_platform_tests.aws.two_profiles import AwsHome, local_sample, processed_rows, warehouse_rows
from finance_platform_tests.end_to_end.home import Home
from finance_platform_tests.end_to_end.sample_home import SAMPLE

pytestmark = pytest.mark.live_aws

# Read at import: a fixture hides the developer's settings from every test.
_DEPLOYED = {name: value for name, value in os.environ.items() if name.startswith(ENV_PREFIX)}


@pytest.fixture(scope="module", params=["0", "200000000"], ids=["jobs in Glue", "jobs on this machine"])
def live(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AwsHome]:
    """A home in the account for this module alone, with the sample in its raw zone."""
    if _DEPLOYED.get(f"{ENV_PREFIX}PROFILE") != "aws":
        pytest.skip(f"no account: set {ENV_PREFIX}PROFILE=aws and what `finance-platform deploy` prints")
    name = f"live_test_{uuid4().hex[:8]}"
    # Both are in the deployment's processed zone: in its raw zone the sample would start a run of its sensor.
    root = f"{_DEPLOYED[f'{ENV_PREFIX}PROCESSED_URI'].rstrip('/')}/{name}"
    own = {"RAW_URI": f"{root}/raw", "PROCESSED_URI": f"{root}/processed"}
    # A test sends neither alerts nor metrics.
    own |= {"REDSHIFT_SCHEMA": name, "FAILURES_TOPIC_ARN": "", "ANOMALIES_TOPIC_ARN": "", "METRICS_NAMESPACE": ""}
    own |= {"DATA_CATALOG_DATABASE": "", "REPORTS_URI": "", "GLUE_FROM_BYTES": request.param}
    variables = {**_DEPLOYED, **{ENV_PREFIX + setting: value for setting, value in own.items()}}
    home = AwsHome(Home(tmp_path_factory.mktemp("live")), variables)
    raw = raw_zone(home.settings)
    try:
        for path in sorted(SAMPLE.iterdir()):
            raw.write(path.name, path.read_bytes())
        yield home
    finally:
        _remove(home, name)


def _remove(home: AwsHome, schema: str) -> None:
    for zone in (raw_zone(home.settings), processed_zone(home.settings)):
        for item in list(zone.list_objects()):
            zone.delete(item.key)
    with open_warehouse(home.settings).transaction() as connection:
        connection.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")


def test_every_table_of_the_sample_equals_that_of_the_local_profile(
    live: AwsHome, tmp_path_factory: pytest.TempPathFactory
):
    ended = live.command("run")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    local = local_sample(tmp_path_factory)
    for actual, expected in (
        (warehouse_rows(live.settings), warehouse_rows(local)),
        (processed_rows(live.settings), processed_rows(local)),
    ):
        assert actual.keys() == expected.keys()
        for table, rows in expected.items():
            assert actual[table] == rows, table


def test_a_second_run_has_nothing_to_do(live: AwsHome):
    ended = live.command("run")
    assert (ended.returncode, "Nothing to do" in ended.stdout) == (0, True), ended.stdout + ended.stderr


def test_lines_in_another_order_are_another_delivery_with_the_same_figures(live: AwsHome):
    header, first, *rest = (SAMPLE / "transactions.csv").read_text().splitlines()
    reordered = "\n".join([header, *rest, first]) + "\n"
    raw_zone(live.settings).write("transactions.csv", reordered.encode())
    before = warehouse_rows(live.settings)["FactFinancials"]
    assert live.command("run").returncode == 0
    assert warehouse_rows(live.settings)["FactFinancials"] == before
