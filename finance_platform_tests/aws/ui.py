"""`make ui-aws`: the UI on profile aws, with the sample, against stand-ins of AWS on this machine.

Belongs here: starting both, and stopping both. Does not belong here: the stand-ins (see `stand_ins`).
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from finance_platform.settings import ENV_PREFIX
from finance_platform_tests.aws.fakes import deployed, stand_ins

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "raw"


def main() -> int:
    """Run until Ctrl-C, or until the UI ends; all that was made goes with it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=3000, help="of the UI, on 127.0.0.1")
    port = parser.parse_args().port
    with tempfile.TemporaryDirectory(prefix="finance-platform-aws-") as folder:
        home, glue = Path(folder) / "home", Path(folder) / "glue"
        home.mkdir()
        glue.mkdir()
        with stand_ins(glue) as there:
            deployment = deployed(there)
            for path in sorted(SAMPLE.iterdir()):
                deployment.send(path)
            # Settings of the developer's own would lead to a real account.
            own = {name: value for name, value in os.environ.items() if not name.startswith((ENV_PREFIX, "AWS_"))}
            to_there = {**there.environment, **deployment.settings, f"{ENV_PREFIX}HOME": str(home)}
            _print_how_to(to_there, deployment.bucket("raw"))
            command = [sys.executable, "-m", "finance_platform.cli", "ui", "--home", str(home), "--port", str(port)]
            return _wait_for(subprocess.Popen(command, cwd=home, env={**own, **to_there}))


def _wait_for(ui: subprocess.Popen[bytes]) -> int:
    """Wait for the UI, which a terminal's Ctrl-C reaches as well; a SIGTERM is passed on."""
    signal.signal(signal.SIGTERM, lambda *_: ui.send_signal(signal.SIGINT))
    while True:
        try:
            return ui.wait()
        except KeyboardInterrupt:
            continue


def _print_how_to(to_there: dict[str, str], raw_bucket: str) -> None:
    lines = [f"export {name}={value}" for name, value in sorted(to_there.items())]
    print("Stand-ins of AWS are at work; these lines lead another terminal to them:", *lines, sep="\n")  # noqa: T201
    print(f"Send a file: put it into s3://{raw_bucket}.", flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
