"""Starting, limiting and reading the process that parses one workbook.

Belongs here: its life, and what its death means. Does not belong here: parsing (see `workbook_worker`), sheets and
rows (see `workbook`).
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import IO, Any, BinaryIO, NamedTuple, cast

from finance_platform.errors import UnreadableDeliveryError
from finance_platform.feeds.files import workbook_worker
from finance_platform.feeds.files.workbook_shared import SAVE_AGAIN, MergedCells, needs_password
from finance_platform.feeds.limits import (
    MAX_BATCH_CELLS,
    MAX_BATCH_CHARACTERS,
    MAX_WORKBOOK_MEMORY,
    MAX_WORKBOOK_SECONDS,
)

_SPLIT = "send the sheet in several smaller workbooks, or as CSV, which has no limit"


_PARSER_ERROR = "CalamineError: "
_NO_FORMAT = "Cannot detect file format"
"""What the parser says if none of its formats can be opened, whatever the reason."""


class SheetInfo(NamedTuple):
    """A sheet as the workbook lists it."""

    name: str
    is_visible: bool
    has_cells: bool


class SheetArea(NamedTuple):
    """Where the cells of a sheet are; rows are counted from 1, columns and those of merged ranges from 0."""

    first_row: int
    first_column: int
    width: int
    merged: MergedCells


class WorkbookProcess:
    """The process that parses one workbook, which ends with this object.

    Attributes:
        sheets: the workbook's sheets, in its order.
        long_numbers: the texts of cells of the last batch that are numbers of more than 15 digits, not texts.
        three_decimals: by the place of its columns, the texts of cells that are numbers below 1000 with three
            decimals, such as 1.234.
    """

    def __init__(self, stream: BinaryIO) -> None:
        """Start the process and have it open the workbook.

        Args:
            stream: the workbook, a file of this machine.

        Raises:
            UnreadableDeliveryError: the file is not a workbook, is damaged, or needs a password.
        """
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        command = [sys.executable, "-m", workbook_worker.__name__, str(stream.fileno())]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            pass_fds=[stream.fileno()],
        )
        self._requests = cast("IO[bytes]", self._process.stdin)
        self._frames = workbook_worker.read_frames(self._process.stdout)
        self._is_sending = self._is_closed = False
        self.long_numbers: frozenset[str] = frozenset()
        self.three_decimals: Mapping[int, frozenset[str]] = {}
        try:
            self._request(f"{MAX_WORKBOOK_MEMORY} {MAX_WORKBOOK_SECONDS} {MAX_BATCH_CELLS} {MAX_BATCH_CHARACTERS}")
            self.sheets = [SheetInfo(*sheet) for sheet in self._next()]
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> WorkbookProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the process; its sheets cannot be read after that."""
        self._is_closed = True
        self._process.kill()
        self._process.communicate()

    def open_sheet(self, number: int) -> tuple[SheetArea, Iterator[list[list[str]]]]:
        """Return a sheet's area and its rows, as batches of columns of text; ends what an earlier call returned.

        Raises:
            UnreadableDeliveryError: the sheet is damaged, or takes more memory or time than is allowed.
        """
        self._request(str(number))
        while self._is_sending:
            self._is_sending = self._next() is not None
        return SheetArea(*self._next()), self._batches()

    def _batches(self) -> Iterator[list[list[str]]]:
        self._is_sending = True
        while self._is_sending:
            batch = self._next()
            self._is_sending = batch is not None
            if batch is not None:
                columns, long_numbers, self.three_decimals = batch
                self.long_numbers = frozenset(long_numbers)
                yield columns

    def _request(self, text: str) -> None:
        try:
            self._requests.write(f"{text}\n".encode())
            self._requests.flush()
        except BrokenPipeError:
            raise self._death() from None

    def _next(self) -> Any:
        if self._is_closed:
            raise ValueError("the workbook is closed; read each sheet before asking for the next")
        try:
            values = next(self._frames)
        except (StopIteration, EOFError, ValueError):
            raise self._death() from None
        if isinstance(values, dict):
            raise _failure(values["error"])
        return values

    def _death(self) -> UnreadableDeliveryError:
        code = self._process.wait()
        if code == -signal.SIGXCPU:
            return UnreadableDeliveryError(
                f"the workbook takes more than {MAX_WORKBOOK_SECONDS} seconds of processor time to be read", fix=_SPLIT
            )
        return (
            _too_large()
            if code in {-signal.SIGABRT, -signal.SIGKILL}
            else _failure(f"the reader ended with code {code}")
        )


def _failure(reason: str) -> UnreadableDeliveryError:
    if reason == "password":
        return needs_password()
    if reason == "memory":
        return _too_large()
    if _NO_FORMAT in reason:
        reason = "no format that is read fits its parts"
    elif not reason.startswith(_PARSER_ERROR):
        reason = "the parser stopped on it"  # a panic, or a signal: its words are of the parser's own code
    return UnreadableDeliveryError(
        f"the workbook cannot be read: it is damaged ({reason.removeprefix(_PARSER_ERROR)})", fix=SAVE_AGAIN
    )


def _too_large() -> UnreadableDeliveryError:
    return UnreadableDeliveryError(
        f"the workbook's cells take more than {MAX_WORKBOOK_MEMORY >> 30} GiB of memory, the most that is used",
        fix=f"{_SPLIT}; if it has few cells, remove those that lie far apart from the others",
    )
