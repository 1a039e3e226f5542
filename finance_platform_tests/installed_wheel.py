"""The wheel, installed as a person installs it: a Python environment without the checkout.

Belongs here: building the wheel, installing it. Does not belong here: the wheel of a release to AWS (see
`aws.glue_environment`), running commands.

The packages that it needs are taken from this environment, because tests use no package index.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from finance_platform_tests.session_artifacts import session_artifact

_REPOSITORY = Path(__file__).parents[1]


def install_wheel_once(factory: pytest.TempPathFactory) -> Path:
    """Return the folder with the programs of an environment in which only the wheel has the package."""
    return session_artifact(factory, "installed_wheel", _install) / "environment" / "bin"


def installed_environment(**variables: str) -> dict[str, str]:
    """Return the variables of a process that must not find the checkout."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | variables


def _install(folder: Path) -> None:
    _run("-m", "hatchling", "build", "-t", "wheel", "-d", str(folder))
    environment = folder / "environment"
    _run("-m", "venv", "--without-pip", str(environment))
    (packages,) = environment.glob("lib/python*/site-packages")
    # A path in a .pth file, unlike a site folder, does not bring the editable installation of the checkout.
    (packages / "dependencies.pth").write_text(f"{sysconfig.get_path('purelib')}\n", encoding="utf-8")
    (wheel,) = folder.glob("*.whl")
    options = ("--no-deps", "--no-index", "--no-compile", "--quiet", "--disable-pip-version-check")
    _run("-m", "pip", "--python", str(environment / "bin" / "python"), "install", *options, str(wheel))


def _run(*arguments: str) -> None:
    subprocess.run([sys.executable, *arguments], cwd=_REPOSITORY, env=installed_environment(), check=True)
