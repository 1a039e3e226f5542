"""Where the code of an asset is, and the SQL that makes its table, for whoever reads the asset's page.

Belongs here: code references, DDL as Markdown. Does not belong here: running any of it.
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


def code(*places: str | SqlFile) -> dict[str, Any]:
    """Return the metadata that links to code.

    Args:
        places: files of the package such as `orchestration/assets/star.py`, with `:name` for a function in it, or files of SQL.
    """
    with warnings.catch_warnings():
        # Dagster calls its links beta; all that could come of it is a link less.
        warnings.simplefilter("ignore", dg.BetaWarning)
        references = [_reference(place) for place in places]
        return {"dagster/code_references": dg.CodeReferencesMetadataValue(code_references=references)}


def definition(contract: Contract) -> tuple[SqlFile, str]:
    """Return the file that creates a warehouse table, and that statement with the table's comments.

    Raises:
        LookupError: no file creates the table.
    """
    for file in DEFINITIONS:
        # As far as the blank line: the files are ours, and the parser takes 0.2 s that every start would wait for.
        found = re.search(rf"^CREATE TABLE IF NOT EXISTS {contract.table} \($.*?(?=\n\n|\Z)", script(file), re.M | re.S)
        if found:
            comments = re.findall(rf"^COMMENT ON [A-Z]+ {contract.table}\b.*?(?=\n\n|\Z)", script(file), re.M | re.S)
            return file, "\n\n".join([found[0].strip(), *(comment.strip() for comment in comments)])
    raise LookupError(f"no file under sql/ddl creates {contract.table}")


def _reference(place: str | SqlFile) -> dg.LocalFileCodeReference:
    if isinstance(place, SqlFile):
        return dg.LocalFileCodeReference(file_path=str(sql_folder() / place.value), label=f"sql/{place.value}")
    path, _, name = place.partition(":")
    return dg.LocalFileCodeReference(
        file_path=str(_PACKAGE / path), line_number=_line_of(_PACKAGE / path, name), label=place
    )


def _line_of(file: Path, name: str) -> int:
    """Return the line that defines a function; 1 for a whole file."""
    if not name:
        return 1
    found = re.search(rf"^ *def {name}\(", file.read_text(encoding="utf-8"), re.M)
    if not found:
        raise LookupError(f"{file.name} defines no {name}")
    return found.string.count("\n", 0, found.start()) + 1
