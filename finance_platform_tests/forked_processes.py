"""Scripts in processes that are forked from one which has imported what jobs import, in place of new interpreters.

Belongs here: the process that forks, and what a caller of `subprocess.Popen` needs of the forked one. Does not belong
here: anything that a script does.

A new interpreter takes a third of a second to import what each job needs, and as long again to derive the versions of
the jobs' code. A forked process has its own descriptors, environment, arguments, signals, limits and end, so what
starts it sees the same. New interpreters run scripts in the nightly profile, in the first test of each file of
runners, and in commands in processes of their own (080).
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import traceback
import types
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType
from typing import IO, Any

import pytest

from finance_platform_tests.profiles import current_profile

_MAX_BYTES = 2**20
_MAX_DESCRIPTORS = 16


@contextmanager
def scripts_are_forked(*modules: ModuleType, imports: str) -> Iterator[None]:
    """Let these modules fork their processes, which run scripts of Python; at night they start them.

    Args:
        modules: what starts processes by `subprocess.Popen`.
        imports: the module that most scripts import.
    """
    if current_profile().is_exhaustive:
        yield
        return
    own, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    command = [sys.executable, "-P", str(Path(__file__)), str(other.fileno()), imports]
    with own, subprocess.Popen(command, pass_fds=[other.fileno()], stdin=subprocess.DEVNULL) as server:
        other.close()

        class Forked(_Process):
            """A process of this server."""

            def __init__(self, command: Sequence[str], **options: Any) -> None:
                super().__init__(own, command, **options)

        with pytest.MonkeyPatch.context() as patch:
            for module in modules:
                patch.setattr(module, "subprocess", types.SimpleNamespace(**{**vars(subprocess), "Popen": Forked}))
            yield
        own.close()  # which ends the server
        server.wait()


class _Process:
    """A forked process, with what callers of `subprocess.Popen` use."""

    def __init__(
        self,
        server: socket.socket,
        command: Sequence[str],
        *,
        env: Mapping[str, str],
        pass_fds: Sequence[int],
        stdin: int | None = None,
        stdout: int | None = None,
        stderr: int | None = None,
        text: bool = False,
    ) -> None:
        assert command[:2] == [sys.executable, "-P"]
        self.stdin: IO[str] | None = None
        self.stdout: IO[str] | None = None
        self.returncode: int | None = None
        inherited, opened = [0, 1, 2], []
        if stdin == subprocess.PIPE:
            assert text
            inherited[0], writer = os.pipe()
            opened.append(inherited[0])
            self.stdin = os.fdopen(writer, "w", encoding="utf-8")
        if stdout == subprocess.PIPE:
            reader, inherited[1] = os.pipe()
            opened.append(inherited[1])
            self.stdout = os.fdopen(reader, encoding="utf-8")
        if stderr == subprocess.DEVNULL:
            inherited[2] = os.open(os.devnull, os.O_WRONLY)
            opened.append(inherited[2])
        self._end, written_at_end = os.pipe()
        opened.append(written_at_end)
        may_begin, hold = os.pipe()
        opened.append(may_begin)
        order = {"command": command[2:], "environment": dict(env), "folder": str(Path.cwd()), "numbers": [*pass_fds]}
        socket.send_fds(server, [json.dumps(order).encode()], [written_at_end, may_begin, *inherited, *pass_fds])
        for descriptor in opened:
            os.close(descriptor)
        self.pid = int(server.recv(_MAX_BYTES))
        os.close(hold)  # it begins when this process knows it, as one that is started and not forked mostly does

    def poll(self) -> int | None:
        """Return the exit code, negative for a signal; None if the process has not ended."""
        with suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end, and return the exit code."""
        if self.returncode is None:
            if not select.select([self._end], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired("a forked process", timeout or 0)
            self.returncode = int(os.read(self._end, _MAX_BYTES))
            os.close(self._end)
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal, unless the process has ended."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        """End the process."""
        self.send_signal(signal.SIGKILL)


def _serve(server: socket.socket) -> Sequence[str] | None:
    """Fork a process for each order until the caller has gone; return its script and arguments in a forked one."""
    ends: dict[int, int] = {}
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    while True:
        ready = select.select([server.fileno(), woken], [], [])[0]
        if woken in ready:
            os.read(woken, _MAX_BYTES)
            _report_ends(ends)
        if server.fileno() not in ready:
            continue
        content, descriptors, *_ = socket.recv_fds(server, _MAX_BYTES, _MAX_DESCRIPTORS)
        if not content:
            return None
        pid = os.fork()
        if pid == 0:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for descriptor in (woken, wake, *ends.values(), descriptors[0]):
                os.close(descriptor)
            server.close()
            os.read(descriptors[1], 1)
            os.close(descriptors[1])
            return _become(json.loads(content), descriptors[2:])
        ends[pid] = descriptors[0]
        for descriptor in descriptors[1:]:
            os.close(descriptor)
        server.send(str(pid).encode())


def _report_ends(ends: dict[int, int]) -> None:
    with suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            pid, status = ended
            os.write(ends[pid], str(os.waitstatus_to_exitcode(status)).encode())
            os.close(ends.pop(pid))


def _become(order: Mapping[str, Any], descriptors: Sequence[int]) -> Sequence[str]:
    """Take over descriptors, environment and folder of an order; return its script and arguments."""
    numbers = [0, 1, 2, *order["numbers"]]
    # Copies beyond all numbers first, since a number that is to be taken over may be in use for another.
    free = max([*numbers, *descriptors]) + 1
    copies = [os.dup2(descriptor, free + position) for position, descriptor in enumerate(descriptors)]
    for descriptor in descriptors:
        os.close(descriptor)
    for copy, number in zip(copies, numbers, strict=True):
        os.dup2(copy, number)
        os.close(copy)
    os.environ.clear()
    os.environ.update(order["environment"])
    os.chdir(order["folder"])
    command: list[str] = order["command"]
    return command


def _run(script: str) -> int:
    """Run a script as an interpreter does, and return its exit code; negative for a signal."""
    try:
        runpy.run_path(script, run_name="__main__")
    except SystemExit as end:
        if isinstance(end.code, str):
            sys.stderr.write(f"{end.code}\n")
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except KeyboardInterrupt:
        traceback.print_exc()
        return -signal.SIGINT
    except BaseException as error:
        sys.excepthook(type(error), error, error.__traceback__)
        return 1
    return 0


def _end(code: int) -> None:
    """End this process as an interpreter does, but for freeing what it has imported, which nothing outside sees."""
    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
    except OSError:
        traceback.print_exc()
        code = code or 120
    with suppress(OSError):
        sys.stderr.flush()
    if code < 0:
        signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


def _main() -> None:
    from finance_platform.code_version import JOBS, code_version

    importlib.import_module(sys.argv[2])
    for job in JOBS:
        code_version(job)
    gc.freeze()
    command = _serve(socket.socket(fileno=int(sys.argv[1])))
    if command is not None:
        sys.argv = [*command]
        _end(_run(command[0]))


if __name__ == "__main__":
    _main()
