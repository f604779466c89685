// Views of a metric: the score, its gain over the baseline call by call, or the share of the loss damage repaired.
const SIGHTS = [["scores", "score"]];
if (data.cells.some((c) => Object.keys(c.gains).length && !data.schemes.find((s) => s.name === c.scheme).ceiling)) SIGHTS.unshift(["gains", `gain over ${data.baseline}`]);
if (data.cells.some((c) => Object.keys(c.repaired).length)) SIGHTS.push(["repaired", "share repaired"]);
state.declare("as", SIGHTS[0][0], oneOf(SIGHTS.map(([as]) => as)));
state.declare("metric", data.judge, oneOf(data.metrics.map((m) => m.name)));
const metricNow = () => data.metrics.find((m) => m.name === state.get("metric"));

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
  const interval = limits(score) ? ` [${number(score.low, places)} to ${number(score.high, places)}]` : "";
  const sign = as === "gains" && score.mean > 0 ? "+" : "";
  const unit = as === "repaired" ? " %" : metric.unit && metric.unit !== "share" ? ` ${metric.unit}` : "";
  return `${metric.title}${as === "gains" ? " gained" : as === "repaired" ? " repaired" : ""} ${sign}${number(score.mean, places)}${interval}${unit}`;
}

function callsText(score) {
  return score.pairs ? `${score.pairs} call${score.pairs === 1 ? "" : "s"} of ${score.clips} clip${score.clips === 1 ? "" : "s"}` : "";
}

function limits(score) {
  return score.low === null || score.high === null ? null : [score.low, score.high];
}

// The line of a score in a CSV.
function scoreRow(cell, metric, as, score) {
  return Object.assign({ scheme: cell.scheme, point: cell.point }, data.points[cell.point].parameters,
    { [metric.name + { scores: "", gains: "_gain", repaired: "_repaired_percent" }[as]]: score.mean, low: score.low, high: score.high, calls: score.pairs, clips: score.clips });
}
