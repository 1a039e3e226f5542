"""Points of view: a column of members of several dimensions, as Oracle Planning writes it behind an account's months.

Belongs here: which member is the department, and what is said of the year. Does not belong here: the scenario that they
name (see `scenarios`), accounts of several segments (see `composed_accounts`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from finance_platform.feeds.descriptor import UNDECIDED
from finance_platform.feeds.draft.columns import Column, FieldDraft, FieldsDraft
from finance_platform.feeds.draft.scenarios import PLANS
from finance_platform.feeds.values.header_words import plain_name

_NAMES = {"point of view", "pov"}
_MARK = ","
_YEAR = re.compile(r"(?i)fy[ -]?(?:20)?[0-9]{2}|20[0-9]{2}")
_SCENARIOS = {*PLANS, "actual", "actuals"}
_SEVERAL, _MOST_SHOWN = 2, 4


def draft_point_of_view(draft: FieldsDraft, columns: Sequence[Column]) -> set[str]:
    """Draft the department as a member of the point of view; return the header of that column, or none.

    A dimension that names scenarios or years is none of departments. If one of the others has several members, and all
    others one, it is the department; otherwise a person decides.

    Args:
        draft: gets the department, and what a person decides.
        columns: those that no field uses.
    """
    view = next((one for one in columns if plain_name(one.name) in _NAMES and not one.blanks), None)
    rows = [text.split(_MARK) for text in view.cells] if view else []
    if view is None or len({len(one) for one in rows}) != 1 or len(rows[0]) < _SEVERAL:
        return set()
    parts = [list(dict.fromkeys(member.strip() for member in members)) for members in zip(*rows, strict=True)]
    _name_years(draft, view, parts)
    varied = [number for number, members in enumerate(parts, start=1) if len(members) > 1 and not _is_known(members)]
    described = "; ".join(f"{number} is {_shown(members)}" for number, members in enumerate(parts, start=1))
    if len(varied) == 1:
        number: int | str = varied[0]
        comment = f"decide: the member of {view.name!r} that differs from row to row; {described}"
    else:
        number, comment = UNDECIDED, f"decide: the number of the member of {view.name!r} that is it; {described}"
    part: dict[str, Any] = {"split": _MARK, "number": number, "of": len(parts)}
    draft.fields["department"] = FieldDraft({"from": view.name, "part": part}, comment)
    return {view.name}


def _name_years(draft: FieldsDraft, view: Column, parts: Sequence[Sequence[str]]) -> None:
    """Say which years a point of view has, if the headers of months have none; the reader takes none from it."""
    years = [member for members in parts for member in members if _YEAR.fullmatch(member)]
    if draft.unpivot and draft.unpivot.get("year") == UNDECIDED and years:
        what = "That is the year of every row, so a file of another year needs a descriptor and a path of its own"
        draft.decisions.append(
            f"{view.name!r} says {_shown(years)}. {what}."
            if len(years) == 1
            else f"{view.name!r} says {_shown(years)}: export a file for each year, or a column of years."
        )


def _is_known(members: Sequence[str]) -> bool:
    """Return whether members are years, or one of them a scenario."""
    words = {word for member in members for word in plain_name(member).split()}
    return all(map(_YEAR.fullmatch, members)) or bool(words & _SCENARIOS)


def _shown(members: Sequence[str]) -> str:
    return ", ".join(members[:_MOST_SHOWN]) + (" …" if len(members) > _MOST_SHOWN else "")
