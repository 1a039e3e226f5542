"""The artefacts of a release: what Glue runs, as files with hashes. `make dist` builds them, `deploy` uploads them.

Belongs here: which files, building them, the manifest, and the job arguments that name them. Does not belong here:
uploading (see `upload`).

A release is the two job scripts, which are the very files that run here, our wheel, and the wheels that Glue lacks.
Glue 6.0 has Spark, Arrow, pandas, NumPy and boto3 of its own, which must stay: so modules are installed without their
dependencies, and from no index. The files of a release lie in a folder named by their contents: a stack that is rolled
back runs the code that it ran before, and a run that is at work keeps its files.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import finance_platform
from finance_platform.errors import ArtefactsError

JOBS = ("standardise", "build_star")
LACKING = ("dagster-pipes",)
"""What our code on Glue imports and Glue 6.0 has not; `finance_platform_tests/aws/test_glue_wheel.py` holds that."""

PYTHON_ON_GLUE = "3.13"
INSTALLER_OPTION = "--no-deps --no-index"
MANIFEST = "manifest.json"

_FIX = "run `make dist`"
_IDENTIFIER_LENGTH = 12
_SOURCE_DATE = "1580601600"
"""The time that all files of the wheel bear, so that the same source gives the same bytes."""


@dataclass(frozen=True)
class ReleaseFile:
    """One file of a release.

    Attributes:
        path: where it is.
        key: where it goes, relative to the scripts' address.
        sha256: of its bytes.
    """

    path: Path
    key: str
    sha256: str


@dataclass(frozen=True)
class Release:
    """What was built.

    Attributes:
        identifier: of the contents.
        files: all of them, the manifest last.
    """

    identifier: str
    files: tuple[ReleaseFile, ...]

    @property
    def module_keys(self) -> list[str]:
        """The wheels' keys, ours first."""
        keys = [file.key for file in self.files if file.path.suffix == ".whl"]
        return sorted(keys, key=lambda key: ("/finance_platform-" not in key, key))

    def modules(self, scripts_uri: str) -> str:
        """Return the wheels' addresses as Glue's `--additional-python-modules` takes them."""
        return ",".join(f"{scripts_uri.rstrip('/')}/{key}" for key in self.module_keys)

    def script_key(self, job: str) -> str:
        """Return a job's script's key.

        Raises:
            ArtefactsError: the release has no such script.
        """
        for file in self.files:
            if file.path.name == f"{job}_job.py":
                return file.key
        raise ArtefactsError(f"the release has no script of the job {job}", fix=_FIX)


def default_arguments(scripts_uri: str, release: Release) -> dict[str, str]:
    """Return the arguments of a job that depend on the release; the template gives a job the same."""
    return {
        "--additional-python-modules": release.modules(scripts_uri),
        "--python-modules-installer-option": INSTALLER_OPTION,
        "--TempDir": f"{scripts_uri.rstrip('/')}/temp/",
        "--TEMP_S3_DIR": f"{scripts_uri.rstrip('/')}/temp",
    }


def read_release(dist: Path) -> Release:
    """Return what was built in a folder.

    Raises:
        ArtefactsError: nothing was, or a file is not what was built.
    """
    manifest = dist / MANIFEST
    try:
        said = json.loads(manifest.read_bytes())
        hashes, identifier = dict(said["files"]), str(said["release"])
    except FileNotFoundError:
        raise ArtefactsError(f"there is no {manifest}", fix=_FIX) from None
    except (ValueError, KeyError, TypeError) as error:
        raise ArtefactsError(f"{manifest} is no manifest: {error}", fix=_FIX) from None
    for name, expected in hashes.items():
        path = dist / name
        if not path.is_file() or _sha256(path) != expected:
            raise ArtefactsError(f"{path} is not the file that was built", fix=_FIX)
    names = [*hashes, MANIFEST]
    files = (ReleaseFile(dist / name, f"releases/{identifier}/{name}", _sha256(dist / name)) for name in names)
    return Release(identifier, tuple(files))


Fetch = Callable[[Path], None]
"""Puts the wheels that Glue lacks into a folder."""


def build_release(dist: Path, fetch: Fetch | None = None) -> Release:
    """Build a release in a folder; what an earlier one left there goes.

    Args:
        dist: the folder.
        fetch: brings the wheels that Glue lacks; from the index, with the hashes of the lock, unless given.

    Raises:
        ArtefactsError: this is no checkout, or a part could not be built.
    """
    project = Path(str(finance_platform.__file__)).parents[1]
    if not (project / "pyproject.toml").is_file():
        raise ArtefactsError(f"{project} is no checkout of the project", fix="clone the repository, then run make dist")
    shutil.rmtree(dist, ignore_errors=True)
    dist.mkdir(parents=True)
    for job in JOBS:
        shutil.copyfile(project / "finance_platform" / "glue" / f"{job}_job.py", dist / f"{job}_job.py")
    _run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(dist.absolute())], project)
    (fetch or _from_the_index)(dist)
    hashes = {path.name: _sha256(path) for path in sorted(dist.iterdir())}
    identifier = hashlib.sha256(json.dumps(hashes).encode()).hexdigest()[:_IDENTIFIER_LENGTH]
    # Last: without its manifest a folder is no release.
    (dist / MANIFEST).write_text(json.dumps({"release": identifier, "files": hashes}, indent=1) + "\n")
    return read_release(dist)


def locked(requirements: str, names: Iterable[str]) -> str:
    """Return the lines of a lock that are about some packages, hashes included.

    Raises:
        ArtefactsError: the lock has none of a package.
    """
    found = []
    for name in names:
        match = re.search(rf"^{re.escape(name)}==(?:.*\\\n)+.*--hash=.*$", requirements, re.MULTILINE)
        if not match:
            raise ArtefactsError(f"requirements.txt has no {name} with its hashes", fix="run `make lock`")
        found.append(match[0])
    return "\n".join(found) + "\n"


def _from_the_index(dist: Path) -> None:
    project = Path(str(finance_platform.__file__)).parents[1]
    with tempfile.TemporaryDirectory() as folder:
        wanted = Path(folder) / "requirements.txt"
        wanted.write_text(locked((project / "requirements.txt").read_text(), LACKING))
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        command += ["--only-binary=:all:", "--python-version", PYTHON_ON_GLUE, "--implementation", "cp"]
        command += ["--platform", "manylinux2014_x86_64", "--require-hashes", "-r", str(wanted), "-d", str(dist)]
        _run(command, project)


def _run(command: list[str], folder: Path) -> None:
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "SOURCE_DATE_EPOCH": _SOURCE_DATE},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()[-5:]
        raise ArtefactsError(f"`{' '.join(command[1:4])}` failed: {' '.join(said)}", fix="mend it, then run make dist")


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


if __name__ == "__main__":
    built = build_release(Path(sys.argv[1]))
    for file in built.files:
        sys.stdout.write(f"{file.sha256}  {file.path}\n")
    sys.stdout.write(f"Release {built.identifier}; `finance-platform deploy` uploads it.\n")
