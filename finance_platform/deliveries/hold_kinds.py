"""The kinds of reasons to hold a delivery, which verdicts record.

Belongs here: their names, and which of them end by themselves or cannot be accepted. Does not belong here: when there
is such a reason (see `verdicts.hold_reasons`), its words (see `verdicts.reason_texts`).
"""

from __future__ import annotations

TOLERANCE = "tolerance"
"""The kind of a reason that depends on a delivery's content alone."""

NOTHING_ACCEPTED = "nothing_accepted"
"""The kind of the reason to hold a delivery of which no row was accepted."""

UNTYPED = "untyped"
"""The kind of a reason that ends when accounts get a type."""

OVERFLOW = "overflow"
"""The kind of a reason that ends when lines of other deliveries no longer count."""

CONFLICT = "conflict"
"""The kind of a reason that ends when master data gives an account its type."""

OTHER_LOAD = "other_load"
"""The kind of a reason about files that were read under another load mode, and of which a new one replaces nothing; it
ends when these count under the same one, or no longer."""

MOVED = "moved"
"""The kind of a reason about documents that another file has on another day or account; it ends when that file is sent
again without them, or no longer counts."""

CONTROL_TOTAL = "control_total"
"""The kind of the reason that a total which the file prints is not the sum of its lines."""

DOUBT = "doubt"
"""The kind of a reason of the reader why a person must decide about a file: its encoding, its months, its signs."""

BOOKED_KEY = "booked_key"
"""The kind of a reason that ends when lines of another file are no longer booked in a later period."""

SHARED_KEY = "shared_key"
"""The kind of a reason about codes of two files with one surrogate key; it ends when one of them no longer counts."""

UNBOOKABLE = "unbookable"
"""The kind of a reason that ends when the period in which a run would book late lines has room for them."""

CAME_LATE = "came late: "
"""How the warning about a delivery begins whose lines others replace, since these sort after it."""

WAITING_KINDS = frozenset({UNTYPED, OVERFLOW, BOOKED_KEY, SHARED_KEY})
"""Kinds of reasons that no person can accept, since nothing could be published."""

ENDING_KINDS = WAITING_KINDS | {CONFLICT, MOVED, OTHER_LOAD, UNBOOKABLE}
"""Kinds of reasons that other deliveries can end; each run evaluates them again."""
