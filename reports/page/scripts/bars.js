// Bars: what frames were played from, where the bits went, and how much DRED was sent.
const BITS = [["speech", "primary_kbps"], ["red", "red_kbps"], ["lbrr", "lbrr_kbps"], ["dred", "dred_kbps"]];
const atPoint = () => shownSchemes().map((scheme, row) => ({ scheme: scheme, row: row, cell: cellAt(state.get("point"), scheme.name) }));
const barRow = (cell, values) => Object.assign({ scheme: cell.scheme, point: cell.point }, data.points[cell.point].parameters, values);
const meansOf = (columns) => `testbed.load(${pythonText(data.folder)}).rows(point=${state.get("point")}).groupby("scheme")[${pythonText(columns)}].mean()`;
draws(recovery, []);
draws(bits, []);
draws(dred, []);

// Parts [part, value, text] of a row, end to end.
function stacked(row, cell, parts, after) {
  let sum = 0;
  return parts.filter(([, value]) => value > 0).map(([part, value, text], i, list) => {
    const from = sum;
    sum += value;
    return {
      kind: "bar", key: String(row), from: from, x: sum, y: row, colour: PARTS[part][1], after: i === list.length - 1 ? after : undefined,
      text: `${cell.scheme}\n${text}`, row: barRow(cell, { part: PARTS[part][0], value: value }),
    };
  });
}

function barPanel(rows, marks, title, least) {
  return { x: { title: title, low: 0, high: Math.max(least, ...marks.map((mark) => mark.x)) }, y: { words: rows.map(({ scheme }) => scheme.name), row: state.get("paper") ? 20 : 30 }, room: 66, marks: marks };
}

function recovery() {
  const rows = atPoint();
  const marks = rows.flatMap(({ row, cell }) => {
    const parts = data.recoveries.filter((p) => p !== "primary" && cell.shares[p]).map((p) => [p, 100 * cell.shares[p], `${PARTS[p][0]}: ${number(100 * cell.shares[p], 1)} % of frames`]);
    const missing = parts.reduce((sum, [, value]) => sum + value, 0), late = 100 * (cell.shares.late || 0);
    const made = stacked(row, cell, parts, `${number(missing, 1)} %`);
    if (late) made.push({ kind: "bar", key: String(row), from: 0, x: late, y: row, thick: 4, down: 12, colour: PARTS.late[1], text: `${cell.scheme}\n${number(late, 1)} % of frames came late`, row: barRow(cell, { part: PARTS.late[0], value: late }) });
    return made;
  });
  const used = ["red", "lbrr", "dred", "plc"].filter((p) => data.cells.some((c) => c.shares[p]));
  keys(byId("recovery-legend"), used.concat(data.cells.some((c) => c.shares.late) ? ["late"] : []));
  const columns = data.recoveries.map((part) => `frames_${part}`).concat("frames_late");
  figure(byId("recovery-chart"), { file: "sources", label: "Share of frames by what they were played from", again: meansOf(columns), nothing: "Every frame was played from its own packet.", panels: [barPanel(rows, marks, "Frames not played from their own packet (%)", 1)] });
}

function bits() {
  const rows = atPoint(), places = data.columns.wire_kbps.decimals;
  const marks = rows.flatMap(({ row, cell }) => {
    const { costs } = cell, headers = costs.wire_kbps - costs.payload_kbps;
    const parts = BITS.map(([part, column]) => [part, costs[column], `${PARTS[part][0]}: ${shownCost(cell, column)}`]);
    parts.push(["headers", headers, `${PARTS.headers[0]}: ${number(headers, places)} kb/s`]);
    return stacked(row, cell, parts, number(costs.wire_kbps, places));
  });
  keys(byId("bits-legend"), BITS.filter(([, column]) => data.cells.some((c) => c.costs[column])).map(([part]) => part).concat("headers"));
  figure(byId("bits-chart"), { file: "bits", label: "Bitrate of each scheme by part", again: meansOf(BITS.map(([, column]) => column).concat("payload_kbps", "wire_kbps")), panels: [barPanel(rows, marks, "Bitrate on the wire (kb/s)", 1)] });
}

function dred() {
  if (!byId("dred-chart")) return;
  const rows = atPoint().filter(({ cell }) => cell.costs.dred_asked_ms > 0).map((each, row) => Object.assign(each, { row: row }));
  const marks = rows.flatMap(({ row, cell }) => {
    const sent = cell.costs.dred_sent_ms, asked = cell.costs.dred_asked_ms, text = `${shownCost(cell, "dred_sent_ms")} sent (${number(asked, data.columns.dred_asked_ms.decimals)} asked)`;
    const told = { text: `${cell.scheme}\n${text}`, key: String(row), y: row, row: barRow(cell, { dred_sent_ms: sent, dred_asked_ms: asked }) };
    const bar = { kind: "bar", from: 0, x: sent, thick: 14, colour: sent < 0.8 * asked ? PARTS.short[1] : PARTS.dred[1], after: asked > sent ? undefined : text };
    const ring = { x: asked, size: 6, after: asked > sent || sent === undefined ? text : undefined };
    return (sent === undefined ? [] : [Object.assign(bar, told)]).concat(Object.assign(ring, told, { row: undefined }));
  });
  figure(byId("dred-chart"), { file: "dred", label: "Depth of DRED asked for and sent", again: meansOf(["dred_asked_ms", "dred_sent_ms"]), panels: [Object.assign(barPanel(rows, marks, "DRED in a packet (ms of speech)", 1), { room: 200 })] });
}
