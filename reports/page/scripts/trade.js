// Quality against what it costs, among all that one can choose: the Pareto front, and the best under a budget.
if (byId("trade-chart")) {
  const costs = [...new Set(data.trades.map((trade) => trade.column))];
  state.declare("cost", costs[0], oneOf(costs));
  state.declare("most", null, (text) => (Number.isFinite(Number(text)) && text !== "" ? Number(text) : undefined));
  const box = byId("trade-controls");
  choiceButtons(box, "Metric", data.metrics.map((m) => [m.name, m.title]), "metric");
  choiceButtons(box, "Against", costs.map((name) => [name, data.columns[name].axis]), "cost");
  const frame = html("label", { class: "group" }, box, "At most "), slider = html("input", { type: "range", id: "most" }, frame);
  html("output", { for: "most", id: "most-text" }, frame);
  const chosen = () => (Number(slider.value) >= Number(slider.max) ? null : Number(slider.value));
  slider.addEventListener("input", () => trade(chosen()));
  slider.addEventListener("change", () => state.set("most", chosen()));
  state.subscribe(["cost"], () => state.set("most", null));
  legend(byId("trade-legend"), false, false);
  draws(() => trade(state.get("most")), ["metric", "cost", "most", "hidden"]);
}

function trade(most) {
  const column = data.columns[state.get("cost")], metric = metricNow(), sign = metric.better === "lower" ? -1 : 1;
  const here = data.trades.find((each) => each.column === column.name && each.points.includes(state.get("point")));
  byId("trade-direction").textContent = better(metric, "scores");
  const onFront = new Set(here ? here.front[metric.name].map(String) : []);
  const marks = data.cells.filter((cell) => here && here.points.includes(cell.point) && Number.isFinite(cell.costs[column.name]) && cell.scores[metric.name])
    .map((cell) => ({ cell: cell, index: data.schemes.findIndex((s) => s.name === cell.scheme), cost: cell.costs[column.name], score: cell.scores[metric.name] }))
    .filter((mark) => !data.schemes[mark.index].ceiling && !isHidden(mark.index)).sort((a, b) => a.cost - b.cost);
  const name = (mark) => [mark.cell.scheme, differing(here.points, mark.cell.point)].filter(Boolean).join(", ");
  const within = marks.filter((mark) => most === null || mark.cost <= most);
  const best = within.reduce((a, b) => (!a || sign * b.score.mean > sign * a.score.mean ? b : a), undefined);
  limitOf(marks, column, most);
  const bound = most === null ? "" : ` under ${number(most, 0)} ${column.unit}`;
  byId("trade-best").textContent = !marks.length ? "" : !best ? `Nothing is${bound}.` : `Highest mean${bound}: ${name(best)} (${scoreText(best.score, metric, "scores")}, ${shownCost(best.cell, column.name)}).`;
  const edge = marks.filter((mark) => onFront.has(String([mark.cell.point, mark.cell.scheme])));
  const ceiling = data.schemes.find((scheme) => scheme.ceiling), cell = ceiling && cellAt(state.get("point"), ceiling.name), top = cell && cell.scores[metric.name];
  const xs = { title: column.axis }, ys = { title: metric.axis };
  if (marks.length) {
    [xs.low, xs.high] = range(marks.map((mark) => mark.cost), 0.06);
    [ys.low, ys.high] = range(marks.map((mark) => mark.score.mean).concat(top ? top.mean : []), 0.08);
  }
  const front = edge.map((mark) => [mark.cost, mark.score.mean]);
  if (front.length) front.push([xs.high, front.at(-1)[1]]);
  figure(byId("trade-chart"), {
    file: "pareto", label: `${metric.title} against ${column.axis}, with the Pareto front`, height: state.get("paper") ? 330 : 460,
    again: `testbed plot ${quoted(data.folder)} --x ${column.name} --y ${metric.name} --by scheme${whereText(data.sweeps.filter((sweep) => here && placesOf(sweep, here.points).size === 1))} -o pareto.svg`,
    panels: [{
      x: xs, y: ys,
      rules: (top ? [{ y: top.mean, colour: ceiling.colour, text: "no loss" }] : []).concat(most === null ? [] : [{ x: most, colour: "var(--soft)", dash: "2 3" }]),
      lines: [{ points: front, step: true, colour: "var(--soft)", thick: 1.5 }],
      marks: marks.map((mark) => ({
        x: mark.cost, y: mark.score.mean, colour: data.schemes[mark.index].colour, shape: mark.index,
        size: mark === best && most !== null ? 8 : edge.includes(mark) ? 6 : 4.5, look: edge.includes(mark) && within.includes(mark) ? "" : "faded",
        text: [name(mark), edge.includes(mark) ? "on the Pareto front" : "", shownCost(mark.cell, column.name), scoreText(mark.score, metric, "scores"), callsText(mark.score), column.name === "wire_kbps" ? "" : `wire ${shownCost(mark.cell, "wire_kbps")}`].filter(Boolean).join("\n"),
        row: Object.assign(scoreRow(mark.cell, metric, "scores", mark.score), { [column.name]: mark.cost, on_front: edge.includes(mark) ? 1 : 0 }),
      })),
      beside: edge.map((mark) => ({ x: mark.cost, y: mark.score.mean, text: name(mark) })),
    }],
  });
}

// Places of a sweep's values that some points have.
const placesOf = (sweep, points) => new Set(points.map((point) => placeOf(sweep, point)));

// The values in which a point differs from others of a list.
function differing(points, point) {
  return data.sweeps.filter((sweep) => placesOf(sweep, points).size > 1).map((sweep) => data.points[point].words[sweep.keys[0]]).join(", ");
}

function limitOf(marks, column, most) {
  const slider = byId("most"), costs = marks.map((mark) => mark.cost);
  slider.parentElement.hidden = costs.length < 2;
  if (costs.length < 2) return;
  slider.min = Math.floor(Math.min(...costs));
  slider.max = Math.ceil(Math.max(...costs));
  slider.step = slider.max - slider.min > 20 ? 1 : 0.1;
  slider.value = most === null ? slider.max : most;
  const text = most === null ? "no limit" : `${number(most, 0)} ${column.unit}`;
  slider.setAttribute("aria-valuetext", text);
  byId("most-text").textContent = text;
}
