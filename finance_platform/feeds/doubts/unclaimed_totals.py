"""Unclaimed totals: rows of a table that look like totals and that no rule of the descriptor claims.

Belongs here: recognizing them, and the line that claims them. A row looks like a total if its text says so, or if it is
the last of its block and equals the sum of the two or more rows before it. Blocks end at blank and skipped rows.
Does not belong here: totals that a rule claims (see `printed_totals`). Nothing here changes a line; it is a warning.

A file costs a few numpy operations a batch, and 8 bytes for each row of the current block, up to a limit. Sums are kept
modulo 2**64, in which equal sums stay equal; each side and column of amounts has a factor of its own, so one sum
compares all of them.
"""

from __future__ import annotations

import json
import re
import unicodedata
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.feeds.cells import FieldSource, RawBatch
from finance_platform.feeds.doubts.parent_rows import find_sums_above_or_below
from finance_platform.feeds.findings import Note
from finance_platform.feeds.resolved import ReadingRules
from finance_platform.feeds.values.amounts import ParsedAmounts
from finance_platform.feeds.values.header_words import plain_name
from finance_platform.feeds.violations import REJECTED, SKIPPED, Mask, to_mask

Sums = npt.NDArray[np.uint64]

_TOTAL_WORDS = frozenset(
    {
        *(
            "total",
            "totals",
            "subtotal",
            "subtotals",
            "grandtotal",
            "totale",
            "totali",
            "subtotale",
            "totaal",
            "totalen",
        ),
        *(
            "subtotaal",
            "totales",
            "subtotales",
            "totaux",
            "totais",
            "totalt",
            "totalsumme",
            "summe",
            "summen",
            "gesamt",
        ),
        *("gesamtsumme", "gesamtbetrag", "gesamttotal", "insgesamt", "endsumme", "zwischensumme", "teilsumme", "sum"),
        *(
            "sums",
            "result",
            "ergebnis",
            "gesamtergebnis",
            "résultat",
            "resultado",
            "somme",
            "sommes",
            "suma",
            "sumas",
            "soma",
            "somas",
            "summa",
            "delsumma",
            "razem",
            "łącznie",
            "ogółem",
        ),
        *(
            "celkem",
            "součet",
            "spolu",
            "összesen",
            "toplam",
            "yhteensä",
            "välisumma",
            "итого",
            "всего",
            "сумма",
            "разом",
        ),
        *(
            "сума",
            "σύνολο",
            "合計",
            "小計",
            "総計",
            "总计",
            "合计",
            "小计",
            "합계",
            "소계",
            "총계",
            "المجموع",
            "الإجمالي",
            "סהכ",
        ),
    }
)
"""In the languages of most ledgers, folded; each is a whole word of a cell."""

_OTHER_WORDS = frozenset(
    {
        *("grand", "sub", "sous", "overall", "general", "generale", "generaal", "généraux", "générale", "général"),
        *("geral", "all", "final", "report", "page", "sheet", "column", "net", "gross", "amount", "amounts", "year"),
        *("month", "quarter", "period", "of", "for", "the", "de", "du", "des", "del", "della", "der", "die", "das"),
        *("für", "und", "et", "per", "pour", "le", "la", "les", "and", "genel", "ogólna"),
    }
)
"""Words that may be beside one of them in a cell that says nothing else."""

_SCENARIOS = {"actual", "actuals", "ist", "budget", "plan", "forecast"}
"""Names of scenarios, of which one is the sum of another one and their difference."""

_MAX_WORDS = 6
_MAX_LABEL_CHARACTERS = 60
_MAX_KNOWN_TEXTS = 100_000
_MAX_REJECTED_ROWS = 1_000
_MAX_STATEMENT_ROWS = 1_000
_MAX_BLOCK_ROWS = 1 << 21
_MAX_GROUPS = 10
_MAX_PARENTS = 50
_MIN_ROWS = 3
_FEW_BLOCKS = 5
_FREE_TEXT = ("description", "department_name", "account_name")
_CODES = ("account", "department", "date", "period")
_NO_DISTINCTION = (
    "if it is a total, claim it by a rule of control_total in the descriptor; no cell distinguishes it from the lines, "
    "so the source must name it; if it is a line, nothing needs to be done"
)
_LABELS = ("department_code", "account_number", "department_name", "account_name")
_ANY_WORD = "|".join(sorted(word for word in _TOTAL_WORDS if word.isascii()))
_SPECIAL = re.compile(r"([\\.+*?()|\[\]{}^$])")
_PLAIN_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_ ]*")


@dataclass
class _Group:
    """Rows that one line of the descriptor would claim."""

    why: str
    place: str
    kind: str
    is_labelled: bool
    count: int = 0


@dataclass
class UnclaimedTotals:
    """Looks for unclaimed totals as the batches of one table pass by.

    Attributes:
        rules: of the feed.
        sources: where the feed's fields come from.
    """

    rules: ReadingRules
    sources: Mapping[str, FieldSource]
    _groups: dict[tuple[str, str], _Group] = field(default_factory=dict)
    _others: int = 0
    _known: set[str] = field(default_factory=set)
    _says_total: set[str] = field(default_factory=set)
    _begins_so: set[str] = field(default_factory=set)
    _statement: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    _rejected_lines: int = 0
    _rejected_totals: int = 0
    _block: _Block = field(default_factory=lambda: _Block())
    _last: tuple[RawBatch, int] | None = None
    _blocks: int = 0
    _sums: int = 0
    _only: tuple[RawBatch, npt.NDArray[np.int64], Sums] | None = None
    _batches: int = 0

    def add(self, batch: RawBatch, columns: Mapping[str, pa.Array], parsed: ParsedAmounts) -> None:
        """Add a batch, in the order of the table.

        Args:
            batch: the rows, with their marks.
            columns: the typed columns.
            parsed: the amounts before any rule.
        """
        starts = _row_starts(batch)
        is_data = ~to_mask(pc.equal(columns["outcome"], SKIPPED))[starts]
        labelled = self._labelled_rows(batch, columns)
        for position in labelled:
            self._report(batch, position, "")
        sums = np.add.reduceat(self._line_sums(batch, parsed), starts) if len(starts) else np.zeros(0, np.uint64)
        self._find_statement_rows(batch, columns, starts, is_data, sums)
        self._batches += 1
        self._only = (batch, starts[is_data], sums[is_data]) if self._batches == 1 else None
        self._add_rows(batch, starts, is_data, sums)

    def notes(self) -> dict[str, Note]:
        """Return a note for each line that the descriptor lacks, after the table's last row."""
        self._end_block()
        is_chance = self._blocks >= _FEW_BLOCKS and self._sums * 2 < self._blocks
        notes = {}
        for (column, pattern), group in self._groups.items():
            if is_chance and not group.is_labelled:
                continue
            kind = group.kind if group.count == 1 else "subtotal"
            text = f"a row looks like a total and was read as a line: {group.why}, first on {group.place}"
            if not column:
                notes[text] = Note(1, _NO_DISTINCTION)
                continue
            line = self._claim([_rule(column, pattern, kind)])
            count = f"; {group.count:,} rows in all" if group.count > 1 else ""
            notes[text + count] = Note(1, f"{line}; if it is a line, nothing needs to be done")
        notes |= self._parents() | self._statement_notes()
        if self._others:
            notes[f"{self._others:,} more rows look like totals"] = Note(1, "")
        return notes

    def advise(self, others: str) -> str:
        """Return what to do about rejected lines, of which some say that they are totals.

        Args:
            others: what to do about those that are none.
        """
        rules = [
            _rule(column, pattern, group.kind if group.count == 1 else "subtotal")
            for (column, pattern), group in self._groups.items()
            if group.is_labelled and column
        ]
        if not self._rejected_totals or not rules:
            return others
        is_other = self._rejected_lines > self._rejected_totals
        return f"{self._claim(rules)}; {others}" if is_other and others else self._claim(rules)

    def _claim(self, rules: Sequence[str]) -> str:
        text = ", ".join(rules)
        add = f"add {text} to control_total in" if self.rules.control_totals else f"add control_total: [{text}] to"
        return f"{add} the descriptor"

    def _find_statement_rows(
        self,
        batch: RawBatch,
        columns: Mapping[str, pa.Array],
        starts: npt.NDArray[np.int64],
        is_data: Mask,
        sums: Sums,
    ) -> None:
        """Find rows such as Total Expenses that are the sum of the rows before them, up to a row that is no data.

        A name of one is not enough, nor is a sum inside of a block; of one row, the sum is the row below a heading.
        """
        named = np.zeros(len(columns["outcome"]), dtype=np.bool_)
        for name in _LABELS if self._begins_so else ():
            named |= to_mask(pc.is_in(columns[name], pa.array(sorted(self._begins_so), pa.string())))
        others = np.flatnonzero(~is_data)
        for row in np.flatnonzero(named[starts] & is_data)[:_MAX_STATEMENT_ROWS].tolist():
            place = int(np.searchsorted(others, row))
            begin = int(others[place - 1]) + 1 if place else 0
            with np.errstate(over="ignore"):
                counts = np.flatnonzero(np.cumsum(sums[begin:row][::-1], dtype=np.uint64) == sums[row]) + 1
            if sums[row] and len(counts) and (counts[-1] > 1 or (place and row - begin == 1)):
                position = int(starts[row])
                label = _find_label(self._texts(batch, position))
                if label is not None:
                    self._statement.setdefault(label[:2], []).append(batch.place(position))

    def _statement_notes(self) -> dict[str, Note]:
        """Return a note for the rows of a statement that add up others and were read as lines."""
        notes = {}
        for (column, pattern), places in self._statement.items():
            are = "row is called a total and is" if len(places) == 1 else "rows are called totals and are"
            text = f"{len(places):,} {are} the sum of the rows before, so amounts count twice, first on {places[0]}"
            rule = (
                f"{{column: {_yaml_name(column)}, matches: {json.dumps(pattern, ensure_ascii=False)}, "
                "may_hold_money: true}"
            )
            add = f"add {rule} to skip in" if self.rules.skip else f"add skip: [{rule}] to"
            fix = f"{add} the descriptor, and a rule for rows such as Net Income if there are any"
            notes[text] = Note(1, f"{fix}; if they are lines of their own, nothing needs to be done")
        return notes

    def _parents(self) -> dict[str, Note]:
        """Return a note if rows are the sums of those below or above them, of a table that is one batch."""
        if self._only is None:
            return {}
        batch, rows, sums = self._only
        parents = find_sums_above_or_below(sums.tolist())
        if parents is None:
            return {}
        positions = [int(rows[row]) for row in parents.rows]
        are = "row is the sum" if len(positions) == 1 else "rows are the sums"
        text = (
            f"{len(positions):,} {are} of the {parents.parts:,} rows {'above' if parents.are_above else 'below'}, so "
            "their amounts count twice, first on "
            f"{batch.place(positions[0])}"
        )
        return {text: Note(1, self._rule_of_parents(batch, positions, rows))}

    def _rule_of_parents(self, batch: RawBatch, parents: list[int], rows: npt.NDArray[np.int64]) -> str:
        """Return the rule that leaves out rows, by the first column in which no other row has one of their texts."""
        others = set(rows.tolist()) - set(parents)
        for name, cells in self._columns_of_text(batch).items():
            texts = [(cells[row].as_py() or "").strip() for row in parents]
            distinct = list(dict.fromkeys(texts))
            longest = max(map(len, distinct))
            if longest > _MAX_LABEL_CHARACTERS or len(distinct) > _MAX_PARENTS:
                continue
            if {plain_name(text) for text in distinct} <= _SCENARIOS and "scenario" in self.rules.constants:
                return (
                    f"read the scenario by columns: {{scenario: {_yaml_name(name)}}} in the descriptor, in place of "
                    "constants, and leave out the rows that compare scenarios by a rule of skip"
                )
            if not {(cells[row].as_py() or "").strip() for row in others} & set(distinct):
                pattern = json.dumps(f"^({'|'.join(map(_escape, distinct))})$", ensure_ascii=False)
                rule = f"{{column: {_yaml_name(name)}, matches: {pattern}, may_hold_money: true}}"
                add = f"add {rule} to skip in" if self.rules.skip else f"add skip: [{rule}] to"
                return f"{add} the descriptor; if they are lines of their own, nothing needs to be done"
        return "send the file without these rows; no cell distinguishes them from the others"

    def _columns_of_text(self, batch: RawBatch) -> dict[str, pa.StringArray]:
        of_amounts = set(self.sources["amount"].headers)
        if batch.source_columns is not None:
            of_amounts |= set(pc.unique(batch.source_columns).to_pylist())
        return {
            name: texts
            for name, texts in batch.columns.items()
            if name not in of_amounts and not name.startswith("\0")  # that of a cell's own line, which no file has
        }

    def _labelled_rows(self, batch: RawBatch, columns: Mapping[str, pa.Array]) -> list[int]:
        """Return the rows whose text says that they are a total."""
        is_accepted = to_mask(pc.equal(columns["outcome"], "accepted"))
        is_total = self._cells_that_say_total(columns) & is_accepted
        rejected = np.flatnonzero(to_mask(pc.equal(columns["outcome"], REJECTED)))
        rejected = rejected[: max(0, _MAX_REJECTED_ROWS - self._rejected_lines)]
        self._rejected_lines += len(rejected)
        for position in rejected.tolist():
            cells = self._texts(batch, position)
            is_sparse = sum(1 for text in cells.values() if text) * 2 <= len(cells)
            is_total[position] = any(_says_total(text, is_sparse=is_sparse) for text in cells.values())
        self._rejected_totals += int(np.sum(is_total[rejected]))
        is_first = np.zeros(len(batch), dtype=np.bool_)
        is_first[_row_starts(batch)] = True
        return [int(position) for position in np.flatnonzero(is_total & is_first)]

    def _cells_that_say_total(self, columns: Mapping[str, pa.Array]) -> Mask:
        is_total: Mask = np.zeros(len(columns["outcome"]), dtype=np.bool_)
        for name in _LABELS:
            texts = columns[name]
            if texts.null_count == len(texts):
                continue
            distinct = [text for text in _with_total_words(pc.unique(texts)) if text not in self._known]
            self._says_total |= {text for text in distinct if _says_total(text, is_sparse=False)}
            self._begins_so |= {text for text in distinct if _says_total(text, is_sparse=True)} - self._says_total
            if len(self._known) < _MAX_KNOWN_TEXTS:
                self._known.update(distinct)
            if self._says_total:
                is_total |= to_mask(pc.is_in(texts, pa.array(sorted(self._says_total), pa.string())))
        return is_total

    def _line_sums(self, batch: RawBatch, parsed: ParsedAmounts) -> Sums:
        """Return the amount of each line, in cents, times the factor of its side and column."""
        if parsed.sides:
            sides = [(name, _cents(side.values)) for name, side in zip(("debit", "credit"), parsed.sides, strict=True)]
        else:
            cents = _cents(parsed.values)
            # Debits and credits of a journal sum to anything; a total of them has two sides.
            is_journal = self.rules.is_debit_positive
            positive = np.maximum(cents, 0)
            sides = [("", positive), ("credit", cents - positive)] if is_journal else [("", cents)]
        factors = _factors(batch)
        sums = np.zeros(len(batch), np.uint64)
        for name, cents in sides:
            sums += cents.view(np.uint64) * _factor(name)
        return sums * factors

    def _add_rows(self, batch: RawBatch, starts: npt.NDArray[np.int64], is_data: Mask, sums: Sums) -> None:
        edges = np.flatnonzero(np.diff(np.concatenate([[False], is_data, [False]]).astype(np.int8)))
        begins, ends = edges[::2], edges[1::2]
        is_long = (ends - begins) >= _MIN_ROWS
        for number in range(len(begins)):
            is_first, is_last = number == 0, number == len(begins) - 1
            if not (is_first or is_last or is_long[number]):
                continue
            begin, end = int(begins[number]), int(ends[number])
            if begin or self._last is None:
                self._end_block()
            self._block.extend(sums[begin:end])
            self._last = batch, int(starts[end - 1])
            if end < len(is_data):
                self._end_block()
        if len(is_data) and not len(begins):
            self._end_block()

    def _end_block(self) -> None:
        """Report the last row of the block if it is the sum of rows before it."""
        if self._last is not None and self._block.size >= _MIN_ROWS:
            self._blocks += 1
            count = self._block.rows_summed_by_last()
            if count:
                self._sums += 1
                batch, position = self._last
                self._report(batch, position, f"it equals the sum of the {count:,} rows before it")
        self._block, self._last = _Block(), None

    def _report(self, batch: RawBatch, position: int, why: str) -> None:
        cells = self._texts(batch, position)
        label = _find_label(cells)
        if label is None:
            label = self._distinction(batch, cells)
        column, pattern, words = label
        is_grand = not re.search("sub|sous|zwischen", words.casefold()) and pattern.endswith("$") and bool(words)
        kind = "grand" if (is_grand or not words) and self._blocks <= 1 else "subtotal"
        group = self._groups.get((column, pattern))
        if group is None:
            if len(self._groups) >= _MAX_GROUPS:
                self._others += 1
                return
            reason = why or f"its text says {words!r}"
            group = _Group(reason, batch.place(position), kind, bool(words))
            group = self._groups.setdefault((column, pattern), group)
            group.count = 1
        elif not (why and group.is_labelled):  # a row that says it is a total was counted for its text
            group.count += 1
        elif why:
            group.why = why

    def _texts(self, batch: RawBatch, position: int) -> dict[str, str]:
        """Return the cells of a row that are not amounts, cut if they are long."""
        return {
            name: (texts[position].as_py() or "").strip()[: _MAX_LABEL_CHARACTERS + 1]
            for name, texts in self._columns_of_text(batch).items()
        }

    def _distinction(self, batch: RawBatch, cells: Mapping[str, str]) -> tuple[str, str, str]:
        """Return the column and pattern of a cell that few other rows of the batch have; blank if there is none."""
        personal = {header for name in _FREE_TEXT if name in self.sources for header in self.sources[name].headers}
        codes = {header for name in _CODES if name in self.sources for header in self.sources[name].headers}
        found = []
        for place, (name, text) in enumerate(cells.items()):
            # A rule for an account of a number, or for a day, would leave out its lines in each later file.
            is_code = name in codes and re.search("[0-9]", text)
            if name in personal or len(text) > _MAX_LABEL_CHARACTERS or is_code:
                continue
            trimmed = pc.utf8_trim_whitespace(pc.fill_null(batch.columns[name], ""))
            same = pc.sum(pc.equal(trimmed, text)).as_py()
            if same <= max(1, len(batch) // _MIN_ROWS):
                found.append((same, bool(text), bool(re.search("[0-9]", text)), place, name, text))
        if not found:
            return "", "", ""
        *_, name, text = min(found)
        return name, f"^{_escape(text)}$", ""


def _rule(column: str, pattern: str, kind: str) -> str:
    row = f"{{column: {_yaml_name(column)}, matches: {json.dumps(pattern, ensure_ascii=False)}}}"
    return f"{{kind: {kind}, row: {row}, column: amount}}"


@dataclass
class _Block:
    """The sums of a block's rows: after each of them, that of all rows so far."""

    size: int = 0
    sum: np.uint64 = field(default_factory=lambda: np.uint64(0))
    parts: list[Sums] = field(default_factory=list)

    def extend(self, sums: Sums) -> None:
        with np.errstate(over="ignore"):
            running = np.cumsum(sums, dtype=np.uint64) + self.sum
        self.size += len(sums)
        self.sum = running[-1]
        self.parts.append(running)
        while sum(map(len, self.parts[1:])) > _MAX_BLOCK_ROWS:
            del self.parts[0]

    def rows_summed_by_last(self) -> int:
        """Return how many rows before the last one it is the sum of, as many as possible; zero if it is of none."""
        sums = np.concatenate(self.parts)
        if len(sums) == self.size:
            sums = np.concatenate([np.zeros(1, np.uint64), sums])
        with np.errstate(over="ignore"):
            last = sums[-1] - sums[-2]
            starts = np.flatnonzero(sums[:-3] == sums[-2] - last)
            if not last or not len(starts):
                return 0
            summed = np.diff(sums[starts[0] : -1])
        return len(summed) if np.count_nonzero(summed) >= _MIN_ROWS - 1 else 0


def _row_starts(batch: RawBatch) -> npt.NDArray[np.int64]:
    rows = batch.source_rows.to_numpy()
    return np.flatnonzero(np.concatenate([[True], rows[1:] != rows[:-1]])) if len(rows) else np.zeros(0, np.int64)


def _cents(values: pa.Array) -> npt.NDArray[np.int64]:
    """Return DECIMAL(18,2) in cents, zero for null: 18 digits fit into the lower half of each value's 16 bytes."""
    cents = np.frombuffer(values.buffers()[1], dtype="<i8")[2 * values.offset : 2 * (values.offset + len(values)) : 2]
    return np.where(to_mask(pc.is_valid(values)), cents, 0)


def _factor(name: str) -> np.uint64:
    """Return an odd number of 64 bits that depends on a name."""
    return np.uint64((zlib.crc32(name.encode()) * 0x9E3779B97F4A7C15 | 1) & (2**64 - 1))


def _factors(batch: RawBatch) -> Sums:
    """Return the factor of each line's column."""
    columns = batch.source_columns
    if columns is None:
        return np.ones(len(batch), np.uint64)
    encoded = pc.fill_null(columns, "").dictionary_encode()
    factors = np.array([_factor(name) for name in encoded.dictionary.to_pylist()], np.uint64)
    return np.asarray(factors[encoded.indices.to_numpy()], np.uint64)


def _words(text: str) -> list[str]:
    folded = unicodedata.normalize("NFKC", text).casefold()
    return re.findall(r"[^\W\d_]+", folded)


def _with_total_words(texts: pa.Array) -> list[str]:
    """Return those of the texts that may have one of the words, beside all that are not ASCII.

    Of 50,000 names of accounts a few have one, which Arrow finds in a hundredth of the time that words take.
    """
    texts = texts.cast(pa.string()).drop_null()
    may_have = pc.or_(
        pc.invert(pc.string_is_ascii(texts)), pc.match_substring_regex(texts, _ANY_WORD, ignore_case=True)
    )
    return texts.filter(may_have).to_pylist()  # type: ignore[no-any-return]


def _says_total(text: str, *, is_sparse: bool) -> bool:
    """Return whether a cell says that its row is a total.

    Args:
        text: the cell.
        is_sparse: whether most cells of the row are blank; a name beside the word is then enough, as in `Total North`.
            In a full row it is not: there are suppliers whose names begin with Total.
    """
    if not text or len(text) > _MAX_LABEL_CHARACTERS:
        return False
    return _names_total(text, is_sparse)


@lru_cache(4096)
def _names_total(text: str, is_sparse: bool) -> bool:
    # Thousands of files have the same departments and accounts.
    words = _words(text)
    if not words or not _TOTAL_WORDS.intersection(words):
        return False
    if len(words) <= _MAX_WORDS and all(word in _TOTAL_WORDS or word in _OTHER_WORDS for word in words):
        return True
    return is_sparse and (words[0] in _TOTAL_WORDS or words[-1] in _TOTAL_WORDS)


def _find_label(cells: Mapping[str, str]) -> tuple[str, str, str] | None:
    """Return column, pattern and text of the cell that says that its row is a total."""
    for name, text in cells.items():
        if _says_total(text, is_sparse=False):
            return name, f"^{_escape(text)}$", text
    for name, text in cells.items():
        if _says_total(text, is_sparse=True):
            first, last = text.split()[0], text.split()[-1]
            if _TOTAL_WORDS.intersection(_words(first)):
                return name, f"^{_escape(first)} ", first
            return name, f" {_escape(last)}$", last
    return None


def _escape(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", text)


def _yaml_name(name: str) -> str:
    return name if _PLAIN_NAME.fullmatch(name) else json.dumps(name, ensure_ascii=False)
