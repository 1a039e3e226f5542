"""The results of `standardise` by delivery, counted from the files that it wrote, so that a lost row shows.

Belongs here: counts, sums and hashes of written rows, and the commit made of them. Does not belong here: writing them
(see `standardise_job`), lines by account (see `account_counts`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.contracts.model import Contract
from finance_platform.contracts.processed import ACCOUNT_COUNTS, MEMBERS, REJECTED_ROWS
from finance_platform.contracts.schemas import NOT_OPENED, REFUSED, SUM_OF_MONEY_TYPE
from finance_platform.deliveries.commits import (
    DELIVERED,
    ROUNDING,
    Count,
    DataFile,
    DeliveryCommit,
    PeriodCount,
    ScenarioCount,
    hash_number,
    lines_hash,
)
from finance_platform.deliveries.spread_weights import unweighted_id
from finance_platform.feeds.cells import text_without_column
from finance_platform.feeds.findings import ReaderFindings
from finance_platform.feeds.resolved import ReadingRules
from finance_platform.feeds.values.codes import fold, scenario_name
from finance_platform.spark_jobs import account_counts
from finance_platform.spark_jobs.account_counts import AccountCounts, accepted_by_delivery
from finance_platform.spark_jobs.line_sums import PLACE, unpack
from finance_platform.spark_jobs.members_by_delivery import MEMBER_COLUMNS, hash_members
from finance_platform.spark_jobs.requests import DeliveryToRead
from finance_platform.storage.port import ObjectStore

_ZERO = Decimal("0.00")
_REJECTED = ("delivery_id", "outcome", "rules", "scenario", "currency", "account_key")
"""The columns by which rejected rows are counted."""


@dataclass
class DeliveryResult:
    """The result of reading one delivery.

    Attributes:
        summary: the reader's own row about the file.
        files: Parquet files by table.
        outcomes: candidate lines by outcome; money in the home's currency.
        scenarios: the ledger's candidate lines by scenario, foreign currency and outcome.
        accounts: the same by account.
        rules: rows by the rule that they broke.
        periods: accepted lines by scenario and period.
        first_day: earliest posting date of the accepted lines, ISO, or empty.
        last_day: latest posting date of the accepted lines, ISO, or empty.
        members_hash: hash of the members that the lines mention.
        dated_from: see `DeliveryCommit`.
        has_dates: see `DeliveryCommit`.
        voucher_periods: see `DeliveryCommit`.
    """

    summary: Mapping[str, Any]
    files: dict[str, list[DataFile]] = field(default_factory=dict)
    outcomes: dict[str, Count] = field(default_factory=dict)
    scenarios: dict[tuple[str, str, str], Count] = field(default_factory=dict)
    accounts: AccountCounts = field(default_factory=AccountCounts)
    rules: dict[str, int] = field(default_factory=dict)
    periods: dict[tuple[str, str], PeriodCount] = field(default_factory=dict)
    first_day: str = ""
    last_day: str = ""
    members_hash: str = ""
    dated_from: str = ""
    has_dates: bool = False
    voucher_periods: list[tuple[str, str]] = field(default_factory=list)

    @property
    def is_opened(self) -> bool:
        """Whether the file could be read; one that could not be is not committed, so the next run tries again."""
        return bool(self.summary["outcome"] != NOT_OPENED)

    def count(self, outcome: str, count: Count) -> None:
        """Add candidate lines of an outcome."""
        self.outcomes[outcome] = self.outcomes.get(outcome, Count()) + count

    def count_lines(self, outcome: str, scenario: str, currency: str, count: Count) -> None:
        """Add the ledger's candidate lines of an outcome; a foreign currency's money is in none of the totals."""
        place = (scenario, currency, outcome)
        self.scenarios[place] = self.scenarios.get(place, Count()) + count
        self.count(outcome, Count(count.rows, unpriced=count.unpriced) if currency else count)

    def count_rounding(self) -> None:
        """Add what the rounding of amounts has changed, by account."""
        for account, scenario, currency, net, gross in json.loads(self.summary["measured_account_rounding"] or "[]"):
            if account is not None:
                self.accounts.add(account, scenario, currency, ROUNDING, Count(0, Decimal(net), Decimal(gross)))

    def _counted(self) -> list[ScenarioCount]:
        return [ScenarioCount(*place, count) for place, count in sorted(self.scenarios.items())]

    def to_commit(
        self, delivery: DeliveryToRead, rules: ReadingRules, attempt: str, hashes: Mapping[str, str]
    ) -> DeliveryCommit:
        """Return the commit of the delivery, read or refused.

        Args:
            delivery: the delivery.
            rules: of its feed.
            attempt: of the job.
            hashes: SHA-256 of each written file by key.
        """
        summary, committed_at = self.summary, datetime.now(UTC).isoformat(timespec="microseconds")
        header: dict[str, str] = json.loads(summary["header"] or "{}")
        unweighted = unweighted_id(delivery.object_key, delivery.fingerprint, delivery.feed, rules)
        if summary["outcome"] == REFUSED:
            return DeliveryCommit(
                **delivery.identity,
                status="refused",
                refusal=summary["reasons"],
                fix=summary["raw_row"] or "",
                header=tuple(header),
                header_kinds=tuple(header.values()),
                unweighted_id=unweighted,
                attempt=attempt,
                committed_at=committed_at,
            )
        return DeliveryCommit(
            **delivery.identity,
            status="read",
            read=Count(
                summary["measured_rows"], Decimal(summary["measured_amount"]), unpriced=summary["measured_unpriced"]
            ),
            rounding=Decimal(summary["measured_rounding"]),
            outcomes=self.outcomes,
            scenarios=[*_measured(summary), *self._counted()] if delivery.kind == "ledger" else (),
            rules=self.rules,
            periods=sorted(self.periods.values(), key=lambda count: (count.period, count.scenario)),
            files={
                table: [replace(file, sha256=hashes[file.key]) for file in files] for table, files in self.files.items()
            },
            members_hash=self.members_hash,
            is_debit_positive=rules.is_debit_positive,
            first_day=self.first_day,
            last_day=self.last_day,
            order=summary["measured_order"] or "",
            covers=tuple(json.loads(summary["covers"])),
            constant_scenarios=self._constant_scenarios(rules, delivery.object_key),
            extra_columns=json.loads(summary["extra_columns"]),
            header=tuple(header),
            header_kinds=tuple(header.values()),
            findings=self._findings(rules),
            unweighted_id=unweighted,
            dated_from=self.dated_from,
            has_dates=self.has_dates,
            voucher_periods=tuple(self.voucher_periods),
            attempt=attempt,
            committed_at=committed_at,
        )

    def _findings(self, rules: ReadingRules) -> ReaderFindings:
        findings = ReaderFindings.from_json(json.loads(self.summary["findings"]))
        if rules.spread is None or rules.spread.like is not None:
            return findings
        return replace(findings, weight_years=rules.spread.years_of(count.period for count in self.periods.values()))

    def _constant_scenarios(self, rules: ReadingRules, object_key: str) -> tuple[str, ...]:
        """Return the scenario that the feed or the file's name gives, if every line has it."""
        rule, text = rules.fields.get("scenario"), rules.constants.get("scenario")
        if rule and rule.name_pattern:
            text = text_without_column(rule, object_key)
        name = scenario_name(text, rules.scenarios) if text else ""
        return (name,) if name and all(fold(scenario) == fold(name) for scenario, _ in self.periods) else ()


def enter_account_counts(
    processed: ObjectStore, folder: str, results: Mapping[str, DeliveryResult], shared: Mapping[str, str]
) -> None:
    """Write the lines by account, and enter the files into the results.

    Args:
        processed: the processed zone.
        folder: a folder that nothing has written to yet.
        results: by delivery id.
        shared: the name of the file of each delivery that shares it with others.
    """
    for result in results.values():
        result.count_rounding()
    counted = {delivery_id: result.accounts for delivery_id, result in results.items()}
    for delivery_id, file in account_counts.write_files(processed, folder, counted, shared).items():
        results[delivery_id].files[ACCOUNT_COUNTS.name] = [file]


def _measured(summary: Mapping[str, Any]) -> Iterator[ScenarioCount]:
    """Yield the reader's totals of a ledger file: the lines as delivered, and the rounding."""
    for lines in json.loads(summary["measured_counts"] or "[]"):
        net, gross, rounding_net, rounding_gross = (
            Decimal(lines[name]) for name in ("net", "gross", "rounding_net", "rounding_gross")
        )
        place = (lines["scenario"], lines["currency"])
        yield ScenarioCount(*place, DELIVERED, Count(lines["rows"], net, gross, lines["unpriced"]))
        if rounding_net or rounding_gross:
            yield ScenarioCount(*place, ROUNDING, Count(0, rounding_net, rounding_gross))


def counted_columns(contract: Contract) -> tuple[str, ...]:
    """Return the columns that `count_written` needs of a table."""
    if contract is REJECTED_ROWS:
        return (*_REJECTED, "amount")
    if contract is MEMBERS:
        return MEMBER_COLUMNS
    dates = ("valid_from",) if "valid_from" in contract.column_names else ()
    return ("delivery_id", contract.natural_key[1], *dates)


def count_written(contract: Contract, tables: Iterable[pa.Table], results: Mapping[str, DeliveryResult]) -> None:
    """Enter the rows of one table into the results.

    Args:
        contract: the table; for lines see `count_packed`.
        tables: its rows as they were written, with `counted_columns`.
        results: by delivery id.
    """
    if contract is MEMBERS:
        for delivery_id, members_hash in hash_members(tables):
            results[delivery_id].members_hash = members_hash
    elif contract is REJECTED_ROWS:
        for table in tables:
            _count_rejected(table, results)
    else:
        _count_references(pa.concat_tables(tables), results)


def _count_references(rows: pa.Table, results: Mapping[str, DeliveryResult]) -> None:
    delivery_ids, members, *dates = rows.columns
    since = dates[0] if dates else pa.nulls(len(rows), pa.string())
    columns = {"delivery_id": delivery_ids, "member": members, "first": pc.fill_null(since, ""), "last": since}
    by_member = pa.table(columns).group_by(["delivery_id", "member"], use_threads=False)
    sums = by_member.aggregate([([], "count_all"), ("first", "min"), ("last", "max")])
    by_delivery = sums.group_by("delivery_id", use_threads=False)
    for row in by_delivery.aggregate([("count_all", "sum"), ("first_min", "max"), ("last_max", "max")]).to_pylist():
        result, count = results[row["delivery_id"]], row["count_all_sum"]
        result.count("accepted", Count(rows=count, unpriced=count))
        result.dated_from, result.has_dates = row["first_min_max"], row["last_max_max"] is not None


def count_packed(sums: Iterable[Sequence[bytes]], results: Mapping[str, DeliveryResult]) -> None:
    """Enter ledger lines into the results.

    Args:
        sums: collected rows of `line_sums.PACKED`.
        results: by delivery id.
    """
    # A home with many accounts has as many sums as lines, so no object is made of one, and few are here at once.
    by_places = []
    for lines in unpack(sums):
        for delivery_id, of_delivery in accepted_by_delivery(lines):
            results[delivery_id].accounts.add_accepted(of_delivery)
        by_places.append(_by_place(lines))
    if not by_places:
        return
    by_place = _by_place(pa.concat_tables(by_places).unify_dictionaries())
    for row in by_place.to_pylist():
        result, scenario, period = results[row["delivery_id"]], row["scenario"], row["period"]
        count = Count(row["row_count"], row["amount"], row["absolute"])
        result.count_lines("accepted", scenario, "", count)
        content, reversals = (row["content_high"] << 32) + row["content_low"], row["reversals"]
        if earlier := result.periods.get((scenario, period)):
            count, content = earlier.count + count, hash_number(earlier.content) + content
            reversals += earlier.reversals
        result.periods[scenario, period] = PeriodCount(
            scenario,
            row["scenario_type"],
            period,
            count.rows,
            count.amount,
            count.absolute,
            lines_hash(content),
            reversals,
        )
        first_day, last_day = str(row["first_day"]), str(row["last_day"])
        result.first_day = min(result.first_day or first_day, first_day)
        result.last_day = max(result.last_day, last_day)


def _by_place(lines: pa.Table) -> pa.Table:
    """Return rows of `line_sums.SUMS` without their accounts, one for each place."""
    # A sum does not depend on the order of lines, and shows pairs of lines that a bitwise operation would cancel.
    added = ("row_count", "amount", "absolute", "reversals", "content_high", "content_low")
    sums = lines.group_by(list(PLACE), use_threads=False).aggregate(
        [*((name, "sum") for name in added), ("first_day", "min"), ("last_day", "max")]
    )
    return sums.rename_columns([*PLACE, *added, "first_day", "last_day"])


def _count_rejected(rows: pa.Table, results: Mapping[str, DeliveryResult]) -> None:
    amount = rows["amount"].cast(SUM_OF_MONEY_TYPE)
    money = rows.drop_columns("amount").append_column("amount", amount).append_column("absolute", pc.abs(amount))
    sums = money.group_by(list(_REJECTED), use_threads=False).aggregate(
        [([], "count_all"), ("amount", "sum"), ("absolute", "sum"), ("amount", "count")]
    )
    for row in sums.to_pylist():
        result, count = results[row["delivery_id"]], row["count_all"]
        counted = Count(count, row["amount_sum"] or _ZERO, row["absolute_sum"] or _ZERO, count - row["amount_count"])
        scenario, currency = row["scenario"] or "", row["currency"] or ""
        result.count_lines(row["outcome"], scenario, currency, counted)
        if row["account_key"] is not None:
            result.accounts.add(row["account_key"], scenario, currency, row["outcome"], counted)
        for rule in row["rules"].split(","):
            result.rules[rule] = result.rules.get(rule, 0) + count
