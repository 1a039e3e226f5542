"""A Python like Glue's: what Glue 6.0 brings, by links to this environment, and a release's wheels. Nothing else.

Belongs here: making it. Does not belong here: running jobs in it (see `glue_runner`).
"""

from __future__ import annotations

import subprocess
import sys
import zipfile
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement

from finance_platform.deployment.artefacts import MISSING_ON_GLUE, Release

GLUES_OWN = ("pyspark[connect]", "pyarrow", "pandas", "numpy", "boto3")
"""What Glue 6.0 has, as far as our code asks for it. Spark Connect's client is not needed there, but by Sail."""

ENGINE = "pysail"
"""Spark itself, in place of Glue's."""


def make_environment(folder: Path, release: Release) -> Path:
    """Make the environment and return its interpreter.

    Args:
        folder: where; nothing is there yet.
        release: whose wheels it gets.
    """
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    packages = next(folder.glob("lib/python*/site-packages"))
    for name in _with_what_they_need((*GLUES_OWN, ENGINE)):
        _link(distribution(name), packages)
    for file in release.files:
        if file.path.suffix == ".whl":
            with zipfile.ZipFile(file.path) as wheel:
                wheel.extractall(packages)
    return folder / "bin" / "python"


def lacking_wheels(dist: Path) -> None:
    """Put the wheels that Glue lacks into a folder, made of what is installed here: tests ask no index."""
    for name in MISSING_ON_GLUE:
        found = distribution(name)
        files = [file for file in found.files or () if file.suffix != ".pyc" and ".." not in file.parts]
        with zipfile.ZipFile(dist / f"{name.replace('-', '_')}-{found.version}-py3-none-any.whl", "w") as wheel:
            for file in files:
                wheel.write(str(found.locate_file(file)), str(file))


def _with_what_they_need(wanted: tuple[str, ...]) -> list[str]:
    found: dict[str, None] = {}
    left = [Requirement(text) for text in wanted]
    while left:
        one = left.pop()
        if one.name in found and not one.extras:
            continue
        found[one.name] = None
        for need in map(Requirement, distribution(one.name).requires or ()):
            extras = one.extras or {""}
            if need.marker is None or any(need.marker.evaluate({"extra": extra}) for extra in extras):
                left.append(need)
    return list(found)


def _link(found: Distribution, packages: Path) -> None:
    """Link a distribution's files: whole folders where they are its own, else one by one."""
    for file in found.files or ():
        if ".." in file.parts or file.suffix == ".pyc":
            continue
        source = Path(str(found.locate_file(file)))
        # `google` is shared by several distributions; every other folder is one's own.
        depth = 2 if file.parts[0] == "google" else 1
        target = packages.joinpath(*file.parts[:depth])
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(source if len(file.parts) <= depth else source.parents[len(file.parts) - depth - 1])
