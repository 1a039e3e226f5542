"""Alerts in a file: once per key, in whole lines, even after a killed process.

Belongs here: `notifications.alerts_file`. Does not belong here: topics (see `aws/test_sns`).
"""

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


def test_an_alert_is_one_line_with_all_of_its_fields(tmp_path: Path):
    path = tmp_path / "alerts.jsonl"
    assert AlertsFile(path).send([ALERT])
    (line,) = lines(path)
    assert line["title"] == "2024-03 was restated"
    assert line["found"] == {"net": "-10.00"}


def test_an_alert_is_sent_once(tmp_path: Path):
    path = tmp_path / "alerts.jsonl"
    assert AlertsFile(path).send([ALERT])
    assert not AlertsFile(path).send([replace(ALERT, title="the same thing in other words")])
    assert AlertsFile(path).send([replace(ALERT, key="load 4")])
    assert [line["key"] for line in lines(path)] == ["load 3", "load 4"]


def test_an_incomplete_line_of_a_killed_process_does_not_affect_others(tmp_path: Path):
    path = tmp_path / "alerts.jsonl"
    path.write_text('{"key": "load 3", "ki')
    assert AlertsFile(path).send([ALERT])
    assert [line["key"] for line in lines(path)] == ["load 3"]


def test_concurrent_senders_of_one_alert_send_it_once(tmp_path: Path):
    path = tmp_path / "alerts.jsonl"
    with ThreadPoolExecutor(8) as pool:
        sent = list(pool.map(lambda _: AlertsFile(path).send([ALERT]), range(16)))
    assert (sum(map(len, sent)), len(lines(path))) == (1, 1)


def test_known_alerts_are_left_out_of_a_batch(tmp_path: Path):
    path = tmp_path / "alerts.jsonl"
    many = [replace(ALERT, key=f"load {number}") for number in range(5)]
    AlertsFile(path).send(many[2:4])
    assert AlertsFile(path).send([*many, many[0]]) == [many[0], many[1], many[4]]
    assert len(lines(path)) == 5


def test_an_unwritable_file_is_an_error_that_names_it(tmp_path: Path):
    with pytest.raises(AlertError, match="Is a directory") as caught:
        AlertsFile(tmp_path).send([ALERT])
    assert str(tmp_path) in str(caught.value)
