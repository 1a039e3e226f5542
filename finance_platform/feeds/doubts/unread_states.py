"""A column that nothing reads and that says whether a line counts: drafts, cancelled and reversed lines.

Belongs here: its headers, the texts of lines that do not count, and what a person should know or decide about them.
Does not belong here: marks of the lines that reverse others (see `unread_reversals`).

A draft or a cancelled line has a valid amount, so it is added to the others and nothing else would say so. A line that
was reversed counts, as its counter-entry does; if the file has none, the line may have been taken back without one, or
in another month's file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.feeds.doubts.unread_column import MAX_LISTED, ContradictingColumn, ignore, leave_out
from finance_platform.feeds.findings import Note
from finance_platform.feeds.values.codes import clean, fold
from finance_platform.feeds.values.header_words import plain_name
from finance_platform.feeds.values.line_numbers import CounterEntries, cents, place_numbers

_STATES = ("status", "state", "statut", "etat", "estado", "stato")
"""Words that a header of states ends with: Posting Status, Buchungsstatus."""

_YES = frozenset({"yes", "y", "true", "t", "1", "x", "ja", "j", "oui", "si"})
_NO = frozenset({"no", "n", "false", "f", "0", "nein", "non"})
_FLAGS = {
    **dict.fromkeys(
        ("void", "voided", "is void", "is voided", "cancelled", "canceled", "is cancelled", "is canceled", "deleted",
         "is deleted", "deletion flag", "parked", "is parked", "annule", "geloscht", "annulliert"),
        _YES,
    ),
    **dict.fromkeys(("posted", "is posted", "posting", "gebucht"), _NO),
}  # fmt: skip
"""Headers that ask a question, with the answers of lines that do not count."""

_FLAGS_OF_REVERSED = {"reversed", "is reversed", "reversed flag", "storniert", "is storniert", "extourne"}
"""Headers that ask whether a line was reversed."""

_NOT_COUNTED = frozenset({
    "void", "voided", "cancelled", "canceled", "deleted", "draft", "unposted", "not posted", "parked", "rejected",
    "entwurf", "geloscht", "vorerfasst", "nicht gebucht", "geparkt", "annule", "annulee", "brouillon", "anulado",
    "anulada", "borrador", "annullato", "annullata", "bozza", "geannuleerd", "niet geboekt",
})  # fmt: skip
"""States of lines that are in no ledger."""

_REVERSED = frozenset({
    "reversed", "storno", "storniert", "annulliert", "extourne", "extournee", "contrepasse", "contrepassee",
    "estornado", "estornada", "stornato", "stornata", "gestorneerd", "teruggeboekt",
})  # fmt: skip
"""States of lines whose counter-entry is a line too, in this file or in another one."""

_MAX_LINES = 100_000
_PLACE = ("department_key", "account_key")


def names_states(header: str) -> bool:
    """Return whether a header, in plain letters, is that of states or of an answer whether lines count."""
    return header.endswith(_STATES) or header in _FLAGS or header in _FLAGS_OF_REVERSED


def is_uncounted(header: str, text: str) -> bool:
    """Return whether a line with a text in a column of states is in no ledger."""
    answers = _FLAGS.get(plain_name(header), frozenset[str]())
    return fold(text) in answers or plain_name(text) in _NOT_COUNTED


def is_reversed(header: str, text: str) -> bool:
    """Return whether a line with a text in a column of states was reversed."""
    return plain_name(text) in _REVERSED or (plain_name(header) in _FLAGS_OF_REVERSED and fold(text) in _YES)


@dataclass
class LineStates(ContradictingColumn):
    """The lines that do not count; a line that has a counter-entry in the file counts, as that one does."""

    _entries: CounterEntries = field(default_factory=CounterEntries)
    _lines: list[tuple[str, np.uint64, int]] = field(default_factory=list)
    _answered: int = 0

    def add(self, texts: pa.StringArray, columns: Mapping[str, pa.Array]) -> None:
        """Add the cells of accepted lines."""
        super().add(texts, columns)
        places, amounts = place_numbers([columns[name] for name in _PLACE]), cents(columns["amount"])
        self._entries.add(places, amounts)
        if not self.found:
            return
        for position in np.flatnonzero(
            pc.is_in(texts, pa.array(self._spellings(texts))).to_numpy(zero_copy_only=False)
        ):
            if len(self._lines) <= _MAX_LINES and amounts[position]:
                text = clean(texts[int(position)].as_py())
                self._lines.append((text, places[position], int(amounts[position])))

    def _spellings(self, texts: pa.StringArray) -> list[str]:
        return [text for text in pc.unique(texts).to_pylist() if text and clean(text) in self.found]

    def contradicts(self, text: str) -> bool:
        """Return whether lines with a text do not count, or were reversed."""
        return is_uncounted(self.name, text) or is_reversed(self.name, text)

    def doubts(self) -> dict[str, str]:
        """Return the reason to hold the delivery; not for lines that were reversed."""
        return self._of_lines(are_reversed=False)._reason()

    def notes(self) -> dict[str, Note]:
        """Return a note about lines that were reversed, as far as they have no counter-entry in the file."""
        found = self._of_lines(are_reversed=True)
        if not found.found:
            return {}
        text = (
            f"the column {clean(self.name)!r} is not read, and says {found.texts} of {found.count}, which count and "
            f"have no counter-entry in the file; {found.money}"
        )
        fix = (
            f"if their counter-entries are in other files, {ignore(self.name)}; if these lines have none, "
            f"{leave_out(self.rules, self.name, found.listed)} the descriptor, so that they do not count"
        )
        return {text: Note(found.found.total(), fix)}

    @property
    def listed(self) -> list[str]:
        """The first of the texts."""
        return list(self.found)[:MAX_LISTED]

    def _reason(self) -> dict[str, str]:
        return super().doubts()

    def _of_lines(self, *, are_reversed: bool) -> LineStates:
        """Return the lines of one kind that have no counter-entry; of too many, those of both kinds in one reason."""
        others = LineStates(self.name, self.rules, self.lines)
        kinds = {text: not is_uncounted(self.name, text) for text in self.found}
        if len(self._lines) > _MAX_LINES:
            if are_reversed == all(kinds.values()):
                others.found, others.total = self.found, self.total
            return others
        of_kind = [line for line in self._lines if kinds[line[0]] == are_reversed]
        places = np.array([place for _, place, _ in of_kind], np.uint64)
        amounts = np.array([amount for *_, amount in of_kind], np.int64)
        is_answered = self._entries.answered(places, amounts)
        others._answered = int(is_answered.sum())
        unanswered = [of_kind[position] for position in np.flatnonzero(~is_answered).tolist()]
        others.found = Counter(text for text, *_ in unanswered)
        others.total = Decimal(sum(amount for *_, amount in unanswered)).scaleb(-2)
        return others

    def describe(self) -> tuple[str, str]:
        """Return the reason to hold the delivery, and the fix."""
        reason = "which count"
        rule = leave_out(self.rules, self.name, self.listed, any_case=True)
        fix = f"{rule} the descriptor, so that these lines do not count; if they do"
        if self._answered:
            # A rule would take the other lines out too, and leave their counter-entries.
            others = "1 other has" if self._answered == 1 else f"{self._answered:,} others have"
            reason += f" and have no counter-entry in the file, as {others}"
            fix = "send a file with the counter-entries of these lines; if they are in another file, or the lines count"
        return f"says {self.texts} of {self.count}, {reason}; {self.money}", fix


def describe_states(header: str, texts: Collection[str]) -> str:
    """Return what a person decides about a column of states that a draft does not read; empty if nothing.

    Args:
        header: of the column.
        texts: its cells.
    """
    found = [text for text in dict.fromkeys(texts) if is_uncounted(header, text) or is_reversed(header, text)]
    if not found:
        return ""
    shown = ", ".join(map(repr, found[:MAX_LISTED]))
    return (
        f"The column {header!r} says {shown}. If these lines do not count, "
        f"{leave_out(None, header, found[:MAX_LISTED], any_case=True)} the descriptor; if they do, or have their "
        f"counter-entries, {ignore(header)}."
    )
