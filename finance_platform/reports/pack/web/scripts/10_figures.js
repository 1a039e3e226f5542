/* Sums of the embedded amounts. Every figure of the pages is such a sum, or a ratio of two of them.

Amounts are whole cents; JavaScript adds them exactly up to 2^53. Belongs here: sums over months, lines, units.
Does not belong here: which account is on which line, which months are complete, which scenario covers what: the
warehouse's views say so, and the data has it. */

const D = JSON.parse(document.getElementById("pack-data").textContent);
const PRIOR_YEAR = -1;
const NO_REFERENCE = -2;
const ALL_UNITS = -1;
const HORIZONS = ["month", "ytd", "year"];

const periodIndex = new Map(D.periods.map((period, index) => [period.name, index]));

const selection = { ...D.selection };

function yearBefore(period) {
  const [year, month] = D.periods[period].name.split("-");
  return periodIndex.get(`${year - 1}-${month}`) ?? -1;
}

function covers(scenario, period) {
  return period >= 0 && D.scenarios[scenario].covers[period] === "1";
}

function counts(period) {
  return covers(D.subject, period) && (!D.subjectIsActual || D.periods[period].complete);
}

const isActual = (scenario) => D.scenarios[scenario].type === "Actual";

/* An incomplete month of Actual has amounts to show; no sum beyond the month has them. */
const hasAmounts = ({ scenario, period }) => covers(scenario, period) || (isActual(scenario) && D.periods[period].actual);

/* The scenario whose amounts stand for a scenario in a month: itself, in a full year maybe the outlook's plan; -1 for none. */
function sourceOf(scenario, period, horizon) {
  if (horizon === "month" || !isActual(scenario) || D.periods[period].complete) return scenario;
  return horizon === "year" ? D.outlook[period] : -1;
}

/* The amounts of one unit, or of all, by line, scenario and period. */
const cubes = new Map();
function cubeOf(unit) {
  if (!cubes.has(unit)) {
    const cube = D.lines.map(() => D.scenarios.map(() => new Float64Array(D.periods.length)));
    for (const [scenario, department, account, first, amounts] of D.series) {
      if (unit !== ALL_UNITS && D.departments[department].unit !== unit) continue;
      const { line, factor = 1 } = D.accounts[account];
      const target = cube[line][scenario];
      amounts.forEach((amount, index) => (target[first + index] += factor * amount));
    }
    cubes.set(unit, cube);
  }
  return cubes.get(unit);
}

/* The months that a horizon adds up, each with the scenario that it takes: actuals, then the outlook's plan. */
function monthsOf(horizon, period = selection.period) {
  if (horizon === "month") return [{ period, scenario: D.subject, horizon }];
  const { year } = D.periods[period];
  const months = [];
  D.periods.forEach((candidate, index) => {
    if (candidate.year !== year) return;
    if (index <= period && counts(index)) months.push({ period: index, scenario: D.subject, horizon });
    else if (horizon === "year" && D.outlook[index] >= 0) months.push({ period: index, scenario: D.outlook[index], horizon });
  });
  return months;
}

/* Where the reference of a month has its amounts, whatever the month itself has; null where it has no lines. */
function otherOf(period, horizon, reference = selection.reference) {
  if (reference === NO_REFERENCE) return null;
  const [scenario, place] = reference === PRIOR_YEAR ? [D.subject, yearBefore(period)] : [reference, period];
  return place < 0 ? null : monthFrom(scenario, place, horizon);
}

function monthFrom(scenario, period, horizon) {
  const month = { period, scenario: sourceOf(scenario, period, horizon) };
  return month.scenario >= 0 && hasAmounts(month) ? month : null;
}

/* The month that a month is compared with, or null. */
function referenceMonth(month, reference = selection.reference) {
  const { horizon = "month" } = month;
  const other = otherOf(month.period, horizon, reference);
  if (!other || horizon !== "month") return other;
  return covers(month.scenario, month.period) && covers(other.scenario, other.period) ? other : null;
}

/* All months that the reference has in a horizon: a plan of nine months does not shorten the year before. */
function referenceMonths(horizon, { period = selection.period, reference = selection.reference } = {}) {
  const isInYear = (year) => (index) => D.periods[index].year === year;
  const indexes = D.periods.map((_, index) => index);
  const { year } = D.periods[period];
  if (horizon === "year" && reference === PRIOR_YEAR) return indexes.filter(isInYear(year - 1)).map((index) => monthFrom(D.subject, index, horizon)).filter(Boolean);
  const isToDate = (index) => index <= period && (!D.subjectIsActual || D.periods[index].complete);
  const own = horizon === "month" ? [period] : indexes.filter(isInYear(year)).filter((index) => horizon === "year" || isToDate(index));
  return own.map((index) => otherOf(index, horizon, reference)).filter(Boolean);
}

/* A sum and its comparison. `amountOf(month)` is the amount of one month of one scenario, in cents.
   amount: all months, null if the scenario has none of them; whole: all months of the reference, null if it has none;
   matched and reference: both sides of the months that both have, reference null if there is none. */
function compare(amountOf, months, reference = selection.reference, ofReference = []) {
  const result = { amount: 0, reference: 0, matched: 0, months: Math.max(months.length, ofReference.length), covered: 0 };
  result.whole = ofReference.length ? ofReference.reduce((sum, month) => sum + amountOf(month), 0) : null;
  for (const month of months) {
    const amount = amountOf(month);
    result.amount += amount;
    const other = referenceMonth(month, reference);
    if (!other) continue;
    result.covered += 1;
    result.matched += amount;
    result.reference += amountOf(other);
  }
  if (!result.covered) result.reference = null;
  if (!months.some(hasAmounts)) result.amount = null;
  return result;
}

/* parts: [line, factor] pairs of a row of the statement. */
const partsAmount = (parts, unit) => {
  const cube = cubeOf(unit);
  return ({ period, scenario }) =>
    parts.reduce((sum, [line, factor]) => sum + factor * cube[line][scenario][period], 0);
};

function rowFigure(row, horizon, options = {}) {
  const { unit = selection.unit, reference = selection.reference, period = selection.period } = options;
  return compare(partsAmount(row.parts, unit), monthsOf(horizon, period), reference, referenceMonths(horizon, { period, reference }));
}

/* The effect on profit of a variance: positive is better, whatever the sign of the account; null without reference. */
const effectOf = (figure, sign) => (figure.reference === null || !sign ? null : sign * (figure.matched - figure.reference));

/* Per cent of the reference, or "n/m" where the reference is zero or has another sign; null without reference. */
function percentOf(figure, sign) {
  const effect = effectOf(figure, sign);
  if (effect === null) return null;
  if (!figure.reference || figure.reference * figure.matched < 0) return "n/m";
  return (100 * effect) / Math.abs(figure.reference);
}

const ratioOf = (numerator, denominator) =>
  numerator === null || !denominator || denominator < 0 ? null : (100 * numerator) / denominator;

/* The amounts by department and account: a map from "department account" to a comparison. */
function cellFigures(months, { unit = selection.unit, keep = () => true, ofReference = [] } = {}) {
  const wanted = months.map((month) => ({ month, other: referenceMonth(month) }));
  const cells = new Map();
  for (const [scenario, department, account, first, amounts] of D.series) {
    if (unit !== ALL_UNITS && D.departments[department].unit !== unit) continue;
    if (!keep(department, account)) continue;
    const at = (month) => (month.scenario === scenario ? amounts[month.period - first] || 0 : 0);
    const key = `${department} ${account}`;
    let cell = cells.get(key);
    if (!cell) {
      cell = { department, account, amount: 0, reference: 0, matched: 0, whole: 0 };
      cells.set(key, cell);
    }
    for (const { month, other } of wanted) {
      const amount = at(month);
      cell.amount += amount;
      if (!other) continue;
      cell.matched += amount;
      cell.reference += at(other);
    }
    for (const month of ofReference) cell.whole += at(month);
  }
  const isCompared = wanted.some(({ other }) => other);
  const hasMonths = months.some(hasAmounts);
  for (const cell of cells.values()) {
    if (!hasMonths) cell.amount = null;
    if (!isCompared) cell.reference = null;
    if (!ofReference.length) cell.whole = null;
  }
  return [...cells.values()];
}
