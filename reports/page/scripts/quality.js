// Quality: scores against a bitrate or a swept parameter, and by scheme.
// Views of a metric: the score, its gain over the baseline call by call, or the share of the loss damage repaired.
const SIGHTS = [["scores", "score"]];
if (data.baseline) SIGHTS.push(["gains", `gain over ${data.baseline}`]);
if (data.cells.some((c) => Object.keys(c.repaired).length)) SIGHTS.push(["repaired", "share repaired"]);

function sight(cell, metric, as) {
  if (as === "gains" && cell.scheme === data.baseline && cell.scores[metric]) return { mean: 0, low: null, high: null, pairs: cell.scores[metric].pairs, clips: cell.scores[metric].clips };
  const found = cell[as][metric];
  if (!found || as !== "repaired") return found;
  const times = (value) => (value === null ? null : 100 * value);
  return { mean: times(found.mean), low: times(found.low), high: times(found.high), pairs: found.pairs, clips: found.clips };
}

function sightAxis(metric, as) {
  if (as === "gains") return `${metric.title} gained over ${data.baseline}${metric.unit ? ` (${metric.unit})` : ""}`;
  return as === "repaired" ? `${metric.title}: repaired (%)` : metric.axis;
}

// Gains are positive for the better scheme, whatever the direction of the metric.
function better(metric, as) {
  return as === "scores" && metric.better === "lower" ? "down is better" : "up is better";
}

function scoreText(score, metric, as) {
  const places = as === "repaired" ? 0 : metric.decimals;
  const interval = score.low === null || score.high === null ? "" : ` [${number(score.low, places)} to ${number(score.high, places)}]`;
  const sign = as === "gains" && score.mean > 0 ? "+" : "";
  const unit = as === "repaired" ? " %" : metric.unit && metric.unit !== "share" ? ` ${metric.unit}` : "";
  return `${metric.title}${as === "gains" ? " gained" : as === "repaired" ? " repaired" : ""} ${sign}${number(score.mean, places)}${interval}${unit}`;
}

function callsText(score) {
  return `${score.pairs} call${score.pairs === 1 ? "" : "s"} of ${score.clips} clip${score.clips === 1 ? "" : "s"}`;
}

function limits(score) {
  return score.low === null || score.high === null ? null : [score.low, score.high];
}

function spread(scores) {
  return scores.flatMap((score) => [score.mean].concat(limits(score) || []));
}

const xChoices = data.costs.concat(data.numeric);
const bitrateSwept = data.numeric.find((p) => /^(codec|schemes)\..*kbps$/.test(p.name));
const firstCost = data.costs.length ? data.costs[0].name : null;
state.declare("metric", data.judge, oneOf(data.metrics.concat(data.network).map((m) => m.name)));
state.declare("x", data.numeric.length && !bitrateSwept ? data.numeric[0].name : firstCost || (data.numeric[0] || {}).name, oneOf(xChoices.map((c) => c.name)));
state.declare("as", "scores", oneOf(SIGHTS.map(([as]) => as)));
state.declare("dotsAs", "scores", oneOf(SIGHTS.map(([as]) => as)));
state.declare("hidden", [], someOf(data.schemes.map((_, index) => index)));

function alongOf(x) {
  if (data.numeric.some((p) => p.name === x)) return x;
  return bitrateSwept ? bitrateSwept.name : data.numeric.length ? data.numeric[0].name : null;
}

function xOf(cell) {
  if (data.numeric.some((p) => p.name === state.get("x"))) return data.points[cell.point].parameters[state.get("x")];
  return cell.costs[state.get("x")];
}

// Whether a parameter has one value for each value of another, as keys that are swept together have.
function follows(key, along) {
  const values = new Map();
  return Object.values(data.points).every(({ parameters }) => {
    if (!values.has(parameters[along])) values.set(parameters[along], parameters[key]);
    return same(values.get(parameters[along]), parameters[key]);
  });
}

function seriesOf(scheme) {
  const along = alongOf(state.get("x"));
  const chosen = data.points[state.get("point")].parameters;
  const free = Object.keys(chosen).filter((key) => along && follows(key, along));
  const cells = data.cells.filter((cell) => {
    if (cell.scheme !== scheme.name || !sight(cell, state.get("metric"), curvesAs())) return false;
    const here = data.points[cell.point].parameters;
    return Object.keys(here).every((key) => free.includes(key) || same(here[key], chosen[key]));
  });
  return cells.map((cell) => ({ cell: cell, x: xOf(cell), score: sight(cell, state.get("metric"), curvesAs()) }))
    .filter((p) => Number.isFinite(p.x)).sort((a, b) => (along ? data.points[a.cell.point].parameters[along] - data.points[b.cell.point].parameters[along] : 0));
}

function curveControls() {
  const box = byId("curve-controls");
  choiceButtons(box, "Metric", data.metrics.concat(data.network).map((m) => [m.name, m.title]), "metric");
  choiceButtons(box, "Across", xChoices.map((c) => [c.name, c.heading]), "x");
  choiceButtons(box, "As", SIGHTS, "as");
  choiceButtons(byId("dots-controls"), "As", SIGHTS, "dotsAs");
  const legend = byId("legend"), pressed = [];
  data.schemes.forEach((scheme, index) => {
    const key = html("button", { type: "button", class: "key" }, legend);
    schemeKey(key, scheme, index, true);
    key.addEventListener("click", () => {
      const others = state.get("hidden").filter((i) => i !== index);
      state.set("hidden", others.length < state.get("hidden").length ? others : others.concat(index));
    });
    pressed.push(() => key.setAttribute("aria-pressed", String(!state.get("hidden").includes(index))));
  });
  const press = () => { for (const set of pressed) set(); };
  press();
  state.subscribe(["hidden"], press);
  state.subscribe(["metric", "x", "as", "hidden"], curves);
  state.subscribe(["dotsAs"], dots);
}

function curves() {
  const figure = byId("curve-chart");
  if (!figure) return;
  const metric = data.metrics.concat(data.network).find((m) => m.name === state.get("metric"));
  byId("direction").textContent = better(metric, curvesAs());
  const axis = (xChoices.find((c) => c.name === state.get("x")) || { axis: "" }).axis;
  const wide = figure.clientWidth > 700;
  const { svg, width, height } = canvas(figure, state.get("paper") ? 310 : wide ? 470 : 360);
  const list = data.schemes.map((s, index) => ({ scheme: s, index: index, points: state.get("hidden").includes(index) ? [] : seriesOf(s) })).filter((s) => s.points.length);
  if (!list.length) { label(svg, 10, 40, "Nothing to show here."); return; }
  const all = list.flatMap((s) => s.points);
  const alone = list.every((s) => s.points.length === 1);
  const names = wide && !alone ? 190 : 12;
  const along = all.map((p) => p.x), least = data.costs.some((c) => c.name === state.get("x")) ? 0.2 * Math.max(...along) : 0;
  const x = scale(...range(along, 0.04, least), 46, width - names);
  const y = scale(...range(spread(all.map((p) => p.score)), 0.05), height - 50, 26);
  xAxis(svg, x, 26, height - 50, axis, (46 + width - names) / 2);
  yAxis(svg, y, 46, width - names, sightAxis(metric, curvesAs()));
  const ends = [];
  for (const { scheme, index, points } of list) {
    const path = points.map((p, i) => `${i ? "L" : "M"}${x(p.x)},${y(p.score.mean)}`).join("");
    if (scheme.ceiling) {
      const first = points.reduce((a, b) => (b.x < a.x ? b : a)), last = points.reduce((a, b) => (b.x > a.x ? b : a));
      node("path", { d: `M${x(x.low)},${y(first.score.mean)}H${x(first.x)}`, stroke: scheme.colour, "stroke-dasharray": "2 5", fill: "none" }, svg);
      node("path", { d: `M${x(last.x)},${y(last.score.mean)}H${x(x.high)}`, stroke: scheme.colour, "stroke-dasharray": "2 5", fill: "none" }, svg);
    }
    node("path", { d: path, stroke: scheme.colour, "stroke-width": 2, fill: "none", "stroke-dasharray": scheme.ceiling ? "6 4" : "none" }, svg);
    for (const p of points) {
      const group = node("g", {}, svg);
      const reach = limits(p.score);
      if (reach)
        node("path", { d: `M${x(p.x)},${y(reach[0])}V${y(reach[1])}M${x(p.x) - 3},${y(reach[0])}h6M${x(p.x) - 3},${y(reach[1])}h6`, stroke: scheme.colour, opacity: 0.55, fill: "none" }, group);
      marker(group, index, x(p.x), y(p.score.mean), scheme.colour, p.cell.point === state.get("point") && !alone ? 6.5 : 4.5);
      node("circle", { cx: x(p.x), cy: y(p.score.mean), r: 11, fill: "transparent" }, group);
      explain(group, `${scheme.name}\n${data.points[p.cell.point].label}\n${scoreText(p.score, metric, curvesAs())}\n${callsText(p.score)}\nwire ${shownCost(p.cell, "wire_kbps")}, payload ${shownCost(p.cell, "payload_kbps")}`);
    }
    const last = points.reduce((a, b) => (b.x >= a.x ? b : a));
    ends.push({ x: x(last.x), y: y(last.score.mean), text: scheme.name, index: index, colour: scheme.colour, isOnLine: scheme.ceiling });
  }
  if (alone) besideLabels(svg, ends, 46, width);
  else if (wide) endLabels(svg, ends, width - names + 14, 32, height - 50, names - 16);
}

function dots() {
  const figure = byId("dots-chart");
  if (!figure) return;
  const schemes = shownSchemes();
  const full = figure.clientWidth;
  const side = full > 700 ? data.metrics.length : 1;
  const names = full > 700 ? 170 : 0;
  const row = state.get("paper") ? 21 : names ? 27 : 40;
  const panelHeight = schemes.length * row + 78;
  const { svg, width } = canvas(figure, panelHeight * Math.ceil(data.metrics.length / side));
  const panelWidth = (width - names) / side;
  data.metrics.forEach((metric, number_) => {
    const left = names + (number_ % side) * panelWidth + 12, right = names + ((number_ % side) + 1) * panelWidth - 14;
    const top = Math.floor(number_ / side) * panelHeight + 24, bottom = top + schemes.length * row + 4;
    const scored = schemes.map((s) => sight(cellAt(state.get("point"), s.name), metric.name, state.get("dotsAs"))).filter(Boolean);
    if (!scored.length) { label(svg, left, top, metric.title + ": no call scored"); return; }
    const x = scale(...range(spread(scored), 0.07), left, right);
    xAxis(svg, x, top, bottom, sightAxis(metric, state.get("dotsAs")), (left + right) / 2);
    const ceiling = data.schemes.find((s) => s.ceiling);
    const best = ceiling && cellAt(state.get("point"), ceiling.name) && sight(cellAt(state.get("point"), ceiling.name), metric.name, state.get("dotsAs"));
    if (best) node("line", { x1: x(best.mean), x2: x(best.mean), y1: top - 6, y2: bottom, stroke: ceiling.colour, "stroke-dasharray": "5 4" }, svg);
    if (best) within(label(svg, 0, top - 9, "no loss", { "text-anchor": "middle" }), x(best.mean), width);
    schemes.forEach((scheme, i) => {
      const y = top + i * row + (names ? row / 2 : row * 0.72);
      if (names && number_ === 0) fitted(svg, names - 2, y + 4, scheme.name, names - 6, { "text-anchor": "end", class: "ink" });
      if (!names) fitted(svg, left, y - 13, scheme.name, right - left, { class: "ink" });
      const score = sight(cellAt(state.get("point"), scheme.name), metric.name, state.get("dotsAs"));
      node("line", { x1: left, x2: right, y1: y, y2: y, class: "grid" }, svg);
      if (!score) return;
      const group = node("g", {}, svg);
      const sides = limits(score);
      if (sides)
        node("line", { x1: x(sides[0]), x2: x(sides[1]), y1: y, y2: y, stroke: scheme.colour, "stroke-width": 3, opacity: 0.5, "stroke-linecap": "round" }, group);
      marker(group, data.schemes.indexOf(scheme), x(score.mean), y, scheme.colour, 5);
      node("rect", { x: left, y: y - 12, width: right - left, height: 24, fill: "transparent" }, group);
      explain(group, `${scheme.name}\n${scoreText(score, metric, state.get("dotsAs"))}\n${callsText(score)}`);
    });
  });
}
