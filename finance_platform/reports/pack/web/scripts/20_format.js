/* How figures and texts are written. Belongs here: text of one figure. Does not belong here: sums, elements. */

const MINUS = "\u2212";
const grouped = (text) => text.replace(/\B(?=(\d{3})+(?!\d))/g, ",");

const UNITS = { 1: "", 1000: "k", 1000000: "M" };
const SUFFIX = UNITS[D.unit];

/* Whole units of the pack (thousands, for example) from cents, rounded half away from zero. */
function inUnits(cents, digits = 0) {
  const scaled = (Math.abs(cents) * D.cents) / 100 / D.unit;
  return grouped((Math.round(scaled * 10 ** digits) / 10 ** digits).toFixed(digits));
}

const money = (cents) => (cents === null ? "" : cents < 0 && inUnits(cents) !== "0" ? `(${inUnits(cents)})` : inUnits(cents));
const signed = (cents) => {
  if (cents === null) return "";
  const text = inUnits(cents);
  return text === "0" ? "0" : `${cents < 0 ? MINUS : "+"}${text}`;
};
/* In a sentence: with the unit's letter, "484k". */
const spoken = (cents) => `${inUnits(cents)}${SUFFIX}`;

/* A threshold in a sentence, in whatever unit shows it. */
function spokenThreshold(cents) {
  const amount = (cents * D.cents) / 100;
  const unit = [1000000, 1000, 1].find((candidate) => amount >= candidate && amount % (candidate / 10) === 0) ?? 1;
  return `${grouped(String(amount / unit))}${UNITS[unit]}`;
}

const percent = (value) => (value === null ? "" : value === "n/m" ? value : signedNumber(value));
function signedNumber(value) {
  const text = grouped(Math.abs(value).toFixed(1));
  return text === "0.0" ? "0.0" : `${value < 0 ? MINUS : "+"}${text}`;
}
const share = (value) => (value === null ? "n/m" : `${value < 0 ? MINUS : ""}${Math.abs(value).toFixed(1)} %`);

/* Cents as a plain decimal number, exact to the cent, for CSV. */
function exact(cents) {
  if (cents === null || cents === undefined) return "";
  const whole = Math.abs(Math.round(cents * D.cents));
  return `${cents < 0 ? "-" : ""}${Math.floor(whole / 100)}.${String(whole % 100).padStart(2, "0")}`;
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const monthName = (period) => {
  const [year, month] = D.periods[period].name.split("-");
  return `${MONTHS[month - 1]} ${year.slice(2)}`;
};

const codeOf = (scenario) => D.scenarios[scenario].code;
const referenceCode = (reference = selection.reference) =>
  reference === PRIOR_YEAR ? "PY" : reference === NO_REFERENCE ? "" : codeOf(reference);
const referenceName = (reference = selection.reference) =>
  reference === PRIOR_YEAR ? "prior year" : reference === NO_REFERENCE ? "no reference" : D.scenarios[reference].name;
const spokenReference = () => {
  if (selection.reference === PRIOR_YEAR) return "the prior year";
  const name = referenceName();
  return /^[A-Z][a-z]+$/.test(name) ? name.toLowerCase() : name;
};
const departmentLabel = (department) => {
  const { code, name } = D.departments[department];
  return name === code ? code : `${name} (${code})`;
};
const accountLabel = (account) => {
  const { number, name } = D.accounts[account];
  return name === number ? number : `${name} (${number})`;
};
/* "9 AC + 3 FC": how many months come from which scenario. */
/* As `composition`, and how many months of the year there are, if not all of them. */
function yearComposition(months) {
  const parts = composition(months);
  return parts && months.length < 12 ? `${parts}, ${months.length} of 12 months` : parts;
}

function composition(months) {
  const numbers = new Map();
  for (const { scenario } of months) numbers.set(scenario, (numbers.get(scenario) || 0) + 1);
  return [...numbers].map(([scenario, number]) => `${number} ${codeOf(scenario)}`).join(" + ");
}
