"""The end of a worker of xdist: at once, after what libraries do at the end of a process.

Belongs here: ending the process. Does not belong here: what pytest does at the end of a session.

To free all modules, and all that tests have left in them, takes Python two to four seconds of processor time in each
worker, and the controller waits for it.
"""

from __future__ import annotations

import atexit
import os


def end_promptly() -> None:
    """Let this process end without freeing its memory.

    To be called when nothing is left to do: what is registered later for the end of the process runs twice.
    """

    def end() -> None:
        atexit.unregister(end)
        atexit._run_exitfuncs()
        os._exit(0)

    atexit.register(end)
