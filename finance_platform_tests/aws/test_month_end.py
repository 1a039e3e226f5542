"""The quarter of docs/month_end.md on profile aws, over real HTTP to fakes: what the page shows, and signed figures.

Belongs here: the commands of the page with the zones on S3 and the warehouse on Redshift. Does not belong here: the
quarter on a laptop (see `end_to_end.test_month_end`).
"""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from finance_platform.setting_sources import ENV_PREFIX
from finance_platform_tests.aws.fakes import Deployment, deploy, start_fakes
from finance_platform_tests.dagster_jobs import dagster_jobs_in_this_process
from finance_platform_tests.end_to_end.home import CommandResult, Home
from finance_platform_tests.end_to_end.signed_figures import SignedFigures
from finance_platform_tests.environment import clean_environment
from finance_platform_tests.profiles import at_night
from finance_platform_tests.tutorial import MONTH_END, copy_examples, give, normalized, steps

pytestmark = [
    pytest.mark.end_to_end,
    at_night("the same quarter on a laptop, and each of its commands on profile aws, run by default"),
]

_PROGRAM = "finance-platform "


@pytest.fixture
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with start_fakes(tmp_path_factory.mktemp("glue")) as running, dagster_jobs_in_this_process():
        yield deploy(running)


def test_the_quarter_on_aws_shows_what_the_page_shows_and_signed_figures_stay(tmp_path: Path, deployment: Deployment):
    copy_examples(MONTH_END, tmp_path)
    home = Home(tmp_path / "books")
    home.path.mkdir()
    # As `init` writes it, which also makes a raw zone there: commands in the folder find the descriptors by it.
    home.write(".env", f"{ENV_PREFIX}HOME=.\n")

    def command(*arguments: str, **named: str) -> CommandResult:
        return home.command(*arguments, **named, **deployment.settings)

    signed = SignedFigures(command)
    differing = []
    for step in steps(MONTH_END.text):
        if step.command.startswith("cp "):
            deliver(step.command, home.path, deployment)
        if not step.command.startswith(_PROGRAM) or step.command.startswith(f"{_PROGRAM}init"):
            continue
        with clean_environment(home.path, **deployment.settings):
            printed = give(step.command, home.path)
        if not step.is_run and not step.command.startswith(f"{_PROGRAM}history"):
            found, shown = comparable(printed, tmp_path), comparable(step.output, tmp_path)
            differing += [] if found == shown else [(step.command, found, shown)]
        if step.is_run:
            signed.require_everything_verified_and_footing()
            signed.require_as_signed()
        elif step.is_close:
            signed.keep()
    assert differing == []
    assert list(signed.figures) == ["2025-01#1", "2025-02#1", "2025-03#1", "2025-02#2"]
    signed.require_footing_of("2025-02#1", causes={"corrected", "reclassified"})


def deliver(command: str, folder: Path, deployment: Deployment) -> None:
    """Copy the files that the page copies into the folder `raw` into the bucket of raw files, descriptors beside it."""
    *names, target = shlex.split(command)[1:]
    assert target in {"raw/", "feeds/"}
    for name in names:
        pattern = Path(name)
        for path in sorted((folder / pattern.parent).glob(pattern.name)):
            if target == "raw/":
                deployment.deliver(path)
            else:
                (folder / target).mkdir(exist_ok=True)
                shutil.copy(path, folder / target)


def comparable(output: str, folder: Path) -> str:
    """Return an output without what differs between a user of this machine and a caller of AWS, and between homes."""
    output = re.sub(r"--home \S+", "--home HOME", output)
    output = re.sub(r"arn:aws:[a-z]+::[0-9]+:[\w/-]+", "you", output.replace(str(folder), "/home/you"))
    return re.sub(r" +", " ", normalized(output))
