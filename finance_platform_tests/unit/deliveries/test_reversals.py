"""Reversals: whether a line that names another one cancels it, and what a person reads if not.

Does not belong here: reading the name from a file (see `test_ledger_lines`), lines that wait together (see
`test_late_lines`).
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any, NamedTuple, cast

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finance_platform.deliveries.events import PeriodStatusChanged
from finance_platform.deliveries.verdicts import reversals
from finance_platform.deliveries.verdicts.broken_reversals import (
    BrokenReversal,
    BrokenReversals,
    Place,
    ReversalLine,
    compare_reversals,
    total,
)
from finance_platform.deliveries.verdicts.reversal_chains import taken_back
from finance_platform.deliveries.verdicts.reversals import MOST_LOOKED_AT, find_broken_reversals
from finance_platform.feeds.values.codes import fold
from finance_platform.quality.reversals import (
    MOST_NAMED,
    advise_reversal,
    check_reversals,
    describe_reversal,
    warn_of_reversals,
)
from finance_platform_tests.environment import unmeasured_environment
from finance_platform_tests.unit.zone import Line, Zone

FEBRUARY = "2025-02"


def broken(zone: Zone) -> Sequence[BrokenReversal]:
    return all_broken(zone).first


def all_broken(zone: Zone) -> BrokenReversals:
    zone.evaluate()
    return find_broken_reversals(zone.store, zone.state, zone.overlaps())


def rules(zone: Zone) -> list[str]:
    return [one.rule for one in broken(zone)]


def line(number: str, amount: str = "10.00", **values: Any) -> Line:
    return Line(number=number, amount=amount, **values)


def reversal(of: str, amount: str = "-10.00", number: str = "R1", **values: Any) -> Line:
    return Line(number=number, reverses=of, amount=amount, **values)


def test_a_line_and_its_reversal_in_a_later_file_cancel(zone: Zone) -> None:
    zone.deliver("a.csv", [line("M1")])
    zone.deliver("b.csv", [reversal("M1", period=FEBRUARY)], "b")
    assert rules(zone) == []


def test_a_line_and_its_reversal_in_one_file_cancel(zone: Zone) -> None:
    zone.deliver("a.csv", [reversal("M1"), line("M1")])
    assert rules(zone) == []


def test_a_reversal_of_a_line_that_nobody_delivered_is_named_until_the_line_arrives(zone: Zone) -> None:
    zone.deliver("b.csv", [line("M9"), reversal("M1")])
    (one,) = broken(zone)
    assert describe_reversal(one) == (
        "b.csv line 3, -10.00: reverses 'M1', and no line of Actual that counts has this number"
    )
    assert "send the file that has the line" in advise_reversal(one)
    zone.deliver("a.csv", [line("M1")], "a")
    assert rules(zone) == []


def test_a_reversal_of_a_line_of_another_feed_or_scenario_names_none(zone: Zone) -> None:
    zone.deliver("a.csv", [line("M1")], feed="other")
    zone.deliver("b.csv", [line("M1", scenario="Budget"), reversal("M1")], "b")
    assert rules(zone) == ["missing"]


@pytest.mark.parametrize("place", [{"department": "D2"}, {"account": "5000"}])
def test_a_reversal_in_another_department_or_account_does_not_cancel_the_line(
    zone: Zone, place: dict[str, str]
) -> None:
    zone.deliver("a.csv", [line("M1"), reversal("M1", **place)])
    (one,) = broken(zone)
    assert one.rule == "elsewhere"
    assert "which is of department D1 and account 4000 in a.csv line 2" in describe_reversal(one)


def test_a_reversal_with_the_sign_of_the_line_does_not_cancel_it(zone: Zone) -> None:
    zone.deliver("a.csv", [line("M1"), reversal("M1", "10.00")])
    (one,) = broken(zone)
    assert one.rule == "sign"
    assert describe_reversal(one) == (
        "a.csv line 3, 10.00: reverses 'M1', 10.00 in a.csv line 2, and does not have the opposite sign"
    )


def test_a_line_that_is_reversed_in_parts_is_fine_until_the_parts_are_more_than_the_line(zone: Zone) -> None:
    zone.deliver("a.csv", [line("M1"), reversal("M1", "-6.00"), reversal("M1", "-4.00", "R2")])
    assert rules(zone) == []
    zone.deliver("b.csv", [reversal("M1", "-0.01", "R3")], "b")
    (one,) = broken(zone)
    assert (one.rule, one.amount) == ("excess", Decimal("-10.01"))


def test_a_line_that_is_reversed_twice_is_named_with_both_reversals(zone: Zone) -> None:
    zone.deliver("a.csv", [line("M1"), reversal("M1")])
    zone.deliver("b.csv", [reversal("M1", number="R2", period=FEBRUARY)], "b")
    (one,) = broken(zone)
    assert describe_reversal(one) == (
        "a.csv line 3, b.csv line 2, together -20.00: reverse 'M1', 10.00 in a.csv line 2; 10.00 too much"
    )
    outcome = check_reversals(zone.snapshot(), zone.store)
    assert outcome.summary == "2 reversals do not cancel their lines, gross: Actual 20.00"
    assert [(row["file"], row["row"], row["amount"]) for row in outcome.evidence] == [("b.csv", 2, "-10.00")]
    assert (outcome.passed, outcome.check.is_warning) == (False, True)


def test_a_line_that_names_itself_is_no_reversal(zone: Zone) -> None:
    zone.deliver("a.csv", [line("M1"), reversal("M1", number="M1")])
    (one,) = broken(zone)
    assert describe_reversal(one) == "a.csv line 3, -10.00: names 'M1', which is its own number"


def test_a_line_whose_reversal_was_reversed_may_be_reversed_again(zone: Zone) -> None:
    again = [reversal("M1"), reversal("R1", "10.00", number="R2"), reversal("M1", number="R3")]
    zone.deliver("a.csv", [line("M1"), *again])
    assert rules(zone) == []
    zone.deliver("b.csv", [reversal("R2", number="R4"), reversal("M1", "-3.00", number="R5")], "b")
    (one,) = broken(zone)
    assert describe_reversal(one).endswith("; 13.00 too much")


def test_what_reverses_a_reversal_is_named_with_what_is_too_much(zone: Zone) -> None:
    parts = [reversal("M1"), reversal("R1", "4.00", number="R2"), reversal("M1", "-7.00", number="R3")]
    zone.deliver("a.csv", [line("M1"), *parts])
    (one,) = broken(zone)
    assert describe_reversal(one) == (
        "a.csv line 3, a.csv line 5, together -17.00: reverse 'M1', 10.00 in a.csv line 2, 4.00 reverses them again; "
        "3.00 too much"
    )


def test_reversals_that_reverse_each_other_are_compared_without_end(zone: Zone) -> None:
    zone.deliver("a.csv", [reversal("R2", "-10.00", number="R1"), reversal("R1", "10.00", number="R2")])
    assert rules(zone) == []


def test_a_reversal_of_a_line_is_compared_although_another_line_names_itself(zone: Zone) -> None:
    zone.deliver("a.csv", [line("M1"), reversal("M1", number="M1"), reversal("M1", "-50.00", number="R2")])
    own, excess = broken(zone)
    assert (own.rule, describe_reversal(excess)) == (
        "own",
        "a.csv line 4, -50.00: reverses 'M1', 10.00 in a.csv line 2; 40.00 too much",
    )


def test_a_document_is_reversed_line_by_line_of_its_departments_and_accounts(zone: Zone) -> None:
    document = [line("M1", "70.00"), line("M1", "30.00", account="5000"), line("M1", "-100.00", account="1000")]
    mirrored = [reversal("M1", str(-Decimal(one.amount)), account=one.account, period=FEBRUARY) for one in document]
    zone.deliver("a.csv", [*document, *mirrored])
    assert rules(zone) == []


def test_a_line_that_a_later_file_replaced_cannot_be_reversed(zone: Zone) -> None:
    zone.deliver("a.csv", [Line("k", number="M1")], load_mode="upsert")
    zone.deliver("b.csv", [Line("r", number="R1", reverses="M1", amount="-10.00")], "b", load_mode="upsert")
    assert rules(zone) == []
    zone.deliver("c.csv", [Line("k", number="M2")], "c", load_mode="upsert")
    assert rules(zone) == ["missing"]


def test_a_reversal_that_a_later_version_of_its_file_drops_is_not_counted(zone: Zone) -> None:
    zone.deliver("a.csv", [line("M1")])
    zone.deliver("b.csv", [reversal("M1"), reversal("M1", number="R2")], "b")
    assert rules(zone) == ["excess"]
    zone.deliver("b.csv", [reversal("M1")], "b2", tolerated_removal=None)
    assert rules(zone) == []


def test_a_reversal_of_a_line_that_waits_names_the_file_that_waits(zone: Zone) -> None:
    zone.append(PeriodStatusChanged("closed", "2025-01", "ada", "done", "2025-01-28T00:00:00+00:00"))
    zone.deliver("a.csv", [line("M1"), line("M2", period=FEBRUARY)])
    zone.deliver("b.csv", [reversal("M1", period=FEBRUARY)], "b")
    zone.evaluate(holds_closed_periods=True)
    (one,) = find_broken_reversals(zone.store, zone.state, zone.overlaps()).first
    assert describe_reversal(one) == "b.csv line 2, -10.00: reverses 'M1', which waits in a.csv"
    assert advise_reversal(one).startswith("decide about a.csv: `finance-platform accept a.csv --why TEXT`")


def test_a_zone_without_reversals_reads_no_lines_for_them(zone: Zone) -> None:
    zone.deliver("a.csv", [line("M1"), line("M2")])
    zone.evaluate()
    state, overlaps = zone.state, zone.overlaps()
    zone.store.opened.clear()
    assert not find_broken_reversals(zone.store, state, overlaps)
    assert zone.store.opened == []


CENTS = st.integers(-500, 500).map(lambda cents: Decimal(cents) / 100)
HERE = Place(1, 2)


def read_line(amount: Decimal, number: str, names: str = "") -> ReversalLine:
    return ReversalLine("a.csv", "", 2, "Actual", FEBRUARY, "D1", "4000", amount, number, names, HERE)


@given(amount=CENTS, parts=st.lists(CENTS, min_size=1, max_size=4))
def test_reversals_are_fine_exactly_if_they_leave_a_rest_between_the_line_and_nothing(
    amount: Decimal, parts: list[Decimal]
) -> None:
    reversals = [read_line(part, f"R{number}", "M1") for number, part in enumerate(parts)]
    found = compare_reversals(HERE, reversals, [read_line(amount, "M1")], (), Decimal(0))
    rest = amount + sum(parts)
    assert (found is None) == (min(Decimal(0), amount) <= rest <= max(Decimal(0), amount))
    assert found is None or total(found.reversals) + total(found.named) == rest


def test_of_very_many_reversals_that_need_one_fix_the_first_are_named_and_the_others_are_one_warning(
    zone: Zone,
) -> None:
    zone.deliver("a.csv", [reversal("M0", number="R")])
    zone.deliver("b.csv", [reversal(f"M{number}", "-1.50", f"R{number}") for number in range(1, MOST_NAMED + 4)], "b")
    zone.deliver("c.csv", [line("L1", "5.00"), reversal("L1", "-6.00", "R100")], "c")

    warnings = list(warn_of_reversals(all_broken(zone)))

    assert [file for file, *_ in warnings] == ["a.csv", *["b.csv"] * MOST_NAMED, "c.csv", "b.csv"]
    assert warnings[-1][1] == "b.csv: 3 more reversals do not cancel their lines, gross: Actual 4.50"
    assert warnings[-1][2] == warnings[1][2]


class _Lines(NamedTuple):
    """Lines that `find_broken_reversals` would read, in place of a zone of deliveries."""

    all: pa.Table

    def reversals(self, _: str) -> pa.Table:
        return self.all.filter(pc.not_equal(self.all["names"], ""))

    def named(self, _: str, names: pa.Array) -> pa.Table:
        return self.all.filter(pc.is_in(self.all["number"], value_set=names))

    def waiting(self, _feed: str, _names: set[str]) -> dict[object, list[object]]:
        return {}


_NUMBERS = ["", "M1", "M2", "M3", "M4"]
_SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in ("file", "sheet", "scenario", "folded", "period", "number", "names")),
        *((name, pa.string()) for name in ("department_code", "account_number")),
        *((name, pa.int64()) for name in ("source_row", "department_key", "account_key")),
        ("amount", pa.decimal128(18, 2)),
    ]
)


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "number": st.sampled_from(_NUMBERS),
                "names": st.sampled_from(["", *_NUMBERS]),
                "account_key": st.sampled_from([1, 2]),
                "scenario": st.sampled_from(["Actual", "ACTUAL", "Budget"]),
                "amount": st.sampled_from([Decimal(amount) for amount in ("-2.00", "-1.00", "0.00", "1.00", "2.00")]),
            }
        ),
        max_size=8,
    )
)
def test_reversals_are_named_alike_whether_they_are_compared_one_by_one_or_added_up(rows: list[dict[str, Any]]) -> None:
    texts = dict.fromkeys(("file", "sheet", "period", "department_code", "account_number"), "x") | {"department_key": 1}
    lines = [row | texts | {"source_row": at, "folded": fold(row["scenario"])} for at, row in enumerate(rows)]
    reader = cast(reversals._Reader, _Lines(pa.Table.from_pylist(lines, _SCHEMA)))
    every = reversals._broken_of_feed(reader, "ledger")
    some = reversals._broken_of_feed(reader, "ledger", most=1)

    assert not every.others
    assert [rule_and_lines(one) for one in every.first] == list(broken_by_definition(lines))
    assert [one for one in every.first if one in some.first] == list(some.first)
    added_up = [(one.rule, one.scenario, one.count, one.gross) for one in some.others]
    assert sorted(added_up) == sorted(gross_by_rule(one for one in every.first if one not in some.first))


def rule_and_lines(one: BrokenReversal) -> tuple[str, list[int], Decimal]:
    return one.rule, [line.row for line in one.reversals], one.taken_back


def gross_by_rule(broken: Iterable[BrokenReversal]) -> Iterator[tuple[str, str, int, Decimal]]:
    amounts: dict[tuple[str, str], list[Decimal]] = {}
    for one in broken:
        for line in one.reversals:
            amounts.setdefault((one.rule, line.scenario), []).append(abs(line.amount))
    return ((*key, len(of_key), sum(of_key, Decimal(0))) for key, of_key in amounts.items())


def broken_by_definition(lines: list[dict[str, Any]]) -> Iterator[tuple[str, list[int], Decimal]]:
    """Yield what is broken, each group from all lines of the ledger."""
    of_group: dict[tuple[str, str, int], list[dict[str, Any]]] = {}
    for one in lines:
        if one["names"]:
            of_group.setdefault((one["folded"], one["names"], one["account_key"]), []).append(one)
    for (scenario, name, account), members in of_group.items():
        own = [one for one in members if one["number"] == name]
        if own:
            yield "own", [one["source_row"] for one in own], Decimal(0)
        others = [one for one in members if one["number"] != name]
        named = [one for one in lines if one["folded"] == scenario and one["number"] == name and one["names"] != name]
        here = [one["amount"] for one in named if one["account_key"] == account]
        rule, back = rule_of([one["amount"] for one in others], named, here), Decimal(0)
        if rule == "excess":
            back = taken_back_by_definition(of_group, scenario, name, account)
            amount = sum(one["amount"] for one in others)
            if abs(amount + back) <= abs(sum(here)) or (amount + back) * amount <= 0:
                continue
        if others and rule:
            yield rule, [one["source_row"] for one in others], back


def rule_of(amounts: list[Decimal], named: list[dict[str, Any]], here: list[Decimal]) -> str:
    if not named:
        return "missing"
    if not here:
        return "elsewhere"
    reversed_amount, amount = sum(amounts), sum(here)
    return "sign" if reversed_amount * amount > 0 or (reversed_amount and not amount) else "excess"


def taken_back_by_definition(
    of_group: dict[tuple[str, str, int], list[dict[str, Any]]], scenario: str, name: str, account: int
) -> Decimal:
    amount, seen, numbers = Decimal(0), {name}, {name}
    while numbers:
        reversing = {one["number"] for number in numbers for one in of_group.get((scenario, number, account), ())}
        numbers = {
            number
            for number in reversing - seen
            if sum(
                any(one["number"] == number for one in members)
                for (*place, members) in of_place(of_group, scenario, account)
            )
            == 1
        }
        seen |= numbers
        amount += sum(one["amount"] for number in numbers for one in of_group.get((scenario, number, account), ()))
    return amount


def of_place(
    of_group: dict[tuple[str, str, int], list[dict[str, Any]]], scenario: str, account: int
) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    return ((name, members) for (of, name, at), members in of_group.items() if (of, at) == (scenario, account))


def test_a_chain_of_very_many_reversals_is_added_up_once() -> None:
    links = [(f"R{number}", f"R{number - 1}", Decimal(-1 if number % 2 else 1)) for number in range(1, 20_001)]
    sums = taken_back(links)
    assert [sums[f"R{number}"] for number in (0, 1, 19_997, 19_998)] == [1, 0, 0, 1]


def test_very_many_broken_reversals_are_compared_by_column(zone: Zone) -> None:
    zone.deliver("b.csv", [reversal(f"M{number}", "-1.50", f"R{number}") for number in range(MOST_LOOKED_AT + 4)], "b")

    every = all_broken(zone)

    assert len(every.first) == MOST_LOOKED_AT
    ((rule, file, count, gross),) = [(one.rule, one.file, one.count, one.gross) for one in every.others]
    assert (rule, file, count, gross) == ("missing", "b.csv", 4, Decimal("6.00"))
    assert check_reversals(zone.snapshot(), zone.store).summary == (
        f"{MOST_LOOKED_AT + 4} reversals do not cancel their lines, gross: Actual 81.00"
    )
    *_, (_, text, _) = warn_of_reversals(every)
    assert (
        text
        == f"b.csv: {MOST_LOOKED_AT + 4 - MOST_NAMED} more reversals do not cancel their lines, gross: Actual 51.00"
    )


def test_a_reversal_of_a_reversal_is_compared_without_numpy_which_a_status_leaves_out() -> None:
    code = (
        "from finance_platform.unused_imports import leave_out; leave_out(['numpy', 'pandas']); import pyarrow as pa\n"
        "from decimal import Decimal\n"
        "from finance_platform.deliveries.verdicts.reversal_sums import doubtful_groups\n"
        "rows = [{'number': f'M{at}', 'names': f'M{at - 1}', 'amount': Decimal(amount), 'folded': 'actual',"
        " 'file': 'a', 'department_key': 1, 'account_key': 1} for at, amount in enumerate(('1.00', '-2.00', '0.50'))]\n"
        "types = {'amount': pa.decimal128(18, 2)} | dict.fromkeys(('department_key', 'account_key'), pa.int64())\n"
        "lines = pa.Table.from_pylist(rows, pa.schema([(name, types.get(name, pa.string())) for name in rows[0]]))\n"
        "groups = doubtful_groups(lines.slice(1), lines)\n"
        "print([(row['name'], row['rule'], str(row['taken_back'])) for row in groups.to_pylist()])"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=unmeasured_environment(), capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[('M0', 'excess', '0.50')]"
