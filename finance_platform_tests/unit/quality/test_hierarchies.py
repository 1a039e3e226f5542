"""Parents that do not exist, and members that are above each other in a circle."""

from __future__ import annotations

import pytest

from finance_platform.quality.hierarchies import Placed, find_misplaced


def misplaced(**parents: str | None) -> list[str]:
    codes = {code.casefold(): code for code in parents}
    members = [Placed(code, parent, codes.get((parent or "").casefold())) for code, parent in parents.items()]
    return [f"{row['Code']} {row['Parent']}: {row['Finding']}" for row in find_misplaced(members, "Code")]


def test_a_parent_that_does_not_exist_is_named_beside_a_top() -> None:
    assert misplaced(D10=None, D20="D10", D40="X99") == ["D40 X99: no file and no line has the parent"]


def test_a_parent_that_is_nearly_a_code_has_a_hint() -> None:
    assert misplaced(HEAD=None, D20="HEAD", D40="HAED") == [
        "D40 HAED: no file and no line has the parent; did you mean HEAD?"
    ]


def test_two_tops_that_no_file_describes_are_named() -> None:
    assert len(misplaced(D20="X10", D30="X10", D40="X99")) == 3


def test_members_in_a_circle_are_named_once() -> None:
    assert misplaced(D10="D30", D20="D10", D30="D20", D40="D10") == [
        "D10 D30: is above itself: D10, below D30, below D20, below D10"
    ]


def test_two_circles_are_two() -> None:
    assert len(misplaced(A="B", B="A", C="D", D="C", E="C", F=None)) == 2


def test_a_parent_that_does_not_exist_is_named_beside_a_circle() -> None:
    assert len(misplaced(A="B", B="A", C="X99")) == 2


def test_a_long_circle_is_named_by_its_first_members() -> None:
    (found,) = misplaced(**{f"D{number}": f"D{(number + 1) % 30}" for number in range(30)})
    assert found.endswith("below D5, below …, below D0")


@pytest.mark.parametrize(
    "parents",
    [
        {"D10": None, "D20": "D10", "D30": "D20"},
        {"D10": None, "D20": None},
        {"D10": "D10", "D20": "D10"},
        {"D10": "GROUP", "D20": "GROUP", "D30": "D10"},
        {"D10": "GROUP", "D20": "group"},
        {"D10": None, "d20": "d10"},
        {},
    ],
)
def test_trees_with_their_tops_are_right(parents: dict[str, str | None]) -> None:
    assert not misplaced(**parents)
