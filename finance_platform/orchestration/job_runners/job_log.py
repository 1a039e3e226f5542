"""The log of a job that ended without an account of its failure.

Belongs here: which of its lines says most. Does not belong here: what a step reports (see `subprocess_jobs`).

A process that is killed, or whose disk is full, ends its log anywhere: in a line, in a letter, in a traceback.
"""

from __future__ import annotations

import os
from pathlib import Path

from finance_platform.spark_jobs.harness import FAILED

_TAIL_BYTES = 1 << 16
_MAX_LETTERS = 500
_HEADINGS = (
    "Traceback (most recent call last):",
    "During handling of the above exception, another exception occurred:",
    "The above exception was the direct cause of the following exception:",
    FAILED,
)
"""Ends of lines that announce an explanation, which may be missing, and explain nothing."""


def last_explanation(log: Path) -> str:
    """Return the last line that starts at the margin and explains something; empty if there is none.

    The fix of an error and the frames of a trace are indented. A line that was cut ends with an ellipsis.
    """
    try:
        with log.open("rb") as stream:
            start = max(0, stream.seek(0, os.SEEK_END) - _TAIL_BYTES)
            stream.seek(start)
            lines = stream.read().decode(errors="replace").splitlines(keepends=True)
    except OSError:
        return ""
    # The first line of a tail is the end of one.
    for line in reversed(lines[1:] if start and len(lines) > 1 else lines):
        text = line.rstrip()
        if text[:1].strip() and not text.endswith(_HEADINGS):
            if line.endswith(("\n", "\r")):
                return text if len(text) <= _MAX_LETTERS else f"{text[:_MAX_LETTERS]}…"
            # Less than a message is a class of errors, or the announcement of one.
            if ": " in text:
                return f"{text[:_MAX_LETTERS]}…"
    return ""
