"""A Python environment like Glue's: the packages of Glue 6.0, linked from this environment, and a release's wheels.

Belongs here: creating it. Does not belong here: running jobs in it (see `fake_glue`).
"""

from __future__ import annotations

import subprocess
import sys
import zipfile
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement

from finance_platform.deployment.artefacts import MISSING_ON_GLUE, Release

GLUE_PACKAGES = ("pyspark[connect]", "pyarrow", "pandas", "numpy", "boto3")
"""The packages of Glue 6.0 that our code imports. Sail needs the client of Spark Connect; Glue does not."""

ENGINE = "pysail"
"""Spark itself, in place of Glue's."""


def create_environment(folder: Path, release: Release) -> Path:
    """Create the environment and return its interpreter.

    Args:
        folder: a new folder.
        release: the release whose wheels are installed.
    """
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    packages = next(folder.glob("lib/python*/site-packages"))
    for name in _with_requirements((*GLUE_PACKAGES, ENGINE)):
        _link(distribution(name), packages)
    for file in release.files:
        if file.path.suffix == ".whl":
            with zipfile.ZipFile(file.path) as wheel:
                wheel.extractall(packages)
    return folder / "bin" / "python"


def build_missing_wheels(dist: Path) -> None:
    """Build the wheels that Glue lacks from the installed distributions: tests use no package index."""
    for name in MISSING_ON_GLUE:
        installed = distribution(name)
        files = [file for file in installed.files or () if file.suffix != ".pyc" and ".." not in file.parts]
        with zipfile.ZipFile(dist / f"{name.replace('-', '_')}-{installed.version}-py3-none-any.whl", "w") as wheel:
            for file in files:
                wheel.write(str(installed.locate_file(file)), str(file))


def _with_requirements(names: tuple[str, ...]) -> list[str]:
    """Return distributions and everything that they require."""
    complete: dict[str, None] = {}
    pending = [Requirement(name) for name in names]
    while pending:
        requirement = pending.pop()
        if requirement.name in complete and not requirement.extras:
            continue
        complete[requirement.name] = None
        extras = requirement.extras or {""}
        pending += [
            needed
            for needed in map(Requirement, distribution(requirement.name).requires or ())
            if needed.marker is None or any(needed.marker.evaluate({"extra": extra}) for extra in extras)
        ]
    return list(complete)


def _link(installed: Distribution, packages: Path) -> None:
    """Link a distribution's files: a folder as a whole if no other distribution has files in it."""
    for file in installed.files or ():
        if ".." in file.parts or file.suffix == ".pyc":
            continue
        source = Path(str(installed.locate_file(file)))
        # Several distributions share the folder `google`, and no other.
        depth = 2 if file.parts[0] == "google" else 1
        target = packages.joinpath(*file.parts[:depth])
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(source if len(file.parts) <= depth else source.parents[len(file.parts) - depth - 1])
