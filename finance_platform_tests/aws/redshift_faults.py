"""Faults of the connection to Redshift: it is cut at a statement, or a statement fails.

Belongs here: at which statement. Does not belong here: messages (see `redshift_wire`).
"""

from __future__ import annotations

import threading


class ClosedError(Exception):
    """One side has closed the connection, or a fault has."""


class Faults:
    """The faults to inject; statements of the loader are counted from the last `clear` or `cut`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.statements: list[str] = []
        self._cut_at: int | None = None
        self._is_cut_after = False
        self._errors: list[tuple[str, str, str]] = []
        self._error_at = ""

    def clear(self) -> None:
        """Remove all faults, and the list of statements."""
        with self._lock:
            self.statements = []
            self._cut_at, self._is_cut_after, self._errors, self._error_at = None, False, [], ""

    def cut(self, at: int, *, after: bool = False) -> None:
        """Cut the connection at a statement, from 0: before it reaches the server, or before its result is returned."""
        self.clear()
        self._cut_at, self._is_cut_after = at, after

    def fail(self, state: str, text: str, detail: str = "", *, at: str = "", times: int = 1) -> None:
        """Let the next `times` statements that begin with `at` fail."""
        with self._lock:
            self._errors, self._error_at = [(state, text, detail)] * times, at

    def begin_statement(self, sql: str) -> tuple[str, str, str] | None:
        """Count a statement; return the error with which it fails, if any."""
        with self._lock:
            self.statements.append(sql)
            if self._cut_at == len(self.statements) - 1 and not self._is_cut_after:
                self._cut_at = None
                raise ClosedError
            if self._errors and sql.startswith(self._error_at):
                return self._errors.pop()
            return None

    def end_statement(self) -> None:
        """Called when a statement is done, before the client gets the result."""
        with self._lock:
            if self._is_cut_after and self._cut_at is not None and len(self.statements) > self._cut_at:
                self._cut_at = None
                raise ClosedError
