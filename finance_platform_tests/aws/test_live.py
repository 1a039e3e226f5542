"""The whole job on a real account: `pytest -m live_aws`, for people who have one; off unless it is asked for.

Belongs here: what shows that the stand-ins tell the truth. Does not belong here: what they can show as well.

It takes the settings of a deployment from the environment, as `finance-platform deploy` prints them, and credentials as
boto3 finds them. It works under a prefix and in a schema of its own, removes both, and touches nothing else; it costs a
few minutes of Glue and of Redshift.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from uuid import uuid4

import pytest

from finance_platform.bootstrap import open_warehouse, processed_zone, raw_zone
from finance_platform.settings import ENV_PREFIX
from finance_platform_tests.aws.two_profiles import SAMPLE, AwsHome, in_lake, in_warehouse, local_sample
from finance_platform_tests.end_to_end.small_home import Home

pytestmark = pytest.mark.live_aws

# Read before any test hides the developer's settings from the others.
_GIVEN = {name: value for name, value in os.environ.items() if name.startswith(ENV_PREFIX)}


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AwsHome]:
    """A home of the test's own in the account, with the sample in its raw zone."""
    if _GIVEN.get(f"{ENV_PREFIX}PROFILE") != "aws":
        pytest.skip(f"no account: set {ENV_PREFIX}PROFILE=aws and what `finance-platform deploy` prints")
    name = f"live_test_{uuid4().hex[:8]}"
    # Both beside the deployment's processed tables: in its raw zone the sample would be news to its sensor.
    place = f"{_GIVEN[f'{ENV_PREFIX}PROCESSED_URI'].rstrip('/')}/{name}"
    own = {"RAW_URI": f"{place}/raw", "PROCESSED_URI": f"{place}/processed"}
    # People are not told of a test, and no dashboard counts it.
    own |= {"REDSHIFT_SCHEMA": name, "FAILURES_TOPIC_ARN": "", "ANOMALIES_TOPIC_ARN": "", "METRICS_NAMESPACE": ""}
    own |= {"DATA_CATALOG_DATABASE": "", "REPORTS_URI": ""}
    variables = {**_GIVEN, **{ENV_PREFIX + setting: value for setting, value in own.items()}}
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


def test_the_sample_gives_every_table_that_a_laptop_makes(live: AwsHome, tmp_path_factory: pytest.TempPathFactory):
    done = live.command("run")
    assert done.returncode == 0, done.stdout + done.stderr
    local = local_sample(tmp_path_factory)
    for found, expected in (
        (in_warehouse(live.settings), in_warehouse(local)),
        (in_lake(live.settings), in_lake(local)),
    ):
        assert found.keys() == expected.keys()
        for table, rows in expected.items():
            assert found[table] == rows, table


def test_a_second_run_has_nothing_to_do(live: AwsHome):
    done = live.command("run")
    assert (done.returncode, "Nothing to do" in done.stdout) == (0, True), done.stdout + done.stderr


def test_lines_in_another_order_are_another_delivery_and_the_same_numbers(live: AwsHome):
    header, first, *rest = (SAMPLE / "transactions.csv").read_text().splitlines()
    reordered = "\n".join([header, *rest, first]) + "\n"
    raw_zone(live.settings).write("transactions.csv", reordered.encode())
    before = in_warehouse(live.settings)["FactFinancials"]
    assert live.command("run").returncode == 0
    assert in_warehouse(live.settings)["FactFinancials"] == before
