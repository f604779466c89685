// Bars: what frames were played from, where the bits went, and how much DRED was sent.

// One row per scheme, each with a list of [part, value, text].
function stacks(figure, rows, title, limit) {
  const full = figure.clientWidth;
  const names = full > 700 ? 170 : 0, row = state.get("paper") ? 20 : names ? 30 : 44, thick = state.get("paper") ? 14 : 20;
  const { svg, width } = canvas(figure, rows.length * row + 56);
  const bottom = rows.length * row + 6;
  const x = scale(0, limit || 1, names + 12, width - 66);
  xAxis(svg, x, 0, bottom, title, (names + width) / 2);
  rows.forEach((item, i) => {
    const y = i * row + (names ? (row - thick) / 2 : 20);
    fitted(svg, names ? names - 2 : 12, names ? y + thick / 2 + 5 : y - 5, item.name, names ? names - 6 : width - 80, { "text-anchor": names ? "end" : "start", class: "ink" });
    let sum = 0;
    for (const [part, value, text] of item.parts) {
      if (!value) continue;
      const rect = node("rect", { x: x(sum), y: y, width: Math.max(0.5, x(sum + value) - x(sum)), height: thick, fill: PARTS[part][1], stroke: "var(--paper)", "stroke-width": 0.8 }, svg);
      explain(rect, `${item.name}\n${text}`);
      sum += value;
    }
    if (item.late) {
      const mark = node("rect", { x: x(0), y: y + thick + 1, width: Math.max(1, x(item.late) - x(0)), height: 3, fill: PARTS.late[1] }, svg);
      explain(mark, `${item.name}\n${item.late.toFixed(1)} % of frames came late`);
    }
    label(svg, x(sum) + 6, y + thick / 2 + 5, item.end);
  });
}

const BITS = [["speech", "primary_kbps"], ["red", "red_kbps"], ["lbrr", "lbrr_kbps"], ["dred", "dred_kbps"]];

function recovery() {
  const rows = shownSchemes().map((scheme) => {
    const cell = cellAt(state.get("point"), scheme.name);
    const parts = data.recoveries.filter((p) => p !== "primary" && cell.shares[p]).map((p) => [p, 100 * cell.shares[p], `${PARTS[p][0]}: ${(100 * cell.shares[p]).toFixed(1)} % of frames`]);
    const missing = parts.reduce((sum, p) => sum + p[1], 0);
    return { name: scheme.name, parts: parts, late: 100 * (cell.shares.late || 0), missing: missing, end: Object.keys(cell.shares).length ? missing.toFixed(1) + " %" : "failed" };
  });
  const used = ["red", "lbrr", "dred", "plc"].filter((p) => data.cells.some((c) => c.shares[p]));
  keys(byId("recovery-legend"), used.concat(data.cells.some((c) => c.shares.late) ? ["late"] : []));
  stacks(byId("recovery-chart"), rows, "Frames not played from their own packet (%)", Math.max(1, ...rows.map((r) => Math.max(r.missing, r.late))));
  const bits = shownSchemes().map((scheme) => {
    const cell = cellAt(state.get("point"), scheme.name), costs = cell.costs;
    const parts = BITS.map(([part, column]) => [part, costs[column], `${PARTS[part][0]}: ${shownCost(cell, column)}`]);
    const headers = costs.wire_kbps - costs.payload_kbps;
    if (headers > 0) parts.push(["headers", headers, `${PARTS.headers[0]}: ${number(headers, data.columns.wire_kbps.decimals)} kb/s`]);
    return { name: scheme.name, parts: parts, sum: parts.reduce((s, p) => s + (p[1] || 0), 0), end: costs.wire_kbps === undefined ? "failed" : number(costs.wire_kbps, data.columns.wire_kbps.decimals) };
  });
  keys(byId("bits-legend"), BITS.filter(([, column]) => data.cells.some((c) => c.costs[column])).map(([part]) => part).concat("headers"));
  stacks(byId("bits-chart"), bits, "Bitrate on the wire (kb/s)", Math.max(1, ...bits.map((r) => r.sum)));
}

function dred() {
  const figure = byId("dred-chart");
  if (!figure) return;
  const cells = data.cells.filter((c) => c.costs.dred_asked_ms > 0 && c.point === state.get("point"));
  const names = figure.clientWidth > 700 ? 170 : 0, row = state.get("paper") ? 22 : names ? 28 : 42;
  const { svg, width } = canvas(figure, cells.length * row + 56);
  const x = scale(0, Math.max(1, ...cells.map((c) => Math.max(c.costs.dred_asked_ms, c.costs.dred_sent_ms || 0))), names + 12, width - 190);
  xAxis(svg, x, 0, cells.length * row + 6, "DRED in a packet (ms of speech)", (names + width) / 2);
  cells.forEach((cell, i) => {
    const y = i * row + (names ? 16 : 30), sent = cell.costs.dred_sent_ms, asked = cell.costs.dred_asked_ms;
    fitted(svg, names ? names - 2 : 12, names ? y + 4 : y - 12, cell.scheme, names ? names - 6 : width - 90, { "text-anchor": names ? "end" : "start", class: "ink" });
    const colour = sent < 0.8 * asked ? PARTS.short[1] : PARTS.dred[1];
    if (sent !== undefined) node("rect", { x: x(0), y: y - 7, width: x(sent) - x(0), height: 14, fill: colour }, svg);
    node("circle", { cx: x(asked), cy: y, r: 6, fill: "var(--paper)", stroke: "var(--ink)", "stroke-width": 2 }, svg);
    label(svg, x(Math.max(asked, sent || 0)) + 12, y + 4, `${shownCost(cell, "dred_sent_ms")} sent (${number(asked, data.columns.dred_asked_ms.decimals)} asked)`);
  });
}
