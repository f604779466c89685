// State and common parts of the page, which draws the numbers embedded in it at the available width.
const data = JSON.parse(document.getElementById("data").textContent);
const same = (value, other) => JSON.stringify(value) === JSON.stringify(other);

// Choices of the reader. Those declared with a reader of text stand in the address: #point=3&metric=plcmos.
// The address is not trusted: the reader of text returns a known value, or undefined for anything else.
const state = (() => {
  const choices = new Map();
  const inAddress = (name, address) => {
    const { initial, read } = choices.get(name);
    const found = read && address.has(name) ? read(address.get(name)) : undefined;
    return found === undefined ? initial : found;
  };
  const plain = () => (location.hash.includes("=") ? "" : location.hash.slice(1));
  const address = () => new URLSearchParams(plain() ? { section: plain() } : location.hash.slice(1));
  const tell = (names) => { for (const act of new Set(names.flatMap((name) => choices.get(name).listeners))) act(); };
  const write = () => {
    const text = new URLSearchParams();
    for (const [name, { value, initial, read }] of choices) if (read && !same(value, initial)) text.set(name, String(value));
    const only = String(text) === `section=${text.get("section")}` ? text.get("section") : String(text);
    history.replaceState(null, "", only ? `#${only}` : location.pathname + location.search);
  };
  // A link to a section, as #quality, was followed, which leaves the choices as they are, or the address was changed by hand.
  addEventListener("hashchange", () => {
    const changed = [], isLink = Boolean(plain());
    for (const [name, choice] of choices) {
      if (!choice.read || (isLink && name !== "section")) continue;
      const value = inAddress(name, address());
      if (!same(value, choice.value)) { choice.value = value; changed.push(name); }
    }
    tell(changed);
    if (isLink) write();
  });
  return {
    declare(name, initial, read) {
      choices.set(name, { initial: initial, read: read, listeners: [] });
      choices.get(name).value = inAddress(name, address());
    },
    get: (name) => choices.get(name).value,
    set(name, value) {
      const choice = choices.get(name);
      if (same(value, choice.value)) return;
      choice.value = value;
      if (choice.read) write();
      tell([name]);
    },
    // Calls `act` after a change of any of the names.
    subscribe(names, act) { for (const name of names) choices.get(name).listeners.push(act); },
  };
})();
// Readers of text for `state.declare`: one of the values, or several of them.
const oneOf = (values) => (text) => values.find((value) => String(value) === text);
const someOf = (values) => (text) => text.split(",").map(oneOf(values)).filter((value) => value !== undefined);
state.declare("point", data.shown, oneOf(Object.keys(data.points).map(Number)));
state.declare("paper", false);
state.declare("section", "", oneOf(Array.from(document.querySelectorAll("main > section[id]"), (section) => section.id)));

const byId = (id) => document.getElementById(id);
const cellAt = (point, scheme) => data.cells.find((c) => c.point === point && c.scheme === scheme);
const shownSchemes = () => data.schemes.filter((s) => cellAt(state.get("point"), s.name));
// The mean of a column with the decimals and the unit that its declaration gives.
const shownCost = (cell, column) => `${number(cell.costs[column], data.columns[column].decimals)} ${data.columns[column].unit}`;
const PARTS = data.parts;

function keys(box, list) {
  box.replaceChildren();
  for (const name of list) {
    const key = html("span", { class: "key" }, box);
    const svg = node("svg", { width: 14, height: 14 }, key);
    node("rect", { width: 14, height: 14, rx: 2, fill: PARTS[name][1] }, svg);
    html("span", {}, key, PARTS[name][0]);
  }
}

// Writes a scheme's name with its mark, on a line if it has one in the chart.
function schemeKey(key, scheme, index, hasLine) {
  const svg = node("svg", { width: 26, height: 14, viewBox: "0 0 26 14" }, key);
  if (hasLine) node("line", { x1: 0, x2: 26, y1: 7, y2: 7, stroke: scheme.colour, "stroke-width": 2, "stroke-dasharray": scheme.ceiling ? "5 4" : "none" }, svg);
  marker(svg, index, 13, 7, scheme.colour);
  html("span", {}, key, scheme.name);
}

function buttons(box, title, options, chosen, choose) {
  if (options.length < 2) return () => {};
  const group = html("div", { class: "group", role: "group", "aria-label": title }, box);
  html("span", {}, group, title);
  const made = options.map(([value, text]) => {
    const button = html("button", { type: "button" }, group, text);
    button.addEventListener("click", () => { choose(value); press(); });
    return [value, button];
  });
  const press = () => { for (const [value, button] of made) button.setAttribute("aria-pressed", String(same(value, chosen()))); };
  press();
  return press;
}

// Buttons for a declared choice, which show its changes wherever they come from.
function choiceButtons(box, title, options, name) {
  state.subscribe([name], buttons(box, title, options, () => state.get(name), (value) => state.set(name, value)));
}

function showPoint() {
  for (const block of document.querySelectorAll("[data-point]")) block.hidden = !block.dataset.point.split(" ").includes(String(state.get("point")));
}

const drawn = [];
// Declares a part of the page, which is drawn with the page and after a change of any of the choices.
function draws(act, names) {
  drawn.push(act);
  state.subscribe(names, act);
}

function draw() {
  showPoint();
  for (const act of drawn) act();
}
