"""The text of a draft: YAML with comments, in which no text of a file is anything but text.

Belongs here: the order of the keys, quoting, comments. Does not belong here: guesses (see `ledger`, `sample`).
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from finance_platform.feeds.descriptor import FEED_NAME, UNDECIDED, UNREAD_FILES, is_path
from finance_platform.feeds.descriptor.schema import SCHEMA_COMMENT
from finance_platform.feeds.doubts.unread_column import escape
from finance_platform.feeds.draft.columns import FieldsDraft, used_headers
from finance_platform.feeds.draft.ledger import draft_fields
from finance_platform.feeds.draft.other_rows import OtherRow
from finance_platform.feeds.draft.sample import Sample, sample_file
from finance_platform.feeds.draft.total_rows import TOTAL_ENDING
from finance_platform.feeds.feed_set import shipped_descriptors
from finance_platform.feeds.file_names import file_ending
from finance_platform.feeds.files.file_format import OpenFile
from finance_platform.feeds.values.month_names import read_month
from finance_platform.safe_text import printable_line

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*(?: [A-Za-z0-9_./-]+)*")
_WORDS_OF_YAML = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}
_SERIAL = re.compile("(?:(?:_|(?<=[0-9]))(?:v|q|h|p|m|fy|rev)?[0-9]+|[0-9]+)+$")
"""What distinguishes a file from its successors, such as _2025_q1, _2025q1 or _v3."""
_REPORT = re.compile(r"(?i)(?<![a-z0-9])(?:s_[a-z0-9]{3}_[0-9]{8}|fagll03|sage[ _-]?(?:50|100|200|300)|d365)(?![0-9])")
"""Numbers that are a part of the name of a report or of a program, and the same in its next file."""
_LAST_WORD = re.compile(r"(?<=[-_ .])([^\W\d_]+)[-_ .]*$")
_MIN_LETTERS = 3
"""Letters that a name must have before the part that may differ, so that its glob does not match everything."""
_YEAR_MONTH = re.compile("(?<![0-9])20[0-9]{2}(?:[-_ .]?[0-9]{2}){0,2}(?![0-9])")
"""A year, a month, a day or a fiscal year such as 2025-26."""
_MAX_COMMENT = 600
_MAX_LISTED = 20
_MAX_CONDITIONS = 9
_LAST_OF_FOUR_DIGITS = 0xFFFF


def draft_descriptor(open_file: OpenFile, object_key: str, home_currency: str, first_month: int = 1) -> str:
    """Return a descriptor for a file, as the text of a YAML file.

    Args:
        open_file: opens the file.
        object_key: its name in the raw zone, or the name that it would have there.
        home_currency: ISO 4217.
        first_month: of the home's fiscal years.

    Raises:
        UnreadableDeliveryError: no table can be found in the file.
    """
    sample = sample_file(open_file, object_key)
    draft = draft_fields(sample, PurePosixPath(object_key).name, home_currency, first_month)
    lines = list(_lines(sample, draft, object_key))
    if any(UNDECIDED in line for line in lines):
        place = next(number for number, line in enumerate(lines) if line.startswith("feed: "))
        text = f"{UNDECIDED} stands for what only a person knows; the descriptor is refused until each is replaced."
        lines[place:place] = _comment(text)
    return "\n".join(lines) + "\n"


def _lines(sample: Sample, draft: FieldsDraft, object_key: str) -> Iterator[str]:
    name = PurePosixPath(object_key).name
    yield SCHEMA_COMMENT
    yield from _comment(f"Drafted from {name}. Every line with `decide` needs a person; then run `feed check`.")
    yield f"feed: {_feed_name(name)}"
    yield f"kind: {draft.kind}"
    yield f"path: {scalar(_path(object_key, draft.year))}{_path_comment(object_key)}"
    for remark in sample.remarks:
        yield from _comment(remark)
    dialect = _dialect(sample)
    if dialect:
        yield f"dialect: {flow(dialect)}"
    if sample.sheets:
        yield f"sheet: {flow(list(sample.sheets))}"
    for decision in draft.decisions:
        yield from _comment(f"decide: {decision}")
    yield from _columns(sample, draft)
    yield from _rows(sample, draft)
    yield from _constants(draft)


def _columns(sample: Sample, draft: FieldsDraft) -> Iterator[str]:
    yield "columns:" if any(one.values for one in draft.fields.values()) else "columns: {}"
    width = max((len(field) for field in draft.fields), default=0)
    for field, one in draft.fields.items():
        if one.comment:
            yield from _comment(one.comment, "  ")
        values = one.values
        if not values:
            continue
        text = scalar(values["from"]) if list(values) == ["from"] and isinstance(values["from"], str) else flow(values)
        yield f"  {field}:{' ' * (width - len(field) + 1)}{text}"
    used = set(used_headers(draft))
    unused = [
        # Without a header, only the values say what a column is.
        name if sample.header_rows else f"{name} ({next(filter(None, sample.column(position)), '')[:20]!r})"
        for position, name in enumerate(sample.header)
        if name not in used and not name.startswith("(column ")
    ]
    if unused:
        more = f" and {len(unused) - _MAX_LISTED:,} more" if len(unused) > _MAX_LISTED else ""
        yield from _comment(f"Not used: {', '.join(unused[:_MAX_LISTED])}{more}", "  ")


def _rows(sample: Sample, draft: FieldsDraft) -> Iterator[str]:
    """Yield what is said about rows that are not one line each."""
    if draft.rows_comment:
        yield from _comment(draft.rows_comment)
    if draft.unpivot:
        pattern = {"columns": draft.unpivot_pattern} if draft.unpivot_pattern else {}
        yield f"unpivot: {flow(draft.unpivot | pattern)}"
    if draft.measures:
        yield "measures:"
        yield from (f"  {scalar(name)}: {flow(fields)}" for name, fields in draft.measures.items())
    if draft.ignored:
        yield f"ignore_columns: {flow(draft.ignored)}"
    if draft.sign_comment:
        yield from _comment(draft.sign_comment)
    if draft.sign or draft.is_debit_positive:
        yield f"sign: {draft.sign or 'debit_positive'}"
    if draft.balanced:
        yield from _comment(draft.balanced_comment)
        yield f"balanced: {flow({'by': draft.balanced})}"
    if draft.kind in {"ledger", "balances"}:
        yield from _skipped(sample, draft)
    if draft.kind == "ledger" and sample.totals:
        yield from _totals(sample)


def _skipped(sample: Sample, draft: FieldsDraft) -> Iterator[str]:
    """Yield the rules that leave out the rows that are not data, those of labels last."""
    skipped: list[dict[str, Any]] = []
    rules = {(row.column, row.pattern, row.lacks): row for row in sample.other_rows.values()}
    if rules:
        lines = ", ".join(map(str, list(sample.other_rows)[:_MAX_LISTED]))
        noun = "line" if len(sample.other_rows) == 1 else "lines"
        yield from _comment(
            f"decide: rows that are not data, such as {noun} {lines}; with an amount, they are rejected"
            + (
                f"; with may_hold_money, they {_describe_money(rules.values())}, and their amounts are left out"
                if any(row.has_money for row in rules.values())
                else ""
            )
        )
        skipped = [
            {"column": row.column, "matches": row.pattern}
            | ({"and": [{"column": row.lacks, "matches": "^$"}]} if row.lacks else {})
            | ({"may_hold_money": True} if row.has_money else {})
            | ({"keeps_label": True} if row.is_carried and sample.labels else {})
            | (_whole_header(sample, draft, row.column) if row.pattern == f"^{escape(row.column)}$" else {})
            for row in rules.values()
        ]
    if sample.headings:
        headings = sample.headings
        lines = ", ".join(map(str, sorted(headings.lines)[:_MAX_LISTED]))
        yield from _comment(
            f"decide: the {headings.field} is above each repetition of the header, so the names of the columns are "
            f"given in dialect, and every header is left out; rows above headers are not data, such as lines {lines}"
        )
        label = {"column": sample.header[headings.column], "matches": headings.pattern, "label": True}
        if headings.source != headings.column:
            label["may_hold_money"] = True
        keeps = {"may_hold_money": True, "keeps_label": True}
        others = [{"column": sample.header[place], "matches": one} | keeps for place, one in headings.others]
        skipped = [label, *others, *skipped]
    if draft.kind == "balances" and sample.totals:
        lines = ", ".join(map(str, sorted(sample.totals)[:_MAX_LISTED]))
        noun = "line" if len(sample.totals) == 1 else "lines"
        yield from _comment(f"decide: rows that print a total, such as {noun} {lines}; they are not data")
        totals = dict.fromkeys((row.column, row.pattern) for row in sample.totals.values())
        skipped += [{"column": column, "matches": pattern} for column, pattern in totals]
    if sample.labels:
        first = ", ".join(map(str, sorted(sample.labels.lines)[:_MAX_LISTED]))
        has_labels = not (sample.headings or sample.labels.are_headings)
        is_given = has_labels and any("fill_down" in one.values for one in draft.fields.values())
        has_sums = bool(sample.labels.pattern) or sample.labels.has_sums
        what = "labels of the lines below them" if is_given else "not data, and have a text in one column alone"
        what += ", and have their sums, which are left out" if has_sums else ""
        noun = "line" if len(sample.labels.lines) == 1 else "lines"
        yield from _comment(f"decide: rows that are {what}, such as {noun} {first}")
        is_blank = [{"column": name, "matches": "^$"} for name in sample.labels.others]
        for place in sample.labels.places:
            rule = {"column": sample.header[place], "matches": sample.labels.pattern or "."}
            condition: dict[str, Any] = {} if sample.labels.pattern else {"and": is_blank}
            money = {"may_hold_money": True} if has_sums else {}
            skipped.append(rule | condition | money | ({"label": True} if is_given else {}))
    if skipped:
        yield f"skip: {flow(skipped)}"


def _whole_header(sample: Sample, draft: FieldsDraft, column: str) -> dict[str, Any]:
    """Return the further conditions of a rule that leaves out every header, where the draft declares their names.

    A header with another name is no such row then, so that its file is held: nothing else compares the names.
    """
    used = [name for name in used_headers(draft) if name in sample.header and not name.startswith("(column ")]
    others = [name for name in dict.fromkeys(used) if name != column] if sample.headings else []
    conditions = [{"column": name, "matches": f"^{escape(name)}$"} for name in others[:_MAX_CONDITIONS]]
    return {"and": conditions} if conditions else {}


def _describe_money(rows: Collection[OtherRow]) -> str:
    """Return what the amounts of rows are that are no data."""
    is_carried = {row.is_carried for row in rows if row.has_money}
    return (
        "have balances"
        if is_carried == {True}
        else "add up lines" + (" or have balances" if True in is_carried else "")
    )


def _totals(sample: Sample) -> Iterator[str]:
    """Yield the rules that claim the rows with a total."""
    found = Counter((row.column, row.pattern, row.is_subtotal) for row in sample.totals.values())
    rules = [
        {
            "kind": "subtotal" if count > 1 or is_subtotal else "grand",
            "row": {"column": column, "matches": pattern},
        }
        for (column, pattern, is_subtotal), count in found.items()
    ]
    # The inner level first, as the descriptor needs it; but the first rule that matches claims a row, and the patterns
    # of `D1 Total` and of `Total 6110` match `Grand Total` and `Total général` too.
    is_grand_first = any(pattern.endswith(TOTAL_ENDING) for _, pattern, _ in found) or any(
        row.is_like_others for row in sample.totals.values()
    )
    rules.sort(key=lambda rule: (rule["kind"] == "grand") != is_grand_first)
    lines = ", ".join(map(str, sorted(sample.totals)[:_MAX_LISTED]))
    noun = "line" if len(sample.totals) == 1 else "lines"
    yield from _comment(f"decide: rows that print a total, such as {noun} {lines}; they must tie, and are not data")
    yield f"control_total: {flow(rules)}"


def _constants(draft: FieldsDraft) -> Iterator[str]:
    constants = draft.constants
    if draft.kind != "ledger":
        yield from [f"constants: {flow(constants)}"] if constants else []
        return
    if "scenario" in constants:
        yield from _comment("decide: the scenario of every line: Actual, Budget, Forecast …")
    if constants:
        yield f"constants: {flow(constants)}"
    if draft.is_plan or draft.is_growing:
        file = "a new version of a plan" if draft.is_plan else "a file with one more month"
        yield from _comment(
            f"decide: what a second file does. replace_period replaces the months that it contains, as {file} does; "
            "with `scope: [department]`, only those of its departments. append adds its lines."
        )
        yield "load: {mode: replace_period}"
    else:
        yield from _comment(
            "decide: what a second file does. append adds its lines; replace_period replaces the months that it "
            "contains; upsert replaces lines with the same key."
        )
        yield "load: {mode: append}"
    yield from _comment("Any rejected row holds the file; `tolerance: {rejected_rows: 0.01}` allows one in a hundred.")


def _dialect(sample: Sample) -> dict[str, Any]:
    dialect: dict[str, Any] = {}
    if sample.delimiter != ",":
        dialect["delimiter"] = sample.delimiter
    if sample.encoding not in {"utf-8", ""}:
        dialect["encoding"] = sample.encoding
    if not sample.header_rows or sample.headings:
        dialect |= {"header_row": "0", "names": sample.header}
    elif sample.header_rows != (1,):
        dialect["header_row"] = str(sample.header_rows[0]) if len(sample.header_rows) == 1 else [*sample.header_rows]
    return dialect


def _feed_name(name: str) -> str:
    stem = re.sub("[^a-z0-9]+", "_", PurePosixPath(name).stem.lower()).strip("_")
    stem = re.sub("^[^a-z]+", "", stem)
    report = _REPORT.search(stem)
    fixed = report.end() if report else 0
    stem = (stem[:fixed] + _SERIAL.sub("", stem[fixed:])).strip("_")[:60]
    stem = stem[: _before_month(stem, len(stem))].strip("_")
    if not re.fullmatch(FEED_NAME, stem) or stem == UNREAD_FILES:
        return "new_feed"
    # A descriptor with a shipped feed's name would replace that feed.
    return f"{stem}_files" if stem in {feed.feed for feed in shipped_descriptors()} else stem


def _path(object_key: str, year: str = "") -> str:
    """Return a glob for a file and its successors: what follows the first number behind a word may differ.

    Args:
        object_key: the file.
        year: the only one that the descriptor reads, if its name has it; empty if it reads every year.
    """
    path = PurePosixPath(object_key)
    folder = "" if str(path.parent) == "." else f"{path.parent}/"
    # A number between letters, as in FBL3N, is a part of a name.
    numbers = re.finditer("(?<![0-9])(?:[0-9]+(?![0-9A-Za-z])|(?<![A-Za-z])[0-9]+(?=[A-Za-z]))", path.name)
    report = _REPORT.search(path.name)
    begin = report.end() if report else 0
    digit = next(
        (
            one
            for one in numbers
            if one.start() >= begin and sum(map(str.isalpha, path.name[: one.start()])) >= _MIN_LETTERS
        ),
        None,
    )
    name = path.name
    ending = path.name[-len(file_ending(name)) :] if file_ending(name) else ""
    if digit and digit.start() < len(name) - len(ending):
        is_of_year = bool(year) and year in name[digit.start() :]
        end = name.find(year, digit.start()) + len(year) if is_of_year else _before_month(name, digit.start())
        name = f"{name[:end]}*{ending}"
    elif not year:
        # A short name, such as gl, does not tell its files from others; the form of its year or month does.
        name = _YEAR_MONTH.sub(lambda match: f"20{re.sub('[0-9]', '?', match[0][2:])}", name)
    if not is_path(f"a{ending}"):
        name = f"{path.stem}.csv"
    # In a glob, brackets and braces stand for other characters; two dots and two stars are not allowed.
    return re.sub(r"\*+", "*", re.sub(r"[\[\]{}?]|\.(?=\.)", "?", f"{folder}{name}"))


def _before_month(name: str, end: int) -> int:
    """Return where the name of a month directly before a place in a file's name begins; the place if there is none."""
    word = _LAST_WORD.search(name[:end])
    is_month = word is not None and sum(map(str.isalpha, name[: word.start()])) >= _MIN_LETTERS and read_month(word[1])
    return word.start() if word is not None and is_month else end


def _path_comment(object_key: str) -> str:
    suffix = file_ending(object_key)
    if not is_path(f"a{suffix}"):
        return f"   # decide: no feed reads files that end in {printable_line(suffix)!r}; rename the file"
    return "" if "/" in object_key else "   # a glob inside raw/; a folder of its own keeps sources apart: folder/*.csv"


def scalar(value: str) -> str:
    """Return a text as YAML, quoted unless it can only be read as that text."""
    if _PLAIN.fullmatch(value) and value.lower() not in _WORDS_OF_YAML:
        return value
    return _without_unprintable(json.dumps(value, ensure_ascii=False))


def _without_unprintable(text: str) -> str:
    """Return a text with escapes of YAML in place of what a person could not see, or YAML could not read."""
    return "".join(character if character.isprintable() else _escape(ord(character)) for character in text)


def _escape(code: int) -> str:
    return f"\\u{code:04x}" if code <= _LAST_OF_FOUR_DIGITS else f"\\U{code:08x}"


def flow(value: Any) -> str:
    """Return a value in YAML's flow style, on one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{scalar(str(name))}: {flow(part)}" for name, part in value.items()) + "}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(flow, value))}]"
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return text if isinstance(value, int) or re.fullmatch("0|[1-9][0-9]{0,3}|true|false", text) else scalar(text)


def _comment(text: str, indent: str = "") -> Iterator[str]:
    """Yield a comment's lines; no text of a file can end it."""
    line = _without_unprintable(printable_line(text))
    line = line if len(line) <= _MAX_COMMENT else f"{line[:_MAX_COMMENT]}…"
    words, current = line.split(" "), ""
    for word in words:
        if current and len(indent) + len(current) + len(word) > 115:
            yield f"{indent}#{current}"
            current = ""
        current += f" {word}"
    yield f"{indent}#{current}"
