"""Runs many commands in one process, which has fewer rights than the tests have: their imports take two seconds.

Belongs here: running them, and recording what they print. Does not belong here: which commands (see `commands`).
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from click.testing import CliRunner

from finance_platform.cli import main
from finance_platform_tests.open_readers import readers_stay_open


def run_all(cases: Path, results: Path) -> None:
    """Run each case of a JSON file, a list of arguments and variables; write code and output of each, a line each."""
    with results.open("w", encoding="utf-8") as file:
        for arguments, variables in json.loads(cases.read_text(encoding="utf-8")):
            with readers_stay_open():
                result = CliRunner().invoke(main, arguments, prog_name="finance-platform", env=variables)
            is_exit = result.exception is None or isinstance(result.exception, SystemExit)
            # An exception that is no exit has passed every handler.
            escaped = "" if is_exit else repr(result.exception)
            file.write(json.dumps([result.exit_code, result.stdout, result.stderr, escaped]) + "\n")
            file.flush()


if __name__ == "__main__":
    os.environ["AWS_EC2_METADATA_DISABLED"] = "true"  # else boto3 waits for the credentials of a machine on AWS
    run_all(Path(sys.argv[1]), Path(sys.argv[2]))
