"""Finds keys and passwords in the files of the repository: `make check-secrets`.

Belongs here: which files are searched, for what, and the texts that are known to be no secrets. Does not belong here:
secrets at run time (see `machine.test_secrets_and_modes`).

detect-secrets finds. Its detectors of random text are left out, because the repository is full of hashes. Its own
command for commits compares line numbers as well, so that every edit above a known text would fail.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from detect_secrets.core.baseline import load, load_from_file, save_to_file
from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class
from detect_secrets.core.secrets_collection import SecretsCollection
from detect_secrets.settings import transient_settings

ROOT = Path(__file__).parents[1]
BASELINE = ROOT / ".github" / "secrets-baseline.json"
"""The texts that were looked at and are no secrets, as hashes: invented passwords of tests, names of secrets."""

TESTS = "finance_platform_tests/"
RANDOM_TEXT = {"Base64HighEntropyString", "HexHighEntropyString"}
PASSWORDS = {"BasicAuthDetector", "KeywordDetector"}
"""Detectors of any text that is called a password; tests invent many, so there only formats of real keys are found."""

NOT_SEARCHED = (
    ".png",
    ".csv",
    ".xlsx",
    ".parquet",
    "requirements.txt",
    "requirements-dev.txt",
    "requirements-image.txt",
)
"""Pictures, the sample's data and lock files, which have a hash on every line."""

Finding = tuple[str, str, str]


def searched_files() -> list[str]:
    """Return the files that are committed, or would be with `git add`, relative to the root."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    own = BASELINE.relative_to(ROOT).as_posix()
    return [name for name in listed if not name.endswith(NOT_SEARCHED) and name != own and (ROOT / name).is_file()]


def scan(files: Sequence[str], folder: Path = ROOT) -> SecretsCollection:
    """Return what looks like a secret in some files."""
    by_kind: Mapping[str, type] = get_mapping_from_secret_type_to_class()
    plugins = {plugin.__name__ for plugin in by_kind.values()} - RANDOM_TEXT
    tests = [name for name in files if name.startswith(TESTS)]
    others = [name for name in files if not name.startswith(TESTS)]
    secrets = SecretsCollection(root=str(folder))
    for names, used in ((others, plugins), (tests, plugins - PASSWORDS)):
        with transient_settings({"plugins_used": [{"name": name} for name in sorted(used)]}):
            for name in names:
                secrets.scan_file(name)
    return secrets


def findings(secrets: SecretsCollection) -> dict[Finding, int]:
    """Return the line of each finding by file, kind and hash."""
    return {(name, secret.type, secret.secret_hash): secret.line_number for name, secret in secrets}


def main() -> int:
    """Search the repository, print what is new with file and line, and return the exit code."""
    secrets = scan(searched_files())
    if "--accept" in sys.argv:
        for name, secret in secrets:
            secret.filename = name  # it is absolute after a scan
        save_to_file(secrets, str(BASELINE))
        return 0
    known = findings(load(load_from_file(str(BASELINE))))
    new = {finding: line for finding, line in findings(secrets).items() if finding not in known}
    for (name, kind, _), line in sorted(new.items()):
        sys.stdout.write(f"{name}:{line}: {kind}\n")
    if new:
        sys.stdout.write("Remove the secret and renew it. If it is none: make accept-secrets\n")
    return 1 if new else 0


if __name__ == "__main__":
    sys.exit(main())
