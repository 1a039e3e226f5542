"""Rule violations: which rows of a batch broke which rule, and the reason of each rejected row.

Belongs here: collecting violations over a batch, the columns that report them, and the rules of every cell.
Does not belong here: the rules themselves (see `ledger_lines`, `reference_rows`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.feeds.cells import FieldSource, RawBatch, explain_part
from finance_platform.feeds.findings import NO_VALUE, NoteCollector
from finance_platform.feeds.raw_rows import Positions, raw_rows
from finance_platform.feeds.reasons import JOIN, Reason, reasons_to_json, shorten
from finance_platform.feeds.shape_rules import is_derived
from finance_platform.feeds.values.codes import clean
from finance_platform.feeds.values.hidden_characters import CleanedCells, Finding, has_bytes, is_harmful, max_characters

UNKNOWN_ERROR = "#ERROR!"
"""The text of a cell that is an error whose kind is not known."""

SPREADSHEET_ERRORS = (
    NO_VALUE, UNKNOWN_ERROR, "#NULL!", "#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#NUM!", "#N/A", "#GETTING_DATA",
    "#SPILL!", "#CALC!", "#FIELD!", "#BLOCKED!", "#CONNECT!", "#BUSY!", "#UNKNOWN!",
)  # fmt: skip
"""What a spreadsheet shows in place of a value; also in text that it exported."""

Mask = npt.NDArray[np.bool_]

ACCEPTED = "accepted"
REJECTED = "rejected"
SKIPPED = "skipped"

_MAX_QUOTED = 60


def quoted(text: str | None) -> str:
    """Return a cell's text for a message: quoted, at most 60 characters."""
    written = text or ""
    return repr(written if len(written) <= _MAX_QUOTED else written[:_MAX_QUOTED] + "…")


def to_mask(values: pa.Array) -> Mask:
    """Return a boolean array as a numpy mask; null counts as false.

    A batch has dozens of masks, and Arrow's own conversion takes ten times as long: it writes bit by bit.
    """
    known = values.fill_null(False) if values.null_count else values
    if not len(known):
        return np.zeros(0, np.bool_)
    bits = np.frombuffer(known.buffers()[1], np.uint8)[known.offset // 8 :]
    start = known.offset % 8
    return np.unpackbits(bits, count=start + len(known), bitorder="little")[start:].view(np.bool_)


def _texts_at(size: int, positions: Positions, texts: pa.StringArray) -> pa.StringArray:
    """Return a column that has texts at some ascending positions, and null at all others.

    Making its buffers takes a seventh of the time of taking the texts by their places.
    """
    _, buffer, data = texts.buffers()
    offsets = np.frombuffer(buffer, np.int32)[texts.offset : texts.offset + len(texts) + 1]
    is_known, ends = np.zeros(size, np.bool_), np.zeros(size + 1, np.int32)
    is_known[positions], ends[0], ends[positions + 1] = True, offsets[0], np.diff(offsets)
    known, places = (
        pa.py_buffer(one) for one in (np.packbits(is_known, bitorder="little"), np.cumsum(ends, dtype=np.int32))
    )
    return pa.StringArray.from_buffers(size, places, data, known)


def _describe_cell(finding: Finding, text: str, limit: int) -> str:
    """Return what is wrong with a cell, whose text was cut if it is too long and has no NUL any more."""
    if finding == "too_long":
        return f"{quoted(text)} has more than {limit:,} characters, which is the most that is read; shorten it"
    if any("\x80" <= character <= "\x9f" for character in text):
        return f"{quoted(text)} has a control character; the file is probably cp1252: set dialect.encoding: cp1252"
    if is_harmful(text):
        return f"{quoted(text)} has a character that hides or reverses its neighbours; remove it at the source"
    return f"{quoted(text)} is written with a NUL character; export the file again without it"


def _reason_of_cells(name: str, finding: Finding, texts: pa.StringArray, limit: int) -> Callable[[int], str]:
    return lambda i: f"{name}: {_describe_cell(finding, texts[i].as_py() or '', limit)}"


_CELL_RULES: dict[Finding, str] = {
    "nul": "nul_character",
    "harmful": "control_character",
    "too_long": "cell_too_long",
}
_CELL_NOTES: dict[Finding, tuple[str, str]] = {
    "invisible": (
        "invisible characters were removed",
        "the value counts without them; remove them in the source system, or other systems may take it for another one",
    ),
    "guard": (
        "Excel's guard for text was removed",
        "the value counts without it; export the column as plain text, without a formula or a leading apostrophe",
    ),
}


def _describe_error(text: str) -> str:
    if text == NO_VALUE:
        return "the cell's formula has no stored value; open the workbook, recalculate it and save it again"
    return f"{text!r} is an error of the spreadsheet and not a value; correct the formula at the source"


_FREE_TEXT = {"description", "name", "department_name", "account_name"}
"""Fields that may name a person, so that no message that leaves the processed zone quotes them."""


BLANK_ROW = "blank_row"
"""The rule that a row without any text breaks."""

_BLANK_ROW = Reason(BLANK_ROW, "", "", "every cell is blank")
_NO_AMOUNT = Reason("no_amount", "", "", "every cell that could give a line is blank")


@dataclass(frozen=True)
class _Violation:
    """The rows of a batch that break one rule; see `RuleViolations.add`."""

    rule: str
    broken: Mask
    reason: Callable[[int], str]
    of: str


@dataclass
class RuleViolations:
    """The rules that the rows of one batch broke.

    Attributes:
        batch: the rows as delivered.
        skipped: rows that are not data.
        unread: malformed rows of which no cell was read, so that no other rule concerns them.
        taken: fields that are taken from the rows of another feed.
        not_found: rows whose key is missing there, which explains why these fields are blank.
        notes: what does not reject a row, but is reported.
        sources: the source of each field, so that a reason can name column and cell.
    """

    batch: RawBatch
    skipped: Mask
    notes: NoteCollector
    unread: Mask | None = None
    sources: Mapping[str, FieldSource] = field(default_factory=dict)
    taken: Sequence[str] = ()
    not_found: Mask | None = None
    _violations: list[_Violation] = field(default_factory=list)

    @classmethod
    def of_batch(
        cls, batch: RawBatch, notes: NoteCollector, sources: Mapping[str, FieldSource] | None = None
    ) -> RuleViolations:
        """Return the violations that every kind of feed has in common; blank and marked rows are skipped."""
        is_malformed = to_mask(pc.is_valid(batch.problems))
        is_row = _whole_rows(batch)
        skipped = blank_rows(batch) | (is_row & ~is_malformed)
        if batch.marks is not None:
            skipped |= to_mask(pc.is_valid(batch.marks))
        violations = cls(batch, skipped, notes, sources=sources or {})
        violations.add("malformed_row", is_malformed, lambda i: str(batch.problems[i].as_py()))
        violations.unread = is_row & is_malformed & ~skipped
        return violations

    def add(self, rule: str, broken: Mask, reason: Callable[[int], str], *, of: str = "") -> None:
        """Record that rows break a rule.

        Args:
            rule: its name.
            broken: the rows.
            reason: returns the message for the row at a position.
            of: the field that breaks it; empty for a rule about the row.
        """
        broken = broken & ~self.skipped
        if self.unread is not None:
            broken = broken & ~self.unread
        if broken.any():
            self._violations.append(_Violation(rule, broken, reason, of))

    def reject_skipped(self, rule: str, rows: Mask, reason: Callable[[int], str], *, of: str) -> None:
        """Reject rows that were skipped until now; nothing else is wrong with them. See `add`."""
        self.skipped = self.skipped & ~rows
        self.add(rule, rows, reason, of=of)

    def add_blank(self, name: str, texts: pa.Array, reason: str = "is blank") -> None:
        """Record that a needed field is blank in the rows where its text is null."""
        is_blank = to_mask(pc.is_null(texts))
        if name in self.taken and self.not_found is not None:
            is_blank &= ~self.not_found
        self.add(f"blank_{name}", is_blank, lambda i: self._missing_part(name, i) or f"{name} {reason}", of=name)

    def _missing_part(self, name: str, position: int) -> str:
        """Return why a cell that is not blank lacks the part that is the field's; empty if that is not the reason."""
        source = self.sources.get(name)
        if source is None or source.rule.split is None or source.template is not None:
            return ""
        cells = {header: clean(self.batch.columns[header][position].as_py() or "") for header in source.headers}
        header, text = next(((header, text) for header, text in cells.items() if text), ("", ""))
        reason = explain_part(source.rule, text)
        column = quoted(self._delivered_header(header, position))
        return f"{name}: {quoted(text)} in the column {column} {reason}" if reason else ""

    def add_invalid(
        self, rule: str, texts: pa.Array, values: pa.Array, reason: Callable[[int], str], *, of: str
    ) -> None:
        """Record that the rows with a text but no value break `rule`; see `add`."""
        self.add(rule, to_mask(pc.and_(pc.is_valid(texts), pc.is_null(values))), reason, of=of)

    def add_cells(self, name: str, cells: CleanedCells, *, is_name: bool = False) -> pa.StringArray:
        """Reject the rows whose cells are too long or have characters that must not be there; note removed ones.

        Args:
            name: the field.
            cells: its cells.
            is_name: whether they were cleaned as texts for people.

        Returns:
            The texts.
        """
        texts, limit = cells.texts, max_characters(is_name=is_name)
        for finding, has_finding in cells.findings.items():
            rows = to_mask(has_finding) & ~self.skipped
            if finding in _CELL_RULES:
                self.add(_CELL_RULES[finding], rows, _reason_of_cells(name, finding, texts, limit), of=name)
            elif "nul" not in cells.findings or (rows := rows & ~to_mask(cells.findings["nul"])).any():
                quotable = None if name in _FREE_TEXT else texts
                text, fix = _CELL_NOTES[finding]
                self.notes.add(f"{name}: {text}", fix, rows, self.batch, quotable)
        self._add_errors(name, texts)
        return texts

    def _add_errors(self, name: str, texts: pa.StringArray) -> None:
        """Reject the rows whose cell is an error of a spreadsheet, or a formula that was never calculated."""
        if not has_bytes(texts, [b"#"]):
            return
        self.add(
            "spreadsheet_error",
            to_mask(pc.is_in(texts, pa.array(SPREADSHEET_ERRORS))),
            lambda i: f"{name}: {_describe_error(texts[i].as_py())}",
            of=name,
        )

    @property
    def accepted(self) -> Mask:
        """The rows that are data and break no rule so far."""
        accepted = ~self.skipped
        for violation in self._violations:
            accepted &= ~violation.broken
        return accepted

    def columns(self) -> dict[str, pa.Array]:
        """Return outcome, rules, reasons and raw_row, one value a row; the last three null for accepted rows."""
        rejected = np.zeros(len(self.batch), dtype=np.bool_)
        for violation in self._violations:
            rejected |= violation.broken
        not_accepted = rejected | self.skipped
        # Nearly all rows of nearly all batches are accepted; only the others are described one by one.
        size, positions = len(self.batch), np.flatnonzero(not_accepted)
        if not len(positions):
            nothing = pa.nulls(size, pa.string())
            accepted = pa.repeat(pa.scalar(ACCEPTED), size)
            return {"outcome": accepted, "rules": nothing, "reasons": nothing, "raw_row": nothing}
        outcomes = pa.array(np.where(self.skipped, 2, rejected.astype(np.int8)))
        rules, reasons = zip(*map(self._describe, positions.tolist()), strict=True)
        columns = {"rules": pa.array(rules), "reasons": pa.array(reasons)}
        columns["raw_row"] = raw_rows(self.batch.columns, positions)
        return {
            "outcome": pc.take(pa.array([ACCEPTED, REJECTED, SKIPPED]), outcomes),
            **{name: _texts_at(size, positions, texts) for name, texts in columns.items()},
        }

    def _describe(self, position: int) -> tuple[str, str]:
        """Return rules and reasons of a row that is not accepted."""
        if self.skipped[position]:
            reason = self._why_skipped(position)
            return reason.rule, reasons_to_json([reason])
        reasons = [
            Reason(violation.rule, *self._cell(violation.of, position), violation.reason(position))
            for violation in self._violations
            if violation.broken[position]
        ]
        return ",".join(dict.fromkeys(reason.rule for reason in reasons)), reasons_to_json(reasons)

    def _why_skipped(self, position: int) -> Reason:
        mark = None if self.batch.marks is None else self.batch.marks[position].as_py()
        if mark:
            return Reason(mark, "", "", f"not data by the descriptor's rule {mark}")
        return _NO_AMOUNT if self._lacks_amount[position] else _BLANK_ROW

    @cached_property
    def _lacks_amount(self) -> Mask:
        """The rows that have texts, but in no cell that could give a line."""
        return _whole_rows(self.batch) & ~blank_rows(self.batch)

    def _cell(self, name: str, position: int) -> tuple[str, str]:
        """Return the column and the text of a field in one row, as delivered."""
        source = self.sources.get(name)
        if source is None:
            return "", ""
        if not source.headers:
            return "", shorten(source.constant or "")
        cells = [self.batch.columns[header][position].as_py() or "" for header in source.headers]
        value = JOIN.join(cells) if any(cells) else ""
        headers = tuple(self._delivered_header(header, position) for header in source.headers)
        return _shown_header(headers), shorten(value)

    def _delivered_header(self, header: str, position: int) -> str:
        """Return the header as the file has it; of a line that one cell of a row gave, that cell's."""
        if self.batch.source_columns is None or not is_derived(header):
            return header
        return self.batch.source_columns[position].as_py() or header


@lru_cache(1024)
def _shown_header(headers: tuple[str, ...]) -> str:
    return shorten(JOIN.join(map(clean, headers)))


def _whole_rows(batch: RawBatch) -> Mask:
    """Return the rows of a reshaped batch of which no cell gave a line."""
    if batch.source_columns is None:
        return np.zeros(len(batch), dtype=np.bool_)
    return to_mask(pc.is_null(batch.source_columns))


def blank_rows(batch: RawBatch) -> Mask:
    """Return the rows in which every cell is blank."""
    blank = np.ones(len(batch), dtype=np.bool_)
    for texts in batch.columns.values():
        stripped = pc.utf8_trim_whitespace(texts)
        blank &= to_mask(pc.equal(pc.fill_null(stripped, ""), ""))
        if not blank.any():
            break
    return blank
