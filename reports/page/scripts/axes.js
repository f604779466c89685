// Axes of a panel: scales from values to pixels, their ticks, and their titles.

function scale(low, high, from, to) {
  const span = high - low || 1;
  const place = (value) => from + ((value - low) / span) * (to - from);
  place.low = low;
  place.high = high;
  return place;
}

// The scale of an axis {low, high, log, words}: words have a band each, in order.
function scaleOf(axis, from, to) {
  if (axis.words) return Object.assign((index) => from + ((index + 0.5) / axis.words.length) * (to - from), { band: Math.abs(to - from) / axis.words.length });
  if (!axis.log) return scale(axis.low, axis.high, from, to);
  const inner = scale(Math.log(axis.low), Math.log(axis.high), from, to);
  return Object.assign((value) => inner(Math.log(value)), { low: axis.low, high: axis.high });
}

function ticks(low, high, wanted) {
  const raw = (high - low || 1) / Math.max(1, wanted);
  const power = Math.pow(10, Math.floor(Math.log10(raw)));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= raw * 0.999);
  const list = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++) list.push(+(i * step).toPrecision(12));
  return list;
}

function digits(list) {
  const step = list.length > 1 ? list[1] - list[0] : 1;
  return Math.max(0, Math.min(4, -Math.floor(Math.log10(step) + 1e-9)));
}

// Range of an axis: the values with room at both ends, at least `least` long, so that nearly equal values look equal.
function range(values, room, least) {
  const low = Math.min(...values), high = Math.max(...values);
  const margin = Math.max((high - low || Math.abs(high) * 0.1 || 1) * room, ((least || 0) - (high - low)) / 2);
  return [low - margin, high + margin];
}

// Range of scores: that of their means, with room for usual intervals, but never so much that the means are one line.
// It is at least ten times the last decimal that is shown.
function rangeOfScores(scores, decimals, more) {
  const means = scores.map((score) => score.mean).concat(more === undefined ? [] : more), spread = Math.max(...means) - Math.min(...means);
  const widths = scores.map(limits).filter(Boolean).map(([low, high]) => high - low).sort((a, b) => a - b);
  const usual = 1.2 * (widths[widths.length >> 1] || 0);
  return range(means, 0.08, Math.max(Math.pow(10, 1 - decimals), spread ? Math.min(usual, 1.8 * spread) : usual));
}

// An axis with a tick at each of its values; logarithmic where these grow by factors.
function axisOfValues(values, title) {
  const list = [...new Set(values)].sort((a, b) => a - b), low = list[0], high = list[list.length - 1];
  if (list.length > 3 && low > 0 && high / low >= 8) {
    const room = Math.pow(high / low, 0.04);
    return { title: title, low: low / room, high: high * room, log: true, ticks: list };
  }
  const [from, to] = range(list, 0.04);
  return { title: title, low: from, high: to, ticks: list };
}

// The values of an axis that get a tick, each with its text: those that it names, or round ones.
function marksOf(axis, place, gap) {
  if (axis.ticks) return axis.ticks.map((value) => [value, String(value).replace("-", "−")]);
  const list = ticks(place.low, place.high, Math.max(2, Math.abs(place(place.high) - place(place.low)) / gap));
  return list.map((value) => [value, number(value, digits(list))]);
}

// The axis below a panel, whose title stays within `room`, a piece of the width that the panel has for itself.
function xAxis(svg, x, top, bottom, axis, room) {
  const { title } = axis, wide = svg.viewBox.baseVal.width - 4;
  let end = -Infinity;
  for (const [value, text] of marksOf(axis, x, 80)) {
    node("line", { x1: x(value), x2: x(value), y1: top, y2: bottom, class: "grid" }, svg);
    const made = label(svg, x(value), bottom + 17, text, { "text-anchor": "middle" });
    within(made, x(value), wide);
    const half = made.getComputedTextLength() / 2, at = Number(made.getAttribute("x"));
    if (at - half < end + 6) made.remove(); else end = at + half;
  }
  node("line", { x1: x(x.low), x2: x(x.high), y1: bottom, y2: bottom, class: "axis" }, svg);
  if (title) {
    const made = fitted(svg, 0, bottom + 37, title, room[1] - room[0] - 8, { "text-anchor": "middle", class: "title" }), half = made.getComputedTextLength() / 2 + 4;
    made.setAttribute("x", Math.max(room[0] + half, Math.min(room[1] - half, (x(x.low) + x(x.high)) / 2)));
  }
}

function yAxis(svg, y, left, right, axis) {
  for (const [value, text] of marksOf(axis, y, 55)) {
    node("line", { x1: left, x2: right, y1: y(value), y2: y(value), class: "grid" }, svg);
    label(svg, left - 8, y(value) + 4, text, { "text-anchor": "end" });
  }
}
