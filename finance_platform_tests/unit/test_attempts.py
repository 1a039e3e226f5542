"""Attempts at one state: the first at once, others after a while, none after the last."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from finance_platform.orchestration.sensors.attempts import PAUSES, GiveUp, Start, Wait, next_attempt

NOON = datetime(2025, 6, 1, 12, tzinfo=UTC)


def test_a_new_state_is_tried_at_once():
    assert next_attempt([], NOON) == Start(1)


def test_after_a_failure_the_pause_of_that_number_passes_before_the_next_attempt():
    failed: list[datetime] = []
    for number, pause in enumerate(PAUSES, start=1):
        failed.append(NOON + timedelta(hours=number))
        until = failed[-1] + pause
        assert next_attempt(failed, until - timedelta(seconds=1)) == Wait(until, number)
        assert next_attempt(failed, until) == Start(number + 1)


def test_pauses_grow():
    assert list(PAUSES) == sorted(set(PAUSES))


def test_after_the_last_pause_s_failure_nothing_is_tried_however_long_it_is_ago():
    failed = [NOON] * (len(PAUSES) + 1)
    assert next_attempt(failed, NOON + timedelta(days=365)) == GiveUp(len(failed))


def test_the_order_in_which_failures_are_told_makes_no_difference():
    failed = [NOON, NOON + timedelta(minutes=7)]
    assert next_attempt(failed, NOON) == next_attempt(failed[::-1], NOON)
