"""The log of a run: what its steps enter for the command line, and who follows it there.

Belongs here: the logger that the command line gives its runs, messages that it understands. Does not belong here: what
is printed (see `cli.run_output`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import dagster as dg

RUN_LOGGER = logging.getLogger("finance_platform.run")
"""Receives the log of a run that the command line starts; the command line decides which messages it shows."""

_REPAIRED = "repaired: "


def log_repairs(context: dg.AssetExecutionContext, repaired: Sequence[str]) -> None:
    """Log what was damaged and was derived again, a line each."""
    for sentence in repaired:
        context.log.warning(_REPAIRED + sentence)


def log_lasting_damage(context: dg.AssetExecutionContext, not_repaired: Sequence[str]) -> None:
    """Log what is damaged and cannot be derived again, a line each; `status` says how it comes back."""
    for sentence in not_repaired:
        context.log.warning(f"not repaired: {sentence}")


def _repair_of(record: logging.LogRecord) -> str:
    """Return the sentence of a message of `log_repairs`; empty for any other message."""
    message = str(getattr(record, "dagster_meta", {}).get("orig_message") or "")
    return message.removeprefix(_REPAIRED) if message.startswith(_REPAIRED) else ""


@dg.logger
def quiet_logger(_: dg.InitLoggerContext) -> logging.Logger:
    """Return a logger that passes a run's messages to the command line instead of printing them."""
    RUN_LOGGER.setLevel(logging.DEBUG)
    RUN_LOGGER.propagate = False
    return RUN_LOGGER


@contextmanager
def follow_steps(on_step: Callable[[str], None]) -> Iterator[StepWatcher]:
    """Follow the steps of a run of this process.

    Args:
        on_step: called with a step's name when it starts.
    """
    handler = StepWatcher(on_step)
    RUN_LOGGER.addHandler(handler)
    try:
        yield handler
    finally:
        RUN_LOGGER.removeHandler(handler)


class StepWatcher(logging.Handler):
    """Receives the log of a run.

    Attributes:
        repaired: what was damaged and was derived again, a sentence each.
    """

    def __init__(self, on_step: Callable[[str], None]) -> None:
        """Begin before the first step."""
        super().__init__()
        self._on_step = on_step
        self.repaired: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Take what a message says of the run."""
        if sentence := _repair_of(record):
            self.repaired.append(sentence)
        event = getattr(record, "dagster_meta", {}).get("dagster_event")
        if event is not None and event.event_type_value == "STEP_START":
            self._on_step(event.step_key)
