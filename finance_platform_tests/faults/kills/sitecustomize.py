"""Kills the process before its nth rename, link or removal, counted over all processes of a run; see `test_commands`.

A fork takes the steps of a run: it dies with the run. With KILL_FORK its own operations count, it dies alone, and the
run does without it. With FEWEST_NEW, so many documents, and files of lines by share, are worth a checkpoint.

Python imports a module of this name at its start when its folder is on PYTHONPATH; the code under test knows nothing.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any


def _killing(original: Callable[..., Any], counter: Path, kill_at: int) -> Callable[..., Any]:
    imported_in = os.getpid()

    def counted(*arguments: Any, **named: Any) -> Any:
        is_fork, is_fork_alone = os.getpid() != imported_in, "KILL_FORK" in os.environ
        if is_fork_alone and not is_fork:
            return original(*arguments, **named)
        with counter.open("r+") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            count = int(stream.read()) + 1
            stream.seek(0)
            stream.write(str(count))
            stream.flush()
        if count == kill_at:
            if is_fork and not is_fork_alone:
                os.kill(os.getppid(), signal.SIGKILL)
            os.kill(os.getpid(), signal.SIGKILL)
        return original(*arguments, **named)

    return counted


def _install() -> None:
    counter, kill_at = Path(os.environ["KILL_COUNTER"]), int(os.environ["KILL_AT"])
    for module, name in ((os, "replace"), (os, "link"), (os, "rename"), (shutil, "rmtree")):
        setattr(module, name, _killing(getattr(module, name), counter, kill_at))


def _write_checkpoints_early(fewest: int) -> None:
    from finance_platform.storage import immutable_documents

    immutable_documents.FEWEST_NEW = fewest


if "KILL_COUNTER" in os.environ:
    _install()
if "FEWEST_NEW" in os.environ:
    _write_checkpoints_early(int(os.environ["FEWEST_NEW"]))
