"""Pseudo terminals: what a process printed on one.

Belongs here: reading to the end. Does not belong here: starting processes.
"""

from __future__ import annotations

import errno
import os


def read_terminal(terminal: int) -> str:
    """Return all that was written to a pseudo terminal whose other end is closed, and close it; a read returns a part.

    Args:
        terminal: the descriptor of the end that reads.
    """
    text = b""
    with os.fdopen(terminal, "rb", buffering=0) as file:
        try:
            while piece := file.read(65_536):
                text += piece
        except OSError as error:
            if error.errno != errno.EIO:  # Linux reports the end of the other side like this
                raise
    return text.decode()
