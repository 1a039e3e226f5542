"""Checks on the built star: it says what the ledger lines say.

Belongs here: functions of the snapshot and the small tables that it names. Does not belong here: Spark, the warehouse.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

import pyarrow.parquet as pq

from finance_platform.contracts.star import DIM_ACCOUNT, FACT_FINANCIALS, WHOLE_TABLE
from finance_platform.feeds.codes import fold
from finance_platform.lake.deliveries import DataFile
from finance_platform.lake.plan import PeriodInput, period_inputs, upsert_groups
from finance_platform.lake.port import Lake
from finance_platform.lake.snapshot import Snapshot
from finance_platform.quality.catalogue import ACCOUNTS_HAVE_SIGN, LINES_EQUAL_STAR, Outcome, limited

_Control = tuple[int, Decimal]


def check_lines_equal_star(snapshot: Snapshot) -> Outcome:
    """Return whether each period and scenario has as many lines and cents in the star as its deliveries accepted.

    Compared are the periods whose deliveries count whole and with their sign as delivered: where keys hide earlier
    lines, or signs are flipped, the commits alone do not say what is expected.
    """
    rivals = set(upsert_groups(snapshot.state))
    evidence = []
    compared = 0
    for period, items in period_inputs(snapshot.state).items():
        if any(item.delivery.event.feed in rivals or item.delivery.commit.is_debit_positive for item in items):
            continue
        compared += 1
        expected = _delivered(period, items)
        commit = snapshot.built.get((FACT_FINANCIALS.name, period))
        found = {fold(one.scenario): (one.line_count, one.amount) for one in commit.sums} if commit else {}
        evidence += [
            {"period": period, "scenario": name, "lines": str(expected.get(name)), "star": str(found.get(name))}
            for name in sorted(expected | found)
            if expected.get(name, (0, 0)) != found.get(name, (0, 0))
        ]
    summary = f"{compared} periods compared" + (f", {len(evidence)} differences" if evidence else "")
    return Outcome(LINES_EQUAL_STAR, not evidence, summary, limited(evidence))


def _delivered(period: str, items: Iterable[PeriodInput]) -> dict[str, _Control]:
    """Return lines and money by folded scenario: each delivery spells it in its own way, the star in one."""
    sums: dict[str, _Control] = {}
    for item in items:
        for count in item.delivery.commit.periods:
            if count.period == period and count.scenario in item.scenarios:
                rows, amount = sums.get(fold(count.scenario), (0, Decimal(0)))
                sums[fold(count.scenario)] = (rows + count.rows, amount + count.amount)
    return sums


def check_accounts_have_sign(snapshot: Snapshot, processed: Lake) -> Outcome:
    """Return whether every account of a debit-positive feed has a type, and so a direction.

    It is read off what is there, not told by the job that builds: a run with nothing to build must fail as well.
    """
    evidence = [{"account": number} for number in _accounts_without_sign(snapshot, processed)]
    summary = f"{len(evidence)} accounts without a type under a debit-positive feed"
    return Outcome(ACCOUNTS_HAVE_SIGN, not evidence, summary, limited(evidence))


def _accounts_without_sign(snapshot: Snapshot, processed: Lake) -> list[str]:
    commits = {
        item.delivery.delivery_id: item.delivery.commit
        for items in period_inputs(snapshot.state).values()
        for item in items
        if item.delivery.commit.is_debit_positive
    }
    members = (file for commit in commits.values() for file in commit.files.get("members", ()))
    rows = _rows(processed, members, ["dimension", "member_key", "code"])
    mentioned = {row["member_key"]: row["code"] for row in rows if row["dimension"] == "account"}
    built = snapshot.built.get((DIM_ACCOUNT.name, WHOLE_TABLE))
    if not mentioned or built is None:
        return []
    types = {
        row["account_key"]: row["account_type"]
        for row in _rows(processed, built.files, ["account_key", "account_type"])
    }
    return sorted(code for key, code in mentioned.items() if types.get(key, "Unknown") == "Unknown")


def _rows(processed: Lake, files: Iterable[DataFile], columns: list[str]) -> Iterator[dict[str, Any]]:
    for file in files:
        with processed.open(file.key) as stream:
            yield from pq.read_table(stream, columns=columns).to_pylist()
