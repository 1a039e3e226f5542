"""The law of deliveries: what must hold after each step of a story, whatever is sent, decided, closed and killed.

Belongs here: the sentences that hold. Does not belong here: what happens (see `story`), the published star (see
`test_law`), the stories that were found (see `unit/deliveries/test_found_stories`).
"""

from __future__ import annotations

import gc
import tempfile
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from decimal import Decimal
from itertools import chain, combinations
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from finance_platform.deliveries import decisions
from finance_platform.deliveries.commits import read_commits
from finance_platform.deliveries.previews import preview_acceptance, preview_booking
from finance_platform.deliveries.state import DeliveryState, InactiveDelivery, LiveDelivery
from finance_platform.deliveries.state_derivation import derive_state
from finance_platform.errors import DecisionError
from finance_platform.slices.retention import deliveries_in_use, superseded_since
from finance_platform.storage.immutable_documents import forget_documents
from finance_platform_tests.model_based.counted import Money, counted_lines, in_periods, sums
from finance_platform_tests.model_based.story import Decision, Story
from finance_platform_tests.night_parts import in_parts, part_count
from finance_platform_tests.profiles import current_profile
from finance_platform_tests.unit.zone import Line

PROFILE = current_profile()
PARTS = part_count(8)
SETTINGS = settings(
    max_examples=PROFILE.law_stories // PARTS,
    deadline=None,
    derandomize=PROFILE.name != "nightly",
    database=None,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)
SEEDS = st.integers(0, 2**32 - 1)
STEPS = st.lists(SEEDS, min_size=8, max_size=20)
"""In a step with the number 0 nothing happens: a story that fails shrinks to the steps that it needs."""

CHANGES_NO_CLOSED_PERIOD = {"book", "withdraw", "reinstate", "withdraw_late_lines", "reinstate_late_lines"}


class LawfulStory:
    """A story of which each step is checked."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.story = Story(seed, folder)
        self.taken_in: set[str] = set()
        """The files that a person accepted or took back, whatever else counts then."""
        note(f"{self.story.mode}, {self.story.scenario or 'several scenarios'}, numbers: {self.story.has_numbers}")
        note(f"books late lines by itself: {self.story.is_booked_by_itself}, declared {self.story.declared}")
        note(f"doubtful {self.story.doubtful}, tolerated {self.story.tolerated_removal}")
        self.note_contents(self.story.contents)
        for name, content in self.story.present.items():
            note(f"send {name} {content}")
        self.evaluate()
        for period in self.story.first_closed:
            note(f"close {period}")
            self.story.close(period)

    def note_contents(self, names: Iterable[str]) -> None:
        for name in names:
            lines = self.story.contents[name]
            note(f"{name}: {[_told(line) for line in lines]}")

    def play(self, seed: int) -> None:
        chance = Random(seed)
        action, arguments = self.story.draw(chance)
        is_killed = chance.random() < 0.25
        if action == "decide":
            self.decide(*arguments)
        else:
            note(f"{action} {' '.join(map(str, arguments))}{', and the run is killed' * is_killed}")
            if action == "release":
                self.install_release()
                return
            if action == "publish":
                self.evaluate(holds_closed_periods=False)
                return
            if action == "vacuum":
                self.vacuum()
                return
            if not is_killed and (action == "move" or (action == "edit" and arguments[0])):
                self.read_by_other_rules(action, arguments)
                return
            getattr(self.story, action)(*arguments)
            if action == "read_otherwise":
                self.note_contents(arguments[:1])
        if not is_killed and action != "close":
            self.evaluate()

    # What counts

    def lines(self, live: Sequence[LiveDelivery]) -> Counter[Money]:
        return counted_lines(self.story.zone.store, live, self.story.sent)

    def of_closed_periods(self) -> dict[Any, Decimal]:
        state = self.story.state
        lines = in_periods(self.lines(state.live), state.closed)
        return sums(lines, lambda line: (line.scenario, line.period, line.department))

    def by_period(self) -> dict[Any, Decimal]:
        return sums(self.lines(self.story.state.live), lambda line: (line.scenario, line.period))

    # What must hold

    def evaluate(self, *, holds_closed_periods: bool = True) -> None:
        before = self.of_closed_periods()
        verdicts = self.story.evaluate(holds_closed_periods=holds_closed_periods)
        if holds_closed_periods:
            assert self.of_closed_periods() == before, "a closed period changes only by a decision"
        state = self.story.state
        assert not state.awaiting_verdict, "each file is judged"
        assert not self.story.zone.unread, "no file waits for a run once each one is judged"
        assert not [one for one in state.inactive if one.reopened], "what waited for a period is judged when it opens"
        again = self.story.evaluate(holds_closed_periods=holds_closed_periods)
        assert not again or state.waiting, "a second run judges nothing"
        self.check_state(state := self.story.state)
        self.check_that_what_waits_is_named(state)
        # One that continues another reading or repeats late lines has judged nothing: it has the words of then.
        judged = [one for one in verdicts if not one.continues and (one.is_new_split or not one.late)]
        fixes = {(one.object_key, one.fix) for one in judged}
        self.check_that_what_is_offered_works(state, fixes)

    def check_that_what_is_offered_works(self, state: DeliveryState, fixes: Collection[tuple[str, str]]) -> None:
        """Preview what the fix of each new verdict offers, whatever the run has judged after it."""
        store, whole = self.story.zone.store, {one.event.object_key for one in state.inactive if not one.late}
        for held in state.inactive:
            key = held.event.object_key
            if not any(of_key == key and fix and fix in held.fix for of_key, fix in fixes):
                continue
            periods = held.late_periods if key in whole else ()
            if f"finance-platform accept {key}" in held.fix and "withdraw that one and then accept" not in held.fix:
                preview_acceptance(store, key, periods)
            if "--in-next-open-period" in held.fix:
                preview_booking(store, key, periods)

    def check_that_withdrawals_are_undone(self) -> None:
        """Withdraw each file and take it in again, which changes nothing."""
        store, state = self.story.zone.store, self.story.state
        keys = {one.event.object_key for one in state.live} | {one.event.object_key for one in state.inactive}
        for key in sorted(keys):
            before = self.decided()
            try:
                decisions.withdraw(store, key, self.story.author(), holds_closed_periods=True)
            except DecisionError:
                continue
            decisions.reinstate(store, key, self.story.author(), holds_closed_periods=True)
            if self.story.state.awaiting_verdict:
                self.story.evaluate()
                assert self.by_period() == before["money"], "a withdrawal that is undone moves no money"
                return
            assert self.decided() == before, "a withdrawal that is undone changes nothing"

    def check_state(self, state: DeliveryState) -> None:
        assert state == self.story.zone.state, "the state derived afresh equals the state that was kept"
        self.check_what_nothing_needs(state)
        assert len({one.delivery_id for one in state.live}) == len(state.live), "no delivery counts twice"
        by_scenario = [sums(self.lines(live), lambda line: line.scenario) for live in (state.live, state.effective)]
        assert by_scenario[0] == by_scenario[1], "a booking and its line never count both, nor does neither"
        self.check_copies(state)

    def check_what_nothing_needs(self, state: DeliveryState) -> None:
        """Derive the state without the deliveries that `vacuum` may remove by now."""
        events, in_use = self.story.zone.register.events(), deliveries_in_use(state)
        expired = superseded_since(events).keys() - in_use
        commits = {name: one for name, one in read_commits(self.story.zone.store).items() if name not in expired}
        left = derive_state(events, commits)
        assert not left.missing, "no delivery that counts is removed"
        assert (left.live, left.inactive) == (state.live, state.inactive), (
            "to remove what nothing needs changes nothing"
        )

    def check_copies(self, state: DeliveryState) -> None:
        """Hold the files that were sent under two names against the decisions of people."""
        whole = [one for one in state.effective if one.portion.only is None and one.event.load_mode == "append"]
        for one, other in combinations(whole, 2):
            first, second = (
                (event.feed, event.fingerprint, self.story.sent[event.delivery_id])
                for event in (one.event, other.event)
            )
            if first == second and first[-1]:
                keys = {one.event.object_key, other.event.object_key}
                assert keys & self.taken_in, "a copy counts only if a person takes it in"

    def check_that_what_waits_is_named(self, state: DeliveryState) -> None:
        named = {one.event.object_key for one in (*state.inactive, *state.withdrawn, *state.booked)}
        for key, event in self.story.newest().items():
            periods = {line.period for line in self.story.sent[event.delivery_id]}
            counts = [one for one in state.live if one.delivery_id == event.delivery_id]
            is_whole = bool(counts) and all(period in counts[0].portion for period in periods)
            assert is_whole or key in named, f"what waits is named, but {key} is not"

    def install_release(self) -> None:
        state = self.story.state
        is_comparable = not state.awaiting_verdict and all(one.late for one in state.inactive)
        is_comparable = is_comparable and self.story.is_read_as_now
        if is_comparable:
            self.evaluate()
        before = self.decided()
        self.story.install_release()
        self.evaluate()
        if is_comparable:
            assert self.decided() == before, "a release that reads every file again changes nothing that was decided"

    def vacuum(self) -> None:
        before = self.decided()
        self.story.vacuum()
        assert self.decided() == before, "to remove what nothing needs changes nothing"

    def read_by_other_rules(self, action: str, arguments: Sequence[Any]) -> None:
        """Change the load, or let another feed read a file."""
        state = self.story.state
        is_all_counted = not (state.awaiting_verdict or state.inactive or state.withdrawn or state.booked)
        before = self.lines(state.live).total()
        getattr(self.story, action)(*arguments)
        self.evaluate()
        if is_all_counted and not self.story.state.booked:
            after = self.lines(self.story.state.live).total()
            assert after <= before, "no line counts again because the load or the feed is another one"

    def decided(self) -> dict[str, Any]:
        """Return what counts, and which lines wait or do not count by whose decision."""
        state = self.story.state
        rows: Counter[tuple[str, ...]] = Counter()
        for one in state.live:
            for count in one.commit.periods:
                rows[one.event.object_key, one.booked_from, count.scenario, count.period] += count.rows
        uncounted = {"waits": state.inactive, "withdrawn": state.withdrawn, "booked": state.booked}
        return {
            "rows": +rows,
            "money": self.by_period(),
            **{name: sorted(map(_uncounted, several)) for name, several in uncounted.items()},
        }

    def decide(self, decision: Decision) -> None:
        label = f"{decision.action} {decision.object_key} {' '.join(decision.periods)}"
        before = self.of_closed_periods()
        counted = self.decided()
        try:
            if decision.action in {"accept", "book"}:
                self._decide_as_previewed(decision)
            else:
                self._decide(decision)
        except DecisionError as error:
            note(f"{label} is refused: {error}")
            return
        note(label)
        assert self.decided() != counted, "a decision has an effect, or is refused"
        if not decision.action.startswith("withdraw"):
            self.taken_in.add(decision.object_key)
        if decision.action in CHANGES_NO_CLOSED_PERIOD:
            assert self.of_closed_periods() == before, f"{decision.action} changes no closed period"
        if getattr(self.story.zone.register.events()[-1], "is_judged_again", False):
            assert self.by_period() == counted["money"], "an undo that is judged again moves no money"
        if decision.action == "accept":
            self.check_that_what_is_accepted_counts(decision)
        self.check_state(self.story.state)

    def _decide_as_previewed(self, decision: Decision) -> None:
        preview = {"accept": preview_acceptance, "book": preview_booking}[decision.action]
        expected = defaultdict(Decimal, self.by_period())
        try:
            foreseen = preview(self.story.zone.store, decision.object_key, decision.periods)
        except DecisionError:
            with pytest.raises(DecisionError):
                self._decide(decision)
            raise
        try:
            self._decide(decision)
        except DecisionError as error:
            raise AssertionError("what a preview shows is not refused") from error
        for row in foreseen:
            expected[row.scenario, row.period] += row.amount
        moved = {place: amount for place, amount in expected.items() if amount}
        assert self.by_period() == moved, "a decision moves what its preview says"

    def _decide(self, decision: Decision) -> None:
        store, author, key = self.story.zone.store, self.story.author(), decision.object_key
        if decision.action in {"withdraw", "reinstate"}:
            getattr(decisions, decision.action)(store, key, author, holds_closed_periods=True)
        else:
            getattr(decisions, decision.action)(store, key, author, decision.periods)

    def check_that_what_is_accepted_counts(self, decision: Decision) -> None:
        state = self.story.state
        delivery_id, late = decision.about.event.delivery_id, set(chain.from_iterable(decision.about.late))
        of_file = {line.period for line in self.story.sent[delivery_id]}
        counts = [one for one in state.effective if one.delivery_id == delivery_id]  # or its lines are booked
        for period in of_file.intersection(decision.periods or late or of_file):
            assert any(period in one.portion for one in counts), "what is accepted counts"


def _told(line: Line) -> str:
    reverses = f" reverses {line.reverses}" if line.reverses else ""
    return f"{line.key} {line.scenario} {line.period} {line.department} {line.amount}{reverses}"


def _uncounted(one: InactiveDelivery) -> tuple[str, ...]:
    """Return what identifies a file or lines of it that do not count."""
    decided_at = one.decision.at if one.decision else ""
    return one.event.object_key, str(one.late), decided_at, str(one.commit.outcome("accepted"))


@in_parts(PARTS)
@SETTINGS
@given(seed=SEEDS, steps=STEPS)
def test_the_law_of_deliveries_holds_after_each_step_of_a_story(part: int, seed: int, steps: list[int]) -> None:
    with tempfile.TemporaryDirectory(prefix=f"law-{part}-") as folder:
        # Each story begins in a process that has read nothing yet.
        forget_documents()
        # Tests run without Python's garbage collector, and thousands of stories would leave gigabytes.
        gc.collect(1)
        story = LawfulStory(seed, Path(folder))
        for step in filter(None, steps):
            story.play(step)
        story.evaluate()
        story.install_release()
        story.check_that_withdrawals_are_undone()
