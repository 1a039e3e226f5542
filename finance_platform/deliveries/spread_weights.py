"""The lines that files of years are spread like: which ones count, their sums, and the identity that follows from them.

They are part of what such a file is read with, so they are part of its delivery's identity: when they change, the file
is read again, and incremental state is the state rebuilt. Only the lines of the scenario and the fiscal years that the
file needs are named, so that no other delivery has it read again.

Lines that were spread like others are no weights themselves. So nothing is read in a circle, and one pass is enough.

Belongs here: these lines among the live ones, and the identity of a file with them. Does not belong here: which years
a file needs (see `refresh.steps.spread_years`), shares (see `feeds.lines.spread`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import pyarrow as pa

from finance_platform.deliveries.commits import DeliveryCommit, delivery_id
from finance_platform.deliveries.events import DeliveryDiscovered
from finance_platform.deliveries.live_lines import Cell, LiveLines, LiveSet, Superseded, claimed_cells
from finance_platform.deliveries.overlaps import Overlaps
from finance_platform.deliveries.state import DeliveryState, LiveDelivery
from finance_platform.feeds.lines.weights import WEIGHTS_SCHEMA, all_periods
from finance_platform.feeds.resolved import ReadingRules, ResolvedFeed
from finance_platform.feeds.shape_rules import SpreadRule
from finance_platform.feeds.values.codes import fold
from finance_platform.storage.port import ObjectStore

_COLUMNS = ("period", "department_key", "account_key", "is_debit_positive", "amount")
_KEYS = list(_COLUMNS[:-1])


def like_rule(rules: ReadingRules) -> SpreadRule | None:
    """Return the rule of a feed whose years are spread like a scenario; None for every other feed."""
    return rules.spread if rules.spread is not None and rules.spread.like is not None else None


def unweighted_id(object_key: str, fingerprint: str, feed: str, rules: ReadingRules) -> str:
    """Return the identity of a file of years without its weights; empty for files that are not spread like others."""
    return delivery_id(object_key, fingerprint, feed, rules.identity, rules.reader) if like_rule(rules) else ""


def known_years(commits: Iterable[DeliveryCommit]) -> dict[str, tuple[str, ...]]:
    """Return the fiscal years that files of years need, by their identity without weights."""
    return {one.unweighted_id: tuple(one.findings.weight_years) for one in commits if one.unweighted_id}


@dataclass
class SpreadWeights:
    """The lines that count now, as weights.

    Attributes:
        processed: the processed zone.
        state: the deliveries that count.
        overlaps: the lines that they claim from each other.
    """

    processed: ObjectStore
    state: DeliveryState
    overlaps: Overlaps
    _hashes: dict[tuple[SpreadRule, tuple[str, ...]], str] = field(default_factory=dict)

    def identity(self, event: DeliveryDiscovered, feed: ResolvedFeed, years: tuple[str, ...]) -> str:
        """Return the identity that a file has with the lines that it is spread like."""
        rule, rules = like_rule(feed.rules), feed.rules
        if rule is not None and years:
            if (rule, years) not in self._hashes:
                self._hashes[rule, years] = self._hash(rule, years)
            rules = replace(rules, weights=self._hashes[rule, years])
        return delivery_id(event.object_key, event.fingerprint, feed.name, rules.identity, rules.reader)

    def table(self, rule: SpreadRule, years: Iterable[str]) -> pa.Table:
        """Return the sums of the lines in some fiscal years, with the columns of `WEIGHTS_SCHEMA`."""
        lines = LiveLines(self.processed, self.overlaps)
        cells = _cells(rule, years)
        sums = [
            _sums(lines.read(delivery, superseded, cells, _COLUMNS))
            for delivery, superseded in self._counted(cells, lines)
        ]
        return _sums(pa.concat_tables([WEIGHTS_SCHEMA.empty_table(), *sums]))

    def _hash(self, rule: SpreadRule, years: tuple[str, ...]) -> str:
        """Return a hash that names the deliveries with such lines, and what others supersede of them."""
        lines = LiveLines(self.processed, self.overlaps)
        counted = [
            [
                one.delivery_id,
                sorted(gone.cells),
                sorted(gone.scopes),
                sorted(map(_name, gone.by_key.values())),
                *_portion(one),
            ]
            for one, gone in self._counted(_cells(rule, years), lines)
        ]
        return hashlib.sha256(json.dumps([years, sorted(counted)]).encode()).hexdigest()[:16]

    def _counted(self, cells: set[Cell], lines: LiveLines) -> Iterator[tuple[LiveDelivery, Superseded]]:
        """Yield the deliveries with lines in some cells, each with what others supersede of them."""
        by_id: Mapping[str, LiveDelivery] = {one.delivery_id: one for one in self.state.ledger}
        by_feed: dict[str, dict[str, LiveDelivery]] = {}
        for one in by_id.values():
            if claimed_cells(one) & cells:
                by_feed.setdefault(one.event.feed, {})[one.delivery_id] = one
        for delivery in (one for of_feed in by_feed.values() for one in of_feed.values()):
            own = {(fold(count.scenario), count.period) for count in delivery.commit.periods} & cells
            if delivery.commit.unweighted_id or not own:
                continue
            superseded = lines.superseded(delivery, LiveSet(by_id, by_feed[delivery.event.feed]), own)
            if len(superseded.cells) < len(own):
                yield delivery, superseded


def _portion(delivery: LiveDelivery) -> list[list[list[str] | None]]:
    """Return the periods that count of a delivery of which not all lines do."""
    return [] if delivery.portion.is_whole else [delivery.portion.described]


def _name(delivery: LiveDelivery) -> str:
    return " ".join([delivery.delivery_id, *map(str, _portion(delivery))])


def _cells(rule: SpreadRule, years: Iterable[str]) -> set[Cell]:
    return {(fold(rule.like or ""), period) for period in all_periods(years, rule.first_month)}


def _sums(lines: pa.Table) -> pa.Table:
    table = lines.select(list(_COLUMNS)).cast(WEIGHTS_SCHEMA)
    sums = table.group_by(_KEYS).aggregate([("amount", "sum")])
    return sums.rename_columns([*_KEYS, "amount"]).cast(WEIGHTS_SCHEMA)
