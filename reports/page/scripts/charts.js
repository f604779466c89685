"use strict";
// Drawing tools. Text is set by textContent only, so that no name becomes markup.
const NS = "http://www.w3.org/2000/svg";

function node(tag, attributes, parent) {
  const made = document.createElementNS(NS, tag);
  for (const key in attributes || {}) made.setAttribute(key, attributes[key]);
  if (parent) parent.appendChild(made);
  return made;
}

function number(value, places) {
  return value === null || value === undefined ? "–" : value.toFixed(places).replace("-", "−");
}

function html(tag, attributes, parent, text) {
  const made = document.createElement(tag);
  for (const key in attributes || {}) made.setAttribute(key, attributes[key]);
  if (text !== undefined) made.textContent = text;
  if (parent) parent.appendChild(made);
  return made;
}

function label(parent, x, y, text, options) {
  const made = node("text", Object.assign({ x: x, y: y }, options || {}), parent);
  made.textContent = text;
  return made;
}

function fitted(parent, x, y, text, width, options) {
  const made = label(parent, x, y, text, options);
  let kept = text;
  while (kept.length > 3 && made.getComputedTextLength() > width) {
    kept = kept.slice(0, -1);
    made.textContent = kept.trimEnd() + "…";
  }
  return made;
}

// Moves a centred text so that it stays inside the drawing.
function within(text, x, wide) {
  const half = text.getComputedTextLength() / 2 + 2;
  text.setAttribute("x", Math.max(half, Math.min(wide - half, x)));
}

function canvas(figure, height) {
  const width = Math.max(240, Math.floor(figure.clientWidth - padding(figure)));
  figure.replaceChildren();
  const svg = node("svg", { viewBox: `0 0 ${width} ${height}`, height: height }, figure);
  return { svg: svg, width: width, height: height };
}

function padding(figure) {
  const style = getComputedStyle(figure);
  return parseFloat(style.paddingLeft) + parseFloat(style.paddingRight);
}

function scale(low, high, from, to) {
  const span = high - low || 1;
  const place = (value) => from + ((value - low) / span) * (to - from);
  place.low = low;
  place.high = high;
  return place;
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

function xAxis(svg, x, top, bottom, title, middle) {
  const wide = svg.viewBox.baseVal.width - 4;
  const marks = ticks(x.low, x.high, Math.max(2, Math.abs(x(x.high) - x(x.low)) / 80));
  for (const value of marks) {
    node("line", { x1: x(value), x2: x(value), y1: top, y2: bottom, class: "grid" }, svg);
    within(label(svg, x(value), bottom + 17, number(value, digits(marks)), { "text-anchor": "middle" }), x(value), wide);
  }
  node("line", { x1: x(x.low), x2: x(x.high), y1: bottom, y2: bottom, class: "axis" }, svg);
  if (!title) return;
  within(fitted(svg, middle, bottom + 37, title, wide, { "text-anchor": "middle", class: "title" }), middle, wide);
}

function yAxis(svg, y, left, right, title) {
  const marks = ticks(y.low, y.high, Math.max(2, Math.abs(y(y.high) - y(y.low)) / 55));
  for (const value of marks) {
    node("line", { x1: left, x2: right, y1: y(value), y2: y(value), class: "grid" }, svg);
    label(svg, left - 8, y(value) + 4, number(value, digits(marks)), { "text-anchor": "end" });
  }
  label(svg, 2, 14, title, { class: "title" });
}

function marker(parent, index, x, y, colour, radius) {
  const corners = data.shapes[data.schemes[index].shape].map(([across, up]) => `${across * 1.15 * (radius || 4.5)},${-up * 1.15 * (radius || 4.5)}`);
  return node("path", { d: `M${corners.join("L")}Z`, transform: `translate(${x},${y})`, fill: colour, stroke: "var(--paper)", "stroke-width": 1 }, parent);
}

const tip = document.getElementById("tip");
document.addEventListener("pointerdown", () => { tip.hidden = true; }, true);

// Shows a text beside the mouse; after a tap, until the next tap.
function explain(element, text) {
  const show = (event) => {
    tip.textContent = text;
    tip.hidden = false;
    const wide = document.documentElement.clientWidth;
    const x = Math.min(event.pageX + 14, wide - tip.offsetWidth - 8);
    tip.style.left = Math.max(4, x) + "px";
    tip.style.top = event.pageY + 16 + "px";
  };
  element.addEventListener("pointerdown", show);
  element.addEventListener("pointermove", show);
  element.addEventListener("pointerleave", (event) => { if (event.pointerType !== "touch") tip.hidden = true; });
}

// Writes the names of lines beside the chart, each with its marker, in the order of the lines' ends.
function endLabels(svg, list, x, top, bottom, width) {
  const gap = 15;
  list.sort((a, b) => a.y - b.y);
  let floor = top;
  for (const item of list) { item.at = Math.max(item.y, floor); floor = item.at + gap; }
  let ceiling = bottom;
  for (const item of list.slice().reverse()) { item.at = Math.min(item.at, ceiling); ceiling = item.at - gap; }
  for (const item of list) {
    marker(svg, item.index, x + 4, item.at, item.colour, 4);
    fitted(svg, x + 13, item.at + 4, item.text, width - 13, { class: "ink" });
  }
}

// Writes names beside points if they cover neither a point nor another name, nor the line that a point is on; the legend has all names.
function besideLabels(svg, list, left, right) {
  const box = (x, y, wide) => ({ left: x, right: x + wide, top: y - 12, bottom: y + 3 });
  const apart = (a, b) => a.right < b.left || b.right < a.left || a.bottom < b.top || b.bottom < a.top;
  const taken = list.map((item) => box(item.x - 6, item.y + 6, 12));
  for (const item of list) {
    const text = label(svg, 0, 0, item.text, { class: "ink halo" });
    const wide = text.getComputedTextLength();
    const place = (item.isOnLine ? [-9, 17] : [4, -9, 17]).flatMap((down) => [[item.x + 10, item.y + down], [item.x - 10 - wide, item.y + down]])
      .find(([x, y]) => x >= left && x + wide <= right && taken.every((other) => apart(box(x, y, wide), other)));
    if (!place) { text.remove(); continue; }
    text.setAttribute("x", place[0]);
    text.setAttribute("y", place[1]);
    taken.push(box(place[0], place[1], wide));
  }
}
