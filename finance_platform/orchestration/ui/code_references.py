"""Code references: links from an asset's page to its code, and the SQL that creates its table.

Belongs here: code references, DDL as text. Does not belong here: running any of it.
Files are read as text: importing a transform would import Spark.
"""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any

import dagster as dg

import finance_platform
from finance_platform.contracts.model import Contract
from finance_platform.warehouse.statements import DEFINITIONS, SqlFile, script, sql_folder

_PACKAGE = Path(str(finance_platform.__file__)).parent


def code_references(*targets: str | SqlFile) -> dict[str, Any]:
    """Return the metadata that links to code.

    Args:
        targets: files of the package such as `refresh/steps/publish.py`, with `:name` for a function in it, or SQL
        files.

    Raises:
        LookupError: a file does not define the function.
    """
    with warnings.catch_warnings():
        # Dagster calls these links beta; if they change, the page loses a link.
        warnings.simplefilter("ignore", dg.BetaWarning)
        references = [_reference(target) for target in targets]
        return {"dagster/code_references": dg.CodeReferencesMetadataValue(code_references=references)}


def definition_file(contract: Contract) -> SqlFile:
    """Return the file that creates a table of the warehouse.

    Raises:
        LookupError: no file creates the table.
    """
    for file in DEFINITIONS:
        # A text search: the files are our own, and the SQL parser would add 0.2 s to every start.
        if f"\nCREATE TABLE IF NOT EXISTS {contract.table} (\n" in f"\n{script(file)}":
            return file
    raise LookupError(f"no file under sql/ddl creates {contract.table}")


def _reference(target: str | SqlFile) -> dg.LocalFileCodeReference:
    if isinstance(target, SqlFile):
        return dg.LocalFileCodeReference(file_path=str(sql_folder() / target.value), label=f"sql/{target.value}")
    path, _, name = target.partition(":")
    return dg.LocalFileCodeReference(
        file_path=str(_PACKAGE / path), line_number=_line_number(_PACKAGE / path, name), label=target
    )


def _line_number(file: Path, function: str) -> int:
    """Return the line that defines a function; 1 for a whole file."""
    if not function:
        return 1
    definition = re.search(rf"^ *def {function}\(", file.read_text(encoding="utf-8"), re.M)
    if not definition:
        raise LookupError(f"{file.name} does not define {function}")
    return definition.string.count("\n", 0, definition.start()) + 1
