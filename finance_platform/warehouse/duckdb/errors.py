"""DuckDB's errors as the platform's own.

Belongs here: the mapping. DuckDB is a library on a local file, so none of its errors is transient.
Does not belong here: a file that was replaced in between (see `atomic_file`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from finance_platform.errors import DamagedWarehouseError, LoadError, QueryError
from finance_platform.warehouse.duckdb.damaged_file import is_damage
from finance_platform.warehouse.port import WarehouseInUseError
from finance_platform.warehouse.schema_version import fix_of_missing_table

_INTERRUPTED = "Query interrupted"
"""DuckDB's error for a statement during which Ctrl-C was pressed."""

_MACHINE_FIXES = {
    "Permission denied": "make the file and its folder readable and writable for this user",
    "No space left on device": "free space there, then run again; nothing was published",
    "Read-only file system": "mount the file system writable, or choose another home with --home",
    "Is a directory": "a folder is where the warehouse's file is expected: move it away",
}
"""What to do, by a part of DuckDB's message that comes from the operating system."""


_LOCKED = re.compile(
    r"Could not set lock on file \"(?P<path>.+?)\"(?:.*?held in (?P<program>.+? \(PID \d+\)))?", re.DOTALL
)
"""DuckDB's error for a file that another process has open; it names the process, if it may see it."""

_FIX_LOCK = "close the file in that program, or open it read-only there (docs/bi.md); then run again"


_OUT_OF_RANGE = "DECIMAL(18,2) failed: value is out of range"
_FIX_TOO_FAR = (
    "nothing was published: a figure would move by more than 16 digits hold since the last load; withdraw the last "
    "file with such amounts and run, then take it back by `finance-platform withdraw --undo` and run again"
)
"""A verdict is made beside what counts; what a person withdrew just before it is published until the next load."""


@contextmanager
def query_errors(fix: str) -> Iterator[None]:
    """Raise a QueryError with this fix for any error of DuckDB, and KeyboardInterrupt where it hides one.

    Raises:
        QueryError: DuckDB reports an error.
        WarehouseInUseError: the error says that another program has the database file open for writing.
        DamagedWarehouseError: the error says that the database file is damaged.
    """
    import duckdb

    try:
        yield
    except (duckdb.InterruptException, RuntimeError) as error:
        if isinstance(error, duckdb.InterruptException) or str(error) == _INTERRUPTED:
            raise KeyboardInterrupt from error
        raise
    except duckdb.Error as error:
        if is_damage(error):
            raise DamagedWarehouseError("the warehouse", _in_one_line(str(error))) from error
        if locked := _LOCKED.match(str(error).partition("Error: ")[2]):
            by = locked["program"] or "another program"
            raise WarehouseInUseError(f"{locked['path']} is open for writing in {by}", fix=_FIX_LOCK) from error
        raise QueryError(_in_one_line(str(error)), fix=_fix_of(error, fix)) from error


def _in_one_line(message: str) -> str:
    """Return an error of DuckDB as a sentence: instead of a drawing that underlines a part of the SQL, the part."""
    text, _, drawing = message.partition("\n\nLINE ")
    written, _, underline = drawing.partition("\n")
    begin, end = underline.find("^"), underline.rfind("^") + 1
    # DuckDB counts bytes of long lines in its own way; an underline beyond the text is left out.
    part = f"LINE {written}"[begin:end] if begin >= 0 else ""
    return " ".join(f"{text}{f', at {part!r}' if part else ''}".split())


@contextmanager
def load_errors(attempted: str, *, reads_parquet: bool = False) -> Iterator[None]:
    """Raise a LoadError that names the attempt for any error of DuckDB.

    Args:
        attempted: what is attempted.
        reads_parquet: whether a file of the processed zone may be the damaged one.

    Raises:
        LoadError: DuckDB reports an error.
        DamagedWarehouseError: the error says that the database file is damaged.
    """
    import duckdb

    try:
        yield
    except duckdb.Error as error:
        if is_damage(error) and not reads_parquet:
            raise DamagedWarehouseError("the warehouse", str(error)) from error
        fix = _FIX_TOO_FAR if _OUT_OF_RANGE in str(error) else "nothing was published; fix the cause and run again"
        fix = _fix_of(error, fix)
        raise LoadError(f"{attempted}: {error}", fix=fix) from error


def _fix_of(error: Exception, fix: str) -> str:
    """Return the fix of an error of the machine, or of a missing table; or else the given one."""
    known = next((known for reason, known in _MACHINE_FIXES.items() if reason in str(error)), "")
    return known or fix_of_missing_table(str(error)) or fix
