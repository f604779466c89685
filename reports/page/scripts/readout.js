// What a mark says: by mouse or finger at the nearest mark, by keys from mark to mark. The text is announced (role=status).
const tip = document.getElementById("tip");
const NEAR = 24;

function showTip(text, pageX, pageY) {
  tip.textContent = text;
  const wide = document.documentElement.clientWidth;
  tip.style.left = Math.max(4, Math.min(pageX + 14, wide - tip.offsetWidth - 8)) + "px";
  tip.style.top = pageY + 16 + "px";
}

function hideTip() { tip.textContent = ""; }
document.addEventListener("pointerdown", hideTip, true);
addEventListener("resize", hideTip);

// Shows a text beside the mouse; after a tap, until the next tap.
function explain(element, text) {
  const show = (event) => showTip(text, event.pageX, event.pageY);
  element.addEventListener("pointerdown", show);
  element.addEventListener("pointermove", show);
  element.addEventListener("pointerleave", (event) => { if (event.pointerType !== "touch") hideTip(); });
}

// Makes the marks of a drawn figure readable.
function readable(known) {
  const { svg, marks } = known;
  const ring = node("rect", { class: "ring", visibility: "hidden" }, svg);

  const away = ({ left, right, top, bottom }, x, y) => Math.hypot(Math.max(left - x, 0, x - right), Math.max(top - y, 0, y - bottom));

  const select = (i) => {
    known.at = i;
    const { left, right, top, bottom } = marks[i].bounds;
    for (const [name, value] of Object.entries({ x: left - 4, y: top - 4, width: right - left + 8, height: bottom - top + 8, rx: 4, visibility: "visible" })) ring.setAttribute(name, value);
    light(svg, marks[i].mark.key);
  };
  const leave = () => { ring.setAttribute("visibility", "hidden"); light(svg); hideTip(); };

  const point = (event) => {
    const box = svg.getBoundingClientRect(), scaled = svg.viewBox.baseVal.width / box.width;
    const x = (event.clientX - box.left) * scaled, y = (event.clientY - box.top) * scaled;
    const near = marks.map((each, i) => [away(each.bounds, x, y), i]).filter(([far]) => far < NEAR).sort((a, b) => a[0] - b[0]);
    if (!near.length) { leave(); return; }
    select(near[0][1]);
    const first = marks[near[0][1]].bounds;
    const same = near.filter(([far, i]) => far - near[0][0] < 3 && Math.hypot(marks[i].bounds.left - first.left, marks[i].bounds.top - first.top) < 4);
    showTip(same.slice(0, 4).map(([, i]) => marks[i].mark.text).join("\n\n"), event.pageX, event.pageY);
  };
  svg.addEventListener("pointerdown", point);
  svg.addEventListener("pointermove", point);
  svg.addEventListener("pointerleave", (event) => { if (event.pointerType !== "touch") leave(); });

  const read = (i) => {
    select(i);
    const box = svg.getBoundingClientRect(), scaled = box.width / svg.viewBox.baseVal.width, { right, bottom } = marks[i].bounds;
    showTip(marks[i].mark.text, scrollX + box.left + right * scaled, scrollY + box.top + bottom * scaled);
  };
  svg.addEventListener("focus", () => { if (svg.matches(":focus-visible")) read(Math.max(0, Math.min(known.at, marks.length - 1))); });
  svg.addEventListener("blur", leave);
  svg.addEventListener("keydown", (event) => {
    if (event.key === "Escape") { leave(); return; }
    const next = event.ctrlKey || event.altKey || event.metaKey ? undefined : markAfter(known.order, Math.max(0, known.at), event.key, marks);
    if (next === undefined) return;
    event.preventDefault();
    read(next);
  });
}

// The mark that a key leads to: along its line, to the nearest of the line before or after, or to the ends.
function markAfter(groups, at, key, marks) {
  const line = groups.findIndex((group) => group.includes(at)), group = groups[line], place = group.indexOf(at);
  const middle = (i) => (marks[i].bounds.left + marks[i].bounds.right) / 2;
  const nearest = (other) => other.reduce((best, i) => (Math.abs(middle(i) - middle(at)) < Math.abs(middle(best) - middle(at)) ? i : best));
  const along = (by) => { const all = groups.flat(); return all[Math.max(0, Math.min(all.length - 1, all.indexOf(at) + by))]; };
  const across = (by) => (groups.length === 1 ? along(by) : nearest(groups[Math.max(0, Math.min(groups.length - 1, line + by))]));
  switch (key) {
    case "ArrowRight": return along(1);
    case "ArrowLeft": return along(-1);
    case "ArrowDown": return across(1);
    case "ArrowUp": return across(-1);
    case "Home": return place ? group[0] : groups[0][0];
    case "End": return place < group.length - 1 ? group[group.length - 1] : groups.at(-1).at(-1);
    default: return undefined;
  }
}

// Emphasizes one line, with its interval, among the others.
function light(svg, key) {
  for (const each of svg.querySelectorAll("[data-key]")) each.classList.toggle("lit", each.dataset.key === key);
}
