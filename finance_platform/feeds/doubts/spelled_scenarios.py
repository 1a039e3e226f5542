"""Names of one scenario that differ in case only, such as `Budget` and `BUDGET`, of the same months and accounts.

Belongs here: two versions of a plan whose names become one scenario, so that both are added up. Does not belong here:
versions in a column that nothing reads (see `unread_versions`), names that nearly give a scenario (see `near_names`).

A name that people write in two ways is no doubt by itself: its lines are of one scenario, and are read as such.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.feeds.cells import FieldSource
from finance_platform.feeds.doubts.unread_column import UnreadColumn, leave_out
from finance_platform.feeds.doubts.unread_names import names_of_lines
from finance_platform.feeds.limits import MAX_VALUE_CHARACTERS
from finance_platform.feeds.resolved import ReadingRules
from finance_platform.feeds.shape_rules import is_derived
from finance_platform.feeds.values.codes import clean, fold
from finance_platform.feeds.values.line_numbers import MAX_LINES, Numbers, cents, place_numbers
from finance_platform.money_text import sum_of_amounts

_LEAST_PLACES = 5
_OTHERS = 10
"""One place in so many may have several lines, or only one of two names."""

_MAX_TEXTS = 24
_PLACE = ("period", "department_key", "account_key")


@dataclass
class SpelledScenarios(UnreadColumn):
    """The column of the scenario: which names of one plan are in which places."""

    _numbers: dict[str, list[Numbers]] = field(default_factory=dict)
    _amounts: dict[str, Decimal] = field(default_factory=dict)
    _size: int = 0

    def add(self, texts: pa.StringArray, columns: Mapping[str, pa.Array]) -> None:
        """Add the cells of accepted lines; those of Actual have many lines in one place."""
        is_plan = pc.fill_null(pc.not_equal(columns["scenario_type"], "Actual"), False)
        if not pc.any(is_plan).as_py():
            return
        self._size += len(texts)
        if self._size > MAX_LINES or len(self._numbers) > _MAX_TEXTS:
            return
        amounts, numbers = cents(columns["amount"]), place_numbers([columns[name] for name in (*_PLACE, *self.names)])
        counts = is_plan.to_numpy(zero_copy_only=False) & (amounts != 0)
        encoded = texts.dictionary_encode(null_encoding="encode")
        indices = encoded.indices.to_numpy()
        for index, value in enumerate(encoded.dictionary.to_pylist()):
            text, is_text = clean(value or "")[:MAX_VALUE_CHARACTERS], (indices == index) & counts
            if text and is_text.any() and len(self._numbers) <= _MAX_TEXTS:
                self._numbers.setdefault(text, []).append(numbers[is_text])
                total = Decimal(int(amounts[is_text].sum())).scaleb(-2)
                self._amounts[text] = self._amounts.get(text, Decimal(0)) + total

    def doubts(self) -> dict[str, str]:
        """Return the reason to hold the delivery: two names of a plan have a line each in the same places."""
        if self._size > MAX_LINES or len(self._numbers) > _MAX_TEXTS:
            return {}
        doubts = {}
        for first, second in self._pairs():
            lines = np.concatenate(self._numbers[second])
            money = sum_of_amounts(len(lines), self._amounts[second])
            doubts[
                f"scenario: {first!r} and {second!r} differ in case only and are one scenario, and both have a line in "
                f"the same months, departments and accounts, so both are added up; of {second!r}, the {money}"
            ] = (
                f"if one version counts, {leave_out(self.rules, self.name, [second])} the descriptor for the other "
                "one; if they are two scenarios, give one of them another name in the file; if all lines are to be "
                "added, accept the file"
            )
        return doubts

    def describe(self) -> tuple[str, str]:
        """Return nothing: the column is read, and `doubts` has sentences of its own."""
        return "", ""

    def _pairs(self) -> Iterator[tuple[str, str]]:
        """Yield names of one scenario, of which each has one line in most of its places and the other one has too."""
        names = list(self._numbers)
        for position, second in enumerate(names):
            for first in names[:position]:
                if fold(first) == fold(second) and self._repeat(first, second):
                    yield first, second
                    break

    def _repeat(self, first: str, second: str) -> bool:
        lines = [np.concatenate(self._numbers[name]) for name in (first, second)]
        places = [np.unique(numbers) for numbers in lines]
        fewest = min(map(len, places))
        has_details = any(
            len(numbers) * (_OTHERS - 1) > len(of) * _OTHERS for numbers, of in zip(lines, places, strict=True)
        )
        common = len(np.intersect1d(places[0], places[1]))
        return not has_details and common >= _LEAST_PLACES and common * _OTHERS >= fewest * (_OTHERS - 1)


def spelled_scenarios(
    header: Sequence[str], sources: Mapping[str, FieldSource], rules: ReadingRules
) -> Iterator[SpelledScenarios]:
    """Yield the column of the scenario, if one column alone has it."""
    headers = sources["scenario"].headers if "scenario" in sources else ()
    if len(headers) == 1 and not is_derived(headers[0]):
        yield SpelledScenarios(headers[0], rules, names=names_of_lines(header, sources))
