// What is on the page: it reads the numbers below it and draws them at the width there is.
const data = JSON.parse(document.getElementById("data").textContent);
const state = { as: "scores", dotsAs: "scores", metric: data.judge, x: null, hidden: new Set(), point: data.shown, from: 0, span: 0, paper: false };
const byId = (id) => document.getElementById(id);
const cellAt = (point, scheme) => data.cells.find((c) => c.point === point && c.scheme === scheme);
const shownSchemes = () => data.schemes.filter((s) => cellAt(state.point, s.name));
const placesOf = (metric) => ({ estoi: 3, packet_loss: 3, delay_variation_ms_p95: 0, mean_delay_ms: 0, wire_kbps: 1 })[metric] ?? 2;
const isNetwork = (metric) => data.network.some((m) => m.name === metric);
// What the network did is what it is: it has no gain over the plain choice, and nothing in it is repaired.
const curvesAs = () => (isNetwork(state.metric) ? "scores" : state.as);
// "primary" is grey because it is the ordinary case; what repairs is coloured, what is guessed or lost stands out.
const PARTS = {
  primary: ["its own packet", "#9aa7b5"], speech: ["speech", "#57606a"], red: ["RED copy", "#56b4e9"], lbrr: ["LBRR", "#0072b2"],
  dred: ["DRED", "#009e73"], plc: ["concealed (PLC)", "#d55e00"], dtx: ["pause, not sent (DTX)", "#e3e8ed"], late: ["late", "#e69f00"],
  headers: ["headers (RTP, UDP, IPv4)", "#8c959f"], lost: ["lost", "#1c2128"], arrived: ["arrived in time", "#d0d7de"],
};

function keys(box, list) {
  box.replaceChildren();
  for (const name of list) {
    const key = html("span", { class: "key" }, box);
    const svg = node("svg", { width: 14, height: 14 }, key);
    node("rect", { width: 14, height: 14, rx: 2, fill: PARTS[name][1] }, svg);
    html("span", {}, key, PARTS[name][0]);
  }
}

function buttons(box, title, options, chosen, choose) {
  if (options.length < 2) return;
  const group = html("div", { class: "group", role: "group", "aria-label": title }, box);
  html("span", {}, group, title);
  for (const [value, text] of options) {
    const button = html("button", { type: "button", "aria-pressed": String(value === chosen()) }, group, text);
    button.addEventListener("click", () => {
      choose(value);
      for (const other of group.querySelectorAll("button")) other.setAttribute("aria-pressed", String(other === button));
    });
  }
}

function showPoint() {
  for (const block of document.querySelectorAll("[data-point]")) block.hidden = Number(block.dataset.point) !== state.point;
}

// Draws all of it: the scripts beside this one are loaded by then.
function draw() {
  showPoint();
  if (data.metrics.length) { curves(); dots(); }
  recovery();
  dred();
  if (data.call) drawCall();
}
