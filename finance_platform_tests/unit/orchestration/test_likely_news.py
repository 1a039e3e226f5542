"""The guess whether there is something new: what counts as a sign of it.

Belongs here: `orchestration.ahead.likely_news`. Does not belong here: what is new (see `test_changes`).
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from finance_platform.orchestration.ahead import likely_news
from finance_platform.orchestration.ahead.likely_news import is_news_likely
from finance_platform.refresh.steps.recorded_code import COMPLETE
from finance_platform.settings import Settings
from finance_platform_tests.unit.factories import settings, write


@pytest.fixture
def home(tmp_path: Path) -> Settings:
    write(tmp_path / "raw" / "2025" / "a.csv", "Date,Amount\n")
    write(tmp_path / "feeds" / "a.yaml", "feed: a\n")
    write(tmp_path / "processed" / COMPLETE, "{}")
    return settings(home=tmp_path)


def set_record_time(home: Settings, seconds: float) -> None:
    """Move the record of the last complete run; what the file system notes of other files cannot be moved."""
    at = time.time() + seconds
    os.utime(home.home_path / "processed" / COMPLETE, (at, at))


def set_folder_times(home: Settings) -> None:
    for folder in ("raw", "feeds"):
        os.utime(home.home_path / folder, (0, 0))


def test_a_home_without_a_complete_run_has_news(home: Settings):
    (home.home_path / "processed" / COMPLETE).unlink()
    assert is_news_likely(home)


def test_a_home_as_its_last_complete_run_left_it_has_none(home: Settings):
    set_record_time(home, 60)
    assert not is_news_likely(home)


def test_a_file_that_was_copied_with_its_old_time_is_news(home: Settings):
    os.utime(home.home_path / "raw" / "2025" / "a.csv", (0, 0))
    set_record_time(home, -60)
    assert is_news_likely(home)


def test_a_descriptor_alone_is_news(home: Settings):
    (home.home_path / "raw" / "2025" / "a.csv").unlink()
    (home.home_path / "raw" / "2025").rmdir()
    set_folder_times(home)
    set_record_time(home, -60)
    assert is_news_likely(home)


def test_of_many_files_the_first_are_looked_at_and_what_is_put_into_their_folder(
    home: Settings, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(likely_news, "_MOST_FILES", 0)
    set_record_time(home, -60)
    set_folder_times(home)
    assert not is_news_likely(home)
    write(home.home_path / "raw" / "b.csv", "Date,Amount\n")
    assert is_news_likely(home)


def test_no_more_files_are_looked_at_where_they_are_all_in_one_folder(home: Settings, monkeypatch: pytest.MonkeyPatch):
    for number in range(9):
        write(home.home_path / "raw" / f"{number}.csv", "Date,Amount\n")
    monkeypatch.setattr(likely_news, "_MOST_FILES", 4)
    assert len(list(likely_news._written(home.home_path / "raw"))) == 1 + 4  # the folder itself, which has all


def test_of_a_zone_on_s3_nothing_is_known(home: Settings):
    assert not is_news_likely(home.model_copy(update={"raw_uri": "s3://bucket/raw"}))


def test_the_record_is_where_the_last_complete_run_writes_it():
    assert likely_news.COMPLETE == COMPLETE
