"""Runs a command in its own process and measures seconds, processor seconds and memory.

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

_SAMPLE_SECONDS = 0.05
_SAMPLES_PER_LISTING = 5
_PROC = Path("/proc")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Measurement:
    """The cost of one command.

    Attributes:
        seconds: from start to end.
        processor_seconds: of all processes together.
        peak_bytes: highest resident memory of all processes together, shared pages counted for each; None if the
            system has no /proc.
    """

    seconds: float
    processor_seconds: float
    peak_bytes: int | None


def compile_product() -> None:
    """Compile the product's bytecode, as pip does on installation."""
    subprocess.run([sys.executable, "-m", "compileall", "-q", str(ROOT / "finance_platform")], check=True)


def environment() -> dict[str, str]:
    """Return this process's environment without the variables that would change a measurement."""
    excluded = ("PYTHONDONTWRITEBYTECODE", "FINANCE_PLATFORM_")
    return {name: value for name, value in os.environ.items() if not name.startswith(excluded)}


def measure(command: Sequence[str], folder: Path) -> Measurement:
    """Run a command to its end and return its cost.

    Raises:
        RuntimeError: the command failed; contains the end of its output.
    """
    output = folder / "output.txt"
    started = time.perf_counter()
    with output.open("wb") as stream:
        process = subprocess.Popen(command, stdout=stream, stderr=subprocess.STDOUT, env=environment(), cwd=folder)
    memory = _MemorySampler(process.pid)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    memory.stop()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        end = output.read_text(errors="replace")[-2000:]
        raise RuntimeError(f"{' '.join(command)} ended with exit code {process.returncode}:\n{end}")
    return Measurement(seconds, usage.ru_utime + usage.ru_stime, memory.peak_bytes)


class _MemorySampler(threading.Thread):
    """Samples the resident memory of a process and its descendants, and keeps the highest sum."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.peak_bytes: int | None = 0 if (_PROC / "self" / "statm").exists() else None
        self._pid = pid
        self._stopped = threading.Event()
        if self.peak_bytes is not None:
            self.start()

    def run(self) -> None:
        processes: list[int] = []
        sample = 0
        while not self._stopped.wait(_SAMPLE_SECONDS):
            if sample % _SAMPLES_PER_LISTING == 0:
                processes = _with_descendants(self._pid)
            sample += 1
            self.peak_bytes = max(self.peak_bytes or 0, sum(map(_resident_bytes, processes)))

    def stop(self) -> None:
        """Stop sampling."""
        self._stopped.set()
        if self.is_alive():
            self.join()


def _with_descendants(pid: int) -> list[int]:
    """Return a process and its descendants."""
    children: dict[int, list[int]] = {}
    for folder in _PROC.iterdir():
        if folder.name.isdigit():
            children.setdefault(_parent(folder), []).append(int(folder.name))
    processes = [pid]
    for process in processes:
        processes.extend(children.get(process, ()))
    return processes


def _parent(folder: Path) -> int:
    try:
        # The name, in parentheses, may contain anything; state and parent follow it.
        return int((folder / "stat").read_text(errors="replace").rpartition(")")[2].split()[1])
    except (OSError, IndexError):
        return 0  # the process has ended


def _resident_bytes(pid: int) -> int:
    try:
        return int((_PROC / str(pid) / "statm").read_text().split()[1]) * _PAGE_BYTES
    except (OSError, IndexError):
        return 0  # the process has ended
