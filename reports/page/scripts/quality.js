// Quality against bitrate, a swept value or a measured column; and by scheme.
const MANY = 6;
const xChoices = [["Swept", data.sweeps.flatMap((sweep) => sweep.keys.map((key) => [key, data.axes[key]]))], ["Measured", data.measured.map((c) => [c.name, c.axis])]];
const yChoices = [["Metric", data.metrics.map((m) => [m.name, m.axis])], ["Measured", data.measured.map((c) => [c.name, c.axis])]];
const namesOf = (choices) => choices.flatMap(([, list]) => list.map(([name]) => name));
const splits = [["", "–"]].concat(data.sweeps.map((sweep) => [sweep.keys[0], sweep.title]));
state.declare("x", data.default_axes.x, oneOf(namesOf(xChoices)));
state.declare("y", data.default_axes.y, oneOf(["", ...namesOf(yChoices)]));
state.declare("lines", data.default_axes.lines, oneOf(splits.map(([key]) => key)));
state.declare("facet", data.default_axes.facet, oneOf(splits.map(([key]) => key)));
state.declare("intervals", "auto", oneOf(["auto", "all", "one"]));
const yNow = () => state.get("y") || state.get("metric");

if (byId("curve-controls")) {
  const box = byId("curve-controls");
  choiceList(box, "Up", yChoices, yNow, (y) => {
    if (data.metrics.some((m) => m.name === y)) { state.set("y", ""); state.set("metric", y); } else state.set("y", y);
  }, ["metric", "y"]);
  choiceButtons(box, "As", SIGHTS, "as");
  choose(box, "Across", xChoices, "x");
  if (splits.length > 1) {
    choose(box, "Solid and dashed", splits, "lines");
    choose(box, "A panel for each", splits, "facet");
  }
  choiceButtons(box, "Intervals", [["auto", "automatic"], ["all", "all"], ["one", "of the one pointed at"]], "intervals");
  legend(byId("curve-legend"), true, true);
  draws(quality, ["metric", "y", "as", "x", "lines", "facet", "intervals", "hidden"]);
}

function quality() {
  const box = byId("curve-chart"), x = state.get("x"), y = yNow(), column = named(y), isMetric = data.metrics.includes(column);
  const as = isMetric ? state.get("as") : "scores", xSweep = sweepOf(x);
  const split = (name) => { const sweep = sweepOf(state.get(name)); return sweep === xSweep ? undefined : sweep; };
  const facet = split("facet"), lines = split("lines") === facet ? undefined : split("lines");
  byId("direction").textContent = isMetric ? better(column, as) : "";
  const panels = (facet ? facet.texts.map((text, place) => ({ title: `${facet.title}: ${text}`, place: place })) : [{ place: 0 }])
    .map((panel) => Object.assign(panel, { curves: curvesIn({ x: x, y: y, as: as, lines: lines, facet: facet, place: panel.place }) }));
  const curves = panels.flatMap((panel) => panel.curves), points = curves.flatMap((curve) => curve.points);
  const values = points.map((point) => point.x), title = sweepOf(x) ? data.axes[x] : named(x).axis;
  const alone = curves.every((curve) => curve.points.length === 1);
  let xs = { title: title, words: xSweep && !xSweep.numeric ? xSweep.texts : undefined };
  if (points.length && !xs.words) {
    if (xSweep) xs = axisOfValues(values, title);
    else [xs.low, xs.high] = range(values, 0.05, 0.2 * Math.max(...values.map(Math.abs)));
  }
  const ys = { title: isMetric ? sightAxis(column, as) : column.axis };
  if (points.length) [ys.low, ys.high] = rangeOfScores(points.map((point) => point.score), as === "repaired" ? 0 : column.decimals, as === "gains" && isMetric ? [0] : []);
  const hidden = unclear(panels, points, ys), all = state.get("intervals") === "all" || (state.get("intervals") === "auto" && !hidden);
  byId("curve-note").textContent = hidden && state.get("intervals") === "auto" ? `${hidden}: point at a mark to see its own.` : "";
  box.classList.toggle("one-interval", !all);
  dashKeys(byId("curve-dashes"), lines);
  const place = (point) => data.points[point.cell.point].label;
  figure(box, {
    file: "quality", label: `${ys.title} against ${title}`, again: qualityAgain(x, y, as, lines, facet),
    columns: panels.length > 1 ? 2 : 1, height: state.get("paper") ? 310 : panels.length > 1 ? 340 : 460,
    panels: panels.map((panel) => {
      const marks = panel.curves.flatMap((curve) => curve.points.map((point) => ({
        key: curve.key, x: point.x, y: point.score.mean, colour: curve.scheme.colour, shape: curve.index,
        size: !alone && point.cell.point === state.get("point") ? 6.5 : 4.5, low: (curve.points.length === 1 && !curve.isLevel) || xs.words ? point.score.low : null, high: point.score.high,
        text: [point.cell.scheme, place(point), isMetric ? scoreText(point.score, column, as) : `${column.title} ${number(point.score.mean, column.decimals)} ${column.unit}`, callsText(point.score), `wire ${shownCost(point.cell, "wire_kbps")}`].filter(Boolean).join("\n"),
        row: Object.assign(scoreRow(point.cell, column, as, point.score), sweepOf(x) ? {} : { [x]: point.x }),
      })));
      if (xs.words) dodge(marks, 11);
      const lined = xs.words ? [] : panel.curves.filter((curve) => curve.points.length > 1);
      const zero = as === "gains" && isMetric ? [{ y: 0, colour: "var(--soft)", dash: "2 4" }] : [];
      return {
        title: panel.title, x: xs, y: ys, marks: marks,
        lines: lined.map((curve) => ({ key: curve.key, colour: curve.scheme.colour, dash: curve.dash, points: curve.points.map((point) => [point.x, point.score.mean]) })),
        areas: lined.flatMap((curve) => runsOf(curve.points.map((point) => limits(point.score) && [point.x, ...limits(point.score)])).map((points) => ({ key: curve.key, colour: curve.scheme.colour, points: points }))),
        rules: zero.concat(levels(panel.curves, alone)),
        ends: alone || xs.words ? [] : panel.curves.map((curve) => ({ x: curve.points.at(-1).x, y: curve.points.at(-1).score.mean, text: curve.key, index: curve.index, colour: curve.scheme.colour })),
        beside: alone && !xs.words ? panel.curves.filter((curve) => !curve.scheme.ceiling).map((curve) => ({ x: curve.points[0].x, y: curve.points[0].score.mean, text: curve.key })) : undefined,
      };
    }),
  });
}

// The reason why intervals of all lines would only cover each other, if there is one.
function unclear(panels, points, axis) {
  const wide = points.map((point) => limits(point.score)).filter((sides) => sides && sides[1] - sides[0] > (axis.high - axis.low) / 2);
  if (wide.length > points.length / 2) return "Intervals are wider than the differences between the means";
  return Math.max(...panels.map((panel) => panel.curves.length)) > MANY ? "Intervals of so many lines would cover each other" : "";
}

// The meaning of solid, dashed and dotted lines.
function dashKeys(box, lines) {
  box.replaceChildren();
  if (!lines) return;
  html("span", {}, box, `${lines.title}:`);
  lines.texts.forEach((text, place) => {
    const key = html("span", { class: "key" }, box), svg = node("svg", { width: 34, height: 14 }, key);
    node("line", { x1: 0, x2: 34, y1: 7, y2: 7, stroke: "var(--ink)", "stroke-width": 2, "stroke-dasharray": DASHES[place % DASHES.length] }, svg);
    html("span", {}, key, text);
  });
}

// Dashed lines across: of schemes without DRED along DRED, and of the ceiling where schemes are single marks.
function levels(curves, alone) {
  const level = curves.filter((curve) => curve.isLevel || (alone && curve.scheme.ceiling));
  return level.map((curve) => ({ y: curve.points[0].score.mean, colour: curve.scheme.colour, text: alone ? curve.name : undefined }));
}

// Pieces of a list between its gaps, of two or more.
function runsOf(list) {
  const runs = [[]];
  for (const item of list) if (item) runs.at(-1).push(item); else runs.push([]);
  return runs.filter((run) => run.length > 1);
}

const repairedAgain = () => `testbed.load(${pythonText(data.folder)}).summary().filter(regex="point|scheme|repaired")`;

function qualityAgain(x, y, as, lines, facet) {
  if (as === "repaired") return repairedAgain();
  const byDred = DRED.includes(x) && lines, taken = [sweepOf(x) || (DRED.includes(x) ? undefined : alongOf(x, [lines, facet].filter(Boolean))), facet, byDred || facet ? undefined : lines];
  const panel = facet || (byDred ? undefined : lines);
  return `testbed plot ${quoted(data.folder)} --x ${quoted(x)} --y ${quoted(y)}${byDred ? ` --by ${quoted(lines.keys[0])}` : " --by scheme"}${as === "gains" ? " --gain" : ""}` +
    (panel ? ` --facet ${quoted(panel.keys[0])}` : "") + whereText(data.sweeps.filter((sweep) => !taken.includes(sweep) && !(byDred && sweep === lines))) + " -o quality.svg";
}

if (byId("dots-chart")) {
  choiceButtons(byId("dots-controls"), "As", SIGHTS, "as");
  draws(bySchemes, ["as"]);
}

function bySchemes() {
  const schemes = shownSchemes(), as = state.get("as"), ceiling = data.schemes.find((s) => s.ceiling);
  figure(byId("dots-chart"), {
    file: "schemes", label: "Mean score of each scheme in each metric", columns: state.get("paper") ? Math.min(2, data.metrics.length) : data.metrics.length,
    again: as === "repaired" ? repairedAgain() : `testbed plot ${quoted(data.folder)} --x scheme --y ${state.get("metric")} --by scheme${as === "gains" ? " --gain" : ""}${whereText(data.sweeps)} -o schemes.svg`,
    panels: data.metrics.map((metric) => {
      const marks = schemes.map((scheme, i) => ({ scheme: scheme, at: i, cell: cellAt(state.get("point"), scheme.name) }))
        .map((each) => Object.assign(each, { score: sight(each.cell, metric.name, as) })).filter((each) => each.score)
        .map(({ scheme, at, cell, score }) => ({
          x: score.mean, y: at, low: score.low, high: score.high, colour: scheme.colour, shape: data.schemes.indexOf(scheme), size: 5, scheme: scheme, score: score,
          text: `${scheme.name}\n${scoreText(score, metric, as)}\n${callsText(score)}`, row: Object.assign(scoreRow(cell, metric, as, score)),
        }));
      const [low, high] = marks.length ? rangeOfScores(marks.map((mark) => mark.score), as === "repaired" ? 0 : metric.decimals) : [0, 1];
      const best = marks.find((mark) => mark.scheme === ceiling);
      return {
        x: { title: sightAxis(metric, as), low: low, high: high }, y: { words: schemes.map((scheme) => scheme.name), row: state.get("paper") ? 21 : 27 }, marks: marks,
        rules: (best ? [{ x: best.x, colour: ceiling.colour, text: "no loss" }] : []).concat(as === "gains" ? [{ x: 0, colour: "var(--soft)", dash: "2 4" }] : []),
      };
    }),
  });
}
