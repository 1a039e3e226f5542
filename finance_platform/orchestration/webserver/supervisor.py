"""Processes that run together: all are stopped by Ctrl-C, by SIGTERM, or when one of them ends.

Belongs here: starting, watching and stopping. Does not belong here: what they run (see `ui_processes`).
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

from finance_platform.errors import UiStoppedError
from finance_platform.orchestration.webserver import watchdog

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_POLL_SECONDS = 0.1


class Supervisor:
    """The processes of one command, which are all stopped at the end of the `with` block.

    Each process leads a group of its own, so that processes that it starts are stopped as well. A second Ctrl-C kills
    them at once. If this process is killed, its watchdog stops them.
    """

    def __init__(self, keep_open: Sequence[int] = (), folder: Path | None = None) -> None:
        """Prepare to start processes.

        Args:
            keep_open: file descriptors, such as that of a lock, that stay open until no process is left.
            folder: the processes' current folder; by default that of this process.
        """
        self._keep_open = tuple(keep_open)
        self._folder = folder
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._signal_count = 0
        self._earlier_handlers: dict[int, Any] = {}

    def __enter__(self) -> Supervisor:
        """Take over the signals and start the watchdog."""
        # A shell starts background jobs with SIGINT ignored. Processes inherit that, and no handler.
        self._earlier_handlers = {number: signal.signal(number, self._on_signal) for number in _SIGNALS}
        read_end, self._groups = os.pipe()
        self._watchdog = subprocess.Popen(
            [sys.executable, "-m", watchdog.__name__], stdin=read_end, pass_fds=self._keep_open, start_new_session=True
        )
        os.close(read_end)
        return self

    def start(
        self, name: str, arguments: Sequence[str], environment: Mapping[str, str], *, pass_fds: Sequence[int] = ()
    ) -> None:
        """Start a process with this Python.

        Args:
            name: for messages.
            arguments: the arguments of the interpreter.
            environment: all its variables.
            pass_fds: file descriptors that it inherits.
        """
        process = subprocess.Popen(
            [sys.executable, *arguments],
            env=environment,
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            pass_fds=pass_fds,
            process_group=0,
        )
        self._processes[name] = process
        os.write(self._groups, f"{process.pid}\n".encode())

    def wait_until(self, condition: Callable[[], bool]) -> bool:
        """Wait until the condition is true, or a signal asks to stop, and return whether it is true.

        Raises:
            UiStoppedError: one of the processes has ended.
        """
        while not self._signal_count:
            self._check_processes()
            if condition():
                return True
            time.sleep(_POLL_SECONDS)
        return False

    def _check_processes(self) -> None:
        for name, process in {**self._processes, "watchdog": self._watchdog}.items():
            code = process.poll()
            if code is not None:
                ended = f"ended with exit code {code}" if code >= 0 else f"was killed by {signal.Signals(-code).name}"
                raise UiStoppedError(
                    f"its process {name} {ended}, so the others were stopped",
                    fix="see the lines above for the cause, then start the UI again",
                )

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop all processes and give the signals back."""
        signals_before = self._signal_count

        def is_impatient() -> bool:
            # A group of which only a zombie is left counts as alive until its process is waited for.
            for process in self._processes.values():
                process.poll()
            return self._signal_count > signals_before

        watchdog.stop_groups([process.pid for process in self._processes.values()], watchdog.STOP_SECONDS, is_impatient)
        os.close(self._groups)
        self._watchdog.wait()
        for number, handler in self._earlier_handlers.items():
            signal.signal(number, handler)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        # Only counted: an exception could be raised between the start of a process and its registration.
        self._signal_count += 1
