"""A command in a process of its own, watched from outside: seconds, processor seconds, memory.

Belongs here: starting and measuring processes. Does not belong here: which commands (see the benchmarks).
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PRODUCT = (sys.executable, "-m", "finance_platform.cli")

_SAMPLED_EVERY_SECONDS = 0.05
_FAMILY_EVERY_SAMPLES = 5
_PROC = Path("/proc")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Measured:
    """What one command took.

    Attributes:
        seconds: from start to end.
        processor_seconds: of all processes together.
        peak_bytes: the most that all processes held at one moment, shared pages counted by each; None where the
            system has no /proc.
    """

    seconds: float
    processor_seconds: float
    peak_bytes: int | None


def compile_product() -> None:
    """Compile the product's bytecode, as pip does on installation."""
    subprocess.run([sys.executable, "-m", "compileall", "-q", str(ROOT / "finance_platform")], check=True)


def environment() -> dict[str, str]:
    """Return this process's environment without what would change a measurement."""
    unwanted = ("PYTHONDONTWRITEBYTECODE", "FINANCE_PLATFORM_")
    return {name: value for name, value in os.environ.items() if not name.startswith(unwanted)}


def watch(command: Sequence[str], folder: Path) -> Measured:
    """Run a command to its end and return what it took.

    Raises:
        RuntimeError: the command failed; says its last words.
    """
    output = folder / "output.txt"
    begin = time.perf_counter()
    with output.open("wb") as stream:
        process = subprocess.Popen(command, stdout=stream, stderr=subprocess.STDOUT, env=environment(), cwd=folder)
    memory = _MemoryWatch(process.pid)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - begin
    memory.stop()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        words = output.read_text(errors="replace")[-2000:]
        raise RuntimeError(f"{' '.join(command)} ended with exit code {process.returncode}:\n{words}")
    return Measured(seconds, usage.ru_utime + usage.ru_stime, memory.peak_bytes)


class _MemoryWatch(threading.Thread):
    """Adds up the resident memory of a process and all below it, again and again, and keeps the highest sum."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.peak_bytes: int | None = 0 if (_PROC / "self" / "statm").exists() else None
        self._pid = pid
        self._over = threading.Event()
        if self.peak_bytes is not None:
            self.start()

    def run(self) -> None:
        family: list[int] = []
        sample = 0
        while not self._over.wait(_SAMPLED_EVERY_SECONDS):
            if sample % _FAMILY_EVERY_SAMPLES == 0:
                family = _family(self._pid)
            sample += 1
            self.peak_bytes = max(self.peak_bytes or 0, sum(map(_resident_bytes, family)))

    def stop(self) -> None:
        """End the watch."""
        self._over.set()
        if self.is_alive():
            self.join()


def _family(pid: int) -> list[int]:
    """Return a process and all below it."""
    children: dict[int, list[int]] = {}
    for folder in _PROC.iterdir():
        if folder.name.isdigit():
            children.setdefault(_parent(folder), []).append(int(folder.name))
    found = [pid]
    for member in found:
        found.extend(children.get(member, ()))
    return found


def _parent(folder: Path) -> int:
    try:
        # The name, in parentheses, may hold anything; state and parent follow it.
        return int((folder / "stat").read_text(errors="replace").rpartition(")")[2].split()[1])
    except (OSError, IndexError):
        return 0  # it has ended meanwhile


def _resident_bytes(pid: int) -> int:
    try:
        return int((_PROC / str(pid) / "statm").read_text().split()[1]) * _PAGE_BYTES
    except (OSError, IndexError):
        return 0  # it has ended meanwhile
