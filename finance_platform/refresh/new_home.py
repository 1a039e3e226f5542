"""Making a home: the use case of `init`.

Belongs here: the folders and files that a new home has. Does not belong here: what they mean (see `settings`,
`feeds.descriptor`). A file that exists is never written, but for the JSON Schema, which belongs to the release.
"""

from __future__ import annotations

from pathlib import Path

import finance_platform
from finance_platform.errors import HomeError
from finance_platform.feeds.descriptor.schema import SCHEMA_COMMENT, SCHEMA_FILE, schema_text
from finance_platform.setting_sources import ENV_PREFIX
from finance_platform.settings import Settings

EXAMPLE = f"""\
{SCHEMA_COMMENT}
# An example: it reads every CSV file in raw/example/, of which there is none. Copy it, or draft your own with
# `finance-platform feed draft FILE`, then remove it. docs/feeds.md lists every key.
feed: example
kind: ledger
path: example/*.csv
description: "An example of a feed: edit or remove its descriptor."
dialect: {{delimiter: ";", encoding: cp1252}}
columns:
  date:        {{from: [Booking Date, Date], formats: [dd.MM.yyyy]}}
  department:  Cost Centre
  account:     Account
  amount:      {{from: Amount, decimal: ",", thousands: "."}}
  description: {{from: Text, required: false}}
constants: {{scenario: Actual}}
load: {{mode: append}}
"""
SAMPLE_FILES = ("accounts.csv", "budget.csv", "departments.csv", "forecast.csv", "transactions.csv")
"""The raw files of the sample company. A checkout may have more files beside them, which are not part of it."""

_IN_USE = {"home": ".", "currency": "USD"}
"""Settings that a new home states; all others are there as comments with their defaults."""

_ON_AWS_ONLY = "aws_region"
"""The first of the settings that a home on a laptop does not need."""


def sample_folder() -> Path:
    """Return the folder of the sample's raw files: inside the package once installed, beside it in a checkout."""
    package = Path(finance_platform.__file__).parent
    installed = package / "sample"
    return installed if installed.is_dir() else package.parent / "data" / "raw"


def create_home(folder: Path, *, with_sample: bool = False) -> list[str]:
    """Make a home of a folder, which may be one already; return the names of what was created in it.

    Args:
        folder: it does not exist, or it is empty, or it has a folder `raw`.
        with_sample: whether to copy the raw files of the sample company into it.

    Raises:
        HomeError: it is a file, or a folder with other content, or there can be no folder there.
        OSError: it cannot be written.
    """
    _check(folder)
    created = []
    for name in ("raw", "feeds"):
        if not (folder / name).is_dir():
            _make_folder(folder / name)
            created.append(f"{name}/")
    has_own = any((folder / "feeds").glob("*.y*ml"))
    texts = {f"feeds/{SCHEMA_FILE}": schema_text(), ".env": environment_text()}
    if not has_own:
        texts["feeds/example.yaml"] = EXAMPLE
    for name, text in texts.items():
        file = folder / name
        is_current = file.exists() and (not name.endswith(SCHEMA_FILE) or file.read_text(encoding="utf-8") == text)
        if not is_current:
            file.write_text(text, encoding="utf-8")
            created.append(name)
    if with_sample:
        created += _copy_sample(folder / "raw")
    return sorted(created)


def _make_folder(folder: Path) -> None:
    """Make a folder and those above it.

    Raises:
        HomeError: no folder can be made there, as below `/proc` or in a folder that was removed.
        OSError: the disk is full, or a permission is missing.
    """
    try:
        folder.mkdir(parents=True)
    except FileNotFoundError as error:
        raise HomeError(
            f"no folder can be made at {error.filename}", fix="give a folder on a disk of this machine"
        ) from error


def _copy_sample(raw: Path) -> list[str]:
    """Copy the sample's files that the raw zone does not have; return their names in the home."""
    missing = [name for name in SAMPLE_FILES if not (raw / name).exists()]
    for name in missing:
        (raw / name).write_bytes((sample_folder() / name).read_bytes())
    return [f"raw/{name}" for name in missing]


def environment_text() -> str:
    """Return the text of a new home's `.env`: each setting with its meaning, those for AWS left out."""
    lines = ["# Settings of this home, read by every command that works on it; variables of the environment win."]
    for name, info in Settings.model_fields.items():
        if name == _ON_AWS_ONLY:
            break
        if name == "profile":
            continue
        lines += ["", f"# {info.description}"]
        variable = f"{ENV_PREFIX}{name.upper()}"
        if name in _IN_USE:
            lines.append(f"{variable}={_IN_USE[name]}")
        else:
            default = "" if info.default in (None, "", ()) else info.default
            lines.append(f"# {variable}={default}")
    return "\n".join(lines) + "\n"


def _check(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise HomeError(f"{folder} is a file", fix="give a folder that is empty or does not exist")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / "raw").is_dir():
        raise HomeError(
            f"{folder} is not empty, and is not a home, because it has no folder raw",
            fix="give a folder that is empty or does not exist",
        )
