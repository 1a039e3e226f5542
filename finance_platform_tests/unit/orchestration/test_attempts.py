"""Attempts at one state: the first at once, the others after a pause, none after the last."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from finance_platform.orchestration.sensors.attempts import PAUSES, GiveUp, Start, Wait, next_attempt

NOON = datetime(2025, 6, 1, 12, tzinfo=UTC)


def test_a_new_state_is_tried_at_once():
    assert next_attempt([], NOON) == Start(1)


def test_the_pause_before_an_attempt_depends_on_the_number_of_failures():
    failed: list[datetime] = []
    for number, pause in enumerate(PAUSES, start=1):
        failed.append(NOON + timedelta(hours=number))
        until = failed[-1] + pause
        assert next_attempt(failed, until - timedelta(seconds=1)) == Wait(until, number)
        assert next_attempt(failed, until) == Start(number + 1)


def test_the_pauses_are_those_that_the_sensor_s_description_and_the_documentation_name():
    assert [pause.total_seconds() / 60 for pause in PAUSES] == [1, 5, 15]


def test_after_the_last_attempt_a_state_is_given_up_forever():
    failed = [NOON] * (len(PAUSES) + 1)
    assert next_attempt(failed, NOON + timedelta(days=365)) == GiveUp(len(failed))


def test_the_order_of_the_failures_makes_no_difference():
    failed = [NOON, NOON + timedelta(minutes=7)]
    assert next_attempt(failed, NOON) == next_attempt(failed[::-1], NOON)
