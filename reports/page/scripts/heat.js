// Two swept values at once: a cell for each pair, with a scheme's score, or the recommended scheme.
// A scale from dark blue to yellow that is even in lightness, for the colour-blind and for dark pages (cividis, nine of its colours).
const HEAT = ["#00224e", "#123570", "#3b496c", "#575d6d", "#707173", "#8a8678", "#a59c74", "#c3b369", "#fee838"];
const RECOMMENDED = "recommended";

if (byId("heat-chart")) {
  const box = byId("heat-controls"), keys = data.sweeps.map((sweep) => [sweep.keys[0], sweep.title]);
  const schemes = data.schemes.filter((scheme) => !scheme.ceiling).map((scheme) => [scheme.name, scheme.name]);
  const options = (Object.values(data.points).some((point) => point.recommended) ? [[RECOMMENDED, "the recommended scheme"]] : []).concat(schemes);
  state.declare("across", keys[0][0], oneOf(keys.map(([key]) => key)));
  state.declare("down", keys[1][0], oneOf(keys.map(([key]) => key)));
  const sign = metricNow().better === "lower" ? -1 : 1, mean = ([name]) => sign * cellAt(data.shown, name)?.scores[data.judge]?.mean || -Infinity;
  const best = schemes.reduce((one, other) => (mean(other) > mean(one) ? other : one));
  state.declare("heat", options.length > schemes.length ? RECOMMENDED : best[0], oneOf(options.map(([value]) => value)));
  choose(box, "Show", options, "heat");
  choiceButtons(box, "Metric", data.metrics.map((m) => [m.name, m.title]), "metric");
  choiceButtons(box, "As", SIGHTS, "as");
  if (keys.length > 2) {
    choose(box, "Across", keys, "across");
    choose(box, "Down", keys, "down");
  }
  draws(heat, ["heat", "metric", "as", "across", "down"]);
}

function heat() {
  const across = sweepOf(state.get("across")), others = data.sweeps.filter((sweep) => sweep !== across);
  const down = others.find((sweep) => sweep === sweepOf(state.get("down"))) || others[0];
  const metric = metricNow(), as = state.get("as"), shown = state.get("heat");
  const fixed = data.sweeps.filter((sweep) => sweep !== across && sweep !== down);
  const points = Object.keys(data.points).map(Number).filter((point) => fixed.every((sweep) => placeOf(sweep, point) === placeOf(sweep, state.get("point"))));
  const marks = points.map((point) => {
    const scheme = shown === RECOMMENDED ? data.points[point].recommended : shown, cell = scheme && cellAt(point, scheme);
    return { point: point, scheme: scheme, cell: cell, score: cell && sight(cell, metric.name, as) };
  });
  const means = marks.filter((mark) => mark.score).map((mark) => mark.score.mean);
  const low = Math.min(...means), high = Math.max(...means), sign = as === "scores" && metric.better === "lower" ? -1 : 1;
  const shade = (mean) => Math.round((HEAT.length - 1) * (high > low ? (sign > 0 ? mean - low : high - mean) / (high - low) : 0.5));
  const places = as === "repaired" ? 0 : metric.decimals, plus = (mean) => (as === "gains" && mean > 0 ? "+" : "") + number(mean, places) + (as === "repaired" ? " %" : "");
  byId("heat-key").replaceChildren();
  if (means.length) heatKey(byId("heat-key"), sign > 0 ? [low, high] : [high, low], plus);
  figure(byId("heat-chart"), {
    file: "heat-map", label: `${sightAxis(metric, as)} of ${shown === RECOMMENDED ? "the recommended scheme" : shown} by ${across.title} and ${down.title}`,
    again: heatAgain(across, down, metric, as, shown, fixed),
    panels: [{
      x: { words: across.texts, title: across.title }, y: { words: down.texts, row: 46, title: down.title },
      marks: marks.filter((mark) => mark.score || shown === RECOMMENDED).map(({ point, scheme, score }) => ({
        kind: "cell", x: placeOf(across, point), y: placeOf(down, point), key: String(placeOf(down, point)),
        colour: score ? HEAT[shade(score.mean)] : "var(--faint)", ink: score ? (shade(score.mean) > 4 ? "#000" : "#fff") : "var(--ink)",
        lines: (shown === RECOMMENDED ? [scheme || "–"] : []).concat(score ? plus(score.mean) : []),
        text: [data.points[point].label, scheme || "No scheme is recommended here.", score ? scoreText(score, metric, as) : "", score ? callsText(score) : ""].filter(Boolean).join("\n"),
        row: score ? scoreRow({ scheme: scheme, point: point }, metric, as, score) : Object.assign({ scheme: "", point: point }, data.points[point].parameters),
      })).sort((a, b) => a.y - b.y || a.x - b.x),
    }],
  });
}

function heatKey(box, [low, high], text) {
  html("span", {}, box, text(low));
  html("span", { class: "ramp", style: `background: linear-gradient(to right, ${HEAT.join(", ")})` }, box);
  html("span", {}, box, text(high));
}

function heatAgain(across, down, metric, as, shown, fixed) {
  if (shown === RECOMMENDED) return `testbed show ${quoted(data.folder)}`;
  const conditions = fixed.map((sweep) => [sweep.keys[0], sweep.values[placeOf(sweep, state.get("point"))]]);
  const names = [meansColumn(metric, as), down.keys[0], across.keys[0]].map(pythonText);
  return `${meansAgain([["scheme", shown], ...conditions])}.pivot_table(${names.join(", ")})`;
}
