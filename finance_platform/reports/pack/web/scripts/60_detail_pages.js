/* The pages by department and account: variances, a budget holder's accounts, CapEx, cost structure, outlook.

Belongs here: which figures a page has. Does not belong here: how a figure is summed. */

/* Money outside of profit has no good direction; CapEx over plan and unclassified money count as a cost. */
const signOfAccount = (account) => D.lines[D.accounts[account].line].sign * (D.accounts[account].factor ?? 1);
const traceCommand = (cell, period) =>
  `finance-platform trace --period ${D.periods[period].name} --department ${D.departments[cell.department].shell} --account ${D.accounts[cell.account].shell}`;

/* The command for the ledger lines behind a line of the statement; it has the horizons of the views. */
const TRACED_HORIZONS = { month: "month", ytd: "year to date", year: "full year" };
function totalCommand(row, horizon) {
  const unit = selection.unit === ALL_UNITS ? "" : ` --unit ${D.unitShells[selection.unit]}`;
  return `finance-platform trace --period ${D.periods[selection.period].name} --horizon "${TRACED_HORIZONS[horizon]}" --statement-line ${row.shell}${unit}${D.traceOptions}`;
}

/* --- 5 Top variances -------------------------------------------------------------------------------------------- */

const ROWS_SHOWN = 50;

function varianceCells() {
  return cellFigures(monthsOf("ytd"), { keep: (department, account) => signOfAccount(account) !== 0 }).map((cell) => ({
    ...cell,
    effect: effectOf(cell, signOfAccount(cell.account)),
    percent: percentOf(cell, signOfAccount(cell.account)),
  }));
}

function isMaterial({ account, effect, reference }) {
  const { amount, percent } = D.accounts[account].materiality ?? D.materiality;
  return Math.abs(effect) >= amount && 100 * Math.abs(effect) >= percent * Math.abs(reference);
}

const commentOf = ({ department, account }) =>
  D.comments.find((one) => one.period === selection.period && one.department === department && one.account === account);

function commentText(cell) {
  const comment = commentOf(cell);
  if (!comment) return "no comment yet";
  return [comment.owner, comment.text, comment.nature].filter(Boolean).join(": ");
}

function drawVariances() {
  const cells = hasReference() ? varianceCells().filter(({ effect }) => effect) : [];
  const byEffect = (one, other) => Math.abs(other.effect) - Math.abs(one.effect);
  const material = cells.filter(isMaterial).sort(byEffect);
  const largest = Math.max(0, ...material.map(({ effect }) => Math.abs(effect)));
  const code = referenceCode();
  const { amount, percent: least } = D.materiality;
  const isDefault = D.materiality.isDefault;
  document.getElementById("variances-title").textContent = !hasReference()
    ? "Largest variances: there is no reference to compare with"
    : material.length
      ? `${material.length} ${material.length === 1 ? "variance" : "variances"} over materiality (${spokenThreshold(amount)} and ${least} %), year to date; ${material.filter((cell) => !commentOf(cell)).length} without a comment`
      : `No variance over materiality (${spokenThreshold(amount)} and ${least} %), year to date`;
  replaceContent("variances", buildTable({
    id: "variances-table",
    caption: `Largest variances, ${D.unitName}`,
    sortable: true,
    columns: [{ text: "Department" }, { text: "Account" }, { text: codeOf(D.subject), kind: "number" }, { text: code, kind: "number" }, { text: `Δ ${code}`, kind: "number" }, { skip: true }, { text: "Δ %", kind: "number" }, { text: "Owner and comment" }],
    rows: material.slice(0, ROWS_SHOWN).map((cell) => ({
      cells: [textCell(departmentLabel(cell.department)), textCell(accountLabel(cell.account)), moneyCell(cell.matched, { open: () => openCell(cell), label: `${departmentLabel(cell.department)}, ${accountLabel(cell.account)}: ${money(cell.matched)}, show its months` }), moneyCell(cell.reference), effectCell(cell.effect), barCell(cell.effect, largest), percentCell(cell.percent), textCell(commentText(cell))],
    })),
    empty: hasReference() ? "No variance reaches the thresholds." : canChooseReference() ? "Choose a reference above." : "There is no plan and no year before.",
    note: `${material.length > ROWS_SHOWN ? `The first ${ROWS_SHOWN} of ${material.length}, by` : "By"} effect on profit; an amount opens its months and the command that lists its ledger lines.${isDefault ? " The thresholds are the defaults." : ""}${D.isDetailed ? "" : " The home has too many amounts for one page: business units stand in place of departments."}`,
  }));
  drawOneSided(cells);
  drawStandingOut();
  for (const id of ["unbudgeted", "unspent", "standing-out"]) document.getElementById(id).hidden = !hasReference();
}

/* Of each department and account, the month that is farthest from the reference, over all months of the pack. */
function drawStandingOut() {
  const largest = new Map();
  D.periods.forEach((_, period) => {
    const month = { period, scenario: D.subject };
    if (!counts(period) || !referenceMonth(month)) return;
    for (const cell of cellFigures([month], { keep: (department, account) => signOfAccount(account) !== 0 })) {
      const effect = effectOf(cell, signOfAccount(cell.account));
      const key = `${cell.department} ${cell.account}`;
      if (effect && Math.abs(effect) > Math.abs(largest.get(key)?.effect ?? 0)) largest.set(key, { ...cell, period, effect, percent: percentOf(cell, signOfAccount(cell.account)) });
    }
  });
  const rows = [...largest.values()].filter(isMaterial).sort((one, other) => Math.abs(other.effect) - Math.abs(one.effect));
  const most = Math.max(0, ...rows.map(({ effect }) => Math.abs(effect)));
  const code = referenceCode();
  replaceContent("standing-out", buildTable({
    id: "standing-out-table",
    caption: `Months that stand out: of each department and account the month farthest from ${referenceName()}, any year, ${D.unitName}`,
    sortable: true,
    columns: [{ text: "Department" }, { text: "Account" }, { text: "Month" }, { text: codeOf(D.subject), kind: "number" }, { text: code, kind: "number" }, { text: `Δ ${code}`, kind: "number" }, { skip: true }, { text: "Ledger lines" }],
    rows: rows.slice(0, ROWS_SHOWN).map((cell) => ({ cells: [textCell(departmentLabel(cell.department)), textCell(accountLabel(cell.account)), textCell(D.periods[cell.period].name), moneyCell(cell.matched), moneyCell(cell.reference), effectCell(cell.effect), barCell(cell.effect, most), textCell(traceCommand(cell, cell.period), { kind: "command" })] })),
    empty: "No month of a department and account is over materiality.",
  }));
}

/* Actuals without a plan, and plans without actuals, over the year to date. */
function drawOneSided(cells) {
  const reference = referenceName();
  const sides = [
    ["unbudgeted", `Spent or earned without ${reference}`, ({ reference, matched }) => !reference && matched, "matched"],
    ["unspent", `In ${reference}, and nothing spent or earned`, ({ reference, matched }) => reference && !matched, "reference"],
  ];
  for (const [id, caption, keep, field] of sides) {
    const rows = cells.filter(keep).sort((one, other) => Math.abs(other[field]) - Math.abs(one[field]));
    replaceContent(id, buildTable({
      id: `${id}-table`,
      caption: `${caption}, ${D.unitName}`,
      sortable: true,
      columns: [{ text: "Department" }, { text: "Account" }, { text: field === "matched" ? codeOf(D.subject) : referenceCode(), kind: "number" }, { text: "Effect", kind: "number" }],
      rows: rows.slice(0, ROWS_SHOWN).map((cell) => ({ cells: [textCell(departmentLabel(cell.department)), textCell(accountLabel(cell.account)), moneyCell(cell[field]), effectCell(cell.effect)] })),
      empty: `${caption}: none.`,
      note: rows.length > ROWS_SHOWN ? `The first ${ROWS_SHOWN} of ${rows.length}.` : undefined,
    }));
  }
}

/* --- 6 Budget holder -------------------------------------------------------------------------------------------- */

let holder = null;

function departmentsShown() {
  return D.departments.map((_, department) => department).filter((department) => selection.unit === ALL_UNITS || D.departments[department].unit === selection.unit);
}

function branchOf(department) {
  const branch = new Set([department]);
  for (let size = 0; size !== branch.size; ) {
    size = branch.size;
    D.departments.forEach(({ parent }, child) => branch.has(parent) && branch.add(child));
  }
  return branch;
}

function drawHolder() {
  const departments = departmentsShown();
  if (!departments.length) return;
  if (!departments.includes(holder?.department)) holder = { department: mostAdverse(departments), below: false };
  const options = departments.flatMap((department) => {
    const below = branchOf(department).size - 1;
    const isChosen = (withBelow) => holder.department === department && holder.below === withBelow;
    const option = (withBelow) => element("option", { value: `${department} ${withBelow ? 1 : 0}`, text: departmentLabel(department) + (withBelow ? `, with ${below} below it` : ""), selected: isChosen(withBelow) });
    return below ? [option(false), option(true)] : [option(false)];
  });
  const select = element("select", { id: "holder", onchange: (event) => {
      const [department, below] = event.target.value.split(" ").map(Number);
      holder = { department, below: below === 1 };
      drawHolderTable();
    } }, ...options);
  replaceContent("holder-choice", element("label", {}, "Department ", select));
  drawHolderTable();
}

function mostAdverse(departments) {
  if (!hasReference()) return departments[0];
  const effects = new Map(departments.map((department) => [department, 0]));
  for (const cell of varianceCells()) if (effects.has(cell.department)) effects.set(cell.department, effects.get(cell.department) + (cell.effect ?? 0));
  return departments.reduce((least, department) => (effects.get(department) < effects.get(least) ? department : least));
}

function drawHolderTable() {
  const branch = holder.below ? branchOf(holder.department) : new Set([holder.department]);
  const keep = (department) => branch.has(department);
  const byAccount = (cells) => {
    const sums = new Map();
    for (const cell of cells) {
      const sum = sums.get(cell.account) ?? { account: cell.account, amount: null, matched: 0, reference: null, whole: null };
      for (const field of ["amount", "matched", "reference", "whole"]) if (cell[field] !== null) sum[field] = (sum[field] ?? 0) + cell[field];
      sums.set(cell.account, sum);
    }
    return sums;
  };
  const figures = Object.fromEntries(HORIZONS.map((horizon) => [horizon, byAccount(cellFigures(monthsOf(horizon), { unit: ALL_UNITS, keep, ofReference: referenceMonths(horizon) }))]));
  const budget = byAccount(cellFigures(planMonths(), { unit: ALL_UNITS, keep }));
  const accounts = new Set([...figures.month.keys(), ...figures.ytd.keys(), ...budget.keys()]);
  const code = referenceCode();
  const columns = [{ text: "Account" }];
  for (const name of [monthName(selection.period), "YTD"]) {
    columns.push({ text: `${name} ${codeOf(D.subject)}`, kind: "number" });
    if (hasReference()) columns.push({ text: `${name} ${code}`, kind: "number" }, { text: `${name} Δ`, kind: "number" });
  }
  const hasPlan = planMonths().length > 0;
  if (hasPlan) columns.push({ text: `Full year ${code}`, kind: "number" }, { text: "Remaining", kind: "number" }, { text: "Used %", kind: "number" }, { skip: true });
  const lines = D.lines.map((line, index) => ({ line, accounts: [...accounts].filter((account) => D.accounts[account].line === index).sort((one, other) => D.accounts[one].number.localeCompare(D.accounts[other].number)) })).filter((group) => group.accounts.length);
  const rows = lines.flatMap(({ line, accounts: own }) => {
    const detail = own.map((account) => ({ level: 2, cells: holderCells(accountLabel(account), 1, figures, budget, [account], line.sign) }));
    return [{ kind: "subtotal", level: 1, cells: holderCells(line.name, 0, figures, budget, own, line.sign) }, ...detail];
  });
  const elapsed = elapsedShare();
  document.getElementById("holder-title").textContent = holderTitle(lines, figures, budget, elapsed);
  replaceContent("holder-table", buildTable({
    id: "holder-accounts",
    caption: `${departmentLabel(holder.department)}${holder.below ? " and below" : ""}, ${D.unitName}`,
    columns,
    rows,
    empty: "This department has no amounts in these months.",
    note: hasPlan
      ? `${elapsed.toFixed(0)} % of the year has elapsed; the mark on each bar shows it. Remaining: ${referenceName()} of the full year${missingMonths(planMonths())} less ${D.scenarios[D.subject].name} year to date.`
      : `${elapsed.toFixed(0)} % of the year has elapsed.`,
  }));
}

/* The reference's own full year, whatever the actuals cover. */
const planMonths = () => referenceMonths("year");

/* The months of the whole fiscal year before. */
function monthsBefore() {
  const year = D.periods[selection.period].year - 1;
  return D.periods.map((_, period) => period).filter((period) => D.periods[period].year === year && counts(period)).map((period) => ({ period, scenario: D.subject }));
}

/* What a year lacks, as a remark: a plan of nine months is not that of a year. */
const missingMonths = (months) => (months.length < 12 ? ` (${months.length} of 12 months)` : "");

const elapsedShare = () => (100 * D.periods[selection.period].month) / 12;

function holderCells(label, indent, figures, budget, accounts, sign) {
  const total = (sums) => {
    const found = accounts.map((account) => sums.get(account)).filter(Boolean);
    const add = (field) => (found.some((one) => one[field] !== null) ? found.reduce((sum, one) => sum + (one[field] ?? 0), 0) : null);
    return { amount: add("amount"), matched: add("matched"), reference: add("reference"), whole: add("whole") };
  };
  const [month, ytd, plan] = [total(figures.month), total(figures.ytd), total(budget)];
  const cells = [textCell(label, { indent })];
  for (const figure of [month, ytd]) {
    cells.push(moneyCell(figure.amount));
    if (hasReference()) cells.push(moneyCell(figure.whole), effectCell(effectOf(figure, sign || -1) ?? null, sign ? {} : { kind: "number" }));
  }
  if (planMonths().length) {
    const used = plan.amount > 0 ? (100 * ytd.amount) / plan.amount : null;
    cells.push(moneyCell(plan.amount), moneyCell(plan.amount - ytd.amount), shareCell(used), usedCell(used));
  }
  return cells;
}

const usedCell = (used) => ({ used, kind: "bar-cell", skip: true });

function holderTitle(lines, figures, budget, elapsed) {
  const name = departmentLabel(holder.department);
  const costs = lines.filter(({ line }) => line.sign < 0).flatMap(({ accounts }) => accounts);
  const sum = (sums, field) => costs.reduce((total, account) => total + (sums.get(account)?.[field] ?? 0), 0);
  const [spent, planned] = [sum(figures.ytd, "amount"), sum(budget, "amount")];
  if (!hasReference()) return `${name}: costs of ${spokenAmount(spent)} year to date`;
  if (!(planned > 0)) return `${name} has no ${referenceName()} for costs in ${D.periods[selection.period].year}`;
  const used = (100 * spent) / planned;
  return `${name} has used ${used.toFixed(0)} % of its ${referenceName()} for costs${missingMonths(planMonths())}; ${elapsed.toFixed(0)} % of the year has elapsed`;
}

/* --- 7 CapEx ---------------------------------------------------------------------------------------------------- */

function drawCapex() {
  const section = document.getElementById("capex");
  section.hidden = !D.capex.length;
  if (section.hidden) return;
  const lines = new Set(D.capex);
  const keep = (department, account) => lines.has(D.accounts[account].line);
  const key = ({ department, account }) => `${department} ${account}`;
  const ytd = cellFigures(monthsOf("ytd"), { keep, ofReference: referenceMonths("ytd") });
  const plans = new Map(cellFigures(planMonths(), { keep }).map((cell) => [key(cell), cell]));
  const before = new Map(cellFigures(monthsBefore(), { keep }).map((cell) => [key(cell), { ...cell, effect: effectOf(cell, -1) }]));
  const none = { amount: 0, effect: null };
  const all = new Map([...before.values(), ...ytd].map((cell) => [key(cell), { ...cell, ...(ytd.includes(cell) ? {} : { amount: 0, matched: 0, reference: ytd[0]?.reference === null ? null : 0, whole: ytd[0]?.whole === null ? null : 0 }) }]));
  const rows = [...all.values()].map((cell) => ({ ...cell, effect: effectOf(cell, -1), plan: plans.get(key(cell))?.amount ?? 0, last: before.get(key(cell)) ?? none })).filter((cell) => cell.amount || cell.reference || cell.plan || cell.last.amount);
  rows.sort((one, other) => Math.min(one.effect ?? 0, one.last.effect ?? 0) - Math.min(other.effect ?? 0, other.last.effect ?? 0) || other.amount - one.amount);
  const total = rowFigure(capexRow(), "ytd");
  const code = referenceCode();
  const [worst] = [...rows].sort((one, other) => (one.effect ?? 0) - (other.effect ?? 0));
  const effect = effectOf(total, -1);
  const lastYear = D.periods[selection.period].year - 1;
  const hasLastYear = monthsBefore().length > 0;
  const hasPlan = planMonths().length > 0;
  const overrun = rows[0]?.last.effect <= -D.materiality.amount ? ` In ${lastYear}, ${accountLabel(rows[0].account)} in ${departmentLabel(rows[0].department)} went ${spoken(rows[0].last.effect)} over.` : "";
  document.getElementById("capex-title").textContent =
    effect === null
      ? `CapEx is ${spoken(total.amount ?? 0)} year to date`
      : `CapEx is ${spoken(effect)} ${effect > 0 ? "below" : "above"} ${spokenReference()}${selection.reference === PRIOR_YEAR ? "," : ""} year to date${worst?.effect <= -D.materiality.amount ? `; ${accountLabel(worst.account)} in ${departmentLabel(worst.department)} is ${spoken(worst.effect)} over` : ""}.${overrun}`;
  const largest = Math.max(0, ...rows.map((row) => Math.abs(row.effect ?? 0)));
  const columns = [{ text: "Account" }, { text: "Department" }, { text: `YTD ${codeOf(D.subject)}`, kind: "number" }];
  if (hasReference()) columns.push({ text: `YTD ${code}`, kind: "number" }, { text: `Δ ${code}`, kind: "number" }, { skip: true }, { text: "Δ %", kind: "number" });
  if (hasPlan) columns.push({ text: `Full year ${code}`, kind: "number" }, { text: "Remaining", kind: "number" }, { text: "Used %", kind: "number" });
  if (hasLastYear) columns.push({ text: `${lastYear} ${codeOf(D.subject)}`, kind: "number" });
  if (hasLastYear && hasReference()) columns.push({ text: `${lastYear} Δ ${code}`, kind: "number" });
  replaceContent("capex-table", buildTable({
    id: "capex-accounts",
    caption: `CapEx, ${D.unitName}`,
    sortable: true,
    columns,
    rows: rows.map((cell) => {
      const cells = [textCell(accountLabel(cell.account)), textCell(departmentLabel(cell.department)), moneyCell(cell.amount, { open: () => openCell(cell), label: `${accountLabel(cell.account)}: ${money(cell.amount)}, show its months` })];
      if (hasReference()) cells.push(moneyCell(cell.whole), effectCell(cell.effect), barCell(cell.effect, largest), percentCell(percentOf(cell, -1)));
      if (hasPlan) cells.push(moneyCell(cell.plan), moneyCell(cell.plan - cell.amount), shareCell(cell.plan > 0 ? (100 * cell.amount) / cell.plan : null));
      if (hasLastYear) cells.push(moneyCell(cell.last.amount));
      if (hasLastYear && hasReference()) cells.push(effectCell(cell.last.effect));
      return { cells };
    }),
    empty: "No CapEx in these months.",
    note: `${hasReference() ? `More than ${spokenReference()} is unfavourable. ` : ""}${elapsedShare().toFixed(0)} % of the year has elapsed.`,
  }));
}

/* --- 8 Cost structure ------------------------------------------------------------------------------------------- */

function drawCosts() {
  const costs = LINES.filter(({ sign }) => sign < 0);
  const revenue = ROWS.revenue && rowFigure(ROWS.revenue, "ytd").amount > 0 ? ROWS.revenue : null;
  const base = revenue ?? { parts: costs.flatMap(({ parts }) => parts), sign: -1 };
  const baseName = revenue ? "revenue" : "all costs";
  const [amounts, bases] = [costs.map((row) => rowFigure(row, "ytd")), rowFigure(base, "ytd")];
  const prior = rowFigure(base, "ytd", { reference: PRIOR_YEAR });
  const code = referenceCode();
  const withPrior = hasPriorYear();
  const rows = costs.map((row, index) => {
    const before = rowFigure(row, "ytd", { reference: PRIOR_YEAR });
    return { row, now: ratioOf(amounts[index].amount, bases.amount), before: before.reference === null ? null : ratioOf(before.reference, prior.reference), planned: amounts[index].reference === null ? null : ratioOf(amounts[index].reference, bases.reference), amount: amounts[index].amount };
  }).filter(({ amount, planned }) => amount || planned);
  rows.sort((one, other) => (other.now ?? 0) - (one.now ?? 0));
  document.getElementById("costs-title").textContent = costsTitle(rows, baseName);
  const columns = [{ text: "Line" }, { text: `YTD ${codeOf(D.subject)}`, kind: "number" }, { text: `% of ${baseName}`, kind: "number" }];
  if (withPrior) columns.push({ text: "PY %", kind: "number" });
  if (hasReference()) columns.push({ text: `${code} %`, kind: "number" });
  replaceContent("costs-table", buildTable({
    id: "costs-lines",
    caption: `Costs as a share of ${baseName}, year to date`,
    sortable: true,
    columns,
    rows: rows.map(({ row, now, before, planned, amount }) => {
      const cells = [textCell(row.label), moneyCell(amount), shareCell(now)];
      if (withPrior) cells.push(before === null ? textCell("") : shareCell(before));
      if (hasReference()) cells.push(planned === null ? textCell("") : shareCell(planned));
      return { cells };
    }),
    empty: "No line of costs in these months.",
  }));
  drawCostTrend(rows.slice(0, 8), base, baseName);
}

function costsTitle(rows, baseName) {
  if (!rows.length) return "Cost structure: no costs in these months";
  const [first] = rows;
  const text = `${first.row.label} takes ${share(first.now)} of ${baseName} year to date`;
  const risen = rows.filter(({ now, before }) => now !== null && before !== null).sort((one, other) => other.now - other.before - (one.now - one.before))[0];
  return risen && risen.now - risen.before >= 0.05 ? `${text}; ${risen.row.label.toLowerCase()} rose most, by ${(risen.now - risen.before).toFixed(1)} points on the prior year` : text;
}

function drawCostTrend(rows, base, baseName) {
  const months = [];
  for (let period = Math.max(0, selection.period - MONTHS_SHOWN + 1); period <= selection.period; period++) if (counts(period)) months.push({ period, scenario: D.subject });
  const series = rows.map(({ row }) => ({
    row,
    rows: months.map((month) => ({ month: monthName(month.period), amount: ratioOf(partsAmount(row.parts, selection.unit)(month), partsAmount(base.parts, selection.unit)(month)), reference: null, fill: fillOf(D.subject), referenceFill: "" })),
  }));
  const largest = Math.max(0, ...series.flatMap(({ rows: one }) => one.map(({ amount }) => amount ?? 0)));
  replaceContent("costs-trend", ...series.map(({ row, rows: one }, index) =>
    element("figure", {}, element("figcaption", {}, element("strong", { text: row.label }), element("span", { class: "soft", text: ` ${share(one.at(-1)?.amount ?? null)} of ${baseName} in ${one.at(-1)?.month ?? ""}` })), element("div", { id: `cost-${index}`, class: "chart" }))));
  series.forEach(({ row, rows: one }, index) => draw(`cost-${index}`, "months", one, `${row.label} as a share of ${baseName}: ${one.map(({ month, amount }) => `${month} ${share(amount)}`).join("; ")}`, { height: 70, layer: scaledLayers("months", [0, largest]) }));
}

/* --- 9 Outlook -------------------------------------------------------------------------------------------------- */

function drawOutlook() {
  const row = profitRow();
  const months = monthsOf("year");
  const section = document.getElementById("outlook");
  section.hidden = !row || !months.length;
  if (section.hidden) return;
  const year = D.periods[selection.period].year;
  const all = D.periods.map((_, period) => period).filter((period) => D.periods[period].year === year);
  const bySubject = new Map(months.map((month) => [month.period, month.scenario]));
  const amountOf = partsAmount(row.parts, selection.unit);
  const rows = all.map((period) => {
    const scenario = bySubject.get(period);
    const other = otherOf(period, "year");
    return { month: monthName(period), amount: scenario === undefined ? null : amountOf({ period, scenario }), reference: other ? amountOf(other) : null, fill: fillOf(scenario), referenceFill: selection.reference === PRIOR_YEAR ? "var(--light)" : "var(--paper)" };
  });
  const figure = rowFigure(row, "year");
  const effect = effectOf(figure, 1);
  document.getElementById("outlook-title").textContent = `${profitName(row)} is expected at ${spokenAmount(figure.amount)} for ${year} (${yearComposition(months)})${effect === null ? "" : `, ${spoken(effect)} ${effect < 0 ? "below" : "above"} ${spokenReference()}`}`;
  draw("outlook-chart", "months", rows, `${profitName(row)} by month of ${year}: ${rows.map(({ month, amount }) => `${month} ${money(amount)}`).join("; ")}`, { height: 160 });
  const gap = forecastGap();
  replaceContent("outlook-gap", gap && element("p", { class: "warning", text: `${gap.forecast} has nothing for ${gap.places}, where ${gap.plan} has ${spoken(gap.amount)}. That counts as zero: with the amounts of ${gap.plan}, ${profitName(row)} would be ${spoken(gap.effect)} ${gap.effect < 0 ? "lower" : "higher"}.` }));
  drawVersions(all, months, year);
}

const GAPS_NAMED = 5;

/* What the budget has in the outlook's months of a forecast, on lines and in units of which the forecast has nothing in
   all of them: it is one of some departments or costs only, and the rest is no expectation. Null if that is immaterial. */
function forecastGap() {
  const plan = D.scenarios.findIndex(({ type, code }) => type === "Budget" && code === "BU");
  const forecastMonths = plan < 0 ? [] : monthsOf("year").filter(({ scenario, period }) => D.scenarios[scenario].type === "Forecast" && covers(plan, period));
  const latest = forecastMonths.at(-1)?.scenario;
  const months = forecastMonths.filter(({ scenario }) => scenario === latest);
  const units = selection.unit === ALL_UNITS ? D.units.map((_, unit) => unit) : [selection.unit];
  const gaps = LINES.map((row) => {
    const lacking = units.filter((unit) => months.every((month) => !partsAmount(row.parts, unit)(month)));
    const amounts = lacking.map((unit) => ({ unit, amount: months.reduce((sum, { period }) => sum + partsAmount(row.parts, unit)({ period, scenario: plan }), 0) })).filter(({ amount }) => amount);
    const owners = amounts.length > 2 ? `${amounts.length} units` : amounts.map(({ unit }) => D.units[unit]).join(" and ");
    const name = lacking.length < units.length ? `${row.label} of ${owners}` : row.label;
    return { name, sign: row.sign, amount: amounts.reduce((sum, { amount }) => sum + amount, 0) };
  }).filter(({ amount }) => amount);
  const amount = gaps.reduce((sum, gap) => sum + Math.abs(gap.amount), 0);
  if (!amount || amount < D.materiality.amount) return null;
  gaps.sort((one, other) => Math.abs(other.amount) - Math.abs(one.amount));
  const named = gaps.slice(0, GAPS_NAMED).map(({ name }) => name);
  return {
    forecast: D.scenarios[latest].name,
    plan: D.scenarios[plan].name,
    places: gaps.length > named.length ? `${named.join(", ")} and ${gaps.length - named.length} more` : named.join(", "),
    amount,
    effect: gaps.reduce((sum, gap) => sum + gap.sign * gap.amount, 0),
  };
}

/* Actual is solid, forecast hatched, plan outlined. */
const fillOf = (scenario) => ({ Actual: "var(--ink)", Forecast: "url(#hatch)" })[D.scenarios[scenario]?.type] ?? "var(--paper)";

/* Every scenario's full year beside the others, as far as it has months. */
function drawVersions(all, months, year) {
  const scenarios = D.scenarios.map((_, scenario) => scenario).filter((scenario) => scenario !== D.subject && all.some((period) => covers(scenario, period)));
  const versions = [{ name: `Outlook (${yearComposition(months)})`, months }, ...scenarios.map((scenario) => {
    const own = all.filter((period) => covers(scenario, period)).map((period) => ({ period, scenario }));
    return { name: own.length < all.length ? `${D.scenarios[scenario].name} (${own.length} months)` : D.scenarios[scenario].name, months: own };
  })];
  replaceContent("outlook-table", buildTable({
    id: "outlook-versions",
    caption: `Full year ${year} in every scenario, ${D.unitName}`,
    columns: [{ text: "Line" }, ...versions.map(({ name }) => ({ text: name, kind: "number" }))],
    rows: STATEMENT.map((row) => ({ row, amounts: versions.map((version) => compare(partsAmount(row.parts, selection.unit), version.months, NO_REFERENCE).amount) })).filter(({ row, amounts }) => row.isSubtotal || amounts.some(Boolean)).map(({ row, amounts }) => ({ kind: row.isSubtotal ? "subtotal" : "", cells: [textCell(row.label), ...amounts.map((amount) => moneyCell(amount))] })),
  }));
  drawAccuracy();
}

/* Forecast error by line over the complete months of the year that a forecast covers. */
function drawAccuracy() {
  const forecasts = D.scenarios.map((_, scenario) => scenario).filter((scenario) => D.scenarios[scenario].type === "Forecast");
  const rows = [];
  for (const scenario of forecasts) {
    const months = monthsOf("ytd").filter(({ period }) => covers(scenario, period));
    if (!months.length || !D.subjectIsActual) continue;
    for (const row of STATEMENT) {
      const figure = compare(partsAmount(row.parts, selection.unit), months, scenario);
      if (isEmpty(figure)) continue;
      const absolute = months.reduce((sum, month) => sum + Math.abs(partsAmount(row.parts, selection.unit)(month) - partsAmount(row.parts, selection.unit)({ period: month.period, scenario })), 0);
      rows.push({ kind: row.isSubtotal ? "subtotal" : "", cells: [textCell(D.scenarios[scenario].name), textCell(row.label), textCell(months.length, { kind: "number" }), moneyCell(figure.reference), moneyCell(figure.matched), effectCell(effectOf(figure, row.sign)), shareCell(figure.reference ? (100 * absolute) / Math.abs(figure.reference) : null)] });
    }
  }
  replaceContent("accuracy", buildTable({
    id: "accuracy-table",
    caption: `How far forecasts were off, year to date, ${D.unitName}`,
    sortable: true,
    columns: [{ text: "Forecast" }, { text: "Line" }, { text: "Months", kind: "number" }, { text: "Forecast amount", kind: "number" }, { text: "Actual", kind: "number" }, { text: "Effect", kind: "number" }, { text: "Mean error %", kind: "number" }],
    rows,
    empty: "No forecast covers a complete month of this year.",
    note: rows.length ? "Mean error: the monthly errors without their signs, in per cent of the forecast." : undefined,
  }));
}

/* --- The cells behind a figure ---------------------------------------------------------------------------------- */

const CELLS_SHOWN = 100;

function openCells(row, horizon) {
  const lines = new Set(row.parts.map(([line]) => line));
  const cells = cellFigures(monthsOf(horizon), { keep: (department, account) => lines.has(D.accounts[account].line), ofReference: referenceMonths(horizon) })
    .map((cell) => ({ ...cell, effect: effectOf(cell, signOfAccount(cell.account)) }))
    .filter((cell) => cell.amount || cell.whole)
    .sort((one, other) => Math.abs(other.amount) - Math.abs(one.amount));
  const columns = [{ text: "Department" }, { text: "Account" }, { text: `Amount, ${D.currency}`, kind: "number" }];
  if (hasReference()) columns.push({ text: `${referenceName()}, ${D.currency}`, kind: "number" });
  columns.push({ text: "Ledger lines" });
  const last = monthsOf(horizon).at(-1)?.period ?? selection.period;
  showDialog(`${row.label}, ${HORIZON_NAMES()[horizon]}`, buildTable({
    id: "dialog-cells",
    caption: `Cells of ${row.label}`,
    sortable: true,
    columns,
    rows: cells.slice(0, CELLS_SHOWN).map((cell) => {
      const shown = [textCell(departmentLabel(cell.department)), textCell(accountLabel(cell.account)), exactCell(cell.amount)];
      if (hasReference()) shown.push(exactCell(cell.whole));
      shown.push(textCell(traceCommand(cell, horizon === "month" ? selection.period : last), { kind: "command" }));
      return { cells: shown };
    }),
    empty: "No cell has an amount.",
    note: [
      cells.length > CELLS_SHOWN ? `The largest ${CELLS_SHOWN} of ${cells.length} cells; \`finance-platform query\` lists all.` : "",
      D.subjectIsActual ? `Ledger lines of the whole: \`${totalCommand(row, horizon)}\`` : "",
    ].filter(Boolean).join(" "),
  }));
}

const exactCell = (cents) => ({ text: cents === null ? "" : grouped(exact(cents).split(".")[0]) + "." + exact(cents).split(".")[1], csv: exact(cents), order: cents, kind: "number" });

function openCell(cell) {
  const months = monthsOf("year");
  const keep = (department, account) => department === cell.department && account === cell.account;
  const one = (list, reference) => cellFigures(list, { unit: ALL_UNITS, keep })[0] ?? { amount: 0, reference };
  showDialog(`${departmentLabel(cell.department)}, ${accountLabel(cell.account)}`, buildTable({
    id: "dialog-cells",
    caption: "By month",
    columns: [{ text: "Month" }, { text: "Scenario" }, { text: `Amount, ${D.currency}`, kind: "number" }, ...(hasReference() ? [{ text: `${referenceName()}, ${D.currency}`, kind: "number" }] : []), { text: "Ledger lines" }],
    rows: months.map((month) => {
      const figure = one([month], referenceMonth(month) ? 0 : null);
      return { cells: [textCell(D.periods[month.period].name), textCell(D.scenarios[month.scenario].name), exactCell(figure.amount), ...(hasReference() ? [exactCell(figure.reference)] : []), textCell(month.scenario === D.subject ? traceCommand(cell, month.period) : "", { kind: "command" })] };
    }),
  }));
}

function showDialog(title, content) {
  const dialog = document.getElementById("dialog");
  dialog.replaceChildren(element("form", { method: "dialog" }, element("h2", { id: "dialog-title", text: title }), element("button", { text: "Close", autofocus: true })), content);
  dialog.showModal();
}
