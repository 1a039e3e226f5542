"""What Redshift's line does wrong, on request: cut at a statement, or an error instead of an answer.

Belongs here: which statement, counted from when a fault is set. Does not belong here: messages (see `redshift_wire`).
"""

from __future__ import annotations

import threading


class ClosedError(Exception):
    """One side has hung up, or a fault did."""


class Faults:
    """What the line does wrong, on request; statements of the loader are counted from when a fault is set."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.statements: list[str] = []
        self._cut_at: int | None = None
        self._is_cut_after = False
        self._errors: list[tuple[str, str, str]] = []
        self._error_where = ""

    def clear(self) -> None:
        """Do nothing wrong from now on, and forget what was run."""
        with self._lock:
            self.statements = []
            self._cut_at, self._is_cut_after, self._errors, self._error_where = None, False, [], ""

    def cut(self, at: int, *, after: bool = False) -> None:
        """Cut the line at a statement, from 0: before the server gets it, or after it did it and before it says so."""
        self.clear()
        self._cut_at, self._is_cut_after = at, after

    def answer(self, state: str, text: str, detail: str = "", *, to: str = "", times: int = 1) -> None:
        """Let so many statements that begin with `to` fail."""
        with self._lock:
            self._errors, self._error_where = [(state, text, detail)] * times, to

    def begins(self, sql: str) -> tuple[str, str, str] | None:
        """Note that a statement begins; return the error that it is to have."""
        with self._lock:
            self.statements.append(sql)
            if self._cut_at == len(self.statements) - 1 and not self._is_cut_after:
                self._cut_at = None
                raise ClosedError
            if self._errors and sql.startswith(self._error_where):
                return self._errors.pop()
            return None

    def ends(self) -> None:
        """Note that a statement was done, before the client hears of it."""
        with self._lock:
            if self._is_cut_after and self._cut_at is not None and len(self.statements) > self._cut_at:
                self._cut_at = None
                raise ClosedError
