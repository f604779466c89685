// A figure of the page, drawn from its declaration; tooltip, keys, CSV and PNG (downloads.js) come from that, too.
//
// figure(box, {
//   file, label,      name of its files; name for screen readers
//   again,            command or Python that makes it again
//   columns, height,  panels side by side on a wide screen; height of a panel in pixels
//   panels: [{
//     title, x, y,    axes: {title, low, high, ticks, log} or {title, words}
//     areas, lines,   [{key, colour, points: [[x, low, high]]}], [{key, colour, dash, step, points: [[x, y]]}]
//     rules,          [{x or y, colour, text}]: dashed lines across the panel
//     marks,          [{key, x, y, text, row, colour, ...}]: what can be read; see MARKS
//     ends, beside,   names at the ends of lines, names at marks
//   }]
// })
// `key` joins a line, its area and its marks; `row` is the mark's line of the CSV.

const figures = new Map();
const WIDE = 640, NARROWEST = 220;

// Kinds of marks: each draws itself into a group and returns its box in pixels.
const MARKS = {
  // {shape, size, low, high}: a point, with the mark of a scheme or an open circle; its interval lies along the axis that is not of words.
  dot(group, mark, x, y) {
    const at = { x: x(mark.x) + (mark.shift || 0), y: y(mark.y) }, size = mark.size || 4.5;
    if (mark.low !== null && mark.low !== undefined) {
      const d = y.band ? `M${x(mark.low)},${at.y}H${x(mark.high)}` : `M${at.x},${y(mark.low)}V${y(mark.high)}`;
      node("path", { d: d, stroke: mark.colour, "stroke-width": 3, "stroke-linecap": "round", class: "interval" }, group);
    }
    if (mark.shape === undefined) node("circle", { cx: at.x, cy: at.y, r: size, class: "hollow" }, group);
    else marker(group, mark.shape, at.x, at.y, mark.colour, size);
    return { left: at.x - size, right: at.x + size, top: at.y - size, bottom: at.y + size };
  },
  // {from, thick, down}: a part of a bar in a row, from one value to another.
  bar(group, mark, x, y) {
    const thick = mark.thick || 18, top = y(mark.y) - thick / 2 + (mark.down || 0), left = x(mark.from), wide = Math.max(1, x(mark.x) - left);
    node("rect", { x: left, y: top, width: wide, height: thick, fill: mark.colour, class: "bar" }, group);
    return { left: left, right: left + wide, top: top, bottom: top + thick };
  },
  // {lines, ink}: a cell of a table of words, with its number and a name below.
  cell(group, mark, x, y) {
    const wide = x.band - 2, high = y.band - 2, left = x(mark.x) - wide / 2, top = y(mark.y) - high / 2;
    node("rect", { x: left, y: top, width: wide, height: high, fill: mark.colour, rx: 2 }, group);
    mark.lines.forEach((text, i) => {
      const down = (i - (mark.lines.length - 1) / 2) * 15 + 5;
      fitted(group, x(mark.x), y(mark.y) + down, text, wide - 2, { "text-anchor": "middle", style: `fill: ${mark.ink}; font-size: ${wide < 60 ? 11 : 13}px` });
    });
    return { left: left, right: left + wide, top: top, bottom: top + high };
  },
};

function figure(box, declared) {
  const panels = declared.panels.filter((panel) => panel.marks.length);
  const known = figures.get(box) || { box: box, at: -1, frame: html("div", {}, box), tools: toolsOf(box) };
  figures.set(box, Object.assign(known, { declared: declared, panels: panels, marks: [] }));
  known.tools.show(known);
  const full = Math.max(240, Math.floor(box.clientWidth - padding(box))), wide = full > WIDE;
  if (!panels.length) { known.frame.replaceChildren(); html("p", { class: "note" }, known.frame, declared.nothing || "Nothing to show here."); return; }
  const words = panels[0].y.words, names = words && (wide || panels[0].x.words) ? Math.min(230, full / 4, 16 + 8 * Math.max(6, ...words.map((word) => word.length))) : 0;
  const columns = wide ? Math.max(1, Math.min(declared.columns || 1, panels.length, Math.floor((full - names) / NARROWEST))) : 1;
  const rows = Math.ceil(panels.length / columns);
  const heads = panels.some((panel) => panel.title) ? 20 : 0;
  const high = words ? words.length * (names ? panels[0].y.row || 27 : (panels[0].y.row || 27) + 14) + 66 + heads : declared.height + heads;
  const svg = node("svg", { viewBox: `0 0 ${full} ${high * rows}`, height: high * rows, tabindex: 0, role: "application", "aria-roledescription": "chart" });
  const focused = known.svg && document.activeElement === known.svg;
  known.svg = svg;
  known.frame.replaceChildren(svg);
  const across = (full - names) / columns;
  panels.forEach((panel, i) => {
    const left = names + (i % columns) * across, top = Math.floor(i / columns) * high;
    drawPanel(known, panel, { left: left, right: left + across, top: top, bottom: top + high, heads: heads, names: i % columns ? 0 : names, wide: wide });
  });
  known.order = groupsOf(known.marks);
  svg.setAttribute("aria-label", `${declared.label}. ${known.marks.length} marks; the arrow keys read them.`);
  readable(known);
  if (focused) svg.focus();
}

function drawPanel(known, panel, area) {
  const { svg } = known, words = panel.y.words, ends = area.wide && panel.ends && panel.ends.length ? Math.min(220, (area.right - area.left) / 3) : 0;
  const left = area.left + (words ? 12 : 46), right = area.right - (ends || (words ? panel.room || 14 : 12));
  const top = area.top + area.heads + (words ? 22 : 26), bottom = area.bottom - (words ? 44 : 50);
  const isAbove = words && !area.wide && !panel.x.words; // the names of rows, which then are below them
  const x = scaleOf(panel.x, left, right), y = words ? scaleOf(panel.y, top, bottom) : scaleOf(panel.y, bottom, top);
  const row = isAbove ? Object.assign((i) => y(i) + 8, { band: y.band }) : y;
  if (panel.title) fitted(svg, left, area.top + 13, panel.title, right - left, { class: "ink panel" });
  if (panel.x.words) panel.x.words.forEach((word, i) => fitted(svg, x(i), bottom + 17, word, x.band - 4, { "text-anchor": "middle" }));
  else xAxis(svg, x, top, bottom, panel.x, [area.left, area.right]);
  if (panel.x.words) fitted(svg, (left + right) / 2, bottom + 37, panel.x.title, right - left, { "text-anchor": "middle", class: "title" });
  if (words && panel.y.title) fitted(svg, area.wide ? 2 : left, area.top + area.heads + 14, panel.y.title, area.right - area.left, { class: "title" });
  if (words && !panel.x.words) words.forEach((_, i) => node("line", { x1: left, x2: right, y1: row(i), y2: row(i), class: "grid" }, svg));
  if (!words) {
    yAxis(svg, y, left, right, panel.y);
    fitted(svg, area.left + 2, area.top + area.heads + 14, panel.y.title, area.right - area.left - 4, { class: "title" });
  }
  const clip = `clip-${known.box.id}-${known.marks.length}`;
  node("rect", { x: left - 8, y: top - 8, width: right - left + 16, height: bottom - top + 16 }, node("clipPath", { id: clip }, svg));
  const drawn = node("g", { "clip-path": `url(#${clip})` }, svg);
  for (const rule of panel.rules || []) {
    const along = rule.x === undefined ? { x1: left, x2: right, y1: y(rule.y), y2: y(rule.y) } : { x1: x(rule.x), x2: x(rule.x), y1: top - 6, y2: bottom };
    node("line", Object.assign(along, { stroke: rule.colour, "stroke-width": 1.5, "stroke-dasharray": rule.dash || "6 4" }), drawn);
  }
  for (const each of panel.areas || []) {
    const low = each.points.map(([at, from]) => `${x(at)},${y(from)}`), high = each.points.map(([at, , to]) => `${x(at)},${y(to)}`);
    keyed(node("path", { d: `M${low.join("L")}L${high.reverse().join("L")}z`, fill: each.colour, class: "area" }, drawn), each.key);
  }
  for (const line of panel.lines || []) {
    const d = line.points.map(([at, value], i) => `${!i ? "M" : line.step ? `H${x(at)}V` : "L"}${i && line.step ? "" : `${x(at)},`}${y(value)}`).join("");
    keyed(node("path", { d: d, stroke: line.colour, "stroke-width": line.thick || 2, "stroke-dasharray": line.dash || "none", fill: "none", class: "line" }, drawn), line.key);
  }
  for (const mark of panel.marks) {
    const group = keyed(node("g", { class: `datum ${mark.look || ""}` }, drawn), mark.key);
    const bounds = MARKS[mark.kind || "dot"](group, mark, x, row);
    known.marks.push({ mark: mark, panel: panel, group: group, bounds: bounds });
    if (mark.after) label(svg, bounds.right + 6, (bounds.top + bounds.bottom) / 2 + 5, mark.after);
  }
  if (words) words.forEach((word, i) => {
    if (area.names) fitted(svg, area.names - 2, y(i) + 4, word, area.names - 6, { "text-anchor": "end", class: "ink" });
    else if (isAbove) fitted(svg, left, y(i) - y.band / 2 + 12, word, right - left, { class: "ink halo" });
  });
  for (const rule of panel.rules || []) if (rule.text) ruleName(svg, rule, x, y, { left: left, right: right, top: top });
  const at = (item) => Object.assign({}, item, { x: x(item.x) + (item.shift || 0), y: y(item.y) });
  if (ends) endLabels(svg, panel.ends.map(at), right + 14, top, bottom, ends - 16);
  const paths = (panel.lines || []).flatMap((line) => line.step && panel.beside ? corners(line.points.map(([a, b]) => [x(a), y(b)])) : []);
  if (panel.beside) besideLabels(svg, panel.beside.map(at), left, right, top, bottom, paths, known.marks.filter((each) => each.panel === panel).map((each) => each.bounds));
}

function ruleName(svg, rule, x, y, area) {
  if (rule.x === undefined) label(svg, area.right - 4, y(rule.y) - 6, rule.text, { "text-anchor": "end", class: "halo" });
  else within(label(svg, 0, area.top - 9, rule.text, { "text-anchor": "middle" }), x(rule.x), svg.viewBox.baseVal.width);
}

// The horizontal and vertical pieces of a line that goes in steps.
function corners(points) {
  return points.slice(1).flatMap(([x, y], i) => {
    const [before, level] = points[i];
    return [{ left: before, right: x, top: level, bottom: level }, { left: x, right: x, top: Math.min(y, level), bottom: Math.max(y, level) }];
  });
}

function keyed(element, key) {
  if (key !== undefined) element.dataset.key = key;
  return element;
}

// Marks by line, for the arrow keys; in one group if every mark is alone.
function groupsOf(marks) {
  const groups = new Map();
  marks.forEach((each, i) => {
    const key = JSON.stringify([each.mark.key, each.panel.title || ""]);
    groups.set(key, (groups.get(key) || []).concat(i));
  });
  const list = [...groups.values()];
  return list.every((group) => group.length === 1) ? [list.flat()] : list;
}
