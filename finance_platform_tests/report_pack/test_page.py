"""The file of a pack, read as text: texts are data, and nothing of another business unit is in it."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from html.parser import HTMLParser
from typing import Any

import pytest

from finance_platform.reports.pack.browser_data import browser_data, guarded_texts
from finance_platform.reports.pack.model import (
    Cell,
    Choice,
    FeedLines,
    Pack,
    PackDecision,
    PackScenario,
    Threshold,
    WaitingFile,
    references,
)
from finance_platform.reports.pack.page import Gate, gates, render, script_json, static_tables
from finance_platform_tests.report_pack.made_packs import (
    ACTUAL,
    BUDGET,
    MACHINES,
    MONTHS,
    RENT,
    REVENUE,
    SALES,
    WORKS,
    WORKS_UNIT,
    WRITTEN_AT,
    made_pack,
    named,
)

HOSTILE = "</script><script>alert(1)</script>\u2028<img src=x onerror=alert(2)>{{ 7 * 7 }}"


class Elements(HTMLParser):
    """Collects elements, attributes and the text of the documents inside scripts."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.documents: dict[str, str] = {}
        self._open = ""

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))
        self._open = dict(attributes).get("id") or "" if tag == "script" else ""

    def handle_data(self, data: str) -> None:
        if self._open:
            self.documents[self._open] = self.documents.get(self._open, "") + data


def parsed(pack: Pack) -> Elements:
    elements = Elements()
    elements.feed(render(pack, written_at=WRITTEN_AT))
    return elements


def document(pack: Pack) -> dict[str, Any]:
    return dict(json.loads(parsed(pack).documents["pack-data"]))


def without_library(text: str) -> str:
    """Return a file without its scripts, whose library has words of its own."""
    return re.sub(r"<script>.*?</script>", "", text, flags=re.DOTALL)


@pytest.mark.parametrize("place", ["department", "account", "unit", "line"])
def test_a_name_from_a_file_is_never_markup(place: str):
    hostile, plain = parsed(named(**{place: HOSTILE})), parsed(made_pack())
    assert [tag for tag, _ in hostile.tags] == [tag for tag, _ in plain.tags]
    assert not [names for _, names in hostile.tags if any(name.startswith("on") for name in names)]
    text = without_library(render(named(**{place: HOSTILE}), written_at=WRITTEN_AT))
    assert "alert(1)" in text
    assert "<img" not in text
    assert "\u2028" not in text


def test_a_document_in_a_script_has_no_character_that_ends_it():
    text = script_json({"name": HOSTILE + "<!--&\u2029"})
    assert not set("<>&\u2028\u2029") & set(text)
    assert json.loads(text)["name"] == HOSTILE + "<!--&\u2029"


def test_a_text_that_a_spreadsheet_would_evaluate_has_its_apostrophe():
    pack = named(account='=HYPERLINK("http://example.com")')
    assert document(pack)["guarded"] == {'=HYPERLINK("http://example.com")': '\'=HYPERLINK("http://example.com")'}
    mapped = [names["data-csv"] for tag, names in parsed(pack).tags if "data-csv" in names]
    assert '\'=HYPERLINK("http://example.com")' in mapped
    assert guarded_texts(["-1", "+49 30", "plain"]) == {"+49 30": "'+49 30"}


def test_the_page_names_no_address_and_allows_only_its_own_scripts():
    elements = parsed(made_pack())
    addresses = [value for _, names in elements.tags for name, value in names.items() if name in {"src", "href"}]
    assert all(value is not None and value.startswith("#") for value in addresses)
    (policy,) = [names["content"] for _, names in elements.tags if names.get("http-equiv")]
    assert policy is not None
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy


def test_the_same_pack_gives_the_same_bytes_but_for_the_time():
    first = render(made_pack(), written_at=WRITTEN_AT)
    assert render(made_pack(), written_at=WRITTEN_AT) == first
    later = render(made_pack(), written_at=WRITTEN_AT + timedelta(minutes=5))
    assert later.replace("08:35 UTC", "08:30 UTC") == first


def test_the_text_of_a_pack_has_sets_in_order_since_its_data_version_is_a_hash_of_it():
    months = [f"{year}-{month:02d}" for year in range(2000, 2030) for month in range(1, 13)]
    texts = {
        repr(PackScenario(1, "Actual", "Actual", is_baseline=False, covered=frozenset(order)))
        for order in (months, months[::-1], [*months[7:], *months[:7]])
    }
    assert len(texts) == 1
    assert str(months) in texts.pop()


def test_amounts_are_whole_cents_in_one_row_per_scenario_department_and_account():
    data = browser_data(made_pack())
    names = [
        (data["scenarios"][s]["name"], data["departments"][d]["code"], data["accounts"][a]["number"], first, len(v))
        for s, d, a, first, v in data["series"]
    ]
    assert ("Actual", "D1", "4000", 0, 15) in names
    assert ("Budget", "D1", "4000", 0, 24) in names
    assert ("Actual", "D2", "0400", MONTHS.index("2025-02"), 1) in names
    total = sum(sum(row[4]) for row in data["series"])
    assert Decimal(total) / 100 == sum(cell.amount for cell in made_pack().cells)


def test_a_home_with_more_cells_than_a_page_holds_shows_its_business_units():
    whole, small = browser_data(made_pack()), browser_data(made_pack(), max_amounts=10)
    assert (whole["isDetailed"], small["isDetailed"]) == (True, False)
    assert [one["name"] for one in small["departments"]] == ["Sales unit", "Works unit"]
    assert sum(sum(row[4]) for row in small["series"]) == sum(sum(row[4]) for row in whole["series"])


def test_a_home_with_more_cells_than_a_page_holds_shows_fewer_years_first():
    early = [
        replace(one, name=f"{int(one.name[:4]) - 2}{one.name[4:]}", fiscal_year=one.fiscal_year - 2)
        for one in made_pack().periods
    ]
    cells = [one._replace(period=f"{int(one.period[:4]) - 2}{one.period[4:]}") for one in made_pack().cells]
    pack = made_pack(periods=(*early, *made_pack().periods), cells=(*cells, *made_pack().cells))
    data = browser_data(pack, max_amounts=len(made_pack().cells))
    assert data["isDetailed"]
    assert data["series"] == browser_data(made_pack())["series"]
    assert [one["name"] for one in data["periods"]] == list(MONTHS)


def test_amounts_that_a_browser_cannot_add_exactly_are_embedded_in_larger_units():
    large = Cell(ACTUAL, SALES, REVENUE, "2025-03", Decimal("100000000000000.00"))
    pack = made_pack(cells=(large, large))
    data = browser_data(pack)
    assert data["cents"] == 100
    assert data["series"][0][4] == [100_000_000_000_000]


def test_the_outlook_and_the_coverage_say_which_month_comes_from_which_scenario():
    data = browser_data(made_pack())
    names = [one["name"] for one in data["scenarios"]]
    assert [names[index] for index in data["outlook"]] == ["Actual"] * 15 + ["Budget"] * 9
    assert data["scenarios"][names.index("Actual")]["covers"] == "1" * 15 + "0" * 9
    assert [data["periods"][index]["name"] for index in data["selectable"]] == list(MONTHS[12:15])


def test_capital_expenditure_over_plan_is_unfavourable_and_the_lines_of_the_statement_keep_their_sign():
    data = browser_data(made_pack())
    signs = {one["name"]: one["sign"] for one in data["lines"]}
    assert signs == {"Goods": 1, "Rent": -1, "Unclassified": -1, "CapEx (Asset)": -1}
    assert data["capex"] == [3]
    assert data["rows"] == {"revenue": 1, "gross": None, "profit": 3, "result": 5, "unclassified": 4}


def test_a_reference_is_the_baseline_then_other_plans_then_the_prior_year():
    pack = made_pack()
    assert references(pack.scenarios, "Actual") == ["Budget", "Prior Year"]
    assert references(pack.scenarios, "Budget") == ["Actual", "Prior Year"]
    assert references(pack.scenarios[:1], "Actual") == ["Prior Year"]
    assert references((), "") == []


def test_a_pack_is_preliminary_until_its_period_is_closed_and_nothing_is_held():
    closed = Choice("2024-12", "Actual", "Budget", "")
    assert made_pack().is_preliminary
    assert not made_pack(choice=closed).is_preliminary
    assert made_pack(choice=closed).closed_through == "2024-12"
    reliability = made_pack().reliability
    assert reliability is not None
    held = replace(reliability, waiting=(WaitingFile("a.csv", "too many rows are rejected", "correct it"),))
    assert made_pack(choice=closed, reliability=held).is_preliminary
    assert [gate.text for gate in gates(made_pack(reliability=held)) if gate.state == "bad"] == ["held: 1 file"]


def test_a_period_that_was_opened_again_is_named_and_what_is_closed_ends_before_it():
    periods = [replace(one, is_closed=one.name <= "2025-03") for one in made_pack().periods]
    reopened = [replace(one, is_closed=one.is_closed and one.name != "2025-01") for one in periods]
    assert made_pack(periods=periods).closed_text == "closed through 2025-03"
    assert not made_pack(periods=periods).is_preliminary
    pack = made_pack(periods=reopened)
    assert pack.closed_text == "closed through 2024-12 · open before closed periods: 2025-01"
    assert pack.is_preliminary
    assert "2025-01 is open, and a later period is closed" in [gate.text for gate in gates(pack) if gate.state == "bad"]
    assert "closed through 2025-03" not in render(pack, written_at=WRITTEN_AT)
    earlier = made_pack(periods=reopened, choice=Choice("2024-12", "Actual", "Budget", ""))
    assert earlier.closed_text == "closed through 2024-12"
    late = [replace(one, is_closed="2024-05" <= one.name <= "2025-03") for one in periods]
    assert made_pack(periods=late).closed_text == "open before closed periods: 2024-01, 2024-02, 2024-03 and 1 more"


def test_what_was_not_signed_and_what_did_not_change_is_one_heading_each():
    pack = made_pack()
    unsigned = made_pack(periods=[replace(one, is_closed=False) for one in pack.periods], restatements=(), movements=())
    page = render(unsigned, written_at=WRITTEN_AT)
    assert "<h2>No period is closed</h2>" in page
    assert page.count(f"Load {pack.stamp.number} changed nothing that was published before") == 1
    signed = render(made_pack(restatements=(), movements=()), written_at=WRITTEN_AT)
    assert signed.count("Every signed period is published as it was signed") == 1


def test_unclassified_money_of_the_year_is_named():
    texts = [gate.text for gate in gates(made_pack())]
    assert "unclassified: 1.25 EUR year to date, 1 account without a type" in texts


def test_whether_the_expected_files_are_in_follows_from_the_usual_lines_of_each_feed():
    usual, late = FeedLines("bank", 95, 100, is_as_usual=True), FeedLines("payroll", 0, 40, is_as_usual=False)
    unknown = FeedLines("travel", 3, None, is_as_usual=True)
    assert [gate for gate in gates(made_pack(feeds=(usual, unknown))) if "files" in gate.text] == [
        Gate("good", "all expected files are in")
    ]
    assert [gate for gate in gates(made_pack(feeds=(usual, late))) if "files" in gate.text] == [
        Gate("bad", "files are missing: payroll has 0 of some 40 lines")
    ]
    assert not [gate for gate in gates(made_pack(feeds=(unknown,))) if "files" in gate.text]


def test_a_period_without_actuals_is_named_as_such():
    plan_only = made_pack(choice=Choice("2025-06", "Actual", "Budget", ""))
    assert gates(plan_only)[0] == Gate("bad", "2025-06 has no actuals yet")
    assert plan_only.is_preliminary


FORECAST = 3
OPEN = MONTHS[15:]


def with_forecast(*cells: tuple[int, int], materiality: str = "100.00") -> list[str]:
    """Return what the first screen says of a forecast of the open months that has these departments and accounts."""
    pack = made_pack(thresholds={None: Threshold(Decimal(materiality), Decimal(3))})
    scenario = PackScenario(FORECAST, "Forecast", "Forecast", is_baseline=False, covered=frozenset(OPEN))
    own = [Cell(FORECAST, *cell, period, Decimal("1.00")) for cell in cells for period in OPEN]
    pack = replace(
        pack,
        scenarios=(*pack.scenarios, scenario),
        cells=(*pack.cells, *own),
        outlook=pack.outlook | dict.fromkeys(OPEN, FORECAST),
    )
    return [gate.text for gate in gates(pack) if "has nothing for" in gate.text]


def test_lines_and_units_that_a_forecast_lacks_and_the_budget_has_are_named():
    """Of nine open months, the budget has 110.00 of goods and 50.00 of rent in one unit, 10.00 of rent in another."""
    everything = ((SALES, REVENUE), (SALES, RENT), (WORKS, RENT))
    assert with_forecast(*everything) == []
    assert with_forecast((SALES, REVENUE)) == ["Forecast has nothing for Rent, against 540.00 of Budget"]
    assert with_forecast((SALES, REVENUE), (WORKS, RENT)) == [
        "Forecast has nothing for Rent of Sales unit, against 450.00 of Budget"
    ]
    assert with_forecast((WORKS, RENT)) == [
        "Forecast has nothing for Goods, Rent of Sales unit, against 1,440.00 of Budget"
    ]


def test_what_a_forecast_lacks_is_not_named_if_it_is_immaterial_or_if_there_is_no_forecast():
    assert with_forecast((SALES, REVENUE), (SALES, RENT), materiality="90.01") == []
    assert with_forecast((SALES, REVENUE), (SALES, RENT), materiality="90.00") != []
    assert not [gate.text for gate in gates(made_pack()) if "has nothing for" in gate.text]


def test_the_pack_of_one_unit_says_nothing_about_files():
    own = made_pack(choice=Choice("2025-03", "Actual", "Budget", WORKS_UNIT), reliability=None)
    assert not [gate.text for gate in gates(own) if re.search("held|rejected|restated|accounted", gate.text)]
    assert "rejected" not in without_library(render(own, written_at=WRITTEN_AT)).split('<section id="summary"')[0]


def test_the_pack_of_one_unit_does_not_say_whether_figures_changed():
    own = made_pack(choice=Choice("2025-03", "Actual", "Budget", WORKS_UNIT), reliability=None, movements=())
    page = render(own, written_at=WRITTEN_AT)
    assert "published before" not in page.split('<section id="changes"')[1].split("</section>")[0]
    assert "The changes of all figures are in the pack of the whole company." in page


def test_a_home_without_amounts_has_a_page():
    empty = made_pack(
        choice=Choice("", "", "", ""),
        periods=(),
        scenarios=(),
        departments=(),
        accounts=(),
        statement=(),
        cells=(),
        outlook={},
        profit_and_loss=(),
    )
    data = document(empty)
    assert (data["series"], data["references"], data["selectable"]) == ([], [-2], [])


@pytest.mark.parametrize(("scenario", "account"), [(BUDGET, RENT), (ACTUAL, MACHINES)])
def test_every_cell_is_in_the_document(scenario: int, account: int):
    pack = made_pack()
    data = browser_data(pack)
    keys = [one.key for one in pack.scenarios], [one.key for one in pack.accounts]
    found = [sum(row[4]) for row in data["series"] if (keys[0][row[0]], keys[1][row[2]]) == (scenario, account)]
    wanted = [cell.amount for cell in pack.cells if (cell.scenario, cell.account) == (scenario, account)]
    assert Decimal(sum(found)) / 100 == sum(wanted)


def test_decisions_about_late_lines_name_their_periods_and_where_they_are_booked() -> None:
    decision = PackDecision(
        number=7,
        at=datetime(2025, 4, 1, 6, 0),  # noqa: DTZ001  as the warehouse stores it
        action="accepted",
        is_proposal=False,
        subject="late.csv",
        who="ada",
        prepared_by="",
        why="small",
        waived="",
        opening_of="",
        late_periods="2025-01, 2025-02",
        booked_in="2025-03",
        money="Actual: Revenue 1,234,567.00",
    )
    proposed = replace(decision, is_proposal=True, booked_in="")
    assert proposed.words == "proposed: accepted, late lines of 2025-01, 2025-02"
    page = render(made_pack(decisions=(decision,)), written_at=WRITTEN_AT)
    assert "accepted, late lines of 2025-01, 2025-02, booked in 2025-03" in page


def test_a_table_of_very_many_accounts_has_the_first_ones_and_the_number_of_the_others() -> None:
    account = made_pack().accounts[-1]
    accounts = tuple(replace(account, key=number, number=f"{number:04}") for number in range(1000, 1250))
    tables = static_tables(made_pack(accounts=accounts))
    for name, place in (("mapping", 0), ("inferred", 1)):
        shown = [row[place].text for row in tables[name].rows]
        assert (shown, tables[name].hidden) == ([one.number for one in accounts[:200]], 50)
