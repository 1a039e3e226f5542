"""Factories of the values that unit tests need: settings, feeds, typed rows, events, commits, states.

Belongs here: defaults for everything that a test does not depend on. Does not belong here: expectations.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal
from zlib import crc32

import pyarrow as pa

from finance_platform.deliveries.commits import Count, DeliveryCommit, PeriodCount, ScenarioCount, lines_hash
from finance_platform.deliveries.events import DecisionRecorded, DeliveryDiscovered, Event, Verdict
from finance_platform.deliveries.state import DeliveryState
from finance_platform.deliveries.state_derivation import derive_state
from finance_platform.deliveries.verdicts.commit_reasons import tolerance_breach
from finance_platform.feeds.cells import RawBatch
from finance_platform.feeds.descriptor import FeedDescriptor
from finance_platform.feeds.descriptor.parser import parse_descriptor
from finance_platform.feeds.lines.ledger_lines import LedgerLines
from finance_platform.feeds.lines.reference_rows import ReferenceRows
from finance_platform.feeds.reasons import Reason, reasons_from_json, reasons_in_words
from finance_platform.feeds.resolved import ResolvedFeed
from finance_platform.feeds.values.amounts import ParsedAmounts
from finance_platform.settings import Settings

LEDGER = """\
feed: ledger
kind: ledger
path: ledger*.csv
columns:
  date: {from: Date, formats: [yyyy-MM-dd]}
  department: {from: Dept}
  account: {from: Account}
  amount: {from: Amount, thousands: ","}
constants: {scenario: Actual}
"""
"""The smallest ledger descriptor, header `HEADER`."""

JOURNAL = """\
feed: journal
kind: ledger
path: journal*.csv
columns:
  date: {from: Date, formats: [yyyy-MM-dd]}
  department: {from: Dept}
  account: {from: Account}
  amount: {from: {debit: Dr, credit: Cr}}
constants: {scenario: Actual}
"""
"""A journal of debits and credits: without a type of its account, a line has no sign."""

HEADER = ("Date", "Dept", "Account", "Amount")
GOOD = {"Date": "2025-01-15", "Dept": "D100", "Account": "4000", "Amount": "100.00"}
"""A row under `HEADER` that violates no rule."""


def settings(**values: Any) -> Settings:
    """Return settings that depend neither on the environment nor on a .env file."""
    return Settings(_env_file=None, **values)


def descriptor(text: str = LEDGER, **replaced: str) -> FeedDescriptor:
    """Return a valid descriptor; `replaced` has other values for top-level keys."""
    return parse_descriptor(with_lines(text, **replaced), "feeds/test.yaml")


def with_lines(text: str, **replaced: str) -> str:
    """Return a descriptor's text with top-level keys, including their indented lines, replaced or added."""
    kept: list[str] = []
    key = ""
    for line in text.splitlines():
        key = line.partition(":")[0] if line[:1].strip() else key
        if key not in replaced:
            kept.append(line)
    return "\n".join([*kept, *(f"{name}: {value}" for name, value in replaced.items())]) + "\n"


def with_columns(columns: Mapping[str, str], **replaced: str) -> str:
    """Return `LEDGER` with columns (flow-style YAML) replaced or added, and other top-level keys replaced."""
    usual = {
        "date": "{from: Date, formats: [yyyy-MM-dd]}",
        "department": "{from: Dept}",
        "account": "{from: Account}",
        "amount": '{from: Amount, thousands: ","}',
    }
    lines = "".join(f"\n  {name}: {value}" for name, value in (usual | dict(columns)).items())
    return with_lines(LEDGER, columns=lines, **replaced)


@lru_cache
def feed(text: str = LEDGER, **values: Any) -> ResolvedFeed:
    """Return a resolved feed; `values` are settings."""
    return descriptor(text).resolve(settings(**values))


def raw_batch(header: Sequence[str], rows: Iterable[Sequence[str]], problems: Sequence[str | None] = ()) -> RawBatch:
    """Return rows as a reader returns them; the first is on line 2."""
    cells = [list(row) for row in rows]
    columns = {name: pa.array([row[i] for row in cells], pa.string()) for i, name in enumerate(header)}
    lines = pa.array(range(2, len(cells) + 2), pa.int64())
    return RawBatch(columns, lines, pa.array(problems or [None] * len(cells), pa.string()))


@dataclass(frozen=True)
class Typed:
    """Typed rows."""

    columns: Mapping[str, pa.Array]
    parsed: ParsedAmounts | None = None

    def column(self, name: str) -> list[Any]:
        """Return a column's values; reasons as people read them."""
        values: list[Any] = self.columns[name].to_pylist()
        return [reasons_in_words(value) if name == "reasons" and value else value for value in values]

    def one(self, name: str) -> Any:
        """Return the only row's value of a column."""
        (value,) = self.column(name)
        return value

    @property
    def reasons(self) -> list[Reason]:
        """The reasons of the only row."""
        (text,) = self.columns["reasons"].to_pylist()
        return reasons_from_json(text)

    @property
    def rules(self) -> list[str]:
        """The rules that the only row violates."""
        return (self.one("rules") or "").split(",") if self.one("rules") else []


def ledger_rows(
    text: str, *rows: Mapping[str, str], header: Sequence[str] | None = None, object_key: str = "", **values: Any
) -> Typed:
    """Return rows, given as cells by header, typed under a ledger descriptor; missing cells are `GOOD`'s or blank."""
    names = list(header or dict.fromkeys([*HEADER, *(name for row in rows for name in row)]))
    cells = [[{**GOOD, **row}.get(name, "") for name in names] for row in rows]
    columns, parsed = LedgerLines(feed(text, **values), names, object_key).type_batch(raw_batch(names, cells))
    return Typed(columns, parsed)


def as_written(parsed: ParsedAmounts) -> list[Decimal | None]:
    """Return each amount of a column before it was rounded."""
    return [parsed.exact.get(place, value) for place, value in enumerate(parsed.values.to_pylist())]


def reference_rows(text: str, header: Sequence[str], *rows: Sequence[str], object_key: str = "") -> Typed:
    """Return rows typed under a descriptor of departments or accounts."""
    return Typed(ReferenceRows(feed(text), list(header), object_key).type_batch(raw_batch(header, rows)))


def delivered(object_key: str = "ledger.csv", content: str = "v1", **values: Any) -> DeliveryDiscovered:
    """Return a discovery event; the delivery's identity follows from key and content."""
    moment = values.pop("modified_at", "2025-02-01T08:00:00.000000+00:00")
    usual: dict[str, Any] = {
        "feed": "ledger",
        "kind": "ledger",
        "delivery_id": f"{object_key}@{content}",
        "fingerprint": content,
        "etag": f"{content}-{moment}",
        "size": len(content),
        "modified_at": moment,
        "load_mode": "append",
        "tolerated_share": "0",
        "tolerated_amount": None,
        "at": moment,
        "run_id": "run-1",
        "keyed_by": "transaction_id" if values.get("load_mode") == "upsert" else "",
    }
    return DeliveryDiscovered(object_key=object_key, **(usual | values))


def money(rows: int, amount: str = "0.00", absolute: str | None = None, unpriced: int = 0) -> Count:
    """Return a count of rows and money."""
    return Count(rows, Decimal(amount), Decimal(absolute if absolute is not None else amount), unpriced)


def in_period(period: str, scenario: str = "Actual", kind: str | None = None, amount: str = "10.00") -> PeriodCount:
    """Return one accepted line's count in a period."""
    kind = kind or scenario.split(" ")[0].capitalize()
    content = lines_hash(crc32(f"{scenario} {period} {amount}".encode()))
    return PeriodCount(scenario, kind, period, 1, Decimal(amount), abs(Decimal(amount)), content)


def commit_of(event: DeliveryDiscovered, *periods: PeriodCount, **values: Any) -> DeliveryCommit:
    """Return the commit of a delivery with one accepted line for each of `periods`."""
    accepted = sum((count.count for count in periods), Count())
    days = sorted(f"{count.period}-01" for count in periods)
    usual: dict[str, Any] = {
        "status": "read",
        "read": replace(accepted, absolute=Decimal("0.00")),
        "outcomes": {"accepted": accepted},
        "periods": tuple(periods),
        "members_hash": "members",
        "first_day": days[0] if days else "",
        "last_day": days[-1] if days else "",
    }
    names = ("delivery_id", "object_key", "feed", "kind", "fingerprint")
    commit = DeliveryCommit(**({name: getattr(event, name) for name in names} | usual | values))
    return commit if commit.scenarios or commit.kind != "ledger" else replace(commit, scenarios=scenarios_of(commit))


def scenarios_of(commit: DeliveryCommit) -> tuple[ScenarioCount, ...]:
    """Return a ledger's lines by scenario as the reader counts them; what is not accepted is of the first one."""
    accepted: dict[str, Count] = {}
    for period in commit.periods:
        accepted[period.scenario] = accepted.get(period.scenario, Count()) + period.count
    others = {name: count for name, count in commit.outcomes.items() if name != "accepted"}
    if commit.rounding:
        others["rounding"] = Count(0, -commit.rounding, -commit.rounding)
    first = next(iter(accepted), "Actual")
    counts = [ScenarioCount(first, "", name, count) for name, count in others.items()]
    read = replace(commit.read, absolute=sum(others.values(), commit.outcome("accepted")).absolute)
    delivered = {**accepted, first: sum((one for name, one in accepted.items() if name != first), Count())}
    delivered[first] = read - delivered[first]
    for term, of_scenarios in (("delivered", delivered), ("accepted", accepted)):
        counts += [ScenarioCount(name, "", term, count) for name, count in of_scenarios.items() if not count.is_zero]
    return tuple(counts)


def refused(event: DeliveryDiscovered) -> DeliveryCommit:
    """Return the commit of a refused file."""
    return commit_of(event, status="refused", refusal="the file is empty", fix="send it again", outcomes={})


def partly_rejected(event: DeliveryDiscovered, rejected: int, of: int, amount: str = "0.00") -> DeliveryCommit:
    """Return the commit of a delivery with `rejected` of its rows rejected, which total `amount`."""
    bad = money(rejected, amount, amount.lstrip("-"))
    good = commit_of(event, *[in_period("2025-01")] * (of - rejected))
    outcomes = {**good.outcomes, "rejected": bad}
    commit = replace(good, read=good.read + replace(bad, absolute=Decimal(0)), outcomes=outcomes)
    return replace(commit, scenarios=scenarios_of(commit))


def verdict_on(event: DeliveryDiscovered, *reasons: str, **values: Any) -> Verdict:
    """Return a verdict on a delivery: it is held for `reasons`, or counts without any."""
    usual: dict[str, Any] = {"at": event.at, "run_id": event.run_id, "fix": "decide" if reasons else ""}
    return Verdict(event.object_key, event.delivery_id, reasons=reasons, **(usual | values))


def decision_on(
    action: Literal["accepted", "withdrawn", "reinstated"], event: DeliveryDiscovered, **values: Any
) -> DecisionRecorded:
    """Return a person's decision about a delivery."""
    usual: dict[str, Any] = {"who": "ada", "why": "because", "at": "2025-06-01T12:00:00.000000+00:00"}
    return DecisionRecorded(action, event.object_key, event.delivery_id, **(usual | values))


def log_of(*pairs: tuple[DeliveryDiscovered, DeliveryCommit | None]) -> list[Event]:
    """Return the register's events if each delivery was read and evaluated before the next one arrived.

    A delivery is held here only for unaccounted rows or a breach of its tolerance, not for its effect on others.
    """
    events: list[Event] = []
    for event, commit in pairs:
        events.append(event)
        if commit is not None and commit.status == "read":
            unaccounted = ("not accounted for",) if any(commit.unaccounted) else ()
            breach = tolerance_breach(event, commit)
            reasons = unaccounted or ((breach,) if breach else ())
            kinds = ("tolerance",) if breach and not unaccounted else ()
            events.append(verdict_on(event, *reasons, is_final=bool(unaccounted), kinds=kinds))
    return events


def state_of(*pairs: tuple[DeliveryDiscovered, DeliveryCommit | None]) -> DeliveryState:
    """Return the state of `log_of` and the commits; None stands for a delivery that is not read yet."""
    return derive_state(log_of(*pairs), {c.delivery_id: c for _, c in pairs if c is not None})


def live_in(*periods: PeriodCount, key: str = "ledger.csv", content: str = "v1", **values: Any) -> Any:
    """Return an event and a commit for `state_of`; `values` that begin with `commit_` go to the commit."""
    own = {name.removeprefix("commit_"): values.pop(name) for name in list(values) if name.startswith("commit_")}
    event = delivered(key, content, **values)
    return event, commit_of(event, *periods, **own)


def with_hashes_of_another_kind(commit: DeliveryCommit) -> DeliveryCommit:
    """Return a commit of a release that hashes lines in another way."""
    periods = [replace(one, content=f"another {one.content}") for one in commit.periods]
    return replace(commit, periods=periods)


def write(path: Path, content: str | bytes) -> Path:
    """Write a file and its folders; return it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def raw_cells(document: str) -> dict[str, str]:
    """Return the raw cells of a rejected row."""
    cells: dict[str, str] = json.loads(document)
    return cells
