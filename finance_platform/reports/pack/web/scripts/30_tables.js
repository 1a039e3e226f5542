/* Elements and tables: sorted, searched and downloaded the same way, whether a script or the file wrote them.

Texts become text nodes, never markup. Belongs here: what every table has. Does not belong here: any figure. */

function element(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (key === "text") node.textContent = value;
    else if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

function replaceContent(id, ...children) {
  const node = document.getElementById(id);
  node.replaceChildren(...children.filter((child) => child !== null));
  return node;
}

/* Cells: what is shown, and what a CSV file and the sorting take. */
const textCell = (text, extra = {}) => ({ text: String(text), ...extra });
const moneyCell = (cents, extra = {}) => ({ text: money(cents), csv: exact(cents), order: cents, kind: "number", ...extra });
const tone = (effect) => (effect > 0 ? "good" : effect < 0 ? "bad" : "");
const effectCell = (cents, extra = {}) => ({
  text: signed(cents),
  csv: exact(cents),
  order: cents,
  kind: `number ${inUnits(cents ?? 0) === "0" ? "" : tone(cents)}`,
  ...extra,
});
const percentCell = (value, extra = {}) => ({
  text: percent(value),
  csv: typeof value === "number" ? value.toFixed(1) : (value ?? ""),
  order: typeof value === "number" ? value : null,
  kind: "number soft",
  ...extra,
});
const shareCell = (value) => ({
  text: share(value),
  csv: value === null ? "n/m" : value.toFixed(1),
  order: value,
  kind: "number",
});
/* A bar left or right of an axis; all bars of a column have one scale. */
const barCell = (effect, largest) => (effect === null ? { text: "", kind: "bar-cell", skip: true } : { bar: effect, largest, kind: "bar-cell", skip: true });

function barElement({ bar, largest }) {
  const node = element("span", { class: `bar ${tone(bar)}`, "aria-hidden": "true" });
  node.style.setProperty("--length", largest ? Math.abs(bar / largest).toFixed(4) : 0);
  return node;
}

/* How much of a plan is used, with a mark for the part of the year that has elapsed. */
function usedElement({ used }) {
  const node = element("span", { class: `bar used ${used > 100 ? "over" : ""}`, "aria-hidden": "true" });
  node.style.setProperty("--length", Math.max(0, (used ?? 0) / 100).toFixed(4));
  node.style.setProperty("--elapsed", elapsedShare().toFixed(1));
  return node;
}

/* A phone may split long names; a month, whose hyphen is no place to split it, is short. */
const SHORT_TEXT = 12;
const isWords = ({ text, kind }, isHeader) => !kind && text?.length > SHORT_TEXT && (isHeader || text.includes(" "));
/* A longer name may be split on every screen and on paper, also within a word. */
const LONG_TEXT = 60;
const wordsOf = ({ text, kind }, isHeader) =>
  [isWords({ text, kind }, isHeader) && "words", !kind && text?.length > LONG_TEXT && "long"].filter(Boolean).join(" ") || kind;

function cellElement(cell, isHeader) {
  const node = element(isHeader ? "th" : "td", { class: wordsOf(cell, isHeader), scope: isHeader ? "row" : undefined });
  if ("bar" in cell) node.append(barElement(cell));
  else if ("used" in cell) node.append(...(cell.used === null ? [] : [usedElement(cell)]));
  else if (cell.open) node.append(element("button", { type: "button", class: "figure", text: cell.text, "aria-label": cell.label, onclick: cell.open }));
  else node.textContent = cell.text;
  if (cell.csv !== undefined) node.dataset.csv = cell.csv;
  if (cell.order !== undefined && cell.order !== null) node.dataset.order = cell.order;
  if (cell.indent) node.style.setProperty("--indent", cell.indent);
  return node;
}

/* columns: {text, kind, skip}; rows: {cells, kind}; groups: {text, span} above the columns. */
function buildTable({ id, caption, columns, groups, rows, sortable = false, note, empty }) {
  const head = element("thead");
  separate(columns, groups ?? [], rows);
  if (groups) {
    head.append(
      element("tr", {}, ...groups.map((group) => group.text ? element("th", { colspan: group.span, scope: "colgroup", class: "group" }, element("span", { text: group.text })) : element("td", { colspan: group.span }))),
    );
  }
  head.append(
    element("tr", {}, ...columns.map((column) =>
        column.skip
          ? element("td", { class: "bar-cell", "data-skip": true })
          : element("th", { scope: "col", class: column.kind, text: column.text, "data-csv": column.csv }),
      )),
  );
  const body = element("tbody", {}, ...rows.map((row) =>
    element("tr", { class: row.kind, "data-level": row.level }, ...row.cells.map((cell, index) => cellElement(cell, index === 0)))));
  const table = element("table", { id, "data-sortable": sortable }, element("caption", { text: caption }), head, body);
  return rows.length ? frameTable(table, note) : element("p", { class: "note", text: empty ?? "Nothing to show." });
}

/* Mark the first cell of each group, which is set apart from the group before it. */
function separate(columns, groups, rows) {
  let first = 0;
  for (const { span } of groups) {
    if (first) for (const one of [columns[first], ...rows.map((row) => row.cells[first])]) one.kind = `${one.kind ?? ""} starts`.trim();
    first += span;
  }
}

/* Put a table into a region that scrolls, with its search and its download. */
function frameTable(table, note) {
  const caption = table.caption.textContent;
  const isSortable = table.dataset.sortable !== undefined;
  // The caption stays in the table for those who hear it; it is shown beside the tools.
  const tools = element("div", { class: "tools" }, element("span", { class: "caption", "aria-hidden": "true", text: caption }));
  if (isSortable) {
    sortBy(table);
    if (table.tBodies[0].rows.length > 5) tools.append(searchBox(table, caption));
  }
  tools.append(element("button", { type: "button", text: "CSV", "aria-label": `Download “${caption}” as CSV`, onclick: () => download(table, caption) }));
  const region = element("div", { class: "scroll", role: "region", tabindex: "0", "aria-label": caption }, table);
  return element("div", { class: "table" }, tools, region, note ? element("p", { class: "note", text: note }) : null);
}

function searchBox(table, caption) {
  const filter = (event) => {
    const wanted = event.target.value.toLowerCase();
    for (const row of table.tBodies[0].rows) row.hidden = !row.textContent.toLowerCase().includes(wanted);
  };
  return element("input", { type: "search", placeholder: "Search", "aria-label": `Search in “${caption}”`, oninput: filter });
}

function sortBy(table) {
  const heads = [...table.tHead.rows].at(-1).cells;
  [...heads].forEach((head, column) => {
    if (head.dataset.skip !== undefined) return;
    const text = head.textContent;
    head.replaceChildren(element("button", { type: "button", class: "sort", text, onclick: () => sort(table, heads, column) }));
  });
}

function sort(table, heads, column) {
  const isDescending = heads[column].ariaSort !== "descending";
  for (const head of heads) head.removeAttribute("aria-sort");
  heads[column].ariaSort = isDescending ? "descending" : "ascending";
  const keyOf = (row) => {
    const { order } = row.cells[column].dataset;
    return order === undefined ? row.cells[column].textContent : Number(order);
  };
  const rows = [...table.tBodies[0].rows].sort((one, other) => compareKeys(keyOf(one), keyOf(other)));
  table.tBodies[0].append(...(isDescending ? rows.reverse() : rows));
}

function compareKeys(one, other) {
  if (typeof one === "number" && typeof other === "number") return one - other;
  if (typeof one === "number") return 1; // a row without a figure is below all others
  if (typeof other === "number") return -1;
  return one.localeCompare(other);
}

/* A text that a spreadsheet would evaluate is in the data with its apostrophe: the platform has one rule for that. */
function csvField(cell) {
  const text = cell.dataset.csv ?? D.guarded[cell.textContent] ?? cell.textContent;
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function csvOf(table) {
  const rows = [[...table.tHead.rows].at(-1), ...[...table.tBodies[0].rows].filter((row) => !row.hidden)];
  return rows.map((row) => [...row.cells].filter((cell) => !cell.classList.contains("bar-cell")).map(csvField).join(",")).join("\r\n") + "\r\n";
}

function download(table, caption) {
  const name = `${D.periods.length ? D.periods[selection.period].name : "pack"} ${caption}`.replace(/[^A-Za-z0-9-]+/g, "_").slice(0, 80);
  // The mark at the beginning makes Excel read UTF-8.
  const url = URL.createObjectURL(new Blob(["\ufeff", csvOf(table)], { type: "text/csv" }));
  const link = element("a", { href: url, download: `${name}.csv` });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}
