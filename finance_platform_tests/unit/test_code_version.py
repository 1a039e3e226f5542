"""`code_version`: which edits of the source rebuild slices, tried on a copy of the package."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import finance_platform
from finance_platform.code_version import JobName, code_stamp, code_version, platform_version, source_version
from finance_platform_tests.environment import unmeasured_environment

SETTLED = 2.1
"""Seconds after which the version of a written file is kept."""

JOBS: tuple[JobName, ...] = ("standardise", "build_star")
Edit = Callable[[str, str, str], None]


def copied(folder: Path) -> Path:
    """Return a copy of the package's source."""
    source = Path(str(finance_platform.__file__)).parent
    return shutil.copytree(source, folder / "finance_platform", ignore=shutil.ignore_patterns("__pycache__"))


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package's source, whose modules are parsed once; each test takes its edits back."""
    return copied(tmp_path_factory.mktemp("source"))


@pytest.fixture
def edit(package: Path) -> Iterator[Edit]:
    """Replaces a text in a module of the copy; the module must contain it."""
    before: dict[Path, tuple[bytes, int]] = {}

    def replace(name: str, old: str, new: str) -> None:
        path = package / name
        before.setdefault(path, (path.read_bytes(), path.stat().st_mtime_ns))
        source = path.read_text()
        assert old in source, f"{name} does not contain {old!r}"
        path.write_text(source.replace(old, new))

    yield replace
    for path, (content, modified_at) in before.items():
        path.write_bytes(content)
        os.utime(path, ns=(modified_at, modified_at))


def versions(package: Path) -> dict[str, str]:
    return {job: source_version(job, package) for job in JOBS}


def versions_before() -> dict[str, str]:
    """Return the versions of the copy before its first edit: those of the running source."""
    return {job: code_version(job) for job in JOBS}


def test_the_version_is_that_of_the_running_source(package: Path):
    assert versions(package) == versions_before()


def test_a_moved_module_keeps_the_version(package: Path, edit: Edit):
    before = versions_before()
    module = package / "transforms" / "fact_financials.py"
    moved = module.rename(package / "transforms" / "facts.py")
    edit("spark_jobs/build_star_job.py", "transforms.fact_financials import", "transforms.facts import")
    after = versions(package)
    moved.rename(module)
    assert after == before


def test_a_module_that_is_moved_into_a_package_of_its_own_keeps_the_version(package: Path, edit: Edit):
    before = versions_before()
    module = package / "transforms" / "fact_financials.py"
    room = package / "transforms" / "facts"
    room.mkdir()
    (room / "__init__.py").write_text('"""Facts."""\n')
    moved = module.rename(room / module.name)
    imports = "transforms.facts import fact_financials\nfrom finance_platform.transforms.facts.fact_financials import"
    edit("spark_jobs/build_star_job.py", "transforms.fact_financials import", imports)
    after = versions(package)
    moved.rename(module)
    shutil.rmtree(room)
    assert after == before


def test_better_sentences_keep_the_version(package: Path, edit: Edit):
    before = versions_before()
    edit("transforms/fact_financials.py", "Grain of the output", "The grain")
    edit("transforms/fact_financials.py", "def ", "# A comment.\ndef ")
    edit("contracts/star.py", '"Calendar quarter, 1 to 4."', '"Quarter of the calendar year."')
    edit("contracts/star.py", '"One calendar day; whole calendar years around the data."', '"One day."')
    edit("feeds/values/amounts.py", "import re", "import os\nimport re")
    assert versions(package) == before


def test_a_changed_rule_of_the_star_changes_the_version_of_its_job(package: Path, edit: Edit):
    before = versions_before()
    edit("transforms/fact_financials.py", "F.sum(", "F.max(")
    after = versions(package)
    assert after["build_star"] != before["build_star"]
    assert after["standardise"] == before["standardise"]


def test_a_changed_reading_rule_changes_the_version_of_its_job(package: Path, edit: Edit):
    before = versions_before()
    edit("feeds/values/amounts.py", "ROUND_HALF_UP", "ROUND_DOWN")
    after = versions(package)
    assert after["standardise"] != before["standardise"]
    assert after["build_star"] == before["build_star"]


def test_a_changed_column_changes_the_version(package: Path, edit: Edit):
    before = versions_before()
    edit("contracts/star.py", 'Column("week_of_year", "integer"', 'Column("week_of_year", "bigint"')
    assert versions(package)["build_star"] != before["build_star"]


def test_another_form_of_the_requests_changes_the_versions_of_both_jobs(package: Path, edit: Edit):
    before = versions_before()
    edit("spark_jobs/requests.py", '"counted": list(', '"counted_lines": list(')
    after = versions(package)
    assert all(after[job] != before[job] for job in JOBS)


def test_code_that_only_starts_jobs_keeps_the_version(package: Path, edit: Edit):
    before = versions_before()
    edit("cli/__init__.py", "import ", "import json\nimport ")
    edit("spark_jobs/harness.py", "_PARENT_CHECK_SECONDS = 1.0", "_PARENT_CHECK_SECONDS = 2.0")
    assert versions(package) == before


def test_the_stamp_of_the_code_changes_with_the_time_of_each_module_that_a_version_is_derived_from(
    package: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(finance_platform, "__file__", str(package / "__init__.py"))
    before = code_stamp.__wrapped__()
    assert code_stamp.__wrapped__() == before
    rule = package / "transforms" / "dim_date.py"
    os.utime(rule, ns=(1, rule.stat().st_mtime_ns + 1))
    assert code_stamp.__wrapped__() != before


def test_the_platforms_version_changes_with_any_file_that_is_not_compiled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    package = copied(tmp_path)
    monkeypatch.setattr(finance_platform, "__file__", str(package / "__init__.py"))
    before = platform_version()
    compiled = package / "feeds" / "__pycache__"
    compiled.mkdir(exist_ok=True)
    (compiled / "amounts.pyc.140").write_bytes(b"being written")
    (package / "feeds" / "amounts.pyc").touch()
    assert platform_version() == before
    cli = package / "cli" / "close.py"
    cli.write_bytes(cli.read_bytes() + b"\n")
    assert platform_version() != before
    cli.write_bytes(cli.read_bytes().rstrip(b"\n") + b"\n")
    assert platform_version() == before


PROCESS = """
from finance_platform import code_version
derive, derived = code_version._derive_version, []
code_version._derive_version = lambda job, modified_at: derived.append(job) or derive(job, modified_at)
print(*[code_version.code_version(job) for job in code_version.JOBS], *derived)
"""


PLATFORM = """
import sys, time, types
from pathlib import Path
from finance_platform import code_version
hash_file, read = code_version._hash_file, []
code_version._hash_file = lambda *file: read.append(file) or hash_file(*file)
# Each file takes ten seconds to read, as on a busy machine.
code_version.time = types.SimpleNamespace(time_ns=lambda: time.time_ns() + len(read) * 10**10)
for name in sys.argv[1:]:
    Path(name).touch()
print(code_version.platform_version(), len(read))
"""

REPLACED = """
import os, sys, time
from pathlib import Path
from finance_platform.code_version import platform_version
path, seconds = Path(sys.argv[1]), float(sys.argv[2])
first, before = platform_version(), path.stat()
path.write_bytes(path.read_bytes().replace(b"e", b"f", 1))
os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
time.sleep(seconds)
print(first, platform_version())
"""


@dataclass(frozen=True)
class Installed:
    """A copy of the package, as a folder that may have what earlier processes have kept."""

    folder: Path

    def versions(self, **variables: str) -> tuple[list[str], list[str]]:
        """Return the versions that a process of its own has, and the jobs whose version it has derived."""
        words = self._printed(PROCESS, **variables)
        return words[:2], words[2:]

    def platform(self, *touched: Path) -> tuple[str, bool]:
        """Return the platform's version in a process of its own, and whether that has read the files.

        Args:
            touched: files that it writes before.
        """
        version, read = self._printed(PLATFORM, *map(str, touched), PYTHONDONTWRITEBYTECODE="")
        return version, read != "0"

    def platform_before_and_after(self, changed: Path) -> tuple[str, str]:
        """Return what one process has for the platform's version before and after a file's content is another one."""
        first, second = self._printed(REPLACED, str(changed), str(SETTLED), PYTHONDONTWRITEBYTECODE="")
        return first, second

    def _printed(self, script: str, *arguments: str, **variables: str) -> list[str]:
        environment = {**unmeasured_environment(), "PYTHONPATH": str(self.folder), **variables}
        environment = {name: value for name, value in environment.items() if value or name not in variables}
        done = subprocess.run(
            [sys.executable, "-c", script, *arguments],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.split()

    def kept(self) -> list[Path]:
        return list((self.folder / "finance_platform" / "__pycache__").glob("*.json*"))


@pytest.fixture
def installed(tmp_path: Path) -> Installed:
    copied(tmp_path)
    return Installed(tmp_path)


def test_a_later_process_derives_no_version_of_the_same_files(installed: Installed):
    first, derived = installed.versions(PYTHONDONTWRITEBYTECODE="")
    assert (first, derived) == (list(versions_before().values()), list(JOBS))
    assert len(installed.kept()) == 1
    assert installed.versions(PYTHONDONTWRITEBYTECODE="") == (first, [])


def test_a_file_with_another_content_and_the_same_time_and_size_has_its_own_version(installed: Installed):
    first, _ = installed.versions(PYTHONDONTWRITEBYTECODE="")
    path = installed.folder / "finance_platform" / "feeds" / "values" / "amounts.py"
    before, source = path.stat(), path.read_text()
    path.write_text(source.replace(" >= ", " <= ", 1) if " >= " in source else source.replace(" < ", " > ", 1))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size
    changed, derived = installed.versions(PYTHONDONTWRITEBYTECODE="")
    assert derived == list(JOBS)
    assert changed != first


def test_what_is_kept_for_other_files_or_damaged_is_derived_and_kept_again(installed: Installed):
    first, _ = installed.versions(PYTHONDONTWRITEBYTECODE="")
    (file,) = installed.kept()
    whole = file.read_bytes()
    for content in (b"", b"[]", b"{}", b'{"sources": "other", "versions": {"standardise": "other"}}'):
        file.write_bytes(content)
        assert installed.versions(PYTHONDONTWRITEBYTECODE="") == (first, list(JOBS)), content
        assert file.read_bytes() == whole, content


def test_where_python_writes_no_bytecode_nothing_is_kept(installed: Installed):
    assert installed.versions(PYTHONDONTWRITEBYTECODE="1") == installed.versions(PYTHONDONTWRITEBYTECODE="1")
    assert installed.kept() == []


def test_a_folder_that_cannot_be_written_changes_no_version(installed: Installed):
    (installed.folder / "bytecode").write_text("no folder")
    first, derived = installed.versions(
        PYTHONPYCACHEPREFIX=str(installed.folder / "bytecode"), PYTHONDONTWRITEBYTECODE=""
    )
    assert (first, derived) == (list(versions_before().values()), list(JOBS))


def test_a_later_process_reads_no_file_for_the_platforms_version(installed: Installed):
    time.sleep(SETTLED)
    first, _ = installed.platform()
    assert installed.platform() == (first, False)
    path = installed.folder / "finance_platform" / "feeds" / "builtin" / "accounts.yaml"
    before = path.stat()
    path.write_bytes(path.read_bytes().replace(b"e", b"f", 1))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size
    changed, has_read = installed.platform()
    assert has_read
    assert changed != first


def test_the_version_of_files_that_were_just_written_is_not_kept(installed: Installed):
    path = installed.folder / "finance_platform" / "settings.py"
    first, _ = installed.platform(path)
    assert installed.kept() == []
    time.sleep(SETTLED)
    assert installed.platform() == (first, True)
    assert installed.platform() == (first, False)


def test_a_process_that_outlives_an_update_keeps_no_wrong_version_for_later_ones(installed: Installed):
    """The update keeps time and size of the file."""
    first, second = installed.platform_before_and_after(
        installed.folder / "finance_platform" / "feeds" / "builtin" / "accounts.yaml"
    )
    assert first != second
    assert installed.platform() == (second, False)
