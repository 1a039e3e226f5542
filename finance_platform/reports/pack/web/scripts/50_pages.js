/* The pages whose figures depend on the filters. Each function draws one page from `selection`.

Belongs here: which figures a page has and the sentence above them. Does not belong here: how a figure is summed. */

const STATEMENT = D.statement;
const ROWS = Object.fromEntries(Object.entries(D.rows).map(([name, index]) => [name, index === null ? null : STATEMENT[index]]));
const LINES = STATEMENT.filter((row) => !row.isSubtotal);
/* The profit that everything adds up to: the last subtotal, leaving out unclassified money where there is none. */
function resultRow() {
  const rows = STATEMENT.filter((row) => row.isSubtotal);
  const [before, last = null] = [rows.at(-2), rows.at(-1)];
  if (!before || last !== ROWS.result) return last;
  const unclassified = ROWS.unclassified?.parts[0][0];
  const isAdded = ROWS.unclassified !== null && HORIZONS.some((horizon) => !isEmpty(rowFigure(ROWS.unclassified, horizon)));
  const isSame = String(last.parts.filter(([line]) => line !== unclassified)) === String(before.parts);
  return isSame && !isAdded ? before : last;
}
const profitRow = () => ROWS.profit ?? resultRow();
const hasPriorYear = () => selection.reference !== PRIOR_YEAR && STATEMENT.length > 0 && HORIZONS.some((horizon) => referenceMonths(horizon, { reference: PRIOR_YEAR }).length > 0);
const canChooseReference = () => D.references.some((reference) => reference !== NO_REFERENCE);
const hasReference = () => selection.reference !== NO_REFERENCE;
const HORIZON_NAMES = () => ({
  month: monthName(selection.period),
  ytd: `Year to date${throughMonth()}`,
  year: `Full year (${yearComposition(monthsOf("year")) || "no amounts"})`,
});
/* Year to date leaves incomplete months out; a heading says so if the selected month is one. */
function throughMonth() {
  const last = monthsOf("ytd").at(-1);
  return last && last.period !== selection.period ? ` through ${monthName(last.period)}` : "";
}
const unitLabel = () => (selection.unit === ALL_UNITS ? "" : ` of ${D.units[selection.unit]}`);
const isEmpty = (figure) => !figure.amount && !figure.reference && !figure.whole;

/* Each figure is rounded from its own cents, so that a total is right and need not be the sum of what is shown above it. */
const ROUNDED = "Figures are rounded one by one: parts may differ from their total in the last digit. 11 Appendix has the cents.";

/* --- 2 Summary -------------------------------------------------------------------------------------------------- */

function headline() {
  const row = profitRow();
  if (!row) return `${D.entity}: no revenue and no expense to report`;
  const figure = rowFigure(row, "ytd");
  const name = profitName(row) + unitLabel();
  if (figure.amount === null) return `No complete month of ${D.scenarios[D.subject].name} up to ${monthName(selection.period)}`;
  if (figure.reference === null) {
    const reason = hasReference() ? `; ${referenceName()} covers none of these months` : "";
    return `${name} is ${spokenAmount(figure.amount)} year to date${reason}`;
  }
  const effect = effectOf(figure, 1);
  const direction = effect < 0 ? "below" : "above";
  const comma = selection.reference === PRIOR_YEAR ? "," : "";
  const start = inUnits(effect) === "0" ? `${name} is as in ${spokenReference()}${comma} year to date` : `${name} is ${spoken(effect)} ${direction} ${spokenReference()}${comma} year to date`;
  const reasons = drivers(effect).join(", ");
  return reasons ? `${start}: ${reasons}` : start;
}

const spokenAmount = (cents) => (cents < 0 ? `${MINUS}${spoken(cents)}` : spoken(cents));
const profitName = (row) => row.label;

/* The largest effect in the direction of the total, and the largest against it. */
function drivers(total) {
  const within = new Set(profitRow().parts.map(([line]) => line));
  const effects = LINES.filter(({ parts }) => parts.every(([line]) => within.has(line))).map((row) => ({ row, effect: effectOf(rowFigure(row, "ytd"), row.sign) })).filter(({ effect }) => effect && inUnits(effect) !== "0");
  const towards = effects.filter(({ effect }) => Math.sign(effect) === Math.sign(total)).sort((one, other) => Math.abs(other.effect) - Math.abs(one.effect));
  const against = effects.filter(({ effect }) => Math.sign(effect) === -Math.sign(total)).sort((one, other) => Math.abs(other.effect) - Math.abs(one.effect));
  return [towards[0], against[0]].filter(Boolean).map(({ row, effect }) => driver(row, effect));
}

function driver(row, effect) {
  const name = row.label.replace(/\b[A-Z][a-z]+\b/g, (word) => word.toLowerCase());
  if (row.sign > 0) return `${spoken(effect)} ${effect < 0 ? "less" : "more"} from ${name}`;
  return effect < 0 ? `${spoken(effect)} more spent on ${name}` : `${spoken(effect)} saved on ${name}`;
}

function drawKpis() {
  replaceContent("kpis", ...kpis().map(({ name, value, notes, effect }) =>
      element("div", { class: "kpi" }, element("dt", { text: name }), element("dd", {}, element("strong", { text: value }), ...notes.filter(Boolean).map((text, index) => element("span", { class: index ? "" : tone(effect), text })))),
    ));
}

function kpis() {
  const list = [];
  const code = referenceCode();
  const withPrior = selection.reference !== PRIOR_YEAR;
  const add = (name, row, horizon = "ytd") => {
    const figure = rowFigure(row, horizon);
    const effect = effectOf(figure, row.sign);
    // The difference itself, which its colour rates: a cost below plan is less, and good.
    const notes = [effect === null ? "" : `${signed(figure.matched - figure.reference)} to ${code} (${percentNote(percentOf(figure, 1))})`];
    if (horizon === "year" && D.subjectIsActual) notes.push(yearComposition(monthsOf("year")), forecastGap() ? "the forecast lacks lines: see 9 Outlook" : "");
    const before = rowFigure(row, horizon, { reference: PRIOR_YEAR });
    if (withPrior && horizon === "ytd" && before.reference) notes.push(`${percentNote(percentOf(before, 1))} to PY`);
    list.push({ name, value: money(figure.amount), notes, effect });
  };
  const addShare = (name, numerator, denominator, sign) => {
    const [upper, lower] = [rowFigure(numerator, "ytd"), rowFigure(denominator, "ytd")];
    const value = ratioOf(upper.amount, lower.amount);
    const reference = upper.reference === null ? null : ratioOf(upper.reference, lower.reference);
    const [priorUpper, priorLower] = [numerator, denominator].map((row) => rowFigure(row, "ytd", { reference: PRIOR_YEAR }));
    const prior = withPrior && priorUpper.reference !== null ? ratioOf(priorUpper.reference, priorLower.reference) : null;
    const effect = value !== null && reference !== null && value.toFixed(1) !== reference.toFixed(1) ? sign * (ratioOf(upper.matched, lower.matched) - reference) : 0;
    list.push({ name, value: share(value), notes: [reference === null ? "" : `${code} ${share(reference)}`, prior === null ? "" : `PY ${share(prior)}`], effect });
  };
  if (ROWS.revenue) add(`${ROWS.revenue.label}, YTD`, ROWS.revenue);
  if (ROWS.revenue && ROWS.gross) addShare("Gross margin, YTD", ROWS.gross, ROWS.revenue, 1);
  if (ROWS.revenue && ROWS.profit) addShare("Opex ratio, YTD", opexRow(), ROWS.revenue, -1);
  const result = profitRow();
  if (result) {
    add(`${profitName(result)}, YTD`, result);
    add(D.subjectIsActual ? "Outlook, full year" : "Full year", result, "year");
  }
  if (D.capex.length) add("CapEx, YTD", capexRow());
  return list;
}

const percentNote = (value) => (typeof value === "number" ? `${signedNumber(value)} %` : "n/m");

/* Operating expense: what lies between gross profit, or revenue, and operating profit. */
function opexRow() {
  const base = new Map((ROWS.gross ?? ROWS.revenue).parts);
  return { label: "Operating expense", sign: -1, parts: ROWS.profit.parts.filter(([line]) => !base.has(line)).map(([line, factor]) => [line, -factor]) };
}

function capexRow() {
  return { label: "CapEx", sign: -1, parts: D.capex.map((line) => [line, 1]) };
}

function statementColumns() {
  const code = referenceCode();
  const withPrior = hasPriorYear();
  const columns = [{ text: codeOf(D.subject), kind: "number" }];
  if (withPrior) columns.push({ text: "PY", kind: "number" });
  if (hasReference()) columns.push({ text: code, kind: "number" }, { text: `Δ ${code}`, kind: "number" }, { skip: true }, { text: "Δ %", kind: "number" });
  return columns;
}

function statementCells(row, horizon, largest, open) {
  const figure = rowFigure(row, horizon);
  const cells = [amountCell(figure, open ? { open: () => open(row, horizon), label: `${row.label}, ${HORIZON_NAMES()[horizon]}: ${money(figure.amount)}, show its cells` } : {})];
  if (hasPriorYear()) cells.push(moneyCell(rowFigure(row, horizon, { reference: PRIOR_YEAR }).whole, { kind: "number soft" }));
  if (hasReference()) {
    const effect = effectOf(figure, row.sign);
    cells.push(referenceCell(figure), effectCell(effect), barCell(effect, largest), percentCell(percentOf(figure, row.sign)));
  }
  return cells;
}

/* How many months this year and the year before have in a horizon. */
const rowMonths = (horizon) => ({ own: monthsOf(horizon).length, prior: referenceMonths(horizon, { reference: PRIOR_YEAR }).length });
const noAmount = (code) => ({ text: `no ${code}`, csv: "", kind: "number soft" });
const amountCell = (figure, extra) => (figure.amount === null ? noAmount(codeOf(D.subject)) : moneyCell(figure.amount, extra));
const referenceCell = (figure) => (figure.whole === null ? noAmount(referenceCode()) : moneyCell(figure.whole));

/* The horizons that differ: in the first month of a year, the month is the year to date. */
function shownHorizons() {
  const ofReferences = (horizon) => [selection.reference, PRIOR_YEAR].map((reference) => referenceMonths(horizon, { reference }));
  const key = (horizon) => JSON.stringify([monthsOf(horizon), ...ofReferences(horizon)].map((months) => months.map(({ period, scenario }) => [period, scenario])));
  const keys = new Set();
  return ["ytd", "month", "year"].filter((horizon) => !keys.has(key(horizon)) && keys.add(key(horizon))).sort((one, other) => HORIZONS.indexOf(one) - HORIZONS.indexOf(other));
}

function drawStatement() {
  const horizons = shownHorizons();
  const largest = Object.fromEntries(horizons.map((horizon) => [horizon, Math.max(0, ...STATEMENT.map((row) => Math.abs(effectOf(rowFigure(row, horizon), row.sign) ?? 0)))]));
  const result = resultRow();
  const isShown = (row) => (row.isSubtotal ? row !== ROWS.result || row === result : false) || !row.isSubtotal && HORIZONS.some((horizon) => !isEmpty(rowFigure(row, horizon)) || rowFigure(row, horizon, { reference: PRIOR_YEAR }).whole);
  const columns = statementColumns();
  const names = HORIZON_NAMES();
  const partly = horizons.filter((horizon) => {
    const figure = rowFigure(STATEMENT[0], horizon);
    return figure.reference !== null && figure.covered < figure.months;
  });
  const notes = hasReference() ? ["Δ is the effect on profit: green helps, red hurts, whatever the sign of the account."] : [];
  if (partly.length) notes.push(`Δ compares only the months that both have: ${partly.map((horizon) => `${names[horizon]} ${rowFigure(STATEMENT[0], horizon).covered} of ${rowFigure(STATEMENT[0], horizon).months}`).join("; ")}.`);
  const before = rowMonths("year");
  if (hasPriorYear() && before.prior !== before.own) notes.push(`Full year: PY has ${before.prior} months, ${codeOf(D.subject)} ${before.own}.`);
  if (ROWS.unclassified && isShown(ROWS.unclassified)) notes.push("Unclassified: accounts without a type, taken as a cost below operating profit until someone classifies them.");
  notes.push(ROUNDED);
  replaceContent("statement", STATEMENT.length ? buildTable({
      id: "statement-table",
      caption: `Profit and loss, ${D.unitName}`,
      groups: [{ text: "", span: 1 }, ...horizons.map((horizon) => ({ text: names[horizon], span: columns.length }))],
      columns: [{ text: "Line" }, ...horizons.flatMap((horizon) => columns.map((column) => ({ ...column, csv: column.text && `${names[horizon]} ${column.text}` })))],
      rows: STATEMENT.filter(isShown).map((row) => ({
        kind: row.isSubtotal ? "subtotal" : "",
        cells: [textCell(row.label), ...horizons.flatMap((horizon) => statementCells(row, horizon, largest[horizon], openCells))],
      })),
      note: notes.join(" "),
    }) : element("p", { class: "note", text: "No account is revenue, expense or unclassified." }));
}

/* --- 3 Bridge --------------------------------------------------------------------------------------------------- */

const STEPS_SHOWN = 11;
const STEP_HEIGHT = 26;

/* The largest steps in their own order, the others as one; unclassified money is always a step of its own. */
function bridgeSteps(parts) {
  const steps = parts.filter(({ effect }) => effect);
  const byEffect = [...steps].sort((one, other) => Math.abs(other.effect) - Math.abs(one.effect));
  const shown = new Set([...byEffect.filter(({ isLast }) => !isLast).slice(0, STEPS_SHOWN), ...steps.filter(({ isLast }) => isLast)]);
  const rest = steps.filter((step) => !shown.has(step));
  const other = rest.reduce((sum, { effect }) => sum + effect, 0);
  const kept = steps.filter((step) => shown.has(step));
  const last = kept.findIndex((step) => step.isLast);
  if (rest.length) kept.splice(last < 0 ? kept.length : last, 0, { label: `${rest.length} other ${rest.length === 1 ? "step" : "steps"}`, effect: other });
  return kept;
}

function drawBridge(id, title, parts) {
  const row = resultRow();
  const figure = row ? rowFigure(row, "ytd") : null;
  const section = document.getElementById(id).closest("[data-chart]");
  section.hidden = !figure || figure.reference === null;
  if (section.hidden) return;
  const start = figure.reference;
  const steps = bridgeSteps(parts);
  const outline = { fill: "var(--paper)", stroke: "var(--ink)" };
  const levels = [start];
  for (const { effect } of steps) levels.push(levels.at(-1) + effect);
  const isCut = Math.min(...levels) > 0.6 * Math.max(...levels);
  const base = isCut ? Math.min(...levels) - 0.6 * (Math.max(...levels) - Math.min(...levels) || Math.max(...levels)) : 0;
  const bars = [{ label: `${referenceCode()} ${yearOf(selection.period) - (selection.reference === PRIOR_YEAR ? 1 : 0)} YTD`, start: base, end: start, text: money(start), ...(selection.reference === PRIOR_YEAR ? { fill: "var(--light)", stroke: "var(--light)" } : outline) }];
  steps.forEach(({ label, effect }, index) => {
    const colour = effect > 0 ? "var(--good)" : "var(--bad)";
    bars.push({ label, start: levels[index], end: levels[index + 1], text: signed(effect), fill: colour, stroke: colour });
  });
  bars.push({ label: `${codeOf(D.subject)} ${yearOf(selection.period)} YTD`, start: base, end: figure.matched, text: money(figure.matched), fill: fillOf(D.subject), stroke: "var(--ink)" });
  bars.forEach((bar, index) => {
    bar.right = Math.max(bar.start, bar.end);
    bar.isLast = index === bars.length - 1;
  });
  const difference = figure.matched - start - steps.reduce((sum, { effect }) => sum + effect, 0);
  document.getElementById(`${id}-title`).textContent = `${title}${isCut ? " (axis cut)" : ""}`;
  draw(id, "bridge", bars, `${title}: ${bars.map(({ label, text }) => `${label} ${text}`).join("; ")}`, { height: STEP_HEIGHT * bars.length });
  replaceContent(`${id}-table`, buildTable({
    id: `${id}-steps`,
    caption: `${title}, exact`,
    columns: [{ text: "Step" }, { text: `Effect, ${D.currency}`, kind: "number" }],
    rows: [
      { kind: "subtotal", cells: [textCell(bars[0].label), exactCell(start)] },
      ...parts.filter(({ effect }) => effect).map(({ label, effect }) => ({ cells: [textCell(label), { ...exactCell(effect), kind: `number ${tone(effect)}` }] })),
      { kind: "subtotal", cells: [textCell(bars.at(-1).label), exactCell(figure.matched)] },
    ],
    note: difference === 0 ? "The steps add up to the cent." : `The steps miss the actual profit by ${exact(difference)}.`,
  }));
}

const yearOf = (period) => D.periods[period].year;

function lineEffects() {
  return LINES.map((row) => ({ label: row.label, effect: effectOf(rowFigure(row, "ytd"), row.sign), isLast: row === ROWS.unclassified }));
}

function unitEffects() {
  const row = resultRow();
  if (!row) return [];
  const units = selection.unit === ALL_UNITS ? D.units.map((_, unit) => unit) : [selection.unit];
  return units.map((unit) => ({ label: D.units[unit], effect: effectOf(rowFigure(row, "ytd", { unit }), 1) }));
}

/* --- 4 Business units ------------------------------------------------------------------------------------------- */

const MONTHS_SHOWN = 13;
const UNITS_SHOWN = 12;

function shownUnits() {
  const units = selection.unit === ALL_UNITS ? D.units.map((_, unit) => unit) : [selection.unit];
  const row = resultRow();
  const weight = (unit) => Math.abs(rowFigure(row, "ytd", { unit }).amount ?? 0);
  return row ? units.sort((one, other) => weight(other) - weight(one)) : [];
}

function drawUnits() {
  const row = resultRow();
  const units = shownUnits();
  const months = [];
  for (let period = Math.max(0, selection.period - MONTHS_SHOWN + 1); period <= selection.period; period++) months.push(period);
  const weightOf = (unit) => Math.abs(rowFigure(row, "ytd", { unit }).amount ?? 0);
  const visible = units.filter((unit) => weightOf(unit) >= 0.01 * weightOf(units[0])).slice(0, UNITS_SHOWN);
  const series = visible.map((unit) => ({
    unit,
    rows: months.map((period) => {
      const month = { period, scenario: D.subject };
      const amountOf = partsAmount(row.parts, unit);
      const other = otherOf(period, "month");
      return { month: monthName(period), amount: counts(period) ? amountOf(month) : null, reference: other ? amountOf(other) : null, fill: fillOf(D.subject), referenceFill: selection.reference === PRIOR_YEAR ? "var(--light)" : "var(--paper)" };
    }),
  }));
  const values = series.flatMap(({ rows }) => rows.flatMap(({ amount, reference }) => [amount ?? 0, reference ?? 0]));
  const domain = [Math.min(0, ...values), Math.max(0, ...values)];
  replaceContent("units", ...series.map(({ unit }, index) => {
    const effect = effectOf(rowFigure(row, "ytd", { unit }), 1);
    return element("figure", {}, element("figcaption", {}, element("strong", { text: D.units[unit] }), " ", element("span", { class: tone(effect), text: effect === null ? "" : signed(effect) }), element("span", { class: "soft", text: effect === null ? money(rowFigure(row, "ytd", { unit }).amount) : ` YTD to ${referenceCode()}` })), element("div", { id: `unit-${index}`, class: "chart" }));
  }));
  series.forEach(({ unit, rows }, index) => draw(`unit-${index}`, "months", rows, `${D.units[unit]} by month: ${rows.map(({ month, amount }) => `${month} ${money(amount)}`).join("; ")}`, { layer: scaledLayers("months", domain) }));
  drawUnitTable(row, units);
}

/* The layers of a chart with a domain of their own, so that charts beside each other have one scale. */
function scaledLayers(chart, domain) {
  return structuredClone(CHARTS[chart].layer).map((layer) => {
    if (layer.encoding?.y?.type === "quantitative") layer.encoding.y.scale = { domain };
    return layer;
  });
}

function drawUnitTable(row, units) {
  const horizons = shownHorizons();
  const columns = statementColumns();
  const names = HORIZON_NAMES();
  const largest = Object.fromEntries(horizons.map((horizon) => [horizon, Math.max(0, ...units.map((unit) => Math.abs(effectOf(rowFigure(row, horizon, { unit }), 1) ?? 0)))]));
  const cellsOf = (unit, horizon) => {
    const figure = rowFigure(row, horizon, { unit });
    const cells = [amountCell(figure)];
    if (hasPriorYear()) cells.push(moneyCell(rowFigure(row, horizon, { unit, reference: PRIOR_YEAR }).whole, { kind: "number soft" }));
    if (hasReference()) cells.push(referenceCell(figure), effectCell(effectOf(figure, 1)), barCell(effectOf(figure, 1), largest[horizon]), percentCell(percentOf(figure, 1)));
    return cells;
  };
  const total = { kind: "subtotal", cells: [textCell("Total"), ...horizons.flatMap((horizon) => cellsOf(selection.unit, horizon))] };
  replaceContent("unit-table", row ? buildTable({
    id: "units-table",
    caption: `Contribution to ${profitName(row).toLowerCase()} by business unit, ${D.unitName}`,
    groups: [{ text: "", span: 1 }, ...horizons.map((horizon) => ({ text: names[horizon], span: columns.length }))],
    columns: [{ text: "Business unit" }, ...horizons.flatMap((horizon) => columns.map((column) => ({ ...column, csv: column.text && `${names[horizon]} ${column.text}` })))],
    rows: [...units.map((unit) => ({ cells: [textCell(D.units[unit]), ...horizons.flatMap((horizon) => cellsOf(unit, horizon))] })), total],
    note: ROUNDED,
  }) : null);
}
