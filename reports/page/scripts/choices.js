// Choices of the reader: the point, by a list per sweep; the legend, which hides schemes; and lists of options.

// A list of options [value, text] or groups [title, options], bound to a declared choice.
function choiceList(box, title, options, get, set, names) {
  const all = options.flatMap(([first, second]) => (Array.isArray(second) ? second : [[first, second]]));
  if (all.length < 2) return;
  const frame = html("label", { class: "group" }, box, `${title} `), list = html("select", {}, frame);
  const option = (parent, value, text) => html("option", { value: all.findIndex((each) => same(each[0], value)) }, parent, text);
  for (const [first, second] of options)
    if (!Array.isArray(second)) option(list, first, second);
    else if (second.length) for (const [value, text] of second) option(list.lastElementChild?.label === first ? list.lastElementChild : html("optgroup", { label: first }, list), value, text);
  const show = () => { list.value = all.findIndex(([value]) => same(value, get())); };
  list.addEventListener("change", () => set(all[list.value][0]));
  state.subscribe(names, show);
  show();
}

const choose = (box, title, options, name) => choiceList(box, title, options, () => state.get(name), (value) => state.set(name, value), [name]);

// The place in a sweep's values that a point has.
const placeOf = (sweep, point) => sweep.points.findIndex((points) => points.includes(point));

// The point with a value of a sweep that agrees with the present one in most other sweeps: some combinations may not be there.
function pointWith(sweep, place) {
  const agreeing = (point) => data.sweeps.filter((each) => each !== sweep && placeOf(each, point) === placeOf(each, state.get("point"))).length;
  return sweep.points[place].reduce((best, point) => (agreeing(point) > agreeing(best) ? point : best));
}

function pointChoices(box) {
  for (const sweep of data.sweeps)
    choiceList(box, sweep.title, sweep.texts.map((text, place) => [place, text]), () => placeOf(sweep, state.get("point")), (place) => state.set("point", pointWith(sweep, place)), ["point"]);
}
if (byId("point-choices")) pointChoices(byId("point-choices"));

state.declare("hidden", [], someOf(data.schemes.map((_, index) => index)));
const isHidden = (index) => state.get("hidden").includes(index);

// A key per scheme: a click hides it, a double click or a click with Shift shows it alone.
function legend(box, hasLines, withCeiling) {
  const shown = data.schemes.map((scheme, index) => index).filter((index) => withCeiling || !data.schemes[index].ceiling);
  const alone = (index) => data.schemes.map((_, other) => other).filter((other) => other !== index);
  const made = shown.map((index) => {
    const key = html("button", { type: "button", class: "key", title: "Click: hide. Double click, or click with Shift: only this." }, box);
    schemeKey(key, data.schemes[index], index, hasLines);
    const isolate = () => state.set("hidden", same(state.get("hidden"), alone(index)) ? [] : alone(index));
    key.addEventListener("click", (event) => {
      if (event.shiftKey) isolate();
      else state.set("hidden", isHidden(index) ? state.get("hidden").filter((other) => other !== index) : state.get("hidden").concat(index).sort((a, b) => a - b));
    });
    key.addEventListener("dblclick", isolate);
    return [index, key];
  });
  if (shown.length > 2)
    for (const [text, hidden] of [["All", []], ["None", data.schemes.map((_, index) => index)]])
      html("button", { type: "button", class: "all" }, box, text).addEventListener("click", () => state.set("hidden", hidden));
  const show = () => { for (const [index, key] of made) key.setAttribute("aria-pressed", String(!isHidden(index))); };
  state.subscribe(["hidden"], show);
  show();
}

// Text of a command line: quoted where a shell would read it otherwise.
const quoted = (text) => (/^[A-Za-z0-9_.,:=\/+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);
const cellText = (value) => (typeof value === "number" ? String(Number(value.toPrecision(6))) : typeof value === "boolean" ? (value ? "True" : "False") : String(value));
// Options that choose the present values of sweeps.
const whereText = (chosen) => chosen.map((sweep) => ` --where ${quoted(`${sweep.keys[0]}=${cellText(sweep.values[placeOf(sweep, state.get("point"))])}`)}`).join("");

// Values and names in a line of Python.
const pythonText = (value) => (typeof value === "boolean" ? (value ? "True" : "False") : JSON.stringify(value));
// The means of the schemes at the points that meet conditions [name, value], and the column of a view of a metric in them.
const meansAgain = (conditions) =>
  `testbed.load(${pythonText(data.folder)}).summary().query(${pythonText(conditions.map(([name, value]) => `\`${name}\` == ${pythonText(value)}`).join(" and ") || "point >= 0")})`;
const meansColumn = (metric, as) => `${metric.name}${{ scores: "", gains: "_gain", repaired: "_repaired" }[as]}`;
