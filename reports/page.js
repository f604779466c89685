// State and common parts of the page, which draws the numbers embedded in it at the available width.
const data = JSON.parse(document.getElementById("data").textContent);
const state = { as: "scores", dotsAs: "scores", metric: data.judge, x: null, delayMetric: (data.metrics.find((m) => m.name !== data.conversational) || { name: data.judge }).name, hidden: new Set(), point: data.shown, from: 0, span: 0, paper: false };
const byId = (id) => document.getElementById(id);
const cellAt = (point, scheme) => data.cells.find((c) => c.point === point && c.scheme === scheme);
const shownSchemes = () => data.schemes.filter((s) => cellAt(state.point, s.name));
// The mean of a column with the decimals and the unit that its declaration gives.
const shownCost = (cell, column) => `${number(cell.costs[column], data.columns[column].decimals)} ${data.columns[column].unit}`;
const isNetwork = (metric) => data.network.some((m) => m.name === metric);
// Columns of the network have no gain over the baseline, and nothing in them is repaired.
const curvesAs = () => (isNetwork(state.metric) ? "scores" : state.as);
const PARTS = data.parts;

function keys(box, list) {
  box.replaceChildren();
  for (const name of list) {
    const key = html("span", { class: "key" }, box);
    const svg = node("svg", { width: 14, height: 14 }, key);
    node("rect", { width: 14, height: 14, rx: 2, fill: PARTS[name][1] }, svg);
    html("span", {}, key, PARTS[name][0]);
  }
}

// Writes a scheme's name with its mark, on a line if it has one in the chart.
function schemeKey(key, scheme, index, hasLine) {
  const svg = node("svg", { width: 26, height: 14, viewBox: "0 0 26 14" }, key);
  if (hasLine) node("line", { x1: 0, x2: 26, y1: 7, y2: 7, stroke: scheme.colour, "stroke-width": 2, "stroke-dasharray": scheme.ceiling ? "5 4" : "none" }, svg);
  marker(svg, index, 13, 7, scheme.colour);
  html("span", {}, key, scheme.name);
}

function buttons(box, title, options, chosen, choose) {
  if (options.length < 2) return;
  const group = html("div", { class: "group", role: "group", "aria-label": title }, box);
  html("span", {}, group, title);
  for (const [value, text] of options) {
    const button = html("button", { type: "button", "aria-pressed": String(value === chosen()) }, group, text);
    button.addEventListener("click", () => {
      choose(value);
      for (const other of group.querySelectorAll("button")) other.setAttribute("aria-pressed", String(other === button));
    });
  }
}

function showPoint() {
  for (const block of document.querySelectorAll("[data-point]")) block.hidden = !block.dataset.point.split(" ").includes(String(state.point));
}

// Draws the whole page; the other scripts are loaded by then.
function draw() {
  showPoint();
  if (data.metrics.length) { curves(); delays(); dots(); }
  recovery();
  dred();
  if (data.call) drawCall();
}
