"""A new process that loads Dagster's definitions as the UI does, and then as the platform on AWS does.

Belongs here: the process, and what was seen in it. Does not belong here: expectations.

To import Dagster takes a process more than two seconds of processor time, so several tests share one.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from finance_platform_tests.session_artifacts import session_artifact

NOT_AT_START = frozenset({"pyspark", "py4j", "pysail", "duckdb"})
"""What only jobs and questions about an earlier state import: it cannot be imported in the process."""

_ENGINES = sorted(NOT_AT_START | {"boto3", "redshift_connector", "pandas", "sqlglot"})

_PROGRAM = f"""
import json, socket, sys, traceback, warnings

opened, asked_for = [], set()
connect = socket.socket.connect
def note(self, address):
    opened.append(str(address))
    return connect(self, address)
socket.socket.connect = note

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {set(NOT_AT_START)!r}:
            asked_for.add(name.split(".")[0])
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Refuse())

def load():
    import dagster, pyarrow, pydantic, pydantic_settings, yaml  # their warnings at import are theirs to fix
    warnings.simplefilter("error")
    from finance_platform.definitions import defs
    from finance_platform.orchestration.jobs import REFRESH
    loaded = defs()
    loaded.resolve_job_def(REFRESH)
    loaded.resolve_asset_graph()
    dagster.Definitions.validate_loadable(loaded)

def load_on_aws():
    warnings.simplefilter("default")
    import dagster_aws.ecs, dagster_aws.s3
    from finance_platform.cli import main
    from finance_platform.bootstrap import open_warehouse
    import finance_platform.orchestration.webserver.server
    from finance_platform.orchestration.definitions import build_definitions
    from finance_platform.settings import load_settings
    settings = load_settings(
        profile="aws", home=sys.argv[1], raw_uri="s3://raw", processed_uri="s3://processed", scripts_uri="s3://scripts",
        redshift_host="warehouse", redshift_workgroup="finance", redshift_copy_role_arn="arn",
        aws_region="eu-central-1",
    )
    build_definitions(settings).resolve_job_def("refresh")
    open_warehouse(settings)

def error_of(program):
    try:
        program()
    except BaseException:
        return traceback.format_exc()
    return ""

seen = {{"error": error_of(load), "sockets": list(opened)}}
sys.stderr.flush()
seen["engines"] = sorted(asked_for | {{name for name in {_ENGINES!r} if name in sys.modules}})
print("definitions are loaded", file=sys.stderr, flush=True)
seen["error_on_aws"] = error_of(load_on_aws)
print(json.dumps(seen))
"""


@dataclass(frozen=True)
class LoadedDefinitions:
    """What was seen.

    Attributes:
        error: with every warning as an error; none if it is empty.
        printed: what the process printed as an error until the definitions were loaded.
        sockets: the addresses that were connected to.
        engines: the engines and clients that were imported, or would have been.
        error_on_aws: with the settings of profile aws.
    """

    error: str
    printed: str
    sockets: Sequence[str]
    engines: Sequence[str]
    error_on_aws: str


def loaded_definitions(factory: pytest.TempPathFactory) -> LoadedDefinitions:
    """Load the definitions in a process with an empty environment, once in a session of tests."""

    def create(folder: Path) -> None:
        (folder / "home").mkdir()
        environment = {"PATH": os.environ["PATH"], "HOME": str(folder / "home")}
        command = [sys.executable, "-c", _PROGRAM, str(folder / "home")]
        cwd = folder / "home"
        done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        printed, _, _ = done.stderr.partition("definitions are loaded\n")
        seen = {**json.loads(done.stdout.splitlines()[-1]), "printed": printed}
        (folder / "seen.json").write_text(json.dumps(seen))

    return LoadedDefinitions(**json.loads((session_artifact(factory, "definitions", create) / "seen.json").read_text()))
