// Quality against delay: a mark for each scheme with each receiver, and a line through those that no other beats in both.
const tradeAt = (point) => data.trades.find((trade) => trade.points.includes(point));
state.declare("delayMetric", (data.metrics.find((m) => m.name !== data.conversational) || { name: data.judge }).name, oneOf(data.metrics.map((m) => m.name)));

function delayControls() {
  choiceButtons(byId("delay-controls"), "Metric", data.metrics.map((m) => [m.name, m.title]), "delayMetric");
  state.subscribe(["delayMetric"], delays);
  data.schemes.forEach((scheme, index) => {
    if (!scheme.ceiling) schemeKey(html("span", { class: "key" }, byId("delay-legend")), scheme, index, false);
  });
}

function delays() {
  const figure = byId("delay-chart");
  if (!figure) return;
  const metric = data.metrics.find((m) => m.name === state.get("delayMetric")), trade = tradeAt(state.get("point"));
  byId("delay-direction").textContent = better(metric, "scores");
  const wide = figure.clientWidth > 700;
  const { svg, width, height } = canvas(figure, state.get("paper") ? 330 : wide ? 470 : 360);
  const front = trade ? trade.front[metric.name] : [];
  if (!front.length) { label(svg, 10, 40, "Nothing to show here."); return; }
  const isOnFront = (cell) => front.some(([point, scheme]) => point === cell.point && scheme === cell.scheme);
  const marks = data.cells.filter((cell) => trade.points.includes(cell.point) && Number.isFinite(cell.costs[data.delay.name]) && cell.scores[metric.name])
    .map((cell) => ({ cell: cell, delay: cell.costs[data.delay.name], score: cell.scores[metric.name], isOnFront: isOnFront(cell), index: data.schemes.findIndex((s) => s.name === cell.scheme) }))
    .filter((mark) => !data.schemes[mark.index].ceiling).sort((a, b) => a.isOnFront - b.isOnFront || a.delay - b.delay);
  const best = data.schemes.filter((s) => s.ceiling).map((s) => sight(cellAt(state.get("point"), s.name) || { scores: {} }, metric.name, "scores")).find(Boolean);
  const x = scale(...range(marks.map((mark) => mark.delay), 0.06), 46, width - 12);
  const y = scale(...range(marks.map((mark) => mark.score.mean).concat(best ? best.mean : []), 0.06), height - 50, 26);
  xAxis(svg, x, 26, height - 50, data.delay.axis, (34 + width) / 2);
  yAxis(svg, y, 46, width - 12, metric.axis);
  if (best) {
    node("line", { x1: 46, x2: width - 12, y1: y(best.mean), y2: y(best.mean), stroke: data.schemes.find((s) => s.ceiling).colour, "stroke-dasharray": "6 4" }, svg);
    label(svg, width - 16, y(best.mean) - 6, "no loss", { "text-anchor": "end" });
  }
  const edge = marks.filter((mark) => mark.isOnFront);
  node("path", { d: edge.map((mark, i) => `${i ? "H" : "M"}${x(mark.delay)}${i ? "V" : ","}${y(mark.score.mean)}`).join("") + `H${x(x.high)}`, stroke: "var(--soft)", "stroke-width": 1.5, fill: "none" }, svg);
  for (const mark of marks) {
    const group = node("g", { opacity: mark.isOnFront ? 1 : 0.4 }, svg);
    marker(group, mark.index, x(mark.delay), y(mark.score.mean), data.schemes[mark.index].colour, mark.isOnFront ? 6 : 4.5);
    node("circle", { cx: x(mark.delay), cy: y(mark.score.mean), r: 11, fill: "transparent" }, group);
    explain(group, [mark.cell.scheme, data.points[mark.cell.point].receiver, shownCost(mark.cell, data.delay.name) + " from mouth to ear", scoreText(mark.score, metric, "scores"), callsText(mark.score), `wire ${shownCost(mark.cell, "wire_kbps")}`].filter(Boolean).join("\n"));
  }
  besideLabels(svg, edge.map((mark) => ({ x: x(mark.delay), y: y(mark.score.mean), text: [mark.cell.scheme, data.points[mark.cell.point].receiver].filter(Boolean).join(", "), isOnLine: true })), 46, width - 12);
}
