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
  if (horizon === "month") return [{ period, scenario: D.subject }];
  const year = D.periods[period].year;
  const months = [];
  D.periods.forEach((candidate, index) => {
    if (candidate.year !== year) return;
    if (index <= period && counts(index)) months.push({ period: index, scenario: D.subject });
    else if (horizon === "year" && D.outlook[index] >= 0)
      months.push({ period: index, scenario: D.outlook[index] });
  });
  return months;
}

/* The month and the scenario that a month is compared with, or null where the reference has no lines. */
function referenceMonth(month, reference = selection.reference) {
  if (reference === NO_REFERENCE || !covers(month.scenario, month.period)) return null;
  const other =
    reference === PRIOR_YEAR
      ? { period: yearBefore(month.period), scenario: D.subject }
      : { period: month.period, scenario: reference };
  return covers(other.scenario, other.period) ? other : null;
}

/* A sum and its comparison. `amountOf(month)` is the amount of one month of one scenario, in cents.
   amount: all months, null if the scenario has none of them; reference: the months that the reference has, null if none; matched: the amount of those. */
function compare(amountOf, months, reference = selection.reference) {
  const result = { amount: 0, reference: 0, matched: 0, months: months.length, covered: 0 };
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
  if (!months.some(({ scenario, period }) => covers(scenario, period))) result.amount = null;
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
  return compare(partsAmount(row.parts, unit), monthsOf(horizon, period), reference);
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
function cellFigures(months, { unit = selection.unit, keep = () => true } = {}) {
  const wanted = months.map((month) => ({ month, other: referenceMonth(month) }));
  const cells = new Map();
  for (const [scenario, department, account, first, amounts] of D.series) {
    if (unit !== ALL_UNITS && D.departments[department].unit !== unit) continue;
    if (!keep(department, account)) continue;
    const at = (month) => (month.scenario === scenario ? amounts[month.period - first] || 0 : 0);
    const key = `${department} ${account}`;
    let cell = cells.get(key);
    if (!cell) {
      cell = { department, account, amount: 0, reference: 0, matched: 0, covered: 0, months: months.length };
      cells.set(key, cell);
    }
    for (const { month, other } of wanted) {
      const amount = at(month);
      cell.amount += amount;
      if (!other) continue;
      cell.matched += amount;
      cell.reference += at(other);
    }
  }
  const covered = wanted.filter(({ other }) => other).length;
  for (const cell of cells.values()) {
    cell.covered = covered;
    if (!covered) cell.reference = null;
  }
  return [...cells.values()];
}
