"""`make ui-aws`: the UI on profile aws, with the sample, against fakes of AWS on this machine.

Belongs here: starting and stopping both. Does not belong here: the fakes (see `fakes`).
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from finance_platform.setting_sources import ENV_PREFIX
from finance_platform_tests.aws.fakes import deploy, start_fakes

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "raw"


def main() -> int:
    """Run until Ctrl-C or the end of the UI, then remove everything that was created."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=3000, help="of the UI, on 127.0.0.1")
    port = parser.parse_args().port
    with tempfile.TemporaryDirectory(prefix="finance-platform-aws-") as folder:
        home, glue = Path(folder) / "home", Path(folder) / "glue"
        home.mkdir()
        glue.mkdir()
        with start_fakes(glue) as fakes:
            deployment = deploy(fakes)
            for path in sorted(SAMPLE.iterdir()):
                deployment.deliver(path)
            # Settings of the developer would lead to a real account.
            inherited = {name: value for name, value in os.environ.items() if not name.startswith((ENV_PREFIX, "AWS_"))}
            variables = {**fakes.environment, **deployment.settings, f"{ENV_PREFIX}HOME": str(home)}
            _print_instructions(variables, deployment.bucket("raw"))
            command = [sys.executable, "-m", "finance_platform.cli", "ui", "--home", str(home), "--port", str(port)]
            return _wait_for(subprocess.Popen(command, cwd=home, env={**inherited, **variables}))


def _wait_for(ui: subprocess.Popen[bytes]) -> int:
    """Wait for the UI. It gets a terminal's Ctrl-C by itself; a SIGTERM is passed on."""
    signal.signal(signal.SIGTERM, lambda *_: ui.send_signal(signal.SIGINT))
    while True:
        try:
            return ui.wait()
        except KeyboardInterrupt:
            continue


def _print_instructions(variables: dict[str, str], raw_bucket: str) -> None:
    lines = [f"export {name}={value}" for name, value in sorted(variables.items())]
    print("Fakes of AWS are running. To use them from another terminal:", *lines, sep="\n")  # noqa: T201
    print(f"To deliver a file, copy it to s3://{raw_bucket}.", flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
