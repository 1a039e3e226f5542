"""The files of the live deliveries by mapping: what follows does not depend on which deliveries share one."""

from collections.abc import Mapping, Sequence

from hypothesis import given
from hypothesis import strategies as st

from finance_platform.deliveries.commits import DataFile
from finance_platform.deliveries.live_files import live_files, live_with_files
from finance_platform.deliveries.overlaps import NO_OVERLAPS
from finance_platform.deliveries.state import DeliveryState
from finance_platform.refresh.steps.job_requests import build_request
from finance_platform.settings import DEFAULT_STAR_SETTINGS
from finance_platform.slices.versions import TargetSlice
from finance_platform_tests.unit.factories import in_period, live_in, state_of

PERIODS = ("2025-01", "2025-02")
TABLES = ("transactions", "members", "rejected_rows")

NAMES = ("20250201/period=2025-01/a.parquet", "20250201/period=2025-02/b.parquet", "20250202/c.parquet")


def files_of(table: str) -> st.SearchStrategy[list[DataFile]]:
    """Return lists of files of a table; no file is of two tables."""
    names = st.lists(st.sampled_from(NAMES), max_size=3, unique=True)
    return names.map(lambda chosen: [DataFile(f"{table}/{name}", 9, is_shared=True) for name in chosen])


mappings = st.fixed_dictionaries({}, optional={table: files_of(table) for table in TABLES})


@st.composite
def homes(draw: st.DrawFn) -> tuple[DeliveryState, DeliveryState]:
    """Return the state of deliveries some of which share their mapping of files, and the same with a copy for each."""
    shared: Sequence[Mapping[str, list[DataFile]]] = draw(st.lists(mappings, min_size=1, max_size=4))
    chosen = draw(st.lists(st.tuples(st.integers(0, len(shared) - 1), st.sampled_from(PERIODS)), max_size=8))

    def state(*, is_shared: bool) -> DeliveryState:
        return state_of(
            *(
                live_in(
                    in_period(period),
                    key=f"ledger_{number}.csv",
                    commit_files=shared[mapping] if is_shared else dict(shared[mapping]),
                )
                for number, (mapping, period) in enumerate(chosen)
            )
        )

    return state(is_shared=True), state(is_shared=False)


@given(homes())
def test_each_live_delivery_is_once_among_those_with_its_files(states: tuple[DeliveryState, DeliveryState]) -> None:
    for state in states:
        groups = live_files(state)
        assert sorted(place for group in groups for place in group.places) == list(range(len(state.live)))
        assert all(state.live[place].commit.files is group.files for group in groups for place in group.places)
        for table in TABLES:
            expected = [one.delivery_id for one in state.live if one.commit.files.get(table)]
            assert [one.delivery_id for one in live_with_files(state, table)] == expected


@given(homes())
def test_a_request_names_the_same_files_whether_deliveries_share_their_mapping(
    states: tuple[DeliveryState, DeliveryState],
) -> None:
    slices = [TargetSlice("fact_financials", PERIODS[0], "version", {})]
    shared, copied = (build_request(state, NO_OVERLAPS, slices, DEFAULT_STAR_SETTINGS) for state in states)
    files, of_copies = (sorted(one.files, key=lambda file: file.file.key) for one in (shared, copied))
    assert files == of_copies, "in whatever order: a mapping is looked at where its first delivery is"
    assert all(list(file.deliveries) == sorted(set(file.deliveries)) for file in shared.files)
