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
  return value === null || value === undefined ? "–" : value.toFixed(places).replace(/^-(?=[0.]*$)/, "").replace("-", "−");
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

// The mark of a scheme, by its place among the schemes.
function marker(parent, index, x, y, colour, radius) {
  const corners = data.shapes[data.schemes[index].shape].map(([across, up]) => `${across * 1.15 * (radius || 4.5)},${-up * 1.15 * (radius || 4.5)}`);
  return node("path", { d: `M${corners.join("L")}Z`, transform: `translate(${x},${y})`, fill: colour, class: "shape" }, parent);
}

// Writes the names of lines beside the chart, each with its marker, in the order of the lines' ends.
function endLabels(svg, list, x, top, bottom, width) {
  const gap = Math.min(15, (bottom - top) / Math.max(1, list.length - 1));
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

// Writes names beside points if they cover neither a point, nor another name, nor a piece of a line; the legend has all names.
function besideLabels(svg, list, left, right, top, bottom, pieces, marks) {
  const box = (x, y, wide) => ({ left: x, right: x + wide, top: y - 12, bottom: y + 3 });
  const apart = (a, b) => a.right < b.left || b.right < a.left || a.bottom < b.top || b.bottom < a.top;
  const taken = marks.concat(pieces);
  for (const item of list) {
    const text = label(svg, 0, 0, item.text, { class: "ink halo" });
    const wide = text.getComputedTextLength();
    const place = [4, -9, 17].flatMap((down) => [[item.x + 10, item.y + down], [item.x - 10 - wide, item.y + down]])
      .find(([x, y]) => x >= left && x + wide <= right && y - 12 >= top - 24 && y < bottom && taken.every((other) => apart(box(x, y, wide), other)));
    if (!place) { text.remove(); continue; }
    text.setAttribute("x", place[0]);
    text.setAttribute("y", place[1]);
    taken.push(box(place[0], place[1], wide));
  }
}
