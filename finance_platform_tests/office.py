"""LibreOffice without a window: opens a file, computes it and writes it again.

Belongs here: starting it with a profile of its own. Does not belong here: expectations.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

_ALWAYS_RECALCULATE = """<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry">
<item oor:path="/org.openoffice.Office.Calc/Formula/Load">
<prop oor:name="OOXMLRecalcMode" oor:op="fuse"><value>0</value></prop>
</item>
</oor:items>
"""


def converted(path: Path, to: str, folder: Path, *options: str, is_computed: bool = True) -> Path:
    """Return the file as LibreOffice writes it after it has opened it; skip the test without it.

    Args:
        path: the file.
        to: the format, with its options.
        folder: where the new file is written.
        options: further options of LibreOffice.
        is_computed: whether it computes all formulas, rather than to show the results that the file has.
    """
    return converted_together([path], to, folder, *options, is_computed=is_computed)[0]


def converted_together(
    paths: Sequence[Path], to: str, folder: Path, *options: str, is_computed: bool = True
) -> list[Path]:
    """Return several files as `converted` does one; LibreOffice, which takes seconds to start, starts once."""
    office = shutil.which("soffice")
    if office is None:
        pytest.skip("LibreOffice is not installed: apt-get install --no-install-recommends libreoffice-calc-nogui")
    user = folder / "profile" / "user"
    user.mkdir(parents=True, exist_ok=True)
    if is_computed:
        (user / "registrymodifications.xcu").write_text(_ALWAYS_RECALCULATE, encoding="utf-8")
    profile = f"-env:UserInstallation=file://{user.parent}"
    command = [office, profile, "--headless", *options, "--convert-to", to, "--outdir", str(folder), *map(str, paths)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=180, check=False, env={**os.environ, "HOME": str(folder)}
    )
    assert done.returncode == 0, done.stderr
    assert "rror" not in done.stdout + done.stderr
    return [folder / f"{path.stem}.{to.partition(':')[0]}" for path in paths]
