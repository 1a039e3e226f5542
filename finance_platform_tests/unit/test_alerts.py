"""Alerts into a file: once per key, whole lines, whatever a killed process left behind."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from finance_platform.notifications.alerts import Alert, AlertError
from finance_platform.notifications.alerts_file import AlertsFile

ALERT = Alert(
    key="load 3",
    kind="restatement",
    title="2024-03 was restated",
    where="warehouse/fact_financials, 2024-03",
    found={"net": "-10.00"},
    fix="look",
    link="http://127.0.0.1:3000/runs/run-1",
    run_id="run-1",
    at="2026-01-01T00:00Z",
)


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines() if line.endswith("}")]


def test_an_alert_is_one_line_with_all_that_it_says(tmp_path: Path):
    path = tmp_path / "alerts.jsonl"
    assert AlertsFile(path).send([ALERT])
    (found,) = lines(path)
    assert found["title"] == "2024-03 was restated"
    assert found["found"] == {"net": "-10.00"}


def test_an_alert_is_sent_once(tmp_path: Path):
    path = tmp_path / "alerts.jsonl"
    assert AlertsFile(path).send([ALERT])
    assert not AlertsFile(path).send([replace(ALERT, title="the same thing in other words")])
    assert AlertsFile(path).send([replace(ALERT, key="load 4")])
    assert [line["key"] for line in lines(path)] == ["load 3", "load 4"]


def test_half_a_line_of_a_killed_process_spoils_no_other(tmp_path: Path):
    path = tmp_path / "alerts.jsonl"
    path.write_text('{"key": "load 3", "ki')
    assert AlertsFile(path).send([ALERT])
    assert [line["key"] for line in lines(path)] == ["load 3"]


def test_two_processes_with_one_alert_send_it_once(tmp_path: Path):
    path = tmp_path / "alerts.jsonl"
    with ThreadPoolExecutor(8) as pool:
        sent = list(pool.map(lambda _: AlertsFile(path).send([ALERT]), range(16)))
    assert (sum(map(len, sent)), len(lines(path))) == (1, 1)


def test_many_alerts_are_sent_at_once_and_those_that_are_known_are_left_out(tmp_path: Path):
    path = tmp_path / "alerts.jsonl"
    many = [replace(ALERT, key=f"load {number}") for number in range(5)]
    AlertsFile(path).send(many[2:4])
    assert AlertsFile(path).send([*many, many[0]]) == [many[0], many[1], many[4]]
    assert len(lines(path)) == 5


def test_an_alert_that_cannot_be_sent_says_where_and_what_to_do(tmp_path: Path):
    with pytest.raises(AlertError, match="Is a directory") as caught:
        AlertsFile(tmp_path).send([ALERT])
    assert str(tmp_path) in str(caught.value)
