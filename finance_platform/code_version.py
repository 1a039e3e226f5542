"""The version of the code that a Spark job runs: a hash of its rules, independent of their wording and file names.

Belongs here: the modules that determine the rows of a job, and their normal form. Does not belong here: comparing
versions (see `slices.versions`, `spark_jobs.harness`).

A moved or renamed module, a better docstring, comment or column description give the same version; a changed rule gives
another one. The normal form does not depend on the version of Python, since the platform and its jobs may differ there.
"""

from __future__ import annotations

import ast
import gc
import hashlib
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Literal

import finance_platform
from finance_platform.code_version_cache import keep_versions, read_kept_versions

JobName = Literal["standardise", "build_star"]
JOBS: tuple[JobName, ...] = ("standardise", "build_star")

_PACKAGES = ("contracts", "feeds", "transforms", "spark_jobs")
"""Only modules of these packages determine the rows of a job; storage and the register do not depend on the rules."""

_ONLY_START_JOBS = frozenset({"spark_jobs.arguments", "spark_jobs.harness", "spark_jobs.job_lock"})
"""`spark_jobs.requests` is not among them: a job must not read a request that another release wrote in another form."""

_DESCRIPTIONS = {"Column": (2, "description"), "Contract": (2, "grain")}
"""By constructor of a contract: position and name of the argument that is only documentation."""

_FileVersion = tuple[str, int, int, int, int]
"""Path, modification time, size, time of the last change and inode of a file. No program sets the time of a change, so
an update that keeps time and size has another one."""

_PLATFORM = "platform_version"

_SETTLED_AFTER = 2_000_000_000
"""Nanoseconds; times of files are as coarse as some milliseconds, on old file systems a second."""

_WITH_STATEMENTS = (ast.stmt, ast.ExceptHandler, ast.match_case)


@cache
def code_version(job: JobName) -> str:
    """Return the version of a job's code when this function was first called in this process."""
    code_stamp()  # before, so that it is not of later files
    return current_code_version(job)


@cache
def code_stamp() -> str:
    """Return a hash of name, file and time of the modules that versions are derived from, when it was first called.

    Of two processes on one machine that have the same, each may take the versions of the other one.
    """
    modified_at = _modification_times(Path(str(finance_platform.__file__)).parent)
    return hashlib.sha256(repr(modified_at).encode()).hexdigest()[:32]


def platform_version() -> str:
    """Return a hash of every file of the platform on disk now: its code, SQL and descriptors.

    Another version of the platform may check, show or repair more, even if its jobs make the same rows.
    """
    package = str(Path(str(finance_platform.__file__)).parent)
    return _version_of_files(package, tuple(sorted(_files(package))))


@lru_cache(maxsize=4)
def _version_of_files(package: str, files: tuple[_FileVersion, ...]) -> str:
    """Return the version of the platform; a process that finds it kept for the same files reads none of a thousand."""
    listing = hashlib.sha256(repr(files).encode()).hexdigest()
    kept = read_kept_versions(listing, of=_PLATFORM)
    if _PLATFORM in kept:
        return kept[_PLATFORM]
    read_at, digest = time.time_ns(), hashlib.sha256()
    for file in files:
        digest.update(f"{file[0].removeprefix(package)}\0".encode())
        digest.update(_hash_file(*file))
    version = digest.hexdigest()[:32]
    # A file that was written just before it was read may have been written again since without another time.
    if read_at - max(changed_at for _, _, _, changed_at, _ in files) > _SETTLED_AFTER:
        keep_versions(listing, {_PLATFORM: version}, of=_PLATFORM)
    return version


def _files(folder: str) -> Iterator[_FileVersion]:
    """Yield each file below a folder, without what Python has compiled.

    `Path.rglob` takes five times as long, and a refresh walks the package a dozen times.
    """
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                if entry.name != "__pycache__":
                    yield from _files(entry.path)
            elif entry.is_file() and not entry.name.endswith(".pyc"):
                status = entry.stat()
                yield entry.path, status.st_mtime_ns, status.st_size, status.st_ctime_ns, status.st_ino


@cache
def _hash_file(file: str, *_version: int) -> bytes:
    """Hash a file; one with the same version (see `_FileVersion`) is read once per process."""
    return hashlib.sha256(Path(file).read_bytes()).digest()


def trust_code_versions(versions: Mapping[str, str]) -> None:
    """Take the versions of the jobs' code as given, as long as its files stay as they are on disk now.

    Args:
        versions: by job, as `current_code_versions` returned them for the same files.
    """
    modified_at = _modification_times(Path(str(finance_platform.__file__)).parent)
    for job in JOBS:
        if job in versions:
            _TRUSTED[job, modified_at] = versions[job]


def current_code_version(job: JobName) -> str:
    """Return the version of a job's code on disk now; a process may be older than the code."""
    modified_at = _modification_times(Path(str(finance_platform.__file__)).parent)
    return _TRUSTED.get((job, modified_at)) or _kept_version(job, modified_at)


def current_code_versions() -> dict[str, str]:
    """Return what `current_code_version` does of each job, for the same files."""
    modified_at = _modification_times(Path(str(finance_platform.__file__)).parent)
    return {job: _TRUSTED.get((job, modified_at)) or _kept_version(job, modified_at) for job in JOBS}


def source_version(job: JobName, package: Path) -> str:
    """Return the version of a job's code.

    Args:
        job: the job; its version covers the modules that its script imports, directly or indirectly.
        package: the folder of the package `finance_platform`.
    """
    return _derive_version(job, _modification_times(package))


_TRUSTED: dict[tuple[str, tuple[tuple[str, str, int], ...]], str] = {}
"""By job, and name, file and time of each module: versions that were derived from the same files before."""


@lru_cache(maxsize=16)
def _kept_version(job: JobName, modified_at: tuple[tuple[str, str, int], ...]) -> str:
    """Return the version of a job's code, which a process derives that finds no other one has from the same files.

    To hash the files takes a hundredth of a second, to parse them a quarter.
    """
    digest = hashlib.sha256(Path(__file__).read_bytes())
    for name, file, _ in modified_at:
        digest.update(f"{name}\0".encode())
        digest.update(hashlib.sha256(Path(file).read_bytes()).digest())
    sources = digest.hexdigest()
    kept = read_kept_versions(sources)
    if job not in kept:
        kept[job] = _derive_version(job, modified_at)
        keep_versions(sources, kept)
    return kept[job]


@lru_cache(maxsize=16)
def _derive_version(job: JobName, modified_at: tuple[tuple[str, str, int], ...]) -> str:
    """Return the version of a job's code, given name, file and time of each module that it may import."""
    modules = {name: (file, time) for name, file, time in modified_at}
    digests: dict[str, str] = {}
    pending = [f"spark_jobs.{job}_job"]
    with _no_garbage_collection():
        while pending:
            name = pending.pop()
            if name in digests or name in _ONLY_START_JOBS or name not in modules:
                continue
            module = _read_module(*modules[name])
            digests[name] = module.digest
            pending += module.imports
    # The `__init__` of a package has no code, so a package more is no other version.
    digests_of_code = sorted(digest for digest in digests.values() if digest != _WITHOUT_CODE)
    return hashlib.sha256("".join(digests_of_code).encode()).hexdigest()[:16]


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Search for no garbage among the nodes of syntax trees: a fifth of the time, and they refer to no node above."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _modification_times(package: Path) -> tuple[tuple[str, str, int], ...]:
    """Return name, file and time of each module of the packages that determine rows."""
    files = [found for name in _PACKAGES for found in _files(str(package / name)) if found[0].endswith(".py")]
    return tuple(sorted((_module_name(file, package), file, modified_at) for file, modified_at, *_ in files))


@cache
def _module_name(file: str, package: Path) -> str:
    path = Path(file).relative_to(package)
    parts = path.parent.parts if path.name == "__init__.py" else path.with_suffix("").parts
    return ".".join(parts)


@dataclass(frozen=True)
class _Module:
    """The hash of a module's normal form, and the names that it imports from this package."""

    digest: str
    imports: tuple[str, ...]


@cache
def _read_module(file: str, _modified_at: int) -> _Module:
    """Parse a module; a file with the same time is parsed once per process."""
    tree = ast.parse(Path(file).read_bytes())
    return _Module(_digest_of(tree), tuple(_imports(tree)))


def _digest_of(tree: ast.Module) -> str:
    return hashlib.sha256(_normal_form(tree).encode()).hexdigest()


def _imports(tree: ast.Module) -> Iterator[str]:
    """Yield the modules, and names in modules, that a module imports from this package, without the package's name."""
    prefix = f"{finance_platform.__name__}."
    for node in _statements(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(prefix):
            module = str(node.module).removeprefix(prefix)
            yield from (module, *(f"{module}.{alias.name}" for alias in node.names))
        elif isinstance(node, ast.Import):
            yield from (alias.name.removeprefix(prefix) for alias in node.names if alias.name.startswith(prefix))


def _statements(tree: ast.Module) -> Iterator[ast.AST]:
    """Yield every statement, and what contains statements; expressions, which are most nodes, contain none."""
    pending: list[ast.AST] = [tree]
    while pending:
        node = pending.pop()
        yield node
        pending += [child for child in ast.iter_child_nodes(node) if isinstance(child, _WITH_STATEMENTS)]


def _normal_form(node: ast.AST) -> str:
    """Return a syntax tree as text, without imports and documentation.

    A hundred modules have a hundred thousand nodes, for which a first run waits: so no node has a call that it can do
    without.
    """
    if isinstance(node, ast.Call):
        node = _without_description(node)
    forms = []
    for name in node._fields:
        value = getattr(node, name, None)
        # Later versions of Python have more fields; a field without a value changes nothing.
        if value is None:
            continue
        if isinstance(value, ast.AST):
            form = _normal_form(value) if value._fields else f"{type(value).__name__}()"
        elif isinstance(value, list):
            form = _normal_forms(value)
            if form == "[]":
                continue
        else:
            form = repr(value)
        forms.append(f"{name}={form}")
    return f"{type(node).__name__}({','.join(forms)})"


def _normal_forms(nodes: list[Any]) -> str:
    forms = [
        _normal_form(node) if isinstance(node, ast.AST) else repr(node)
        for node in nodes
        if not _is_without_effect(node)
    ]
    return f"[{','.join(forms)}]"


def _is_without_effect(node: Any) -> bool:
    """Return whether a statement changes no result: an import or a text on its own, such as a docstring."""
    if not isinstance(node, ast.stmt):
        return False
    if isinstance(node, ast.If):
        return isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
    is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    return is_text or isinstance(node, (ast.Import, ast.ImportFrom))


def _without_description(call: ast.Call) -> ast.Call:
    """Return a call without the description, if it constructs a contract or a column."""
    if not isinstance(call.func, ast.Name) or call.func.id not in _DESCRIPTIONS:
        return call
    position, name = _DESCRIPTIONS[call.func.id]
    arguments = [*call.args[:position], *call.args[position + 1 :]]
    return ast.Call(call.func, arguments, [keyword for keyword in call.keywords if keyword.arg != name])


_WITHOUT_CODE = _digest_of(ast.parse(""))
"""The hash of a module that only has a docstring and imports."""
