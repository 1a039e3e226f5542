/* Charts: Vega-Lite draws them; a specification and its rows come in, SVG comes out.

The notation follows IBCS: actual solid, prior year light, plan outlined, forecast hatched; time as columns, structure
as bars; colour by effect on profit. Colours are CSS variables, so that a theme or a printer needs no new drawing.
Expressions are interpreted (`ast`), because the page's policy forbids code that is made from text. */

const CHARTS = JSON.parse(document.getElementById("pack-charts").textContent);
const drawn = new Map();

async function draw(id, chart, rows, label, changes = {}) {
  const node = document.getElementById(id);
  drawn.get(id)?.finalize();
  drawn.delete(id);
  if (!rows.length) {
    node.replaceChildren(element("p", { class: "note", text: changes.empty ?? "Nothing to show." }));
    return;
  }
  const { empty, ...rest } = changes;
  const spec = { ...structuredClone(CHARTS[chart]), ...rest, datasets: { rows }, description: label };
  // A layer without any value would have a scale without an end.
  if (rows.every(({ reference }) => reference === null)) spec.layer = spec.layer.filter((layer) => layer.encoding.y?.field !== "reference");
  // The layers have different rows, and their months together would not be in order.
  for (const { encoding } of spec.layer) if (encoding.x?.field === "month") encoding.x.scale = { domain: rows.map(({ month }) => month) };
  const result = await vegaEmbed(node, spec, { mode: "vega-lite", renderer: "svg", actions: false, ast: true, tooltip: false, defaultStyle: false, config: CHARTS.config });
  drawn.set(id, result);
  const picture = node.querySelector("svg");
  picture.setAttribute("role", "img");
  picture.setAttribute("aria-label", label);
  // A reader hears the label and reads the table; the marks would be thousands of words.
  for (const child of picture.children) child.setAttribute("aria-hidden", "true");
}
