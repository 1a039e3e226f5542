"""The sample's report pack in a headless Chromium without a network: what a reader sees, sorts, filters and prints.

Belongs here: figures on the screen compared with queries on the warehouse, filters, keyboard, accessibility. Does not
belong here: the file as text (see `report_pack/test_page.py`).

One browser and one page serve all tests of a pack; a test that changes a filter sets it back.
"""

from __future__ import annotations

import csv
import dataclasses
import io
import re
import shlex
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, FloatRect, Locator, Page, ViewportSize, expect, sync_playwright

from finance_platform.bootstrap import open_warehouse, processed_zone
from finance_platform.refresh.report_pack import read_published_pack
from finance_platform.reports.pack.model import PackSelection
from finance_platform.reports.pack.page import render
from finance_platform.settings import load_settings
from finance_platform_tests.browser.chromium import require_chromium
from finance_platform_tests.end_to_end.home import Home
from finance_platform_tests.end_to_end.sample_home import refresh_sample_once
from finance_platform_tests.profiles import at_night, current_profile

pytestmark = pytest.mark.browser

LAPTOP, PHONE = ViewportSize(width=1440, height=900), ViewportSize(width=390, height=844)
UNIT = "Technology"


@dataclass
class Reader:
    """A person with a pack open: the page, and everything that its console has said."""

    page: Page
    messages: list[str] = field(default_factory=list)

    def text(self, selector: str) -> str:
        return self.page.locator(selector).inner_text()

    def choose(self, name: str, option: str) -> None:
        self.page.locator(f"#{name}").select_option(label=option)

    def rows(self, table: str) -> dict[str, list[str]]:
        """Return the cells of each row of a table by the row's first cell."""
        rows = self.page.locator(f"#{table} tbody tr").evaluate_all(
            "rows => rows.map(row => [...row.cells].map(cell => cell.textContent))"
        )
        return {row[0]: list(row[1:]) for row in rows}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return refresh_sample_once(tmp_path_factory)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    executable = require_chromium()
    with sync_playwright() as playwright:
        # The sandbox needs rights that a container does not have; only our own files are opened.
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


def written(home: Home, folder: Path, *options: str) -> Path:
    """Write a pack with the command and return its file."""
    result = home.command("report", "--out", str(folder), *options)
    assert result.returncode == 0, result.stderr
    (file,) = folder.glob("*.html")
    return file


def opened(browser: Browser, file: Path) -> Reader:
    """Open a pack without a network."""
    context = browser.new_context(viewport=LAPTOP, offline=True, timezone_id="UTC")
    reader = Reader(context.new_page())
    reader.page.on("console", lambda message: reader.messages.append(message.text))
    reader.page.on("pageerror", lambda error: reader.messages.append(str(error)))
    reader.page.goto(file.as_uri())
    expect(reader.page.locator("#unit-bridge svg")).to_be_visible()
    return reader


@pytest.fixture(scope="module")
def file(home: Home, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(home, tmp_path_factory.mktemp("pack"))


@pytest.fixture(scope="module")
def first_reader(browser: Browser, file: Path) -> Reader:
    return opened(browser, file)


@pytest.fixture
def reader(first_reader: Reader) -> Iterator[Reader]:
    """The reader of the sample's pack, whose filters are set back afterwards."""
    yield first_reader
    for name, option in (("period", "2025-09"), ("reference", "Budget"), ("unit", "All")):
        if first_reader.text(f"#{name} option:checked") != option:
            first_reader.choose(name, option)


def in_thousands(amount: Decimal | None) -> str:
    """Return an amount as a pack in thousands writes it."""
    whole = (abs(amount or Decimal(0)) / 1000).quantize(Decimal(1), ROUND_HALF_UP)
    return f"({whole:,})" if amount and amount < 0 and whole else f"{whole:,}"


def statement_of(home: Home, *, period: str, reference: str, unit: str) -> dict[tuple[int, str], tuple[str, str]]:
    """Return actual and reference by horizon and line, from the warehouse's view."""
    of_unit = f" AND BusinessUnit = '{unit}'" if unit else ""
    rows = home.select(
        "SELECT HorizonOrder, Line, SUM(Amount), SUM(ReferenceAmount) FROM ProfitAndLossByHorizon"
        f" WHERE AsOfPeriod = '{period}' AND ScenarioName = 'Actual' AND ReferenceName = '{reference}'{of_unit}"
        " GROUP BY HorizonOrder, Line"
    )
    return {(horizon, line): (in_thousands(amount), in_thousands(other)) for horizon, line, amount, other in rows}


def shown_statement(reader: Reader) -> dict[tuple[int, str], tuple[str, str]]:
    """Return the same from the page; a horizon has AC, maybe PY, the reference, Δ, a bar and Δ %."""
    groups = reader.page.locator("#statement-table thead tr:first-child th").all_inner_texts()
    orders = [{"Year": 2, "Full": 4}.get(group.split()[0], 1) for group in groups]
    shown = {}
    for line, cells in reader.rows("statement-table").items():
        width = len(cells) // len(orders)
        for position, order in enumerate(orders):
            own = cells[position * width : (position + 1) * width]
            shown[order, line] = (own[0], own[-4])
    return shown


def test_the_first_screen_says_what_happened_and_the_console_says_nothing(reader: Reader):
    assert reader.text("#headline") == (
        "Operating profit is 484k below budget year to date: 696k less from hardware, 326k saved on payroll"
    )
    assert "PRELIMINARY" in reader.text(".state")
    assert re.sub(r"\s+", " ", reader.text("#kpis")).startswith("Revenue, net, YTD 34,781 −848 to BU (−2.4 %)")
    assert "rejected: 140 rows; Actual: 125 rows, gross 338,021.86 USD" in reader.text(".gates")
    assert reader.messages == []


@pytest.mark.parametrize(
    ("period", "reference", "unit"),
    [(p, r, u) for p in ("2025-09", "2025-03", "2024-12") for r in ("Budget", "Prior year") for u in ("", UNIT)]
    if current_profile().is_exhaustive
    else [("2025-09", "Forecast", ""), ("2025-03", "Prior year", ""), ("2024-12", "Budget", UNIT)],
)
def test_the_figures_on_the_screen_are_those_of_the_warehouse(
    reader: Reader, home: Home, period: str, reference: str, unit: str
):
    reader.choose("period", period)
    reader.choose("reference", reference)
    reader.choose("unit", unit or "All")
    name = "Prior Year" if reference == "Prior year" else reference
    expected = statement_of(home, period=period, reference=name, unit=unit)
    shown = shown_statement(reader)
    # A line without an amount is not in the view, and not on the page unless it is a subtotal.
    assert shown == {place: expected.get(place, ("0", "0")) for place in shown}
    horizons = {horizon for horizon, _ in shown}
    has_amount = {line for (horizon, line), both in expected.items() if horizon in horizons and both != ("0", "0")}
    if "Unclassified" not in has_amount:
        has_amount.discard("Profit after unclassified")  # it repeats the row above
    assert has_amount <= {line for _, line in shown}
    assert horizons >= {1, 2}


def test_a_month_without_actuals_shows_its_budget_and_says_so_on_the_first_page(
    home: Home, browser: Browser, tmp_path: Path
):
    settings = load_settings(home=home.path)
    pack = read_published_pack(processed_zone(settings), open_warehouse(settings), settings, PackSelection("2025-12"))
    (tmp_path / "december.html").write_text(render(pack, written_at=datetime.now(UTC)), "utf-8")
    reader = opened(browser, tmp_path / "december.html")
    assert reader.text("#incomplete") == "2025-12 has no actuals yet, only plans. Year to date ends with Sep 25."
    expected = statement_of(home, period="2025-12", reference="Budget", unit="")
    budgets = {line: shown[2] for line, shown in reader.rows("statement-table").items()}
    assert budgets["Revenue, net"] == expected[1, "Revenue, net"][1] == "4,506"
    assert {cells[0] for cells in reader.rows("statement-table").values()} == {"no AC"}
    assert {cells[3] for cells in reader.rows("statement-table").values()} == {""}
    reader.page.set_viewport_size(PHONE)
    cut = "heads => heads.filter(head => head.scrollWidth > head.clientWidth).map(head => head.textContent)"
    assert reader.page.locator("#statement-table tbody th").evaluate_all(cut) == []
    assert reader.messages == []


def test_an_outlook_from_a_forecast_that_lacks_costs_says_so_beside_the_expected_profit(
    home: Home, browser: Browser, reader: Reader, tmp_path: Path
):
    assert reader.text("#outlook-gap") == ""
    assert "the forecast lacks lines" not in reader.text("#kpis")
    settings = load_settings(home=home.path)
    pack = read_published_pack(processed_zone(settings), open_warehouse(settings), settings)
    (forecast,) = (scenario.key for scenario in pack.scenarios if scenario.name == "Forecast")
    (line,) = (row.order for row in pack.statement if row.label == "Travel")
    travel = {account.key for account in pack.accounts if account.line == line}
    cells = tuple(cell for cell in pack.cells if not (cell.scenario == forecast and cell.account in travel))
    (tmp_path / "partial.html").write_text(
        render(dataclasses.replace(pack, cells=cells), written_at=datetime.now(UTC)), "utf-8"
    )
    partial = opened(browser, tmp_path / "partial.html")
    ((budget,),) = home.select(
        "SELECT SUM(Amount) FROM ProfitAndLoss WHERE Line = 'Travel' AND ScenarioName = 'Budget'"
        " AND Period BETWEEN '2025-10' AND '2025-12'"
    )
    thousands = f"{round(budget / 1000):,}k"
    assert partial.text("#outlook-gap") == (
        f"Forecast has nothing for Travel, where Budget has {thousands}. That counts as zero: with the amounts of "
        f"Budget, Operating profit would be {thousands} lower."
    )
    assert "the forecast lacks lines: see 9 Outlook" in partial.text("#kpis")
    assert partial.messages == []


def test_the_bridge_and_the_business_units_add_up_to_the_profit_of_the_view(reader: Reader, home: Home):
    reader.page.locator("#bridges summary").first.click()
    steps = reader.rows("bridge-steps")
    assert steps["AC 2025 YTD"][0] == "2,433,129.23"
    amounts = {step: Decimal(cells[0].replace(",", "")) for step, cells in steps.items()}
    start, *effects, end = amounts.values()
    assert start + sum(effects) == end == Decimal("2433129.23")
    view = home.select(
        "SELECT Step, SUM(Impact) FROM VarianceBridge WHERE AsOfPeriod = '2025-09' AND Horizon = 'year to date'"
        " AND ScenarioName = 'Actual' AND ReferenceName = 'Budget' AND StepKind = 'step' GROUP BY Step"
    )
    assert dict(list(amounts.items())[1:-1]) == {step: impact for step, impact in view if impact}
    assert reader.rows("units-table")["Total"][6] == "2,433"
    for shown in ("#statement", "#unit-table"):
        assert "parts may differ from their total in the last digit" in reader.text(shown)


def test_every_planted_story_is_on_a_page(reader: Reader):
    variances = reader.rows("variances-table")
    assert variances["Sales (D300)"][:4] == ["Hardware sales (4500)", "3,060", "3,755", "−695"]
    assert "Data centre construction (0310) in IT Infrastructure (D220) went 1,137k over" in reader.text("#capex-title")
    standing_out = reader.rows("standing-out-table")
    assert standing_out["Field Services (0450)"][:2] in (
        ["Consulting (6530)", "2023-03"],
        ["Implementation services (4400)", "2024-10"],
    )
    text = reader.text("#standing-out-table")
    assert "finance-platform trace --period 2023-03 --department 0450 --account 6530" in text
    assert "finance-platform trace --period 2025-09 --department D210 --account 6210" in text


def test_material_variances_are_those_of_the_view(reader: Reader, home: Home):
    rows = home.select(
        "SELECT DepartmentCode, AccountNumber FROM TopVariance WHERE AsOfPeriod = '2025-09'"
        " AND Horizon = 'year to date' AND ScenarioName = 'Actual' AND ReferenceName = 'Budget'"
        " AND ABS(Impact) >= 25000 AND 100 * ABS(Impact) >= 3 * ABS(ReferenceAmount) ORDER BY ImpactRank"
    )
    shown = reader.page.locator("#variances-table tbody tr").evaluate_all(
        "rows => rows.map(row => [...row.cells].slice(0, 2).map(cell => cell.textContent.match(/\\(([^)]*)\\)$/)[1]))"
    )
    assert [tuple(row) for row in shown] == rows


def test_a_figure_opens_its_cells_and_the_commands_that_list_their_lines(reader: Reader, home: Home):
    reader.page.locator("#statement-table .figure").first.focus()
    reader.page.keyboard.press("Enter")
    dialog = reader.page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    text = dialog.inner_text()
    assert "finance-platform trace --period 2025-09 --department D300 --account 4100" in text
    command = text.partition("Ledger lines of the whole: `finance-platform ")[2].partition("`")[0]
    traced = home.command(*shlex.split(command))
    assert (traced.returncode, traced.stdout.rstrip().endswith("is published: reconciled.")) == (0, True)
    reader.page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


def test_a_table_is_sorted_searched_and_downloaded(reader: Reader, tmp_path: Path):
    table = reader.page.locator("#unbudgeted .table")
    table.get_by_role("button", name="Account").click()
    accounts = [cells[0] for cells in reader.rows("unbudgeted-table").values()]
    table.get_by_role("searchbox").fill("6220")
    assert reader.page.locator("#unbudgeted-table tbody tr:visible").count() == 1
    with reader.page.expect_download() as download:
        table.get_by_role("button", name="CSV").click()
    download.value.save_as(tmp_path / "table.csv")
    rows = list(csv.reader(io.StringIO((tmp_path / "table.csv").read_text("utf-8-sig"))))
    assert rows[0] == ["Department", "Account", "AC", "Effect"]
    assert [row[1] for row in rows[1:]] == ["Cloud storage and transfer (6220)"]
    assert re.fullmatch(r"-?\d+\.\d\d", rows[1][2])
    table.get_by_role("searchbox").fill("")
    assert accounts


def test_a_budget_holder_chooses_a_department_with_all_below_it(reader: Reader, home: Home):
    reader.choose("holder", "Sales (D300), with 2 below it")
    payroll = reader.rows("holder-accounts")["Payroll"]
    ((actual,),) = home.select(
        "SELECT SUM(Amount) FROM PeriodAmount INNER JOIN DepartmentTree ON DescendantKey = PeriodAmount.DepartmentKey"
        " WHERE AncestorCode = 'D300' AND ScenarioName = 'Actual' AND Line = 'Payroll'"
        " AND FiscalYear = 2025 AND IsComplete"
    )
    assert payroll[3] == in_thousands(actual)


def violations(page: Page, parts: list[list[str]], rules: object) -> list[tuple[str, list[str]]]:
    """Return the rules of axe-core that parts of a page break, with the first elements that do."""
    found = Axe().run(page, context={"include": parts}, options={"runOnly": rules}).response["violations"]
    return [(one["id"], [node["html"][:120] for node in one["nodes"][:3]]) for one in found]


@contextmanager
def first_rows(page: Page, count: int) -> Iterator[None]:
    """Leave the first rows of each table on a page: axe-core reads every element, whatever part it judges."""
    page.evaluate(
        "count => { const bodies = [...document.querySelectorAll('tbody')];"
        " window.cut = bodies.map(body => [body, [...body.rows].slice(count)]);"
        " window.cut.forEach(([_, rows]) => rows.forEach(row => row.remove())) }",
        count,
    )
    yield
    page.evaluate("window.cut.forEach(([body, rows]) => body.append(...rows))")


def test_a_small_laptop_shows_every_column_of_every_table(reader: Reader):
    page = reader.page
    page.set_viewport_size({"width": 1280, "height": 800})
    page.locator("details").evaluate_all("all => all.forEach(one => one.open = true)")
    try:
        assert tables_that_scroll(page) == []
        page.locator("#statement-table .figure").first.click()
        expect(page.get_by_role("dialog")).to_be_visible()
        assert tables_that_scroll(page) == []
        page.keyboard.press("Escape")
    finally:
        page.locator("details").evaluate_all("all => all.forEach(one => one.open = false)")
        page.set_viewport_size(LAPTOP)


def tables_that_scroll(page: Page) -> list[str]:
    """Return the names of the tables of which a part is out of sight, with commands in a wide font."""
    page.locator(".command").evaluate_all("all => all.forEach(one => one.style.letterSpacing = '.1em')")
    scrolling = page.locator(".scroll").evaluate_all(
        "all => all.filter(one => one.scrollWidth > one.clientWidth).map(one => one.ariaLabel)"
    )
    return [str(name) for name in scrolling]


def test_long_names_and_amounts_are_split_rather_than_out_of_sight(home: Home, browser: Browser, tmp_path: Path):
    settings = load_settings(home=home.path)
    pack = read_published_pack(processed_zone(settings), open_warehouse(settings), settings)
    sentence, word = "Raw materials, consumables and purchased services of the group " * 3, "Materialaufwand" * 12
    pack = dataclasses.replace(
        pack,
        accounts=tuple(dataclasses.replace(one, name=f"{one.name} {sentence}") for one in pack.accounts),
        departments=tuple(
            dataclasses.replace(one, name=f"{one.name} {word}", unit=f"{one.unit} {sentence}")
            for one in pack.departments
        ),
    )
    (tmp_path / "long.html").write_text(render(pack, written_at=datetime.now(UTC)), "utf-8")
    page = opened(browser, tmp_path / "long.html").page
    page.set_viewport_size({"width": 1280, "height": 800})
    assert tables_that_scroll(page) == []
    # Of a home whose figures are in whole units.
    page.locator(".kpi strong").evaluate_all("all => all.forEach(one => one.textContent = '(103,048,391)')")
    for width in (PHONE["width"], 320):
        page.set_viewport_size({"width": width, "height": 844})
        assert page.evaluate("document.documentElement.scrollWidth") == width
    page.close()


def test_the_page_is_accessible_fits_a_phone_and_prints(reader: Reader):
    page = reader.page
    is_exhaustive = current_profile().is_exhaustive
    parts = [["body"]] if is_exhaustive else [["header"], ["#reliability"], ["#summary"], ["#top"]]
    with nullcontext() if is_exhaustive else first_rows(page, 5):
        assert violations(page, parts, ["wcag2a", "wcag2aa"]) == []
        page.emulate_media(color_scheme="dark")
        assert violations(page, parts[:3], {"type": "rule", "values": ["color-contrast"]}) == []
        page.emulate_media(color_scheme="light")
    page.set_viewport_size(PHONE)
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    months = page.locator("#calendar tbody th, #standing-out td:nth-child(3)").evaluate_all(
        "all => all.map(one => { const range = document.createRange(); range.selectNodeContents(one);"
        " return range.getClientRects().length })"
    )
    assert set(months) == {1}, "a month is split at its hyphen"
    page.set_viewport_size(LAPTOP)
    pages = page.pdf(prefer_css_page_size=True)
    assert pages.startswith(b"%PDF")
    assert 11 <= pages.count(b"/Type /Page\n") + pages.count(b"/Type/Page/") + pages.count(b"/Type /Page ") <= 25


def test_on_a_phone_a_table_shows_that_it_goes_on_and_what_a_figure_is_of(reader: Reader):
    page = reader.page
    page.set_viewport_size(PHONE)
    try:
        table = page.locator("#statement-table")
        region = page.locator(".scroll", has=table)
        edge = "[...document.querySelectorAll('#statement-table tbody th, #statement-table thead tr > :first-child')]"
        edges = f"{edge}.map(one => getComputedStyle(one, '::after').opacity)"
        table.scroll_into_view_if_needed()
        start = table.locator("thead tr:last-child > :first-child").bounding_box()
        assert pixel_at_the_right(page, region) != PAPER, "nothing shows that columns are out of sight"
        assert set(page.evaluate(edges)) == {"0"}

        region.evaluate(SCROLL, 560)

        moved = table.locator("thead tr:last-child > :first-child").bounding_box()
        assert start
        assert moved
        assert moved["x"] == start["x"], "the head of the names scrolls away"
        # Without their edge, names and figures run into each other.
        assert set(page.evaluate(edges)) == {"1"}
        group = page.locator("#statement-table th.group span", has_text="Year to date").bounding_box()
        assert group
        assert moved["x"] + moved["width"] <= group["x"] < PHONE["width"] - group["width"]

        region.evaluate(SCROLL, PAST_THE_END)

        assert pixel_at_the_right(page, region) == PAPER, "the end of the table looks as if it went on"
    finally:
        page.set_viewport_size(LAPTOP)


PAPER = (255, 255, 255)
PAST_THE_END = 100_000
# What follows a scroll is drawn with the next frames. The page itself waits for them, since its policy refuses the text
# that Playwright's `wait_for_function` evaluates again at each try after the first.
SCROLL = """async (one, left) => {
  one.scrollLeft = left;
  for (let frame = 0; frame < 3; frame++) await new Promise(requestAnimationFrame);
}"""


def pixel_at_the_right(page: Page, region: Locator) -> tuple[int, ...]:
    """Return the colour at the right edge of a region, between two lines of its table."""
    box = region.bounding_box()
    assert box
    clip = FloatRect(x=box["x"] + box["width"] - 1, y=box["y"] + 2, width=1, height=1)
    picture = page.screenshot(clip=clip)
    chunks = re.finditer(rb"(?s)(.{4})IDAT", picture)
    parts = [picture[chunk.end() : chunk.end() + int.from_bytes(chunk[1], "big")] for chunk in chunks]
    return tuple(zlib.decompress(b"".join(parts))[1:4])  # after the byte that says how the row is filtered


def test_the_pack_of_a_unit_has_nothing_of_another_and_its_filters_come_first(
    home: Home, browser: Browser, tmp_path: Path
):
    file = written(home, tmp_path, "--unit", UNIT.lower())
    text = re.sub(r"<script>.*?</script>", "", file.read_text("utf-8"), flags=re.DOTALL)
    others = home.select(
        f"SELECT BusinessUnit, DepartmentName, DepartmentCode FROM DimDepartment WHERE BusinessUnit <> '{UNIT}'"
    )
    for unit, name, code in others:
        # Names of departments are names of lines, too, and an account has the type Unknown.
        assert not [
            word
            for word in (unit.replace("Unknown", '"Unknown"],'), f'"name":"{name}","unit"', f'"{code}"', f">{code}<")
            if word in text
        ]
    own = {
        amount for (amount,) in home.select(f"SELECT DISTINCT Amount FROM PeriodAmount WHERE BusinessUnit = '{UNIT}'")
    }
    foreign = home.select(
        f"SELECT DISTINCT Amount FROM PeriodAmount WHERE BusinessUnit <> '{UNIT}' AND ABS(Amount) > 9999"
    )
    numbers = set(re.findall(r"-?\d+", text))
    cents = {str(int(amount * 100)) for (amount,) in foreign if amount not in own}
    # A foreign amount may equal a sum of the unit by chance; none does in the sample.
    assert not cents & numbers
    reader = opened(browser, file)
    assert reader.page.locator("#unit option").all_inner_texts() == [UNIT]
    reached = []
    for _ in range(4):
        reader.page.keyboard.press("Tab")
        reached.append(reader.page.evaluate("document.activeElement.id || document.activeElement.className"))
    assert reached == ["skip", "period", "reference", "unit"]
    assert reader.messages == []


@at_night("`report_pack/test_page` shows it of a smaller pack")
def test_a_pack_of_the_same_load_has_the_same_bytes_but_for_the_time(home: Home, file: Path, tmp_path: Path):
    again = written(home, tmp_path)
    without_time = [re.sub(r"Written [^.]*? from", "", one.read_text("utf-8")) for one in (file, again)]
    assert without_time[0] == without_time[1]
    assert file.stat().st_size < 2_000_000


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--period", "2031-01"), "there is no period '2031-01'"),
        (("--reference", "Plan B"), "there is no reference 'Plan B'"),
        (("--unit", "Moon"), "there is no business unit 'Moon'"),
    ],
)
def test_what_does_not_exist_is_named_with_what_does(home: Home, options: tuple[str, str], message: str):
    result = home.command("report", *options)
    assert result.returncode == 2
    assert message in result.stderr
    assert "Fix:" in result.stderr
