// Curves: the points of each scheme along a swept value or a measured column.
const DASHES = ["none", "8 5", "2 4", "10 4 2 4", "14 4", "1 6"];
const DRED = ["dred_asked_ms", "dred_sent_ms", "dred_kbps"];
const sweepOf = (key) => data.sweeps.find((sweep) => sweep.keys.includes(key));
const named = (name) => data.measured.concat(data.metrics, data.network).find((column) => column.name === name);

// The sweep along which a line goes: that of x, else the bitrate's, else the first of numbers that no other choice has.
function alongOf(x, taken) {
  const free = data.sweeps.filter((sweep) => sweep.numeric && !taken.includes(sweep));
  return sweepOf(x) || free.find((sweep) => sweep.keys.some((key) => /^(codec|schemes)\..*kbps$/.test(key))) || free[0];
}

const xOf = (cell, x) => (sweepOf(x) ? (sweepOf(x).numeric ? data.points[cell.point].parameters[x] : placeOf(sweepOf(x), cell.point)) : cell.costs[x]);

// The value of the chart at a cell: a view of a metric, or the mean of a measured column, which has no interval.
function yOf(cell, y, as) {
  if (data.metrics.some((metric) => metric.name === y)) return sight(cell, y, as);
  if (cell.scores[y]) return cell.scores[y];
  return Number.isFinite(cell.costs[y]) ? { mean: cell.costs[y], low: null, high: null, pairs: cell.calls } : undefined;
}

// Kinds of redundancy of a scheme beside DRED: schemes that differ in DRED alone are points of one line along it.
const family = (cell) => [cell.costs.red_kbps > 0 && "RED", cell.costs.lbrr_kbps > 0 && "LBRR", "DRED"].filter(Boolean).join(" + ");

// The curves of one panel: {key, name, isLevel, scheme, index, dash, points: [{cell, x, score}]}; a level is no curve along x.
function curvesIn({ x, y, as, lines, facet, place }) {
  const point = state.get("point"), byDred = DRED.includes(x);
  const along = byDred ? undefined : alongOf(x, [lines, facet].filter(Boolean));
  const at = (cell, sweep) => placeOf(sweep, cell.point);
  const here = data.cells.filter((cell) => data.sweeps.every((sweep) =>
    sweep === along || sweep === lines || (sweep === facet ? at(cell, sweep) === place : at(cell, sweep) === placeOf(sweep, point))));
  const found = new Map();
  for (const cell of here) {
    const index = data.schemes.findIndex((scheme) => scheme.name === cell.scheme), score = yOf(cell, y, as), value = xOf(cell, x);
    if (isHidden(index) || !score || !Number.isFinite(value)) continue;
    const isLevel = byDred && !(cell.costs.dred_asked_ms > 0), line = lines && !isLevel ? at(cell, lines) : 0;
    if (isLevel && lines && at(cell, lines) !== placeOf(lines, point)) continue;
    const group = byDred && !isLevel ? family(cell) : cell.scheme;
    const key = lines && !isLevel ? `${group}, ${lines.texts[line]}` : group;
    const curve = found.get(key) || { key: key, name: group, isLevel: isLevel, place: line, index: index, scheme: data.schemes[index], dash: data.schemes[index].ceiling ? "6 4" : DASHES[line % DASHES.length], points: [] };
    curve.points.push({ cell: cell, x: value, score: score });
    found.set(key, Object.assign(curve, { index: index, scheme: data.schemes[index] }));
  }
  for (const curve of found.values())
    curve.points.sort(byDred ? (a, b) => a.x - b.x : (a, b) => (along ? at(a.cell, along) - at(b.cell, along) : a.cell.point - b.cell.point));
  return [...found.values()].sort((a, b) => a.index - b.index || a.place - b.place);
}

// Marks that would cover each other's intervals at one x stand side by side.
function dodge(marks, step) {
  const by = new Map();
  for (const mark of marks) by.set(mark.x, (by.get(mark.x) || []).concat(mark));
  for (const group of by.values()) group.forEach((mark, i) => { mark.shift = (i - (group.length - 1) / 2) * step; });
}
