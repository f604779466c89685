// Spread of the scores of single calls: the share of calls below each value, and means by clip or speaker.
const MOST_STEPS = 200, FEW = 12, MOST_ROWS = 40;

if (byId("spread-chart")) {
  const views = [["calls", "all calls"], ["clips", "each clip"]].concat(data.calls.speakers.length > 1 ? [["speakers", "each speaker"]] : []);
  state.declare("spread", "calls", oneOf(views.map(([view]) => view)));
  const box = byId("spread-controls");
  choiceButtons(box, "Show", views, "spread");
  choiceButtons(box, "Metric", data.metrics.map((m) => [m.name, m.title]), "metric");
  choiceButtons(box, "As", SIGHTS.filter(([as]) => as !== "repaired"), "as");
  legend(byId("spread-legend"), true, true);
  draws(spread, ["spread", "metric", "as", "hidden"]);
}

// Values of each scheme at the point, in the order of its calls: null where there is none.
function callValues(metric, as) {
  const there = (data.calls.values[metric.name] || {})[state.get("point")], scale = 10 ** data.calls.decimals, sign = metric.better === "lower" ? -1 : 1;
  if (!there) return undefined;
  const base = there.schemes[data.baseline];
  const value = (list, i) => (list[i] === null || (as === "gains" && base[i] === null) ? null : as === "gains" ? (sign * (list[i] - base[i])) / scale : list[i] / scale);
  const found = data.schemes.map((scheme, index) => ({ scheme: scheme, index: index, list: there.schemes[scheme.name] }))
    .filter((each) => each.list && !isHidden(each.index) && !(as === "gains" && (!base || each.scheme.name === data.baseline)));
  return { clips: there.clips, realizations: there.realizations, of: found.map((each) => Object.assign(each, { values: each.list.map((_, i) => value(each.list, i)) })) };
}

function spread() {
  const metric = metricNow(), as = state.get("as") === "repaired" ? "scores" : state.get("as"), view = state.get("spread");
  const calls = callValues(metric, as), title = sightAxis(metric, as);
  const declared = { file: `spread-${view}`, again: spreadAgain(metric, as), nothing: "The page has no single calls of this point and metric." };
  const zero = as === "gains" ? [{ x: 0, colour: "var(--soft)", dash: "2 4" }] : [];
  const panel = !calls || !calls.of.length ? { marks: [], y: {} } : view === "calls" ? stepsOf(calls, metric, as) : stripOf(calls, metric, as, view);
  byId("spread-chart").classList.add("one-interval");
  figure(byId("spread-chart"), Object.assign(declared, { label: view === "calls" ? `Share of calls up to each value: ${title}` : `${title}, mean of ${view === "clips" ? "each clip" : "each speaker"}`, height: state.get("paper") ? 310 : 400, panels: [Object.assign(panel, { rules: zero })] }));
}

// Empirical distribution functions: the share of calls with at most a value.
function stepsOf(calls, metric, as) {
  const all = calls.of.flatMap((each) => each.values.filter((value) => value !== null));
  const [low, high] = range(all, 0.03);
  const made = calls.of.map((each) => {
    const order = each.values.map((value, call) => ({ value: value, call: call })).filter(({ value }) => value !== null).sort((a, b) => a.value - b.value);
    order.forEach((step, i) => { step.share = (100 * (i + 1)) / order.length; });
    const every = Math.ceil(order.length / MOST_STEPS);
    return Object.assign(each, { steps: order.filter((_, i) => i % every === 0 || i === order.length - 1), calls: order.length });
  });
  const median = (each) => each.steps.find((step) => step.share >= 50).value;
  const byMedian = made.slice().sort((a, b) => median(b) - median(a));
  return {
    x: { title: sightAxis(metric, as), low: low, high: high }, y: { title: "Calls with at most this (%)", low: 0, high: 100 },
    lines: made.map((each) => ({ key: each.scheme.name, colour: each.scheme.colour, dash: each.scheme.ceiling ? "6 4" : "none", step: true, points: [[low, 0], ...each.steps.map((step) => [step.value, step.share]), [high, 100]] })),
    marks: made.flatMap((each) => each.steps.map((step) => ({
      key: each.scheme.name, x: step.value, y: step.share, colour: each.scheme.colour, shape: each.index, size: 2.5, look: each.calls > FEW ? "unseen" : "",
      text: `${each.scheme.name}\n${number(step.share, 0)} % of ${each.calls} calls have at most ${number(step.value, metric.decimals)}\n${data.calls.clips[calls.clips[step.call]]}, realization ${calls.realizations[step.call]}`,
      row: { scheme: each.scheme.name, clip: data.calls.clips[calls.clips[step.call]], realization: calls.realizations[step.call], [metric.name + (as === "gains" ? "_gain" : "")]: step.value, share_percent: step.share },
    }))),
    ends: byMedian.map((each, i) => ({ x: high, y: 100 - (100 * (i + 0.5)) / made.length, text: each.scheme.name, index: each.index, colour: each.scheme.colour })),
  };
}

// A row for each clip or speaker, the worst first, with the mean of each scheme.
function stripOf(calls, metric, as, view) {
  const name = (i) => (view === "clips" ? data.calls.clips[calls.clips[i]] : data.calls.speakers[data.calls.speaker_of[calls.clips[i]]]);
  const rows = new Map();
  calls.clips.forEach((_, i) => rows.set(name(i), (rows.get(name(i)) || []).concat(i)));
  const mean = (list) => list.reduce((sum, value) => sum + value, 0) / list.length;
  const sign = as === "scores" && metric.better === "lower" ? -1 : 1;
  const made = [...rows].map(([row, of]) => ({ row: row, of: calls.of.map((each) => ({ each: each, values: of.map((i) => each.values[i]).filter((value) => value !== null) })).filter(({ values }) => values.length) })).filter(({ of }) => of.length);
  const rank = ({ of }) => sign * mean(of.filter(({ each }) => !each.scheme.ceiling || of.length === 1).map(({ values }) => mean(values)));
  const all = made.length;
  made.sort((a, b) => rank(a) - rank(b)).splice(MOST_ROWS);
  const marks = made.flatMap(({ row, of }, at) => of.map(({ each, values }) => ({
    key: each.scheme.name, x: mean(values), y: at, colour: each.scheme.colour, shape: each.index, size: 5, low: Math.min(...values), high: Math.max(...values),
    text: `${row}\n${each.scheme.name}\n${metric.title}${as === "gains" ? " gained" : ""} ${number(mean(values), metric.decimals)}${values.length > 1 ? ` (calls ${number(Math.min(...values), metric.decimals)} to ${number(Math.max(...values), metric.decimals)})` : ""}`,
    row: { [view === "clips" ? "clip" : "speaker"]: row, scheme: each.scheme.name, [metric.name + (as === "gains" ? "_gain" : "")]: mean(values), least: Math.min(...values), greatest: Math.max(...values), calls: values.length },
  })));
  const [low, high] = range(marks.map((mark) => mark.x), 0.06);
  return { x: { title: sightAxis(metric, as), low: low, high: high }, y: { words: made.map(({ row }) => row), row: 27, title: made.length < all ? `The ${made.length} worst of ${all} ${view}` : undefined }, marks: marks };
}

function spreadAgain(metric, as) {
  const calls = `testbed.load(${pythonText(data.folder)}).rows(point=${state.get("point")}).pivot_table("${metric.name}", ["clip", "realization"], "scheme")`;
  return as === "scores" ? calls : `${calls}.pipe(lambda calls: calls.sub(calls[${pythonText(data.baseline)}], axis=0))${metric.better === "lower" ? ".mul(-1)" : ""}`;
}
