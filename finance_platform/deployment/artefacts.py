"""The artefacts of a release: the files that Glue runs, with their hashes. `make dist` builds, `deploy` uploads them.

Belongs here: the list of files, building them, the manifest, and the template's parameters that name them. Does not
belong here: uploading (see `upload`).

A release consists of the two job scripts (the same files that run locally), the platform's wheel, and the wheels that
Glue lacks, for the Python of each version of Glue. Glue brings its own Spark, Arrow, pandas and NumPy, which must not
be replaced: modules are installed without their dependencies and without an index. The folder of a release is named by
its contents: a stack that is rolled back runs the code that it ran before, and a running job keeps its files.
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
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import finance_platform
from finance_platform.code_version import JOBS
from finance_platform.errors import ArtefactsError

PYTHON_OF_GLUE = {"6.0": "3.13", "5.1": "3.11", "5.0": "3.11"}
"""The Python of each version of Glue that a stack may choose."""

NEWEST_GLUE = "6.0"
MISSING_ON_GLUE = ("dagster-pipes", "olefile", "python-calamine")
"""The packages that the jobs import and Glue 6.0 lacks; `finance_platform_tests/aws/test_glue_wheel.py` verifies it."""

TOO_OLD_ON_GLUE_5 = ("boto3", "botocore", "s3transfer")
"""The packages of Glue 5 that may be older than S3's conditional writes (133)."""

MANIFEST = "manifest.json"

_FIX = "run `make dist`"
_IDENTIFIER_LENGTH = 12
_SOURCE_DATE = "1580601600"
"""The modification time of all files in the wheel, so that the same source gives the same bytes."""


@dataclass(frozen=True)
class ReleaseFile:
    """One file of a release.

    Attributes:
        path: the file's path.
        key: the object's key, relative to the scripts' address.
        sha256: the hash of its bytes.
    """

    path: Path
    key: str
    sha256: str


@dataclass(frozen=True)
class Release:
    """A release that was built.

    Attributes:
        identifier: a hash of the contents.
        files: all files, the manifest last.
    """

    identifier: str
    files: tuple[ReleaseFile, ...]

    def module_keys(self, glue_version: str) -> list[str]:
        """Return the keys of the wheels that a version of Glue needs, the platform's first."""
        python = f"cp{PYTHON_OF_GLUE[glue_version].replace('.', '')}"
        superfluous = () if glue_version.startswith("5.") else TOO_OLD_ON_GLUE_5
        keys = []
        for file in self.files:
            name, _, tag, *_ = [*file.path.name.split("-"), "", ""]
            if file.path.suffix == ".whl" and name not in superfluous and (tag.startswith("py") or tag == python):
                keys.append(file.key)
        return sorted(keys, key=lambda key: (not key.rpartition("/")[2].startswith("finance_platform-"), key))

    def module_uris(self, scripts_uri: str, glue_version: str) -> str:
        """Return the addresses of these wheels in the form of Glue's `--additional-python-modules`."""
        return ",".join(f"{scripts_uri.rstrip('/')}/{key}" for key in self.module_keys(glue_version))

    def stack_parameters(self, scripts_uri: str, parameters: Mapping[str, str]) -> dict[str, str]:
        """Return the template's parameters that name the release.

        Args:
            scripts_uri: s3://...; where the release is uploaded to.
            parameters: the stack's other parameters, which may have a version of Glue.
        """
        modules = self.module_uris(scripts_uri, parameters.get("GlueVersion", NEWEST_GLUE))
        return {"Release": self.identifier, "AdditionalPythonModules": modules}


def read_release(dist: Path) -> Release:
    """Return the release that was built in a folder.

    Raises:
        ArtefactsError: there is no release, or a file was changed since.
    """
    manifest = dist / MANIFEST
    try:
        content = json.loads(manifest.read_bytes())
        hashes, identifier = dict(content["files"]), str(content["release"])
    except FileNotFoundError:
        raise ArtefactsError(f"there is no {manifest}", fix=_FIX) from None
    except (ValueError, KeyError, TypeError) as error:
        raise ArtefactsError(f"{manifest} is not a valid manifest: {error}", fix=_FIX) from None
    for name, expected in hashes.items():
        path = dist / name
        if not path.is_file() or _sha256(path) != expected:
            raise ArtefactsError(f"{path} is not the file that was built", fix=_FIX)
    names = [*hashes, MANIFEST]
    files = (ReleaseFile(dist / name, f"releases/{identifier}/{name}", _sha256(dist / name)) for name in names)
    return Release(identifier, tuple(files))


Fetch = Callable[[Path], None]
"""Downloads the wheels that Glue lacks into a folder."""


def build_release(dist: Path, fetch: Fetch | None = None) -> Release:
    """Build a release in a folder; an earlier one in the folder is deleted.

    Args:
        dist: the folder.
        fetch: downloads the wheels that Glue lacks; by default from the index, with the hashes of the lock.

    Raises:
        ArtefactsError: this is not a checkout, or a part could not be built.
    """
    project = Path(str(finance_platform.__file__)).parents[1]
    if not (project / "pyproject.toml").is_file():
        raise ArtefactsError(
            f"{project} is not a checkout of the project", fix="clone the repository, then run make dist"
        )
    shutil.rmtree(dist, ignore_errors=True)
    dist.mkdir(parents=True)
    for job in JOBS:
        shutil.copyfile(project / "finance_platform" / "spark_jobs" / f"{job}_job.py", dist / f"{job}_job.py")
    _run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(dist.absolute())], project)
    (fetch or _download_wheels)(dist)
    hashes = {path.name: _sha256(path) for path in sorted(dist.iterdir())}
    identifier = hashlib.sha256(json.dumps(hashes).encode()).hexdigest()[:_IDENTIFIER_LENGTH]
    built = Release(identifier, tuple(ReleaseFile(dist / name, name, sha256) for name, sha256 in hashes.items()))
    # For Terraform: a wheel of another Python would fail each job.
    modules = {version: built.module_keys(version) for version in PYTHON_OF_GLUE}
    manifest = {"release": identifier, "files": hashes, "modules": modules}
    # Last: a folder without a manifest does not count as a release.
    (dist / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n")
    return read_release(dist)


def select_locked(requirements: str, names: Iterable[str]) -> str:
    """Return the lines of a lock file that pin some packages, hashes included.

    Raises:
        ArtefactsError: the lock file does not pin a package with its hashes.
    """
    pins = []
    for name in names:
        match = re.search(rf"^{re.escape(name)}==(?:.*\\\n)+.*--hash=.*$", requirements, re.MULTILINE)
        if not match:
            raise ArtefactsError(f"requirements.txt has no {name} with its hashes", fix="run `make lock`")
        pins.append(match[0])
    return "\n".join(pins) + "\n"


def _download_wheels(dist: Path) -> None:
    project = Path(str(finance_platform.__file__)).parents[1]
    lock = (project / "requirements.txt").read_text()
    with tempfile.TemporaryDirectory() as folder:
        requirements = Path(folder) / "requirements.txt"
        requirements.write_text(select_locked(lock, (*MISSING_ON_GLUE, *TOO_OLD_ON_GLUE_5)))
        for python in sorted(set(PYTHON_OF_GLUE.values())):
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
            command += ["--only-binary=:all:", "--python-version", python, "--implementation", "cp"]
            command += ["--platform", "manylinux2014_x86_64", "--require-hashes", "-r", str(requirements)]
            _run([*command, "-d", str(dist)], project)


def _run(command: list[str], folder: Path) -> None:
    process = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "SOURCE_DATE_EPOCH": _SOURCE_DATE},
        capture_output=True,
        text=True,
        check=False,
    )
    if process.returncode:
        last_lines = (process.stderr or process.stdout).strip().splitlines()[-5:]
        raise ArtefactsError(
            f"`{' '.join(command[1:4])}` failed: {' '.join(last_lines)}", fix="fix the cause, then run `make dist`"
        )


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


if __name__ == "__main__":
    release = build_release(Path(sys.argv[1]))
    for file in release.files:
        sys.stdout.write(f"{file.sha256}  {file.path}\n")
    sys.stdout.write(f"Release {release.identifier}; `finance-platform deploy` uploads it.\n")
