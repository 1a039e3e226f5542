/* The start: filters, the page head, and drawing all pages again when a filter changes. */

const PAGES = [drawKpis, drawStatement, drawBridges, drawUnits, drawVariances, drawHolder, drawCapex, drawCosts, drawOutlook];

function drawBridges() {
  const names = `${referenceName()} to ${D.scenarios[D.subject].name}`;
  drawBridge("bridge", `What moved profit, ${names}, year to date, by line`, lineEffects());
  drawBridge("unit-bridge", `By business unit`, unitEffects());
  const row = resultRow();
  const isEmptyPage = !row || rowFigure(row, "ytd").reference === null;
  document.getElementById("bridges-title").textContent = isEmptyPage ? "What moved profit: there is nothing to compare with in these months" : "What moved profit";
}

function drawAll() {
  document.getElementById("headline").textContent = headline();
  for (const [id, text] of Object.entries(headTexts())) for (const node of document.querySelectorAll(`[data-head="${id}"]`)) node.textContent = text;
  const incomplete = document.getElementById("incomplete");
  incomplete.textContent = incompleteText();
  incomplete.hidden = !incomplete.textContent;
  for (const page of PAGES) page();
  document.title = `${D.entity} ${D.periods[selection.period]?.name ?? ""}: ${headline()}`;
}

/* What a reader of an incomplete period must know before its figures. */
function incompleteText() {
  const period = D.periods[selection.period];
  if (!D.subjectIsActual || period.complete) return "";
  const months = monthsOf("ytd");
  const toDate = months.length ? `Year to date ends with ${monthName(months.at(-1).period)}.` : "Year to date has no month yet.";
  return period.actual
    ? `${period.name} is incomplete: its amounts are shown, and no total or comparison has them. ${toDate}`
    : `${period.name} has no actuals yet, only plans. ${toDate}`;
}

function headTexts() {
  const period = D.periods[selection.period];
  const state = !period ? "" : period.closed ? "closed" : period.complete ? "complete, not closed: PRELIMINARY" : !D.subjectIsActual ? "plan only" : period.actual ? "incomplete: PRELIMINARY" : "no actuals yet: PRELIMINARY";
  const scenarios = [D.subject, selection.reference].filter((scenario) => scenario >= 0).map((scenario) => (codeOf(scenario) === D.scenarios[scenario].name ? codeOf(scenario) : `${codeOf(scenario)} ${D.scenarios[scenario].name}`));
  return {
    period: period ? `${period.name}, ${state}` : "no periods",
    scenarios: [...scenarios.slice(0, 1), ...(hasPriorYear() || selection.reference === PRIOR_YEAR ? ["PY prior year"] : []), ...scenarios.slice(1)].join(", "),
    unit: selection.unit === ALL_UNITS ? "" : D.units[selection.unit],
  };
}

function fill(id, options, value, change) {
  const select = document.getElementById(id);
  select.replaceChildren(...options.map((option) => element("option", { value: option.value, text: option.text, selected: option.value === value })));
  select.addEventListener("change", () => {
    change(Number(select.value));
    drawAll();
  });
}

function start() {
  for (const table of document.querySelectorAll("table[data-static]")) {
    const place = document.createComment("");
    table.replaceWith(place);
    place.replaceWith(frameTable(table));
  }
  const periods = D.selectable.map((period) => ({ value: period, text: D.periods[period].name + (D.subjectIsActual && !D.periods[period].complete ? " (incomplete)" : "") }));
  fill("period", periods.reverse(), selection.period, (value) => (selection.period = value));
  const references = D.references.map((reference) => ({ value: reference, text: reference === PRIOR_YEAR ? "Prior year" : reference === NO_REFERENCE ? "None" : D.scenarios[reference].name }));
  fill("reference", references, selection.reference, (value) => (selection.reference = value));
  const units = [...(D.isOneUnit ? [] : [{ value: ALL_UNITS, text: "All" }]), ...D.units.map((unit, index) => ({ value: index, text: unit }))];
  fill("unit", units, selection.unit, (value) => (selection.unit = value));
  addEventListener("beforeprint", () => document.querySelectorAll("details:not(.screen)").forEach((node) => (node.open = true)));
  if (D.periods.length && D.series.length) drawAll();
  else document.getElementById("headline").textContent = `${D.entity}: nothing was loaded yet`;
  document.documentElement.dataset.ready = "true";
}

start();
