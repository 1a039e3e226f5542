"""The register: events are appended, and neither lost nor changed."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finance_platform.deliveries.events import (
    DecisionRecorded,
    Event,
    PeriodStatusChanged,
    Verdict,
    select_decisions,
    select_discovered,
    select_withdrawn,
    utc_text,
)
from finance_platform.deliveries.register import FOLDER, Register
from finance_platform.errors import RegisterError
from finance_platform.storage.immutable_documents import forget_documents
from finance_platform.storage.local import LocalStore
from finance_platform.storage.port import StoredObject
from finance_platform_tests.unit.factories import decision_on, delivered, verdict_on


class StaleStore(LocalStore):
    """A store that lists what was there when it was opened."""

    def __init__(self, root: str) -> None:
        super().__init__(root)
        self._listed = list(LocalStore(root).list_objects())

    def list_objects(self, prefix: str = "", *, after: str = "") -> Iterator[StoredObject]:
        return (item for item in self._listed if item.key.startswith(prefix) and item.key > after)


@pytest.fixture
def processed(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "processed")


def documents(processed: LocalStore) -> list[str]:
    return [item.key for item in processed.list_objects(FOLDER)]


def test_a_new_register_has_no_events(processed: LocalStore) -> None:
    assert not Register(processed).events()


def test_events_are_read_unchanged_in_the_order_of_writing(processed: LocalStore) -> None:
    first = [delivered("b.csv"), delivered("a.csv", tolerated_amount="1.00", load_mode="upsert")]
    second = [delivered("Müller – 2025.csv", "v2")]
    Register(processed).append(first)
    Register(processed).append(second)
    assert list(Register(processed).events()) == [*first, *second]


def test_every_kind_of_event_is_read_with_all_its_fields(processed: LocalStore) -> None:
    at = "2025-06-01T12:00:00.000000+00:00"
    events: list[Event] = [
        delivered(is_scoped=True, order="v00012", tolerated_removal=None, is_held_when_late=True),
        delivered(tolerated_removal="0.25", load_mode="replace_period"),
        Verdict("ledger.csv", "ledger.csv@v1", at, "run-1"),
        Verdict("ledger.csv", "ledger.csv@v1", at, "run-1", ("one", "zwei – ü"), "correct it", is_final=True),
        Verdict("ledger.csv", "ledger.csv@v1", at, "run-1", warnings=("came late",)),
        DecisionRecorded("accepted", "ledger.csv", "ledger.csv@v1", "ada", "as agreed", at),
        DecisionRecorded("withdrawn", "ledger.csv", "ledger.csv@v1", "bob", "wrong", at, keeps_earlier=True),
        DecisionRecorded("reinstated", "ledger.csv", "ledger.csv@v1", "bob", "right after all", at),
        PeriodStatusChanged("closed", "2025-01", "ada", "audited", at, {"fact_financials": "v1"}),
        PeriodStatusChanged("reopened", "2025-01", "ada", "a late invoice", at),
    ]
    Register(processed).append(events)
    assert list(Register(processed).events()) == events
    (key,) = documents(processed)
    names = [event["event"] for event in json.loads(processed.read(key))["events"]]
    assert list(dict.fromkeys(names)) == ["delivered", "judged", "decided", "closing"]


def test_only_discoveries_are_selected(processed: LocalStore) -> None:
    Register(processed).append([delivered(), verdict_on(delivered()), decision_on("accepted", delivered())])
    assert select_discovered(Register(processed).events()) == [delivered()]


def test_decisions_are_selected_with_their_numbers_also_of_events_that_came_later(processed: LocalStore) -> None:
    event = delivered()
    first, second = decision_on("withdrawn", event), decision_on("reinstated", event)
    register = Register(processed)
    register.append([event, verdict_on(event), first])
    assert select_decisions(register.events()) == [(3, first)]
    assert select_withdrawn(register.events()) == {event.delivery_id}
    register.append([second])
    assert select_decisions(register.events()) == [(3, first), (4, second)]
    assert select_withdrawn(register.events()) == set()


def test_events_in_a_list_are_divided_each_time() -> None:
    event = delivered()
    events: list[Event] = [event]
    assert (list(select_discovered(events)), list(select_decisions(events))) == ([event], [])
    decision = decision_on("withdrawn", event)
    events.append(decision)
    assert (list(select_discovered(events)), list(select_decisions(events))) == ([event], [(2, decision)])


def test_concurrent_processes_lose_no_events(processed: LocalStore) -> None:
    script = (
        "import sys\n"
        "from finance_platform.storage.local import LocalStore\n"
        "from finance_platform.deliveries.register import DecisionRecorded, Register\n"
        "root, writer = sys.argv[1:]\n"
        "for number in range(20):\n"
        "    event = DecisionRecorded('accepted', writer, str(number), 'ada', 'why', 'now')\n"
        "    Register(LocalStore(root)).append([event])\n"
    )
    writers = [subprocess.Popen([sys.executable, "-c", script, processed.root, name]) for name in ("one", "other")]
    assert [writer.wait(60) for writer in writers] == [0, 0]
    events = [event for event in Register(processed).events() if isinstance(event, DecisionRecorded)]
    for name in ("one", "other"):
        assert [event.delivery_id for event in events if event.object_key == name] == [str(n) for n in range(20)]


def test_the_order_is_kept_for_more_than_a_hundred_documents(processed: LocalStore) -> None:
    register = Register(processed)
    events = [delivered("a.csv", f"v{number}") for number in range(120)]
    for event in events:
        register.append([event])
    assert list(register.events()) == events


def test_nothing_is_written_without_events(processed: LocalStore) -> None:
    Register(processed).append([])
    assert documents(processed) == []


def test_events_that_are_appended_together_are_one_document(processed: LocalStore) -> None:
    Register(processed).append([delivered("a.csv"), delivered("b.csv")])
    assert len(documents(processed)) == 1


def test_later_events_do_not_change_a_document(processed: LocalStore) -> None:
    register = Register(processed)
    register.append([delivered("a.csv", "v1")])
    (key,) = documents(processed)
    before = processed.read(key)
    register.append([delivered("a.csv", "v2")])
    assert processed.read(key) == before


def test_every_event_has_its_kind(processed: LocalStore) -> None:
    Register(processed).append([delivered()])
    (key,) = documents(processed)
    assert [event["event"] for event in json.loads(processed.read(key))["events"]] == ["delivered"]


def test_a_number_that_another_writer_took_is_not_overwritten(processed: LocalStore) -> None:
    Register(processed).append([delivered("a.csv")])
    stale = StaleStore(processed.root)
    Register(processed).append([delivered("b.csv")])
    # With one document in its listing, this writer tries number 2, which the other one has taken.
    Register(stale).append([delivered("c.csv")])
    events = select_discovered(Register(processed).events())
    assert [event.object_key for event in events] == ["a.csv", "b.csv", "c.csv"]


def test_concurrent_threads_lose_no_events(processed: LocalStore) -> None:
    start = threading.Barrier(6)

    def record(writer: int) -> None:
        start.wait()
        for number in range(5):
            Register(processed).append([delivered(f"{writer}.csv", f"v{number}")])

    writers = [threading.Thread(target=record, args=(number,)) for number in range(6)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    events = select_discovered(Register(processed).events())
    assert len(events) == 30
    for writer_number in range(6):
        of_writer = [event.fingerprint for event in events if event.object_key == f"{writer_number}.csv"]
        assert of_writer == [f"v{number}" for number in range(5)]


moments = st.datetimes(datetime(1980, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(moments, moments)
def test_utc_text_sorts_by_time(one: datetime, other: datetime) -> None:
    assert (utc_text(one) < utc_text(other)) == (one < other)


def test_utc_text_has_microseconds_and_time_zone() -> None:
    moment = datetime(2025, 1, 1, tzinfo=UTC)
    assert utc_text(moment) == "2025-01-01T00:00:00.000000+00:00"
    assert datetime.fromisoformat(utc_text(moment + timedelta(microseconds=1))) == moment + timedelta(microseconds=1)


def test_later_events_are_read_without_the_earlier_documents(processed: LocalStore) -> None:
    for number in range(4):
        Register(processed).append([delivered(f"{number}.csv")])
    everything = Register(processed).events()
    forget_documents()
    processed.write("register/000000000001.json", b"not JSON")
    assert Register(processed).events_after(2) == list(everything[2:])
    assert Register(processed).events_after(4) == []
    with pytest.raises(RegisterError, match="event number 1"):
        Register(processed).events_after(0)
    processed.delete("register/000000000002.json")
    with pytest.raises(RegisterError, match="event number 2: the event is missing"):
        Register(processed).events_after(3)
