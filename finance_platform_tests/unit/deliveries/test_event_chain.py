"""The chain of the register: whatever somebody changes in it is named."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finance_platform.deliveries.event_chain import START, ChainReader, Head, parse_head
from finance_platform.deliveries.register import FOLDER, Register
from finance_platform.storage.local import LocalStore
from finance_platform_tests.unit.factories import delivered

Documents = list[dict[str, Any]]


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    """A zone whose register has five documents of two events each."""
    store = LocalStore(tmp_path)
    for number in range(5):
        Register(store).append([delivered(f"a{number}.csv"), delivered(f"b{number}.csv")])
    return store


def key(number: int) -> str:
    return f"{FOLDER}/{number:012d}.json"


def documents(store: LocalStore) -> Documents:
    return [json.loads(store.read(item.key)) for item in store.list_objects(FOLDER)]


def write(store: LocalStore, changed: Documents) -> None:
    store.delete_folder(FOLDER)
    for number, document in enumerate(changed, start=1):
        store.write(key(number), json.dumps(document, indent=2).encode())


def breaks(store: LocalStore, *anchors: tuple[Head, str]) -> list[tuple[int, int, str]]:
    reader = ChainReader(anchors)
    Register(store).read_chain(reader)
    return [(found.document, found.event, found.why) for found in reader.breaks()]


def edit(changed: Documents) -> None:
    changed[1]["events"][0]["tolerated_share"] = "1"


def edit_the_last(changed: Documents) -> None:
    changed[4]["events"][1]["object_key"] = "c.csv"


def delete_an_event(changed: Documents) -> None:
    del changed[2]["events"][0]


def delete_the_last_of_a_document(changed: Documents) -> None:
    del changed[2]["events"][1]


def delete_the_last_of_all(changed: Documents) -> None:
    del changed[4]["events"][1]


def delete_a_document(changed: Documents) -> None:
    del changed[2]


def swap_documents(changed: Documents) -> None:
    changed[1], changed[2] = changed[2], changed[1]


def swap_events(changed: Documents) -> None:
    changed[1]["events"].reverse()


def insert(changed: Documents) -> None:
    real = changed[3]["events"][0]
    changed[3]["events"].insert(0, {**real, "object_key": "forged.csv"})


def insert_by_hand(changed: Documents) -> None:
    changed[3]["events"].insert(0, {"event": "decided", "who": "bob"})


def empty(changed: Documents) -> None:
    changed[2] = {"events": []}


CHANGES: dict[Callable[[Documents], None], list[tuple[int, int, str]]] = {
    edit: [(2, 3, "was edited")],
    edit_the_last: [(5, 10, "was edited")],
    delete_an_event: [(0, 5, "is missing: somebody deleted it")],
    delete_the_last_of_a_document: [(0, 6, "is missing: somebody deleted it")],
    delete_the_last_of_all: [(0, 10, "is missing: somebody deleted it")],
    delete_a_document: [(0, 5, "is missing: somebody deleted it"), (0, 6, "is missing: somebody deleted it")],
    swap_documents: [
        (3, 3, "was moved: it comes after event 6"),
        (3, 4, "was moved: it comes after event 6"),
    ],
    swap_events: [(2, 3, "was moved: it comes after event 4")],
    insert: [(4, 7, "was inserted: another event has its number")],
    insert_by_hand: [(4, 0, "has events without a link to those before: somebody entered them by hand")],
    empty: [
        (3, 0, "has no events: somebody emptied it"),
        (0, 5, "is missing: somebody deleted it"),
        (0, 6, "is missing: somebody deleted it"),
    ],
}


def test_an_untouched_register_has_no_breaks_however_it_is_formatted(store: LocalStore):
    assert breaks(store) == []
    write(store, documents(store))
    assert breaks(store) == []


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_change_names_the_events_that_it_concerns(store: LocalStore, change: Callable[[Documents], None]):
    changed = documents(store)
    change(changed)
    write(store, changed)
    named = breaks(store)
    assert [one for one in CHANGES[change] if one not in named] == []
    assert {event for _, event, _ in named} <= {event for _, event, _ in CHANGES[change]} | {6, 7}


@given(st.data())
def test_no_change_of_a_value_is_silent(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject):
    store = LocalStore(tmp_path_factory.mktemp("zone"))
    for number in range(3):
        Register(store).append([delivered(f"{number}.csv")])
    changed = documents(store)
    event = data.draw(st.sampled_from([event for document in changed for event in document["events"]]))
    name = data.draw(st.sampled_from(sorted(event)))
    event[name] = data.draw(st.text().filter(lambda text: text != event[name]))
    write(store, changed)
    assert breaks(store)


def test_a_lost_end_and_a_chain_written_anew_are_shown_by_a_head_that_was_kept(store: LocalStore):
    kept = Register(store).head()
    assert kept == parse_head(str(kept))
    assert breaks(store, (kept, "the head of March")) == []
    store.delete(key(5))
    assert breaks(store) == []
    assert breaks(store, (kept, "the head of March")) == [
        (0, 10, f"is missing: the head of March names it with the hash {kept.hash[:12]}…")
    ]
    Register(store).append([delivered("other.csv"), delivered("b4.csv")])
    ((_, event, why),) = breaks(store, (kept, "the head of March"))
    assert event == 10
    assert why.startswith("is not the event that the head of March names: its hash was ")


def test_the_first_linked_event_covers_the_events_of_releases_without_a_chain(store: LocalStore):
    old = [
        {
            "events": [
                {name: value for name, value in event.items() if name not in {"number", "previous"}}
                for event in document["events"]
            ]
        }
        for document in documents(store)
    ]
    write(store, old)
    assert breaks(store) == []
    Register(store).append([delivered("new.csv")])
    assert Register(store).head().number == 11
    assert breaks(store) == []
    old[1]["events"][0]["tolerated_share"] = "1"
    write(store, [*old, documents(store)[5]])
    assert breaks(store) == [(0, 10, "is not as it was when event 11 was entered: an event up to 10 was changed")]


def test_a_document_that_is_gone_is_named_and_new_events_follow_the_last_one(store: LocalStore):
    store.delete(key(2))
    Register(store).append([delivered("new.csv")])
    assert [one for one in breaks(store) if one[0]] == [(2, 0, "is missing")]
    assert Register(store).head().number == 11


def test_an_empty_register_has_the_first_head(tmp_path: Path):
    assert Register(LocalStore(tmp_path)).head() == START
    assert parse_head("12:abc") is None
