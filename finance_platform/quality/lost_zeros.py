"""Members under two codes that differ in their zeros only: `10` or `10.0` in one file, `0010` in another.

Belongs here: finding them in the built dimensions, the files that have the code without zeros, the check.
Does not belong here: the codes of one file (see `feeds.doubts.lost_zeros`), filling with zeros (see
`feeds.values.codes`).

A spreadsheet makes numbers of codes. If reference files describe both codes, they are two members on purpose.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.contracts.processed import MEMBERS
from finance_platform.contracts.star import WHOLE_TABLE
from finance_platform.count_text import pluralize
from finance_platform.deliveries.delivery_rows import read_rows
from finance_platform.deliveries.state import LiveDelivery
from finance_platform.quality.checks import CODES_KEEP_ZEROS, EVIDENCE_ROWS, Outcome
from finance_platform.slices.snapshot import Snapshot
from finance_platform.storage.documents import open_parquet
from finance_platform.storage.port import ObjectStore

_NUMBER = r"^[0-9]+(\.0+)?$"
_EXAMPLES = 3
_CODE_COLUMNS = {"account": "account_number", "department": "department_code"}
_REFERENCE_FIELDS = {"account": "number", "department": "code"}


@dataclass(frozen=True)
class LostZeros:
    """A member whose code is that of another member without zeros; no reference file describes at least one of them.

    Attributes:
        dimension: account or department.
        key: surrogate key of the member that may have lost its zeros.
        code: its code.
        other: the code of the other member.
    """

    dimension: str
    key: int
    code: str
    other: str

    @property
    def digits(self) -> int:
        """The number of digits of the other code."""
        return len(_digits(self.other))


@dataclass(frozen=True)
class LostZerosOfFeed:
    """The codes of one feed that may have lost their zeros, and that one `pad` fixes.

    Attributes:
        file: the first live delivery of the feed with one of them.
        feed: the feed.
        field: its field: account, department, or number or code of a reference file.
        codes: the codes, in order.
    """

    file: str
    feed: str
    field: str
    codes: Sequence[LostZeros]

    @property
    def warning(self) -> str:
        """The finding, in a sentence without the file's name."""
        count = pluralize(len(self.codes), "code differs", "codes differ")
        return (
            f"{self.field}: {count} from another {self.codes[0].dimension}'s in zeros only, as if a spreadsheet had "
            f"made numbers of codes, and no reference file describes both: {_examples(self.codes)}"
        )

    @property
    def fix(self) -> str:
        """What to do about it."""
        return (
            f"if they are the same, set columns.{self.field}.pad: {self.codes[0].digits} in the descriptor of feed "
            f"{self.feed}, or format the column as text in the source and send the file again, and accept the delivery "
            "if it is held because its lines change their codes; if not, describe both in a reference file"
        )


def check_codes_keep_zeros(snapshot: Snapshot, processed: ObjectStore) -> list[Outcome]:
    """Check that no member that no reference file describes has the code of another one but for zeros.

    Raises:
        DamagedObjectError: a file of a dimension or of a delivery is damaged.
    """
    by_feed = find_lost_zeros(snapshot, processed)
    outcomes = []
    for name, check in CODES_KEEP_ZEROS.items():
        of_dimension = [one for one in by_feed if f"dim_{one.codes[0].dimension}" == name]
        evidence = [
            {
                "what": f"{one.field} {code.code!r} beside {code.other!r}",
                "file": one.file,
                "feed": one.feed,
                "fix": one.fix,
            }
            for one in of_dimension
            for code in one.codes[:EVIDENCE_ROWS]
        ]
        codes = list(dict.fromkeys(code for one in of_dimension for code in one.codes))
        summary = "no code differs from another one in zeros only"
        if codes:
            summary = f"{pluralize(len(codes), 'code differs', 'codes differ')} from another one in zeros only: "
            summary += _examples(codes)
        outcomes.append(Outcome.from_evidence(check, evidence, summary))
    return outcomes


def find_lost_zeros(snapshot: Snapshot, processed: ObjectStore) -> list[LostZerosOfFeed]:
    """Return the codes of the built dimensions that may have lost their zeros, by feed, field and number of digits.

    Raises:
        DamagedObjectError: a file of a dimension or of a delivery is damaged.
    """
    by_feed: list[LostZerosOfFeed] = []
    for dimension in _CODE_COLUMNS:
        lost = _lost_in(dimension, snapshot, processed)
        # The files of the deliveries are read only if there is something to be found in them.
        if lost:
            by_feed += _by_feed(dimension, lost, snapshot.state.live, processed)
    return by_feed


def dimension_files(snapshot: Snapshot) -> list[str]:
    """Return the files that are read of the built dimensions."""
    return [key for dimension in _CODE_COLUMNS for key in _files(dimension, snapshot)]


def _files(dimension: str, snapshot: Snapshot) -> list[str]:
    commit = snapshot.built.get((f"dim_{dimension}", WHOLE_TABLE))
    return [file.key for file in commit.files] if commit else []


def _lost_in(dimension: str, snapshot: Snapshot, processed: ObjectStore) -> list[LostZeros]:
    code, key = _CODE_COLUMNS[dimension], f"{dimension}_key"
    by_number: dict[str, dict[str, tuple[int, bool]]] = {}
    for row in _with_a_neighbour(code, _members(processed, _files(dimension, snapshot), [code, key, "is_inferred"])):
        number = _digits(row[code]).lstrip("0")
        by_number.setdefault(number, {})[row[code]] = row[key], row["is_inferred"]
    pairs: dict[str, LostZeros] = {}
    for members_of in by_number.values():
        inferred = {name for name, (_, is_inferred) in members_of.items() if is_inferred}
        for name, other in _pairs(members_of.keys(), inferred):
            known = pairs.get(name)
            if not known or known.digits < len(_digits(other)):
                pairs[name] = LostZeros(dimension, members_of[name][0], name, other)
    return [pairs[name] for name in sorted(pairs)]


def _members(processed: ObjectStore, files: Iterable[str], columns: Sequence[str]) -> Iterator[pa.Table]:
    for file in files:
        with open_parquet(processed, file, columns) as parquet:
            yield parquet.read(columns=list(columns))


def _with_a_neighbour(code: str, members: Iterable[pa.Table]) -> list[dict[str, Any]]:
    """Return the members whose code is that of another member but for zeros; of tens of thousands, nearly none is."""
    tables = list(members)
    if not tables:
        return []
    table = pa.concat_tables(tables)
    table = table.filter(pc.match_substring_regex(table[code], _NUMBER))
    numbers = pc.replace_substring_regex(table[code], r"^0+|\.0+$", "")
    counts = numbers.value_counts()
    repeated = counts.field("values").filter(pc.greater(counts.field("counts"), 1))
    rows: list[dict[str, Any]] = table.filter(pc.is_in(numbers, repeated)).to_pylist()
    return rows


def _pairs(codes: Iterable[str], inferred: set[str]) -> Iterator[tuple[str, str]]:
    """Yield, for each inferred code of one number, it and the most likely right one; the one without zeros first."""
    names = sorted(codes)
    for name in names:
        others = [other for other in names if other != name]
        if name not in inferred or not others:
            continue
        other = max(others, key=lambda one: _likelihood(one, name, is_described=one not in inferred))
        lost, kept = sorted((name, other), key=lambda one: (len(_digits(one)), one.isdigit()))
        yield lost, kept


def _likelihood(code: str, instead_of: str, *, is_described: bool) -> tuple[bool, bool, int, bool]:
    digits = _digits(code)
    return is_described, is_described and digits == _digits(instead_of), len(digits), code == digits


def _digits(code: str) -> str:
    return code.partition(".")[0]


def _by_feed(
    dimension: str, lost: Sequence[LostZeros], live: Iterable[LiveDelivery], processed: ObjectStore
) -> list[LostZerosOfFeed]:
    by_key = {one.key: one for one in lost}
    files: dict[tuple[str, str, int], str] = {}
    codes: dict[tuple[str, str, int], dict[LostZeros, None]] = {}
    for delivery in live:
        field = dimension if delivery.event.kind == "ledger" else _REFERENCE_FIELDS[dimension]
        for key in _keys(dimension, delivery, processed, by_key):
            place = delivery.event.feed, field, by_key[key].digits
            files.setdefault(place, delivery.event.object_key)
            codes.setdefault(place, {})[by_key[key]] = None
    return [
        LostZerosOfFeed(file, place[0], place[1], sorted(codes[place], key=lambda one: one.code))
        for place, file in files.items()
    ]


def _keys(
    dimension: str, delivery: LiveDelivery, processed: ObjectStore, lost: Mapping[int, LostZeros]
) -> Iterator[int]:
    """Yield the members that may have lost their zeros and that a delivery mentions or describes."""
    wanted = pa.array(sorted(lost), pa.int64())
    files, name = delivery.commit.files, delivery.delivery_id
    for rows in read_rows(processed, name, files.get(MEMBERS.name, ()), ["dimension", "member_key"]):
        of_dimension = rows.filter(pc.equal(rows["dimension"], dimension))["member_key"]
        yield from of_dimension.filter(pc.is_in(of_dimension, wanted)).to_pylist()
    for rows in read_rows(processed, name, files.get(f"{dimension}s", ()), [f"{dimension}_key"]):
        described = rows[f"{dimension}_key"]
        yield from described.filter(pc.is_in(described, wanted)).to_pylist()


def _examples(codes: Sequence[LostZeros]) -> str:
    return ", ".join(f"{one.code!r} beside {one.other!r}" for one in codes[:_EXAMPLES])
