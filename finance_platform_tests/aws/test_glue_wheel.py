"""A release as Glue runs it: its scripts and wheels in a Python environment like Glue's, with zones on S3.

Belongs here: building a release, importing it, running a real job with it. Does not belong here: the work of jobs,
failures (see `test_glue_jobs`).
"""

import hashlib
import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import boto3
import dagster as dg
import pytest

from finance_platform.code_version import JOBS
from finance_platform.deliveries.commits import read_commits
from finance_platform.deployment.artefacts import (
    NEWEST_GLUE,
    PYTHON_OF_GLUE,
    Release,
    ReleaseFile,
    build_release,
    read_release,
    select_locked,
)
from finance_platform.errors import ArtefactsError
from finance_platform.orchestration.job_runners.pipes_jobs import PipesJobRunner
from finance_platform.orchestration.resources import platform_resources
from finance_platform.refresh.steps.job_requests import to_document
from finance_platform.settings import load_settings
from finance_platform.spark_jobs.requests import DeliveryToRead, StandardiseRequest
from finance_platform.storage.factory import open_store
from finance_platform_tests.aws.fake_glue import FakeGlue, create_job, fake_glue
from finance_platform_tests.aws.glue_environment import build_missing_wheels, create_environment
from finance_platform_tests.aws.moto_server import MotoServer, in_environment
from finance_platform_tests.aws.shipped_template import shipped_template
from finance_platform_tests.profiles import at_night
from finance_platform_tests.unit.factories import LEDGER, feed
from finance_platform_tests.workbooks import xlsx

# Dagster's Pipes calls a deprecated method of Dagster's context.
pytestmark = pytest.mark.filterwarnings("ignore:.*run_id is deprecated:DeprecationWarning")

ROOT = Path(__file__).parents[2]
SCRIPTS = "wheel-scripts"
ARGUMENTS_OF_A_RELEASE = (
    "--additional-python-modules",
    "--python-modules-installer-option",
    "--TempDir",
    "--TEMP_S3_DIR",
)
"""The job arguments that depend on the release and on the bucket of its files."""

IMPORT_EVERYTHING = """
import ast, importlib, json, sys
from pathlib import Path
from finance_platform.spark_jobs import build_star_job, standardise_job
import finance_platform.storage.s3

at_first = sorted(sys.modules)

def imported(tree):
    for_types = {
        inner
        for node in ast.walk(tree) if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in set(ast.walk(tree)) - for_types:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module

looked_through, missing = set(), set()
while names := {name for name in sys.modules if name.startswith("finance_platform.")} - looked_through:
    for name in names:
        looked_through.add(name)
        for other in imported(ast.parse(Path(sys.modules[name].__file__).read_text("utf-8"))):
            try:
                importlib.import_module(other)
            except ImportError as error:
                missing.add(f"{name}: {error}")
print(json.dumps([standardise_job.__file__, at_first, sorted(looked_through), sorted(missing)]))
"""

LINES = b"Date,Dept,Account,Amount\n2025-01-15,D100,4000,100.25\n2025-02-03,D100,4000,-0.25\nno day,D100,4000,7\n"
BOOK = xlsx({"Ledger": [["Date", "Dept", "Account", "Amount"], ["2025-03-01", "D100", 4000, 12.5]]})
WORKBOOK = DeliveryToRead("d2", "gl/book.xlsx", "ledger", "ledger", hashlib.sha256(BOOK).hexdigest())
DELIVERY = DeliveryToRead("d1", "gl/ledger.csv", "ledger", "ledger", hashlib.sha256(LINES).hexdigest())


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    return build_release(tmp_path_factory.mktemp("release") / "dist", build_missing_wheels)


@pytest.fixture(scope="module")
def python(release: Release, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter like Glue's."""
    return create_environment(tmp_path_factory.mktemp("glue") / "environment", release)


@pytest.fixture(scope="module")
def runner(
    moto: MotoServer, release: Release, python: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[FakeGlue]:
    """The fake Glue with the jobs of a deployed release."""
    folder = tmp_path_factory.mktemp("runs")
    with in_environment(moto.environment), fake_glue(folder, moto, python=str(python)) as service:
        client = boto3.client("s3")
        for bucket in ("wheel-raw", "wheel-processed", SCRIPTS):
            client.create_bucket(
                Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": client.meta.region_name}
            )
        client.put_object(Bucket="wheel-raw", Key=DELIVERY.object_key, Body=LINES)
        client.put_object(Bucket="wheel-raw", Key=WORKBOOK.object_key, Body=BOOK)
        for file in release.files:
            client.upload_file(str(file.path), SCRIPTS, file.key)
        for job in JOBS:
            address, arguments = defined_job(job, release)
            create_job(f"wheel-{job.replace('_', '-')}", address, arguments)
        yield service


def defined_job(job: str, release: Release) -> tuple[str, dict[str, str]]:
    """Return the address of a job's script and its default arguments, as the template has them for a release."""
    resource = f"{job.title().replace('_', '')}Job"
    definition = shipped_template().document["Resources"][resource]["Properties"]
    values = {"ScriptsBucket": SCRIPTS, **release.stack_parameters(f"s3://{SCRIPTS}", {})}
    arguments = {name: fill(definition["DefaultArguments"][name], values) for name in ARGUMENTS_OF_A_RELEASE}
    return fill(definition["Command"]["ScriptLocation"], values), arguments


def fill(value: str | dict[str, str], parameters: dict[str, str]) -> str:
    """Return a value of the template with its parameters filled in, as CloudFormation does."""
    match value:
        case {"Ref": name}:
            return parameters[name]
        case {"Fn::Sub": text}:
            return re.sub(r"\$\{(\w+)\}", lambda name: parameters[name[1]], text)
    return str(value)


@dg.asset
def lines(
    context: dg.AssetExecutionContext, spark_jobs: dg.ResourceParam[PipesJobRunner]
) -> dg.MaterializeResult[None]:
    request = StandardiseRequest([DELIVERY, WORKBOOK], {"ledger": feed(LEDGER)})
    result = spark_jobs.bind(context).run("standardise", to_document(request))
    return dg.MaterializeResult(metadata={"result": dg.MetadataValue.json(result)})


def run_in(python: Path, code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [python, "-c", code], cwd=folder, env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("name", ["dagster", "dagster_aws", "pydantic", "pydantic_settings", "yaml", "duckdb"])
def test_packages_that_neither_glue_nor_the_release_has_cannot_be_imported(python: Path, tmp_path: Path, name: str):
    assert f"No module named '{name}'" in run_in(python, f"import {name}", tmp_path).stderr


@dataclass(frozen=True)
class Imports:
    """What the jobs import: the file of one of them, the modules at their start, those of the platform, what lacks."""

    file: str
    at_first: list[str]
    looked_through: list[str]
    missing: list[str]


@pytest.fixture(scope="module")
def imports(python: Path, tmp_path_factory: pytest.TempPathFactory) -> Imports:
    """The imports of both jobs, those within functions too, by an interpreter like Glue's."""
    ended = run_in(python, IMPORT_EVERYTHING, tmp_path_factory.mktemp("imports"))
    assert ended.returncode == 0, ended.stderr
    return Imports(*json.loads(ended.stdout))


def test_both_jobs_import_from_the_wheel_alone(python: Path, imports: Imports):
    assert Path(imports.file).is_relative_to(python.parents[1])
    assert [name for name in imports.at_first if name.split(".")[0] in ("dagster", "pydantic", "yaml")] == []


def test_whatever_the_jobs_import_later_is_in_the_release_or_on_glue(imports: Imports):
    assert {"finance_platform.feeds.files.workbook", "finance_platform.storage.s3"} <= set(imports.looked_through)
    assert imports.missing == []


@at_night("all imports of jobs are shown above, jobs on S3 by `test_end_to_end`, runs of Glue by `test_glue_jobs`")
def test_a_job_of_the_release_reads_and_writes_zones_on_s3(runner: FakeGlue, capfd: pytest.CaptureFixture[str]):
    settings = load_settings(
        profile="aws",
        raw_uri="s3://wheel-raw",
        processed_uri="s3://wheel-processed/zone",
        scripts_uri="s3://wheel-scripts",
        glue_job_prefix="wheel",
        glue_from_bytes=0,
        redshift_workgroup="finance",
        redshift_copy_role_arn="arn:aws:iam::123456789012:role/copy",
    )
    resources = {"spark_jobs": platform_resources(settings)["spark_jobs"]}
    run = dg.materialize([lines], resources=resources, instance=dg.DagsterInstance.ephemeral())
    (event,) = run.get_asset_materialization_events()
    result: Any = event.step_materialization_data.materialization.metadata["result"].value
    assert (sorted(result["committed"]), result["not_opened"]) == (["d1", "d2"], [])
    processed = open_store("s3://wheel-processed/zone")
    of_workbook = read_commits(processed)["d2"].outcome("accepted")
    assert (of_workbook.rows, of_workbook.amount) == (1, Decimal("12.50"))
    commit = read_commits(processed)["d1"]
    assert (commit.outcome("accepted").rows, commit.outcome("accepted").amount) == (2, Decimal("100.00"))
    assert commit.outcome("rejected").rows == 1
    assert sorted(count.period for count in commit.periods) == ["2025-01", "2025-02"]
    for file in commit.files["transactions"]:
        assert processed.find(file.key) is not None
    remaining = [item.key for item in open_store("s3://wheel-scripts/temp").list_objects()]
    assert remaining
    assert all(key.startswith("messages/") for key in remaining)
    assert "reading 2 deliveries of kind ledger" in capfd.readouterr().err
    assert [run.state for run in runner.runs.values()] == ["SUCCEEDED"]


# The release itself


def test_the_same_source_gives_the_same_release(release: Release, tmp_path: Path):
    second = build_release(tmp_path / "dist", build_missing_wheels)
    assert second.identifier == release.identifier
    assert [(file.key, file.sha256) for file in second.files] == [(file.key, file.sha256) for file in release.files]


def test_a_release_is_two_scripts_the_wheels_and_its_manifest_under_its_own_name(release: Release):
    names = [file.key.removeprefix(f"releases/{release.identifier}/") for file in release.files]
    assert [name for name in names if name.endswith(".py")] == ["build_star_job.py", "standardise_job.py"]
    wheels = [name.partition("-")[0] for name in names if name.endswith(".whl")]
    assert wheels == ["dagster_pipes", "finance_platform", "olefile", "python_calamine"]
    assert names[-1] == "manifest.json"
    assert len(names) == 7


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("6.0", ["finance_platform-1-py3-none-any", "olefile-1-py2.py3-none-any", "python_calamine-1-cp313-cp313-x"]),
        (
            "5.0",
            [
                "finance_platform-1-py3-none-any",
                "boto3-1-py3-none-any",
                "olefile-1-py2.py3-none-any",
                "python_calamine-1-cp311-cp311-x",
            ],
        ),
    ],
)
def test_each_version_of_glue_gets_the_wheels_that_its_python_takes(version: str, expected: list[str]):
    names = ["boto3-1-py3-none-any", "olefile-1-py2.py3-none-any", "finance_platform-1-py3-none-any"]
    names += [f"python_calamine-1-{tag}-{tag}-x" for tag in ("cp311", "cp313")]
    files = tuple(ReleaseFile(Path(f"{name}.whl"), f"releases/1/{name}.whl", "") for name in names)
    script = ReleaseFile(Path("standardise_job.py"), "releases/1/standardise_job.py", "")
    release = Release("1", (*files, script))
    parameters = release.stack_parameters("s3://scripts/", {"GlueVersion": version, "Entity": "Group"})
    modules = ",".join(f"s3://scripts/releases/1/{name}.whl" for name in expected)
    assert parameters == {"Release": "1", "AdditionalPythonModules": modules}
    assert (release.stack_parameters("s3://scripts", {}) == parameters) == (version == "6.0")


def test_the_manifest_lists_the_wheels_of_each_version_of_glue_for_terraform(release: Release):
    manifest = json.loads(release.files[-1].path.read_text())
    folder = f"s3://scripts/releases/{release.identifier}"
    for version in PYTHON_OF_GLUE:
        modules = ",".join(f"{folder}/{name}" for name in manifest["modules"][version])
        assert modules == release.module_uris("s3://scripts", version)
    guide = (ROOT / "docs" / "deploy.md").read_text()
    assert f'[for name in local.manifest.modules["{NEWEST_GLUE}"] : "${{local.folder}}/${{name}}"]' in guide


def test_the_scripts_are_the_very_files_that_run_here(release: Release):
    for job in JOBS:
        address, _ = defined_job(job, release)
        (file,) = [file for file in release.files if f"s3://{SCRIPTS}/{file.key}" == address]
        assert file.path.read_bytes() == (ROOT / "finance_platform" / "spark_jobs" / f"{job}_job.py").read_bytes()


def test_our_wheel_is_first_and_pip_uses_no_index_and_replaces_nothing(release: Release):
    for job in JOBS:
        _, arguments = defined_job(job, release)
        first, *_ = arguments["--additional-python-modules"].split(",")
        assert first.startswith(f"s3://{SCRIPTS}/releases/{release.identifier}/finance_platform-")
        assert set(arguments["--python-modules-installer-option"].split()) == {"--no-deps", "--no-index"}


def test_a_folder_without_a_manifest_is_refused(tmp_path: Path):
    with pytest.raises(ArtefactsError, match=r"there is no .*manifest\.json") as raised:
        read_release(tmp_path)
    assert raised.value.fix == "run `make dist`"


def test_a_file_that_changed_after_the_build_is_refused(release: Release, tmp_path: Path):
    for file in release.files:
        (tmp_path / file.path.name).write_bytes(file.path.read_bytes())
    (tmp_path / "standardise_job.py").write_text("print('something else')\n")
    with pytest.raises(ArtefactsError, match=r"standardise_job\.py is not the file that was built"):
        read_release(tmp_path)


def test_an_invalid_manifest_is_refused(tmp_path: Path):
    (tmp_path / "manifest.json").write_text("[]")
    with pytest.raises(ArtefactsError, match="is not a valid manifest"):
        read_release(tmp_path)


def test_packages_that_glue_lacks_are_locked_with_their_hashes():
    text = select_locked((ROOT / "requirements.txt").read_text(), ["dagster-pipes"])
    assert text.startswith("dagster-pipes==")
    assert text.count("--hash=sha256:") >= 1
    assert text.count("==") == 1


def test_a_package_that_is_not_in_the_lock_is_named():
    with pytest.raises(ArtefactsError, match=r"requirements\.txt has no left-pad"):
        select_locked("dagster-pipes==1 \\\n    --hash=sha256:00\n", ["left-pad"])
