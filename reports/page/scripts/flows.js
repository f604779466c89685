// Rate, queue and loss of the flows of each run over time.
const FLOW_PANELS = [["received_kbps", "Rate (kb/s)", "kbps", 1], ["queue_ms", "Queue (ms)", "queue_ms", 1], ["loss", "Loss (%)", "loss", 100]];
const flowColour = (index) => `var(--scheme-${index % data.colours})`;

// A series as lines: one for each stretch of neighbours that are known.
function stretches(times, values, factor) {
  const found = [[]];
  times.forEach((at, i) => { if (values[i] === null) found.push([]); else found.at(-1).push([at, factor * values[i]]); });
  return found.filter((points) => points.length > 1);
}

function flowText(chart, flow, i) {
  const capacity = chart.capacity.filter(([from]) => from <= flow.time_s[i]).at(-1);
  const lines = [`${flow.name}, ${number(flow.time_s[i], 1)} s`, `received ${number(flow.received_kbps[i], 0)} kb/s`, `target ${number(flow.target_kbps[i], 0)} kb/s`, capacity ? `capacity ${number(capacity[1], 0)} kb/s` : ""];
  if (flow.queue_ms[i] !== null) lines.push(`queue ${number(flow.queue_ms[i], 0)} ms`);
  if (flow.loss[i]) lines.push(`loss ${number(100 * flow.loss[i], 1)} %`);
  return lines.filter(Boolean).join("\n");
}

function flowPanel(chart, [column, title, top, factor]) {
  const isRate = column === "received_kbps", lines = [];
  if (isRate) {
    if (chart.capacity.length) lines.push({ key: "capacity", colour: "var(--ink)", thick: 1.4, step: true, points: chart.capacity.concat([[chart.end_s, chart.capacity.at(-1)[1]]]) });
    if (chart.cross.length > 1) lines.push({ key: "cross traffic", colour: "var(--soft)", thick: 1, points: chart.cross });
  }
  chart.flows.forEach((flow, index) => {
    if (isRate) for (const points of stretches(flow.time_s, flow.target_kbps, 1)) lines.push({ key: flow.name, colour: flowColour(index), thick: 1, dash: "4 3", points: points });
    for (const points of stretches(flow.time_s, flow[column], factor)) lines.push({ key: flow.name, colour: flowColour(index), thick: 1.5, points: points });
  });
  const marks = chart.flows.flatMap((flow) => flow.time_s.map((at, i) => ({
    look: "unseen", size: 2, key: flow.name, x: at, y: factor * flow[column][i], is: flow[column][i] !== null, text: flowText(chart, flow, i),
    row: isRate ? { flow: flow.name, time_s: at, target_kbps: flow.target_kbps[i], received_kbps: flow.received_kbps[i], queue_ms: flow.queue_ms[i], loss: flow.loss[i] } : undefined,
  })).filter((mark) => mark.is));
  return { x: { title: "Time (s)", low: 0, high: chart.end_s }, y: { title: title, low: 0, high: 1.05 * factor * chart.top[top] || 1 }, lines: lines, marks: marks };
}

function flowLegend(box, chart) {
  const entries = chart.flows.map((flow, index) => [flow.name, flowColour(index), "none"]).concat([["target", "var(--soft)", "4 3"], ["capacity", "var(--ink)", "none"]]);
  if (chart.cross.length > 1) entries.push(["cross traffic", "var(--soft)", "none"]);
  for (const [name, colour, dash] of entries) {
    const key = html("span", { class: "key" }, box), svg = node("svg", { width: 26, height: 14 }, key);
    node("line", { x1: 0, x2: 26, y1: 7, y2: 7, stroke: colour, "stroke-width": 2, "stroke-dasharray": dash }, svg);
    html("span", {}, key, name);
  }
}

for (const chart of data.charts) {
  const box = byId(`flow-${chart.id}`);
  flowLegend(byId(`flow-legend-${chart.id}`), chart);
  draws(() => figure(box, {
    file: `flows-${chart.label}`, label: `Rate, queue and loss over time: ${chart.label}`, height: 210, again: chart.again, columns: 1,
    panels: FLOW_PANELS.filter(([, , top]) => top !== "loss" || chart.top.loss).map((panel) => flowPanel(chart, panel)),
  }), []);
}
for (const button of document.querySelectorAll("button[data-copies]"))
  copies(button, () => byId(button.dataset.copies).textContent);
